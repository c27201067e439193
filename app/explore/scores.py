"""The IoU of clips by model: from predictions made in this tab, and from reports of `avseg evaluate`."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from app.services.datasets import DataSet
from app.services.reports import reports_about
from avseg.data.avsbench.facts import ClipName
from avseg.files import atomic_write, read_json


class Scores:
    """The IoU of the clips of a data set, by model."""

    def __init__(self, dataset: DataSet, path: Path | None = None):
        self._dataset, self._path, self._lock = dataset, path, threading.Lock()
        self._predicted = _load(path)
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

    def add(self, model: str, ious: Mapping[ClipName, float | None]) -> None:
        """Save the IoU of predictions; clips without ground truth have none."""
        with self._lock:
            rounded = {clip: round(iou, 6) for clip, iou in ious.items() if iou is not None}
            self._predicted = {**self._predicted, model: {**self._predicted.get(model, {}), **rounded}}
            if self._path is None:
                return
            rows = {
                name: [[split, clip, iou] for (split, clip), iou in scores.items()]
                for name, scores in self._predicted.items()
            }
            try:
                with atomic_write(self._path) as file:
                    file.write_text(json.dumps(rows), encoding="utf-8")
            except OSError:  # without disk space, the clips are scored again next time
                return


def _load(path: Path | None) -> dict[str, dict[ClipName, float]]:
    try:
        saved = read_json(path) if path else {}
        return {
            str(model): {(str(split), str(name)): float(iou) for split, name, iou in rows}
            for model, rows in saved.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
