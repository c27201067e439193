"""What a model costs on this machine, measured on two frames of a bundled clip and kept beside the model."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from avseg.checkpoints import CLIPS
from avseg.config import read_record
from avseg.errors import ConfigError
from avseg.files import write_texts
from avseg.media.clip import read_clip
from avseg.predict import Predictor

PROBE, FRAMES = CLIPS / "dog-and-guitar.mp4", 2


@dataclass(frozen=True)
class Cost:
    """Time and memory of a model."""

    seconds_per_frame: float  # with the pass without sound that the page runs too
    memory: int  # bytes at most, of the loaded model and its activations; 0 where it cannot be measured
    device: str


def measure_cost(model: Path) -> Cost:
    """Load a model, run it on two frames, and keep its cost beside it."""
    before = _restart_peak()
    predictor = Predictor(model, batch=1)
    prediction = predictor.predict(read_clip(PROBE, seconds=FRAMES), measure_mute=True)
    seconds = prediction.seconds.model / len(prediction.labels)
    memory = max(0, _peak() - before) if before else 0
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


def _restart_peak() -> int:
    """Let the peak of this process's memory begin anew; return the memory now, 0 where only Linux can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        return psutil.Process().memory_info().rss
    return 0


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
