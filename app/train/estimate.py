"""How long a run will take and how much disk it needs, from an earlier run with the same settings."""

import shutil
from dataclasses import dataclass

from app.services.process import ROOT
from app.services.runs import all_runs
from app.services.training_commands import device_and_workers
from app.services.wording import byte_size, duration
from app.train.history import HISTORIES
from app.train.order import Check, Order
from avseg.config import Config
from avseg.errors import AvsegError
from avseg.training.run_folder import RunFolder, Status

MAX_RUNS = 40  # that are searched
BUNDLED = ROOT / "assets" / "results"  # the training of the bundled models, on SynthAVS
# Fields of the training that change how long a step takes.
RELEVANT = (
    *("loss", "auxiliary", "batch_size", "accumulate", "mixed_precision", "frames_per_clip"),
    *("jitter", "mute", "train_audio"),
)


@dataclass(frozen=True)
class Estimate:
    """What an earlier run implies for a new one."""

    seconds_per_step: float  # including the wait for clips
    source: str  # where the time was measured
    disk: int | None = None  # bytes


def estimate(order: Order) -> Estimate | None:
    """Return the estimate from the newest run with the same settings, device and workers.

    Without one, that of a bundled model trained with the same settings on another machine; else None.
    """
    for run in (*all_runs()[:MAX_RUNS], *map(RunFolder, sorted(BUNDLED.glob("*")))):
        bundled = run.path.parent == BUNDLED
        status = Status("finished") if bundled else run.read_status()
        try:
            config = run.config()
        except AvsegError:
            continue
        if status is None or status.data != order.data or _relevant(config) != _relevant(order.config):
            continue
        if not bundled and device_and_workers(status.command) != (order.device, order.workers):
            continue
        if seconds := HISTORIES.of(run).seconds_per_step():
            if bundled:
                return Estimate(seconds, f"when {run.path.name} was trained on two CPU cores")
            disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
            return Estimate(seconds, f"in {run.path.name}", disk)
    return None


def _relevant(config: Config) -> tuple[object, ...]:
    return config.model, *(getattr(config.train, name) for name in RELEVANT)


def checks(order: Order, steps: int) -> list[Check]:
    """Return the checks of time and disk space for a run of so many steps."""
    folder = order.run.path
    while not folder.exists():
        folder = folder.parent
    free, result = shutil.disk_usage(folder).free, estimate(order)
    if result is None:
        return [
            Check("note", "Duration unknown: no earlier run has these settings"),
            Check("ok", f"{byte_size(free)} of disk free"),
        ]
    time = (
        f"About {duration(result.seconds_per_step * steps)} plus validation, at "
        f"{result.seconds_per_step:.2g} s per step as measured {result.source}"
    )
    if result.disk is None:
        return [Check("ok", time), Check("ok", f"{byte_size(free)} of disk free")]
    space = f"{byte_size(result.disk)} of disk needed, {byte_size(free)} free"
    enough = result.disk < 0.9 * free
    return [Check("ok", time), Check("ok", space) if enough else Check("bad", f"{space}: too little")]
