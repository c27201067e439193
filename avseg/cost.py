"""What a model costs on this machine, measured on two frames of a bundled clip and kept beside the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avseg.checkpoints import CLIPS, read_card
from avseg.config import read_record
from avseg.devices import Precision, choose_device
from avseg.errors import AvsegError, ConfigError
from avseg.files import write_texts
from avseg.media.clip import read_clip

if TYPE_CHECKING:
    import torch

    from avseg.predict import Predictor
    from avseg.prediction import Prediction

LARGE = 100_000_000  # bytes of a model's file; what a smaller one costs does not matter
PROBE, FRAMES = CLIPS / "dog-and-guitar.mp4", 2


@dataclass(frozen=True)
class Cost:
    """Time and memory of a model."""

    seconds_per_frame: float  # with the pass without sound that the page runs too
    memory: int  # bytes at most, of the loaded model and its activations; 0 where it cannot be measured
    device: str

    @property
    def sentence(self) -> str:
        """The cost in words."""
        size = f"{self.memory / 1e9:.1f} GB" if self.memory >= 1e9 else f"{self.memory / 1e6:.0f} MB"
        memory = f" and {size} of memory" if self.memory else ""
        return f"about {self.seconds_per_frame:.2g} s per frame{memory} on {self.device}, measured here"


def is_large(model: Path) -> bool:
    """Whether the cost of a model matters before its first run."""
    return model.is_file() and model.stat().st_size >= LARGE


def frames_at_once(model: Path, device: torch.device) -> int | None:
    """Return the frames of a batch: few for a large model on a CPU, so that progress moves and Stop works.

    None leaves it to the predictor.
    """
    if not is_large(model) or device.type != "cpu":
        return None
    return 1 if read_card(model)[0].image_size > 224 else 2


def measure_cost(model: Path, device: str = "auto", load: Callable[[], Predictor] | None = None) -> Cost:
    """Load a model, run it on two frames, and keep its cost beside it, where that can be written.

    load: makes the predictor on the device, by default as the page does.
    """
    from avseg.bench.measure import peak_memory
    from avseg.predict import Predictor

    chosen = choose_device(device)
    found: list[Prediction] = []

    def work() -> None:
        predictor = load() if load else Predictor(model, chosen, frames_at_once(model, chosen))
        predictor.warm()  # a large model first measures which of its parts to compute in bfloat16
        found.append(predictor.predict(read_clip(PROBE, seconds=FRAMES), measure_mute=True))

    memory = peak_memory(work, chosen) or 0
    seconds = found[0].seconds.model / len(found[0].labels)
    cost = Cost(round(seconds, 3), memory, found[0].device)
    with suppress(AvsegError, OSError):
        write_texts(model.parent, {_file(model).name: json.dumps(asdict(cost))})
    return cost


def load_with_cost(
    model: Path, device: torch.device, precision: Precision = "auto", **options: bool
) -> Predictor:
    """Return a predictor; print what a large model costs before its first run, measured once per device.

    options: of Predictor, such as letterbox and compile.
    """
    from avseg.predict import Predictor

    def load() -> Predictor:
        loaded.append(Predictor(model, device, frames_at_once(model, device), precision, **options))
        return loaded[-1]

    loaded: list[Predictor] = []
    if is_large(model):
        cost = known_cost(model)
        if cost is None or cost.device != str(device):
            print(f"{model.stem}: measuring its time and memory on two frames ...", flush=True)
            cost = measure_cost(model, str(device), load)
        print(f"{model.stem}: {cost.sentence}.", flush=True)
    return loaded[0] if loaded else load()


def known_cost(model: Path) -> Cost | None:
    """Return the cost that was measured for a model since it was written, None without one."""
    try:
        cost = read_record(Cost, _file(model))
        return cost if cost and _file(model).stat().st_mtime_ns >= model.stat().st_mtime_ns else None
    except (ConfigError, OSError):
        return None


def _file(model: Path) -> Path:
    return model.with_suffix(".cost.json")
