"""How long a run will take and how much disk it needs, from an earlier run with the same settings."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from app.services.process import ROOT
from app.services.runs import all_runs
from app.services.training_commands import device_and_workers
from app.services.wording import byte_size, duration
from app.train.history import HISTORIES
from app.train.order import Check, Order
from avseg.config import Config
from avseg.errors import AvsegError
from avseg.loaders import SYNTH
from avseg.training.run_folder import RunFolder

MAX_RUNS = 40  # that are searched
BUNDLED = ROOT / "assets" / "results"  # the training of the bundled models
# Fields of the training that change how long a step takes.
RELEVANT = (
    *(
        "loss",
        "auxiliary",
        "batch_size",
        "accumulate",
        "mixed_precision",
        "frames_per_clip",
        "jitter",
        "mute",
    ),
    "train_audio",
)


@dataclass(frozen=True)
class Estimate:
    """What an earlier run tells about a new one."""

    seconds_per_step: float  # including the wait for clips
    source: str  # of the number, in words
    disk: int | None = None  # bytes


def estimate(order: Order) -> Estimate | None:
    """Return the estimate from the newest run with the same settings, device and workers.

    Without one, that of a bundled model trained with the same settings on another machine; else None.
    """
    device = order.device, order.workers
    for run, config, data, run_device in _earlier_runs():
        same = _relevant(config) == _relevant(order.config) and data == order.data
        if not same or (run_device and run_device != device):
            continue
        if seconds := HISTORIES.of(run).seconds_per_step():
            if not run_device:
                return Estimate(seconds, f"when {run.path.name} was trained on two CPU cores")
            disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
            return Estimate(seconds, f"in {run.path.name}", disk)
    return None


def checks(order: Order, steps: int) -> list[Check]:
    """Return what is to say about the time and the disk space of an order of so many steps."""
    folder = order.run.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    result = estimate(order)
    if result is None:
        return [Check("note", "Duration unknown: no earlier run has these settings"), _disk(None, free)]
    return [
        Check(
            "ok",
            f"About {duration(result.seconds_per_step * steps)} plus validation, at "
            f"{result.seconds_per_step:.2g} s per step as measured {result.source}",
        ),
        _disk(result.disk, free),
    ]


def _disk(needed: int | None, free: int) -> Check:
    if needed is None:
        return Check("ok", f"{byte_size(free)} of disk free")
    kind, too_little = ("ok", "") if needed < 0.9 * free else ("bad", ": too little")
    return Check(kind, f"{byte_size(needed)} of disk needed, {byte_size(free)} free{too_little}")


def _earlier_runs() -> Iterator[tuple[RunFolder, Config, str, tuple[str, int] | None]]:
    """Yield run, config, data, and device with workers; None for a bundled model, trained elsewhere."""
    bundled = map(RunFolder, sorted(BUNDLED.glob("*"))) if BUNDLED.is_dir() else ()
    for run in (*all_runs()[:MAX_RUNS], *bundled):
        try:
            config, status = run.config(), run.read_status()
        except AvsegError:
            continue
        if status:
            yield run, config, status.data, device_and_workers(status.command)
        elif run.path.parent == BUNDLED:
            yield run, config, SYNTH, None


def _relevant(config: Config) -> tuple[object, ...]:
    return config.model, *(getattr(config.train, name) for name in RELEVANT)
