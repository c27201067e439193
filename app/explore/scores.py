"""The IoU of clips by model: from predictions made on the page, and from reports of `avseg evaluate`."""

import csv
import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from app.services.datasets import DataSet
from app.services.evaluations import REQUEST_FILE, evaluations_root
from app.services.process import ROOT
from app.services.runs import runs_root
from avseg.data.avsbench.dataset import find_tasks
from avseg.data.samples import FOLDER
from avseg.errors import ReportError
from avseg.evaluation.metrics import iou
from avseg.evaluation.report import CLIPS, REPORT
from avseg.evaluation.report_files import read_report
from avseg.files import atomic_write
from avseg.predict import Prediction

Name = tuple[str, str]
"""Split and name of a clip."""
DEPTH = 3  # folders below a root in which reports are looked for


def frame_ious(prediction: Prediction, truth: Sequence[np.ndarray | None]) -> list[float | None]:
    """Return the foreground IoU of every frame at the size of its truth.

    None where the frame has no label, or where neither prediction nor truth marks anything.
    """
    found: list[float | None] = []
    for frame, real in enumerate(truth):
        if real is None:
            found.append(None)
            continue
        predicted, sounding = prediction.mask(frame, real.shape[:2]) > 0, real > 0
        empty = not (predicted.any() or sounding.any())
        found.append(None if empty else float(iou(predicted[None], sounding[None])[0]))
    return found


def clip_iou(ious: Sequence[float | None], truth: Sequence[np.ndarray | None]) -> float | None:
    """Return the mean IoU over the frames with a mask in the truth, as `avseg evaluate` says it of a clip."""
    there = [iou for iou, real in zip(ious, truth, strict=True) if real is not None and (real > 0).any()]
    return float(np.mean(there)) if there else None


class Scores:
    """The IoU of the clips of a data set, by model."""

    def __init__(self, data: DataSet, path: Path | None = None):
        self._data, self._path, self._lock = data, path, threading.Lock()
        self._made = _read(path)
        self._reported: dict[str, dict[Name, float]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look for reports that were written since."""
        self._reported = {}
        for model, split, rows in _reports(self._data):
            known = self._reported.setdefault(model, {})
            known |= {(split, name): iou for name, iou in rows.items()}

    def models(self) -> list[str]:
        """Return the models of which there is any IoU, most clips first."""
        counts = {model: len(self.of(model)) for model in {**self._made, **self._reported}}
        return sorted(counts, key=lambda model: (-counts[model], model))

    def of(self, model: str) -> dict[Name, float]:
        """Return the IoU of every clip that a model was tried on."""
        return {**self._reported.get(model, {}), **self._made.get(model, {})}

    def add(self, model: str, found: Mapping[Name, float | None]) -> None:
        """Keep what predictions of this page came to, by clip; nothing for one without ground truth."""
        with self._lock:
            ious = {clip: round(iou, 6) for clip, iou in found.items() if iou is not None}
            self._made = {**self._made, model: {**self._made.get(model, {}), **ious}}
            if self._path is None:
                return
            rows = {
                name: [[split, clip, iou] for (split, clip), iou in kept.items()]
                for name, kept in self._made.items()
            }
            try:
                with atomic_write(self._path) as file:
                    file.write_text(json.dumps(rows), encoding="utf-8")
            except OSError:  # a full disk only costs the time saved
                return


def _read(path: Path | None) -> dict[str, dict[Name, float]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path else {}
        return {
            str(model): {(str(split), str(name)): float(iou) for split, name, iou in rows}
            for model, rows in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _reports(data: DataSet) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield model, split and IoU by clip of every report about this data set, oldest first."""
    roots = {evaluations_root(), runs_root(), ROOT / "reports"}
    paths = {path for root in roots for path in _below(root)}
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        try:
            report = read_report(path)
            task, split = report.task, report.split
            folder = report.data.kind == FOLDER and task == data.task
            if folder and find_tasks(report.data.root).get(task) == data.folder:
                with path.with_name(CLIPS).open(newline="", encoding="utf-8") as file:
                    rows = {row["name"]: float(row["iou"]) for row in csv.DictReader(file) if row["iou"]}
                plain = split.removesuffix("-leakfree")
                yield (
                    _model(path, report.model),
                    plain,
                    {n: v for n, v in rows.items() if math.isfinite(v)},
                )
        except (ReportError, OSError, ValueError, LookupError, TypeError):
            continue


def _model(report: Path, name: str) -> str:
    """Return the name that the page gave the model, where it asked for the report; else the model's own."""
    try:
        return str(json.loads(report.with_name(REQUEST_FILE).read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, LookupError, TypeError):
        return name


def _below(root: Path) -> Iterator[Path]:
    for depth in range(1, DEPTH + 1):
        yield from root.glob("/".join(["*"] * depth + [REPORT]))
