"""The state to resume from: weights, optimizer and counters in one safetensors file.

No random state is stored: the order of clips, their augmentation and dropout depend on (seed, step) alone.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from avseg.errors import RunError
from avseg.files import UNREADABLE, atomic_write, require_regular

FORMAT = "avseg-resume-1"


@dataclass(frozen=True)
class TrainingProgress:
    """Counters of a run."""

    step: int = 0
    best_miou: float | None = None


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: TrainingProgress,
    scaler: dict | None = None,
) -> None:
    """Write the state; `scaler` is the state of the loss scaling of mixed precision, if any."""
    state = optimizer.state_dict()
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, values in state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    counters = {"progress": asdict(progress), "groups": state["param_groups"], "scaler": scaler or {}}
    with atomic_write(path) as file:
        contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(contiguous, file, metadata={"format": FORMAT, "counters": json.dumps(counters)})


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[TrainingProgress, dict]:
    """Load a saved state into model and optimizer; return the progress and the scaler's state."""
    try:
        with safe_open(require_regular(path), framework="pt") as file:
            counters = json.loads((file.metadata() or {})["counters"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key in [key for key in tensors if key.startswith("optimizer.")]:
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensors.pop(key)
        model.load_state_dict({key.removeprefix("model."): value for key, value in tensors.items()})
        optimizer.load_state_dict({"state": moments, "param_groups": counters["groups"]})
        return TrainingProgress(**counters["progress"]), counters["scaler"]
    except (SafetensorError, OSError, *UNREADABLE) as error:
        raise RunError(
            f"{path} cannot be resumed ({error}). Start another run; --start-from last.safetensors reuses "
            "the weights of this one."
        ) from error
