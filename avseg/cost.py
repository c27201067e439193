"""What a model costs on this machine, measured on two frames of a bundled clip and kept beside the model."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from avseg.bench.measure import peak_memory
from avseg.checkpoints import CLIPS
from avseg.config import read_record
from avseg.errors import ConfigError
from avseg.files import write_texts
from avseg.media.clip import read_clip
from avseg.predict import Prediction, Predictor

PROBE, FRAMES = CLIPS / "dog-and-guitar.mp4", 2


@dataclass(frozen=True)
class Cost:
    """Time and memory of a model."""

    seconds_per_frame: float  # with the pass without sound that the page runs too
    memory: int  # bytes at most, of the loaded model and its activations; 0 where it cannot be measured
    device: str


def measure_cost(model: Path) -> Cost:
    """Load a model, run it on two frames, and keep its cost beside it."""
    found: list[Prediction] = []

    def work() -> None:
        clip = read_clip(PROBE, seconds=FRAMES)
        found.append(Predictor(model, batch=1).predict(clip, measure_mute=True))

    memory = peak_memory(work, torch.device("cpu")) or 0
    (prediction,) = found
    seconds = prediction.seconds.model / len(prediction.labels)
    cost = Cost(round(seconds, 3), memory, prediction.device)
    file = _file(model)
    write_texts(file.parent, {file.name: json.dumps(asdict(cost))})
    return cost


def known_cost(model: Path) -> Cost | None:
    """Return the cost that was measured for a model, None without one."""
    try:
        return read_record(Cost, _file(model))
    except ConfigError:
        return None


def _file(model: Path) -> Path:
    return model.with_suffix(".cost.json")
