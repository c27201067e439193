"""How long a run will take and how much disk it needs, from an earlier run with the same settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from avseg.config import Config, TrainConfig
from avseg.devices import default_device
from avseg.errors import AvsegError
from avseg.files import visible
from avseg.training.command import device_and_workers
from avseg.training.history import HISTORIES
from avseg.training.run_folder import RunFolder, Status

# Fields of the training that change how long a step takes.
RELEVANT = (
    *("loss", "auxiliary", "batch_size", "accumulate", "mixed_precision", "frames_per_clip", "compile"),
    *("jitter", "mute", "train_audio"),
)


@dataclass(frozen=True)
class Estimate:
    """What an earlier run implies for a new one."""

    seconds_per_step: float  # including the wait for clips
    source: str  # where the time was measured
    disk: int | None = None  # bytes
    seconds_per_validation: float = 0.0
    seconds_per_pretraining_step: float = 0.0  # 0 where it was not measured

    def seconds(self, steps: int, config: TrainConfig, pretraining: int) -> float:
        """Return the time of a whole run of so many steps, as far as it was measured."""
        validation = self.seconds_per_validation * validations(config)
        return self.seconds_per_step * steps + validation + self.seconds_per_pretraining_step * pretraining


def validations(config: TrainConfig) -> int:
    """Return how often a whole run is validated."""
    due = (epoch - config.validate_from for epoch in range(1, config.epochs))
    return sum(epoch > 0 and epoch % config.validate_every == 0 for epoch in due) + 1  # the last one always


def estimate(
    config: Config, data: str, device: str, workers: int, runs: Iterable[RunFolder], bundled: Path
) -> Estimate | None:
    """Return the estimate from the first of `runs` with the same settings, data, device and workers.

    Without one, that of a bundled model trained with the same settings on another machine; else None.
    bundled: a folder with the run folders of bundled models, trained on SynthAVS.
    """
    for run in (*runs, *map(RunFolder, visible(bundled.glob("*")))):
        is_bundled = run.path.parent == bundled
        status = Status("finished") if is_bundled else run.read_status()
        try:
            earlier = run.config()
        except AvsegError:
            continue
        if status is None or status.data != data or _relevant(earlier, device) != _relevant(config, device):
            continue
        if not is_bundled and device_and_workers(status.command) != (device, workers):
            continue
        history = HISTORIES.of(run)
        if seconds := history.seconds_per_step():
            same_validation = earlier.train.validation_clips == config.train.validation_clips
            rest = (
                (history.seconds_per_validation() or 0.0) if same_validation else 0.0,
                history.seconds_per_pretraining_step() or 0.0,
            )
            if is_bundled:
                return Estimate(seconds, f"when {run.path.name} was trained on two CPU cores", None, *rest)
            disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
            return Estimate(seconds, f"in {run.path.name}", disk, *rest)
    return None


def _relevant(config: Config, device: str) -> tuple[object, ...]:
    values = {name: getattr(config.train, name) for name in RELEVANT}
    if values["mixed_precision"] == "auto" and (default_device() if device == "auto" else device) == "cpu":
        values["mixed_precision"] = "no"
    return config.model, *values.values()
