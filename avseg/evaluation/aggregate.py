"""From the counts of all clips to the report; `avseg.evaluation.report` defines every number."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from avseg.data.labels import CLASSES
from avseg.evaluation.conditions import NOISE, OFFSCREEN, SILENCE
from avseg.evaluation.counts import ClassCounts, ClipCounts
from avseg.evaluation.floors import RULES
from avseg.evaluation.intervals import FEWEST_CLIPS, Statistic, bootstrap, multiplicities, ratios
from avseg.evaluation.report import (
    ClassRow,
    ClipRow,
    Confusion,
    Evaluation,
    Floor,
    Report,
    ReportHeader,
    Robustness,
)

CLASS_NUMBERS = (
    "miou_no_background",
    "miou_present_classes",
    "f_present_classes",
    "dataset_miou_present_classes",
)  # undefined for the foreground


Ratio = tuple[list[float], list[float]]  # a part and a whole per clip; the number is the ratio of their sums


def aggregate(header: ReportHeader, clips: Sequence[ClipCounts], classes: ClassCounts) -> Evaluation:
    """Return the evaluation that the counts of all clips, in the order of the split, amount to."""
    frames, filled = int(total(clips, "frames")), int(total(clips, "filled"))
    statistic = numbers(clips, header.f_batch_size)
    values = {name: float(value[0]) for name, value in statistic(np.arange(len(clips))[None]).items()}
    defined = {name: None if np.isnan(value) else value for name, value in values.items()}
    intervals = bootstrap(len(clips), statistic)
    if len(clips) <= (FEWEST_CLIPS - 1) * (header.f_batch_size or 0):  # too few batches
        intervals.pop("f_score", None)
    own = [field.name for field in fields(Robustness)]
    robustness = Robustness(**{name: defined.pop(name) for name in own})
    benchmark: dict[str, Any] = dict.fromkeys(CLASS_NUMBERS) | defined
    report = Report(
        **vars(header),
        clips=len(clips),
        frames=frames,
        frames_with_ground_truth=filled,
        frames_without_ground_truth=frames - filled,
        present_classes=int((classes.in_truth[1:] > 0).sum()) if header.measured_as == "classes" else None,
        robustness=robustness,
        intervals=intervals,
        floors={rule: _floor(clips, rule) for rule in RULES if any(rule in clip.floors for clip in clips)},
        **benchmark,
    )
    return Evaluation(report, _clip_rows(clips), _class_rows(classes), _confusion(classes))


def numbers(clips: Sequence[ClipCounts], f_batch_size: int | None) -> Statistic:
    """Return the function from resamples of the clips to the numbers of Report and Robustness.

    f_batch_size: None for a model that is measured by class; otherwise F is a mean over batches, which are
    resampled whole: other batches than those of the split would have another F.
    """
    table = _ratios(clips, f_batch_size is not None)
    parts, wholes = (np.array(side, float).T for side in zip(*table.values()))
    batch_scores = None if f_batch_size is None else _batch_scores(clips, f_batch_size)

    def statistic(drawn: np.ndarray) -> dict[str, np.ndarray]:
        values = dict(zip(table, ratios(parts, wholes, drawn).T))
        if f_batch_size is None or batch_scores is None:
            return values | _class_numbers(clips, multiplicities(drawn, len(clips)))
        # A resample of n clips takes as many batches as n clips have, each by its first clip.
        return values | {"f_score": batch_scores[drawn[:, ::f_batch_size] // f_batch_size].mean(1)}

    return statistic


def _ratios(clips: Sequence[ClipCounts], foreground: bool) -> dict[str, Ratio]:
    """Return the numbers that are ratios of sums over clips; foreground: with `miou` as of the foreground."""
    filled, frames = [float(clip.filled) for clip in clips], [float(clip.frames) for clip in clips]
    empty = [float(clip.frames - clip.filled) for clip in clips]
    swapped = [float(clip.filled * clip.swapped) for clip in clips]
    scores = [clip.iou + clip.frames - clip.filled - clip.false_positive for clip in clips]
    return {
        **({"miou": (scores, frames)} if foreground else {}),
        "miou_with_ground_truth": ([clip.iou for clip in clips], filled),
        "false_positive_without_ground_truth": ([clip.false_positive for clip in clips], empty),
        "dataset_iou": ([clip.intersection for clip in clips], [clip.union for clip in clips]),
        **{condition: _foreground_under(clips, condition) for condition in (SILENCE, NOISE, OFFSCREEN)},
        "swap_sensitivity": ([n - clip.swap_agreement for n, clip in zip(swapped, clips)], swapped),
        "swapped_miou": ([clip.swapped_iou for clip in clips], swapped),
        "swap_fall": ([clip.swapped * clip.iou - clip.swapped_iou for clip in clips], swapped),
        "target_switch_iou": ([clip.switch_iou for clip in clips], [clip.switch_frames for clip in clips]),
    }


def _foreground_under(clips: Sequence[ClipCounts], condition: str) -> Ratio:
    shares = [clip.foreground_under.get(condition, 0.0) for clip in clips]
    return shares, [float(clip.real * (condition in clip.foreground_under)) for clip in clips]


def _batch_scores(clips: Sequence[ClipCounts], batch: int) -> np.ndarray:
    """Return the benchmark's F of every batch of clips."""
    curves, filled = np.stack([clip.f_curve for clip in clips]), [clip.filled for clip in clips]
    firsts = np.arange(0, len(clips), batch)
    best = np.add.reduceat(curves, firsts).max(1)
    return best / np.maximum(1, np.add.reduceat(filled, firsts))


def _class_numbers(clips: Sequence[ClipCounts], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the numbers of a model with 71 channels for weights of the clips [R, n]."""
    sums = np.stack([clip.class_sums for clip in clips])
    weighted = (weights @ sums.reshape(len(clips), -1)).reshape(len(weights), *sums.shape[1:])
    frames, in_truth, iou, f, intersection, union = weighted.transpose(1, 0, 2)
    present = in_truth[:, 1:] > 0
    pooled = intersection / np.maximum(union, 1)
    # A padded frame is background in ground truth and prediction: IoU and F of 1.
    for background in (frames, iou, f):
        background[:, 0] += weights @ np.array([clip.padded for clip in clips])
    iou, f = iou / np.maximum(frames, 1), f / np.maximum(frames, 1)

    def of_present(values: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (values[:, 1:] * present).sum(1) / present.sum(1)

    return {
        "miou": iou.mean(1),
        "f_score": f.mean(1),
        "miou_no_background": iou[:, 1:].mean(1),
        "miou_present_classes": of_present(iou),
        "f_present_classes": of_present(f),
        "dataset_miou_present_classes": of_present(pooled),
    }


def _floor(clips: Sequence[ClipCounts], rule: str) -> Floor:
    tested = [clip for clip in clips if rule in clip.floors]
    filled = total(tested, "filled")
    return Floor(
        ratio(sum(clip.floors[rule][0] for clip in tested), filled),
        ratio(sum(clip.floors[rule][1] for clip in tested), total(tested, "frames") - filled),
    )


def _clip_rows(clips: Sequence[ClipCounts]) -> tuple[ClipRow, ...]:
    rows = [
        ClipRow(
            name=clip.name,
            labels=" ".join(clip.labels),
            frames=clip.frames,
            frames_with_ground_truth=clip.filled,
            iou=ratio(clip.iou, clip.filled),
            false_positive_share=ratio(clip.false_positive, clip.frames - clip.filled),
            foreground_share=ratio(clip.foreground, clip.real),
        )
        for clip in clips
    ]
    return tuple(sorted(rows, key=_score))


def _score(row: ClipRow) -> float:
    """Return the sort key of a clip: IoU, or the share of background without ground truth."""
    return 1 - (row.false_positive_share or 0.0) if row.iou is None else row.iou


def _class_rows(classes: ClassCounts) -> tuple[ClassRow, ...]:
    return tuple(
        ClassRow(
            name=CLASSES[k],
            frames=int(classes.frames[k]),
            frames_with_ground_truth=int(classes.in_truth[k]),
            iou=float(classes.iou[k] / classes.frames[k]),
            f=float(classes.f_score[k].max() / classes.frames[k]),
            dataset_iou=float(classes.intersection[k] / classes.union[k]),
        )
        for k in np.flatnonzero(classes.frames)
    )


def _confusion(classes: ClassCounts) -> Confusion | None:
    """Return the confusion matrix of the classes that occur, None for a model with one channel."""
    if not classes.confusion.size:
        return None
    present = np.flatnonzero(classes.confusion.sum(0) + classes.confusion.sum(1))
    pixels = classes.confusion[np.ix_(present, present)].astype(np.int64)
    return Confusion(tuple(CLASSES[k] for k in present), tuple(tuple(row) for row in pixels.tolist()))


def total(clips: Sequence[ClipCounts], name: str) -> float:
    """Return the sum of a field over clips."""
    return sum(getattr(clip, name) for clip in clips)


def ratio(part: float, whole: float) -> float | None:
    """Return part / whole, or None if whole is 0."""
    return part / whole if whole else None
