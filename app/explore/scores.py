"""The IoU of clips by model: from predictions made in this tab, and from reports of `avseg evaluate`."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from app.explore.facts import ClipName
from app.services.datasets import DataSet
from app.services.evaluations import REQUEST_FILE, evaluations_root
from app.services.process import ROOT
from app.services.runs import runs_root
from avseg.data.avsbench.dataset import find_tasks
from avseg.data.samples import FOLDER
from avseg.errors import ReportError
from avseg.evaluation import metrics
from avseg.evaluation.report import REPORT, Evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.files import atomic_write
from avseg.predict import Prediction

SEARCH_DEPTH = 3  # folders below a root that may hold a report


def frame_ious(prediction: Prediction, truth: Sequence[np.ndarray | None]) -> list[float | None]:
    """Return the foreground IoU of every frame at the size of its ground truth.

    None for a frame without a label, and where neither predicted mask nor ground truth has foreground.
    """
    ious: list[float | None] = []
    for frame, labels in enumerate(truth):
        if labels is None:
            ious.append(None)
            continue
        predicted, foreground = prediction.mask(frame, labels.shape[:2]) > 0, labels > 0
        empty = not (predicted.any() or foreground.any())
        ious.append(None if empty else float(metrics.iou(predicted[None], foreground[None])[0]))
    return ious


def clip_iou(ious: Sequence[float | None], truth: Sequence[np.ndarray | None]) -> float | None:
    """Return the mean IoU over the frames with foreground in the ground truth, as `avseg evaluate` does."""
    counted = [iou for iou, labels in zip(ious, truth, strict=True) if labels is not None and labels.any()]
    return float(np.mean(counted)) if counted else None


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
        for model, split, ious in _reports(self._dataset):
            reported.setdefault(model, {}).update({(split, name): iou for name, iou in ious.items()})
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
        saved = json.loads(path.read_text(encoding="utf-8")) if path else {}
        return {
            str(model): {(str(split), str(name)): float(iou) for split, name, iou in rows}
            for model, rows in saved.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _reports(dataset: DataSet) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield model, split and IoU by clip of every report about this data set, oldest first."""
    roots = (evaluations_root(), runs_root(), ROOT / "reports")
    patterns = ["/".join(["*"] * depth + [REPORT]) for depth in range(1, SEARCH_DEPTH + 1)]
    paths = {path: path.stat().st_mtime_ns for root in roots for p in patterns for path in root.glob(p)}
    for path in sorted(paths, key=lambda path: paths[path]):
        evaluation = _evaluation(path.parent, paths[path])
        if evaluation is None:
            continue
        report = evaluation.report
        ious = {row.name: row.iou for row in evaluation.clips if row.iou is not None}
        folder = _task_folder(report.data.root, report.task) if report.data.kind == FOLDER else None
        if report.task == dataset.task and folder == dataset.folder:
            yield _model_name(path, report.model), report.split.removesuffix("-leakfree"), ious


def _task_folder(root: str, task: str) -> Path | None:
    try:
        return find_tasks(root).get(task)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def _evaluation(folder: Path, _modified: int) -> Evaluation | None:
    try:
        return read_evaluation(folder)
    except (ReportError, OSError):
        return None


def _model_name(report: Path, name: str) -> str:
    """Return the name under which the page offers the model if it started the evaluation, else `name`."""
    try:
        return str(json.loads(report.with_name(REQUEST_FILE).read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, LookupError, TypeError):
        return name
