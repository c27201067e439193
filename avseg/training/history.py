"""The history of a run: its loss per step and its validations, read incrementally from the event log."""

import json
from array import array
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from avseg.config import EXACT
from avseg.files import require_regular
from avseg.training.curve import smooth
from avseg.training.run_folder import RunFolder

LOSSES = ("loss", "mask", "auxiliary", "bce")
STEP_VALUES = (*LOSSES, "learning_rate", "seconds", "waiting", "time", "step")
VALIDATION_VALUES = ("miou", "silence", "step", "epoch", "time")
PRETRAINING_VALUES = ("accuracy", "done", "total", "time")
BACKBONES = ("audio", "visual")  # in the order of their pretraining
OPTIONAL = ("bce", "auxiliary", "seconds", "waiting")  # 0 in events without them
CACHED = 8  # histories in memory
POINTS = 400  # of a line in a chart, at most


def _columns(names: tuple[str, ...]) -> dict[str, array]:
    return {name: array("d") for name in names}


def _plausible(event: dict[str, Any]) -> bool:
    """Whether counters are those of a run, and no number is too large; a loss may be NaN or infinite."""
    numbers = [value for value in event.values() if isinstance(value, int)]
    counters = [event.get(name, 0) for name in ("step", "epoch", "time", "done", "total")]
    return all(abs(n) < EXACT for n in numbers) and all(0 <= n < EXACT for n in counters)


@dataclass
class History:
    """The numbers of a run so far: one value per step, one per validation, some of the pretraining."""

    steps: dict[str, array] = field(default_factory=lambda: _columns(STEP_VALUES))
    validations: dict[str, array] = field(default_factory=lambda: _columns(VALIDATION_VALUES))
    pretraining: dict[str, dict[str, array]] = field(  # by backbone
        default_factory=lambda: {name: _columns(PRETRAINING_VALUES) for name in BACKBONES}
    )

    def __len__(self) -> int:
        return len(self.steps["step"])

    def step_values(self, name: str) -> np.ndarray:
        """Return one value per step [N]."""
        return np.array(self.steps[name])

    def validation_values(self, name: str) -> np.ndarray:
        """Return one value per validation [V]."""
        return np.array(self.validations[name])

    @property
    def pretrained(self) -> int:
        """Steps of pretraining done, of both backbones."""
        return sum(int(table["done"][-1]) for table in self.pretraining.values() if len(table["done"]))

    def add(self, event: dict[str, object]) -> None:
        """Add an event; other kinds, and events in which a number is missing, are ignored."""
        tables = {"step": self.steps, "validation": self.validations}
        kind = str(event.get("kind"))
        if kind == "pretraining":
            table = self.pretraining.get(str(event.get("backbone")))
        else:
            table = tables.get(kind)
        if table is None:
            return
        values = [event.get(name, 0.0 if name in OPTIONAL else None) for name in table]
        if all(isinstance(value, int | float) for value in values) and _plausible(event):
            for column, value in zip(table.values(), values, strict=True):
                column.append(value)

    def seconds_per_pretraining_step(self) -> float | None:
        """Return the wall-clock time of a step of pretraining; None before two of them were logged."""
        steps = seconds = 0.0
        for table in self.pretraining.values():
            if len(table["done"]) > 1:
                steps += table["done"][-1] - table["done"][0]
                seconds += table["time"][-1] - table["time"][0]
        return seconds / steps if steps > 0 and seconds > 0 else None

    def seconds_per_validation(self) -> float | None:
        """Return the median time from the last step before a validation to its end; None without one."""
        ends, steps = self.validation_values("time"), self.step_values("time")
        last = np.searchsorted(steps, ends) - 1
        taken = (ends - steps[last])[last >= 0]
        return float(np.median(taken)) if len(taken) else None

    def seconds_per_step(self, last: int = 50) -> float | None:
        """Return the recent wall-clock time of a step, loading included; None before the third step."""
        between = np.diff(self.step_values("time")[-last:])
        between = between[between > 0]  # the clock may have been set back
        return float(np.median(between)) if len(between) > 1 else None

    def waiting(self, last: int = 50) -> float | None:
        """Return the share of the recent steps' time that went into waiting for clips; None if unknown."""
        waited, worked = (float(self.step_values(name)[-last:].sum()) for name in ("waiting", "seconds"))
        return waited / (waited + worked) if waited > 0 else None


@dataclass
class _Reader:
    path: Path
    history: History = field(default_factory=History)
    offset: int = 0
    inode: int = 0

    def read_on(self) -> None:
        with require_regular(self.path).open("rb") as file:
            stat = self.path.stat()
            # A resumed run replaces its log by one without the steps that it will repeat.
            if stat.st_ino != self.inode or stat.st_size < self.offset:
                self.history, self.offset, self.inode = History(), 0, stat.st_ino
            file.seek(self.offset)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        for line in complete.splitlines():
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):  # cut short by a crash, or damaged
                continue
            if isinstance(event, dict):
                self.history.add(event)
        self.offset += len(complete)


class Histories:
    """The histories of some runs; each call reads only what has been appended since the previous one."""

    def __init__(self):
        self._reader = lru_cache(CACHED)(_Reader)

    def of(self, run: RunFolder) -> History:
        """Return the history of a run up to now; an empty one without a log."""
        reader = self._reader(run.events_file)
        try:
            if run.events_file.exists() and not run.events_file.is_file():
                raise FileNotFoundError(run.events_file)  # a pipe would be waited for
            reader.read_on()
        except OSError:  # no log yet, or the run was deleted
            reader.history, reader.offset, reader.inode = History(), 0, 0
        return reader.history


HISTORIES = Histories()


def chart_line(steps: np.ndarray, values: np.ndarray, share: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return at most POINTS points of a line: values [N] averaged over the last `share` of the run.

    The first and the last point are kept. Values that are not finite are left out.
    """
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if not len(values):
        return steps, values
    if share > 0:
        values = smooth(values, max(1, round(share * len(values))))
    points = np.unique(np.linspace(0, len(values) - 1, POINTS).round().astype(int))
    return steps[points], values[points]
