"""The IoU of clips by model and their mistakes: of predictions made in this tab, and of reports."""

import json
import threading
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

from app.services.datasets import DataSet
from app.services.reports import reports_about
from avseg.data.avsbench.facts import ClipName
from avseg.evaluation.frame_mistakes import Mistakes
from avseg.files import atomic_write, read_json


class Scores:
    """The IoU of the clips of a data set, by model."""

    def __init__(self, dataset: DataSet, path: Path | None = None):
        self._dataset, self._path, self._lock = dataset, path, threading.Lock()
        self._predicted, self._mistakes = _load(path)
        self._reported: dict[str, dict[ClipName, float]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read reports that were written since."""
        reported: dict[str, dict[ClipName, float]] = {}
        for stored in reports_about(self._dataset):
            split = stored.evaluation.report.split.removesuffix("-leakfree")
            ious = {(split, row.name): row.iou for row in stored.evaluation.clips if row.iou is not None}
            reported.setdefault(stored.model, {}).update(ious)
        self._reported = reported

    def models(self) -> list[str]:
        """Return the models with any IoU."""
        return sorted({*self._predicted, *self._reported})

    def of(self, model: str) -> dict[ClipName, float]:
        """Return the IoU of every clip that a model was run on."""
        return {**self._reported.get(model, {}), **self._predicted.get(model, {})}

    def mistakes_of(self, model: str) -> dict[ClipName, Mistakes]:
        """Return the mistakes in every clip that a model was run on in this tab."""
        return self._mistakes.get(model, {})

    def add(
        self,
        model: str,
        ious: Mapping[ClipName, float | None],
        mistakes: Mapping[ClipName, Mistakes] | None = None,
    ) -> None:
        """Save what predictions score; clips without ground truth have no IoU."""
        with self._lock:
            self._mistakes = {**self._mistakes, model: {**self._mistakes.get(model, {}), **(mistakes or {})}}
            rounded = {clip: round(iou, 6) for clip, iou in ious.items() if iou is not None}
            self._predicted = {**self._predicted, model: {**self._predicted.get(model, {}), **rounded}}
            if self._path is None:
                return
            rows = {}
            for name in {*self._predicted, *self._mistakes}:
                iou_of, mistakes_of = self._predicted.get(name, {}), self._mistakes.get(name, {})
                rows[name] = [
                    [*clip, iou_of.get(clip), *(astuple(mistakes_of[clip]) if clip in mistakes_of else ())]
                    for clip in {**iou_of, **mistakes_of}
                ]
            try:
                with atomic_write(self._path) as file:
                    file.write_text(json.dumps(rows), encoding="utf-8")
            except OSError:  # without disk space, the clips are scored again next time
                return


def _load(path: Path | None) -> tuple[dict[str, dict[ClipName, float]], dict[str, dict[ClipName, Mistakes]]]:
    """Return what was saved: a row has split, clip, IoU and, unless it is an old one, the mistakes."""
    try:
        ious: dict[str, dict[ClipName, float]] = {}
        mistakes: dict[str, dict[ClipName, Mistakes]] = {}
        for model, rows in (read_json(path) if path else {}).items():
            ious[model], mistakes[model] = {}, {}
            for split, name, iou, *counts in rows:
                if iou is not None:
                    ious[model][str(split), str(name)] = float(iou)
                if counts:
                    mistakes[model][str(split), str(name)] = Mistakes(*map(int, counts))
        return ious, mistakes
    except (OSError, ValueError, TypeError, AttributeError):
        return {}, {}
