"""A data set as it is opened: its facts, what its masks say, flags, scores, report; a few stay in memory."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.explore import integrity
from app.explore import mask_index as measured
from app.explore.facts import Facts, read_facts
from app.explore.flags import Flags
from app.explore.mask_index import Measured
from app.explore.scores import Scores
from app.services.background import WORKS, Progress
from app.services.datasets import DataSet
from app.services.host import public_host
from avseg.data.avsbench.check import CheckReport
from avseg.data.avsbench.index import cache_file
from avseg.data.avsbench.layout import LAYOUTS

KEPT = 4  # collections in memory


@dataclass(eq=False)
class Collection:
    """An opened data set."""

    data: DataSet
    key: str  # changes when its table does
    facts: Facts
    measured: Measured
    scores: Scores
    flags: Flags
    report: CheckReport | None = None

    def __len__(self) -> int:
        return len(self.facts)

    def measuring(self) -> Progress:
        """Read the masks in the background, once; returns how far that is."""
        done = int(self.measured.done.sum())
        if done == len(self):
            return Progress(done, done, running=False)
        known = WORKS.state(self._work("masks"))
        if known and (known.running or known.error):
            return known

        def work(report) -> None:
            entries, kept = self.facts.entries, _beside(self.data, "-masks.npz")
            measured.measure(self.data.folder, entries, self.measured, kept, self.key, report)

        return WORKS.start(self._work("masks"), work, again=True)

    def checking(self, start: bool = False) -> Progress | None:
        """Return how far the check of the files is, None before it was asked for; start: ask for it."""
        if not start:
            return WORKS.state(self._work("check"))

        def work(report) -> None:
            kept = _beside(self.data, "-check.json")
            self.report = integrity.run(self.data.folder, self.data.task, kept, self.key, report)

        return WORKS.start(self._work("check"), work, again=True)

    def iou(self, model: str) -> np.ndarray:
        """Return the IoU of every clip under a model, float32 [N], NaN where it is not known."""
        known = self.scores.of(model)
        column = np.full(len(self), np.nan, np.float32)
        for name, iou in known.items():
            if (row := self.facts.rows.get(name)) is not None:
                column[row] = iou
        return column

    def flagged(self, flags: Flags) -> np.ndarray:
        """Return which clips are flagged, bool [N]."""
        column = np.zeros(len(self), bool)
        column[[row for name in flags.all() if (row := self.facts.rows.get(name)) is not None]] = True
        return column

    def _work(self, what: str) -> str:
        return f"{what} {self.data.key} {self.key}"


class Collections:
    """The data sets that were opened last."""

    def __init__(self, kept: int = KEPT):
        self._most, self._lock = kept, threading.Lock()
        self._open: OrderedDict[str, Collection] = OrderedDict()

    def of(self, data: DataSet) -> Collection:
        """Open a data set, or return it from memory while its table is as it was.

        Raises DatasetError when its table cannot be read.
        """
        with self._lock:
            key = _state(data)
            kept = self._open.get(data.key)
            if kept is None or kept.key != key:
                kept = self._open[data.key] = _opened(data, key)
            self._open.move_to_end(data.key)
            while len(self._open) > self._most:
                self._open.popitem(last=False)
            return kept

    def look_again(self, data: DataSet) -> None:
        """Look for reports about an opened data set that were written since."""
        with self._lock:
            kept = self._open.get(data.key)
        if kept:
            kept.scores.refresh()


COLLECTIONS = Collections()


def _opened(data: DataSet, key: str) -> Collection:
    facts = read_facts(data)
    return Collection(
        data=data,
        key=key,
        facts=facts,
        measured=measured.load(_beside(data, "-masks.npz"), facts.entries, key),
        scores=Scores(data, _beside(data, "-scores.json")),
        # Strangers' flags are their own: they are kept with the visit.
        flags=Flags(None if public_host() else _beside(data, "-flags.jsonl")),
        report=integrity.load(_beside(data, "-check.json"), key),
    )


def _beside(data: DataSet, ending: str) -> Path | None:
    index = cache_file(data.folder, data.task)
    return index and index.with_name(index.stem + ending)


def _state(data: DataSet) -> str:
    try:
        about = (data.folder / LAYOUTS[data.task].table).stat()
        return f"{about.st_size} {about.st_mtime_ns}"
    except OSError:
        return "gone"
