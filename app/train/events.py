"""The course of a run, read from its event log piece by piece: a long log is never read twice."""

import json
import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avseg.training.curve import smooth
from avseg.training.run_folder import RunFolder

LOSSES = ("loss", "mask", "auxiliary", "bce")
STEP_VALUES = (*LOSSES, "learning_rate", "seconds", "time", "step")
CHECK_VALUES = ("miou", "silence", "step", "epoch")
LESSONS = ("sound_lesson", "picture_lesson")
KEPT = 8  # courses in memory
POINTS = 400  # at most, in a line of a plot


@dataclass
class Course:
    """The numbers of a run so far; one value per step, one per evaluation."""

    steps: dict[str, array] = field(default_factory=lambda: {name: array("d") for name in STEP_VALUES})
    checks: dict[str, array] = field(default_factory=lambda: {name: array("d") for name in CHECK_VALUES})
    others: int = 0  # events of other kinds, such as lessons

    def __len__(self) -> int:
        return len(self.steps["step"])

    def of_steps(self, name: str) -> np.ndarray:
        """Return one value per step [N]."""
        return np.array(self.steps[name])

    def of_checks(self, name: str) -> np.ndarray:
        """Return one value per evaluation [E]."""
        return np.array(self.checks[name])

    def take(self, event: dict[str, object]) -> None:
        """Add an event; one that lacks a number, or has something else there, is left out."""
        kind = event.get("kind")
        table = {"step": self.steps, "validation": self.checks}.get(kind)
        if table is None:
            self.others += 1
            return
        values = [event.get(name, 0.0 if name in ("bce", "auxiliary", "seconds") else None) for name in table]
        if all(isinstance(value, int | float) for value in values):
            for column, value in zip(table.values(), values, strict=True):
                column.append(value)

    def seconds_per_step(self, last: int = 50) -> float | None:
        """Return what a step took lately by the clock, the wait for clips included; None before the third."""
        times = self.of_steps("time")[-last:]
        return float(np.median(np.diff(times))) if len(times) > 2 else None


@dataclass
class _Reading:
    course: Course
    offset: int = 0
    inode: int = 0


class Courses:
    """The courses of some runs; only what was written since the last look is read."""

    def __init__(self):
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, _Reading] = OrderedDict()

    def of(self, run: RunFolder) -> Course:
        """Return the course of a run as its log says now; an empty one when there is no log."""
        with self._lock:
            reading = self._known.setdefault(run.events_file, _Reading(Course()))
            self._known.move_to_end(run.events_file)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            try:
                self._read_on(run.events_file, reading)
            except OSError:  # no log yet, or the run was deleted
                reading = self._known[run.events_file] = _Reading(Course())
            return reading.course

    def _read_on(self, path: Path, reading: _Reading) -> None:
        with path.open("rb") as file:
            there = path.stat()
            # A resumed run writes its log anew, without the steps that it will take again.
            if there.st_ino != reading.inode or there.st_size < reading.offset:
                reading.course, reading.offset, reading.inode = Course(), 0, there.st_ino
            file.seek(reading.offset)
            written = file.read()
        whole = written[: written.rfind(b"\n") + 1]  # the last line may be half written
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # cut short by a kill
                continue
            if isinstance(event, dict):
                reading.course.take(event)
        reading.offset += len(whole)


COURSES = Courses()


def line_of(steps: np.ndarray, values: np.ndarray, share: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a line to draw: values [N] averaged over the last `share` of the run, at most POINTS of them.

    The first and the last are always there. Values that are no numbers are left out.
    """
    good = np.isfinite(values)
    steps, values = steps[good], values[good]
    if share > 0 and len(values):
        values = smooth(values, max(1, round(share * len(values))))
    chosen = np.unique(np.linspace(0, max(0, len(values) - 1), POINTS).round().astype(int))
    return (steps[chosen], values[chosen]) if len(values) else (steps, values)
