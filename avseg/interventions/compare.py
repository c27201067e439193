"""Compares two predictions of one clip, frame by frame, with each other and with the ground truth."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.errors import ConfigError
from avseg.evaluation.metrics import iou
from avseg.files import atomic_writes
from avseg.interpret.mask_statistics import mean_where
from avseg.interventions.run import Change
from avseg.media.draw import resize, strip
from avseg.media.export import colours_of
from avseg.predict import Prediction


@dataclass(frozen=True, eq=False)
class Comparison:
    """Before and after, per frame; every share is of the frame, 0..1."""

    times: np.ndarray  # float64 [T], seconds
    iou: np.ndarray  # float64 [T], between before and after; 1 if both are empty
    before: np.ndarray  # float64 [T], share of foreground
    after: np.ndarray  # float64 [T]
    changed: np.ndarray  # float64 [T], share of pixels whose label changed
    truth: np.ndarray | None = None  # float64 [T], share of foreground in the ground truth
    truth_before: np.ndarray | None = None  # float64 [T], IoU with the ground truth
    truth_after: np.ndarray | None = None  # float64 [T]

    @property
    def mean_iou(self) -> float:
        """IoU between before and after, mean over the frames where either has foreground, 1 without one."""
        return mean_where(self.iou, self.before, self.after)

    def columns(self) -> dict[str, list[float]]:
        """Return the available numbers by name, a value per frame."""
        return {k: value.round(6).tolist() for k, value in asdict(self).items() if value is not None}


def compare(before: Prediction, after: Prediction, truth: np.ndarray | None = None) -> Comparison:
    """Compare two predictions of the same frames at the size of the clip's frames.

    truth: label maps uint8 [T, h, w] of any size. Classes count if both models predict them; otherwise only
    the foreground does. Raises ConfigError for different clips.
    """
    if before.clip.frames.shape != after.clip.frames.shape:
        raise ConfigError("These predictions are of different frames: compare two predictions of one clip.")
    if truth is not None and len(truth) != len(before.labels):
        raise ConfigError(f"The ground truth has {len(truth)} frames, the clip {len(before.labels)}.")
    several = before.task == after.task == "avss"
    one, other = label_maps(before, several), label_maps(after, several)
    truth_share = truth_before = truth_after = None
    if truth is not None:
        target = np.stack([resize(labels, one.shape[1:], smooth=False) for labels in truth])
        target = target if several else (target > 0).astype(np.uint8)
        truth_share, truth_before, truth_after = share(target), iou(one, target), iou(other, target)
    return Comparison(
        times=before.clip.times,
        iou=iou(one, other),
        before=share(one),
        after=share(other),
        changed=(one != other).mean((1, 2)),
        truth=truth_share,
        truth_before=truth_before,
        truth_after=truth_after,
    )


def label_maps(prediction: Prediction, several: bool = False) -> np.ndarray:
    """Return the masks uint8 [T, h, w] at the size of the frames: classes if `several`, else 0 and 1."""
    size = prediction.clip.frames.shape[1:3]
    maps = np.stack([prediction.mask(index, size) for index in range(len(prediction.labels))])
    return maps if several else (maps > 0).astype(np.uint8)


def share(labels: np.ndarray) -> np.ndarray:
    """Return the share of foreground [T] of label maps [T, h, w], 0..1."""
    return (labels > 0).mean((1, 2))


def curve(reference: Prediction | np.ndarray, predictions: Sequence[Prediction]) -> np.ndarray:
    """Return the IoU [V, T] of predictions with a reference: a prediction, or label maps uint8 [T, h, w]."""
    several = all(prediction.task == "avss" for prediction in predictions)
    if isinstance(reference, Prediction):
        several = several and reference.task == "avss"
        target = label_maps(reference, several)
    else:
        size = predictions[0].clip.frames.shape[1:3]
        target = np.stack([resize(labels, size, smooth=False) for labels in reference])
        target = target if several else (target > 0).astype(np.uint8)
    return np.stack([iou(label_maps(prediction, several), target) for prediction in predictions])


def mean_curve(reference: Prediction | np.ndarray, predictions: Sequence[Prediction]) -> np.ndarray:
    """Return `curve` as means [V], each over the frames where prediction or reference has foreground."""
    target = share(label_maps(reference) if isinstance(reference, Prediction) else reference)
    shares = (share(label_maps(prediction)) for prediction in predictions)
    rows = zip(curve(reference, predictions), shares, strict=True)
    return np.array([mean_where(agreement, target, foreground) for agreement, foreground in rows])


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the comparison as lines of a table."""
    yield "frame     time   before    after      IoU"
    rows = zip(comparison.times, comparison.before, comparison.after, comparison.iou)
    for number, (moment, before, after, agreement) in enumerate(rows, start=1):
        yield f"{number:5d} {moment:6.2f} s {before:8.1%} {after:8.1%} {agreement:8.2f}"
    before, after, agreement = (v.mean() for v in (comparison.before, comparison.after, comparison.iou))
    yield f"mean           {before:8.1%} {after:8.1%} {agreement:8.2f}"


def write_comparison(
    folder: Path, before: Prediction, after: Prediction, comparison: Comparison, changes: Sequence[Change]
) -> Path:
    """Write comparison.json and strip.png into `folder`; returns the folder."""
    record = {
        "clip": before.clip.name,
        "before": before.model,
        "after": after.model,
        "changes": [{"name": change.name, "values": change.given} for change in changes],
        **comparison.columns(),
    }
    rows = [strip(list(p.clip.frames), list(p.labels), colours_of(p)) for p in (before, after)]
    gap = np.full((4, *rows[0].shape[1:]), 255, np.uint8)
    with atomic_writes(folder / "comparison.json", folder / "strip.png") as (table, picture):
        table.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        Image.fromarray(np.concatenate([rows[0], gap, rows[1]])).save(picture, "PNG")
    return folder
