"""Weights on disk: one safetensors file that carries its own config and a card saying what the weights are.

Nothing here unpickles: models are read by safetensors, released .pth files by
`torch.load(weights_only=True)`.
"""

import dataclasses
import json
import pickle
import struct
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from avseg.config import Card, ModelConfig, from_dict
from avseg.errors import CheckpointError, ConfigError
from avseg.files import atomic_write
from avseg.models.avsegformer import AVSegFormer
from avseg.models.released import Imported, import_released

FORMAT = "avseg-1"
# What torch.load raises, one time or another, on a file whose bytes are wrong.
UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
FIRST = "tiny-ms3"
BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "models"


def save_model(path: Path, model: AVSegFormer, card: Card, dtype: torch.dtype = torch.float32) -> Path:
    """Write weights, config and card to `path`, whole or not at all; floats are stored as `dtype`."""
    tensors = {
        k: (v.to(dtype) if v.is_floating_point() else v).detach().cpu().contiguous()
        for k, v in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(model.config)),
        "card": json.dumps(dataclasses.asdict(card)),
    }
    path = Path(path)
    with atomic_write(path) as unfinished:
        save_file(tensors, unfinished, metadata=metadata)
    return path


def read_card(path: Path) -> tuple[ModelConfig, Card]:
    """Return config and card of a model file, its weights unread; `CheckpointError` when it is none."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no model file at {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({error}). A released .pth file is brought in by "
            "`python -m avseg import-weights FILE.pth --out MODEL.safetensors`."
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path.name} carries no avseg config; it was not written by avseg.")
    try:
        config = from_dict(ModelConfig, json.loads(metadata["config"]))
        return config, from_dict(Card, json.loads(metadata["card"]))
    except (KeyError, ValueError, ConfigError) as error:
        raise CheckpointError(f"The config inside {path.name} cannot be read: {error}") from error


def load_model(name_or_path: str | Path, device: str | torch.device = "cpu") -> AVSegFormer:
    """Return a model in eval mode by bundled name (`tiny-ms3`) or file; it carries `.config` and `.card`."""
    path = find_model(name_or_path)
    config, card = read_card(path)
    model = AVSegFormer(config)
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path.name} do not fit their own config: {error}") from error
    model.card = card
    return model.to(device).eval()


def find_model(name_or_path: str | Path) -> Path:
    """Return the file of a bundled model's name or of a path; `CheckpointError` lists the names there are."""
    bundled = bundled_models()
    if str(name_or_path) in bundled:
        return bundled[str(name_or_path)]
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    names = ", ".join(bundled) or "none"
    raise CheckpointError(
        f"No model is called {str(name_or_path)!r} and no file is there. Bundled models: {names}."
    )


def bundled_models() -> dict[str, Path]:
    """Return the bundled models, name to file; the one that a page or a lesson begins with comes first."""
    found = sorted(BUNDLED.glob("*.safetensors"), key=lambda path: (path.stem != FIRST, path.stem))
    return {path.stem: path for path in found}


def read_released(path: Path, task: str | None = None) -> Imported:
    """Read a released .pth file (never unpickling code) and rename it to our keys."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no file at {path}.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        # torch's own text is left out: it advises to load the file in the unsafe way.
        raise CheckpointError(
            f"{path.name} cannot be read as plain weights: it is damaged, or it holds more than tensors, and "
            "nothing else is ever loaded from it. Expected a .pth state dict saved by torch.save."
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path.name} holds a {type(state).__name__}, not a state dict.")
    return import_released(state, task)


def import_weights(path: Path, out: Path, task: str | None = None) -> Imported:
    """Write a released checkpoint as a model file of ours; returns what was read, with the dropped names."""
    out = Path(out)
    if out.suffix != ".safetensors":
        raise CheckpointError(f"--out is {out.name}; give it the ending .safetensors.")
    imported = read_released(path, task)
    model = AVSegFormer(imported.config)
    model.load_state_dict(imported.weights, strict=True)
    c = imported.config
    note = f"Imported from {Path(path).name}: AVSegFormer {c.edition}, {c.backbone}, {c.task}."
    save_model(out, model, Card(out.stem, "released", note))
    return imported
