"""How fast a run would go and how much it would take: measured by a few steps of the very command.

The steps are taken in a folder of their own, which goes afterwards. Pretrained weights and lessons are left
out: they have no part in a step.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from app.services import process as child
from app.services.host import require_training
from app.services.runs import all_runs
from app.services.training_commands import command_of, settings_of
from app.train.events import COURSES, Courses
from app.train.order import Check, Order
from avseg.config import Config, TrainConfig
from avseg.errors import AvsegError, RunError
from avseg.training.run_folder import RunFolder

STEPS = 5  # the first is left out
LIMIT = 600.0  # seconds
LOOK = 0.3  # seconds
EARLIER = 40  # runs that are looked through
# Fields that have no part in how long a step takes; freezing would only make the first epochs faster.
SLOW_NOTHING = {
    name: getattr(TrainConfig(), name)
    for name in (
        *("epochs", "learning_rate", "weight_decay", "schedule", "seed", "synth_clips", "validate_every"),
        *(
            "validate_from",
            "validation_clips",
            "checkpoint_steps",
            "audio_pretrain_steps",
            "visual_pretrain_steps",
        ),
        *(
            "freeze_backbone_epochs",
            "freeze_batchnorm",
            "backbone_weights",
            "audio_weights",
            "backbone_lr_scale",
        ),
        *("auxiliary_weight", "resample_sounds_every_second", "clip_gradient"),
    )
}


@dataclass(frozen=True)
class Measured:
    """What was measured."""

    seconds: float  # per step, the wait for clips included
    memory: int | None  # bytes at most, of all processes; None where an earlier run tells only the time
    disk: int | None  # bytes that the run's folder takes
    source: str  # in words: who measured it


Key = tuple[Config, str, str, int]
_MEASURED: dict[Key, Measured] = {}


def key_of(config: Config, data: str, device: str, workers: int) -> Key:
    """Return what the speed of a step depends on."""
    return Config(config.model, replace(config.train, **SLOW_NOTHING)), data, device, workers


def known(order: Order) -> Measured | None:
    """Return what is known of an order's speed: from its own probe, else from an earlier run like it."""
    key = key_of(order.config, order.data, order.device, order.workers)
    return _MEASURED.get(key) or _of_earlier_runs(key)


def _of_earlier_runs(key: Key) -> Measured | None:
    for run in all_runs()[:EARLIER]:
        try:
            config, status = run.config(), run.read_status()
        except AvsegError:
            continue
        if not status or key_of(config, status.data, *settings_of(status.command)) != key:
            continue
        if seconds := COURSES.of(run).seconds_per_step():
            return Measured(seconds, None, None, f"in {run.path.name}")
    return None


def measure(order: Order) -> Iterator[str]:
    """Take a few steps of an order; yield how far it is, in words, and keep what was measured for `known`.

    Raises RunError where training is off, or when the steps cannot be taken. Closing the generator ends it.
    """
    require_training()
    folder = Path(tempfile.mkdtemp(prefix="avseg-probe-"))
    run = RunFolder(folder / "probe")
    run.path.mkdir()
    process = None
    try:
        process = child.launch(_command(order, run), run)
        yield from _watch(order, run, process)
    finally:
        if process is not None and process.poll() is None:
            child.kill(process.pid)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _watch(order: Order, run: RunFolder, process: subprocess.Popen) -> Iterator[str]:
    course, most, begun = None, 0, time.monotonic()
    courses = Courses()
    while process.poll() is None:
        if time.monotonic() - begun > LIMIT:
            raise RunError(f"{STEPS} steps took longer than {LIMIT:.0f} s here; try smaller sizes.")
        most = max(most, _memory(process.pid))
        course = courses.of(run)
        if len(course) >= STEPS and not run.stop_requested:
            run.request_stop()
        said = f"step {min(len(course), STEPS)} of {STEPS}" if len(course) else "starting"
        yield f"Measuring: {said}, {gigabytes(most)} of memory so far"
        time.sleep(LOOK)
    course = courses.of(run)
    status = run.read_status()
    if process.returncode != 0 or len(course) < min(3, STEPS):
        raise RunError(_why(run, status.message if status else ""))
    # A step's clips may wait in the loader: the first pause is the loader's own start.
    seconds = float(np.median(np.diff(course.of_steps("time"))))
    disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    key = key_of(order.config, order.data, order.device, order.workers)
    _MEASURED[key] = Measured(seconds, most, disk, f"in {len(course)} steps just taken")
    yield "Measured."


def _why(run: RunFolder, message: str) -> str:
    said = message or run.last_message or "The process ended without a word."
    return said.replace(str(run.path.parent), "the folder of the measurement")


def _command(order: Order, run: RunFolder) -> list[str]:
    train = replace(
        order.config.train,
        **{
            "audio_pretrain_steps": 0,
            "visual_pretrain_steps": 0,
            "backbone_weights": "",
            "audio_weights": "",
        },
        freeze_backbone_epochs=0,
        # Enough steps, however short the epochs are; no evaluation between them.
        epochs=max(order.config.train.epochs, STEPS + 1),
        validate_every=STEPS + 2,
    )
    config = Config(order.config.model, train)
    return command_of(config, order.preset, order.data, run.path, device=order.device, workers=order.workers)


def _memory(pid: int) -> int:
    """Return the bytes that only this process and its children hold."""
    total = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_full_info().uss
    return total


def gigabytes(count: float) -> str:
    """Return bytes as "1.1 GB" or "80 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """Return "40 s", "2 min 10 s", "3 h 5 min", "2 days 4 h"."""
    seconds = round(seconds)
    for size, unit, small, lower in ((86400, "days", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // small
            unit = "day" if unit == "days" and seconds < 2 * size else unit
            return f"{seconds // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{seconds} s"


def cost(measured: Measured | None, steps: int, memory: int, disk: int) -> list[Check]:
    """Return time, memory and disk of an order against what is free (bytes), as far as they were measured."""
    free = f"{gigabytes(memory)} of memory and {gigabytes(disk)} of disk are free"
    if measured is None:
        return [Check("note", f"Time and memory are not known yet: take a few steps to measure them. {free}")]
    found = [
        Check(
            "ok",
            f"About {duration(measured.seconds * steps)} for its steps, at {measured.seconds:.2g} s each as "
            f"measured {measured.source}; evaluations come on top",
        )
    ]
    for name, need, there in (("memory", measured.memory, memory), ("disk", measured.disk, disk)):
        if need is not None:
            kind = "ok" if need < 0.9 * there else "bad"
            words = "free" if kind == "ok" else "free: too little"
            found.append(
                Check(kind, f"{gigabytes(need)} of {name}, measured; {gigabytes(there)} are {words}")
            )
    return found if measured.memory else [*found, Check("note", f"Memory was not measured. {free}")]
