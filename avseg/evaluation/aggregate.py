"""From the counts of all clips to the report; `avseg.evaluation.report` defines every number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.labels import CLASSES
from avseg.evaluation.conditions import NOISE, OFFSCREEN, SILENCE
from avseg.evaluation.counts import ClassCounts, ClipCounts
from avseg.evaluation.report import ClassRow, ClipRow, Confusion, Evaluation, Report, ReportHeader, Robustness


@dataclass(frozen=True)
class BenchmarkMetrics:
    """The fields of Report that are defined differently for the foreground and for classes."""

    miou: float | None
    f_score: float | None
    miou_no_background: float | None = None
    miou_present_classes: float | None = None
    f_present_classes: float | None = None
    dataset_miou_present_classes: float | None = None
    present_classes: int | None = None


def aggregate(header: ReportHeader, clips: Sequence[ClipCounts], classes: ClassCounts) -> Evaluation:
    """Return the evaluation that the counts of all clips, in the order of the split, amount to."""
    frames, filled = int(total(clips, "frames")), int(total(clips, "filled"))
    empty = frames - filled
    if header.f_batch_size is None:
        metrics = _class_metrics(clips, classes)
    else:
        metrics = _foreground_metrics(clips, header.f_batch_size)
    report = Report(
        **vars(header),
        clips=len(clips),
        frames=frames,
        frames_with_ground_truth=filled,
        frames_without_ground_truth=empty,
        miou_with_ground_truth=ratio(total(clips, "iou"), filled),
        false_positive_without_ground_truth=ratio(total(clips, "false_positive"), empty),
        dataset_iou=ratio(total(clips, "intersection"), total(clips, "union")),
        robustness=_robustness(clips),
        **vars(metrics),
    )
    return Evaluation(report, _clip_rows(clips), _class_rows(classes), _confusion(classes))


def _foreground_metrics(clips: Sequence[ClipCounts], f_batch_size: int) -> BenchmarkMetrics:
    frames, filled = total(clips, "frames"), total(clips, "filled")
    background_iou = frames - filled - total(clips, "false_positive")
    scores = []
    for first in range(0, len(clips), f_batch_size):
        batch = clips[first : first + f_batch_size]
        curve = np.sum([clip.f_curve for clip in batch], axis=0)
        scores.append(curve.max() / max(1, total(batch, "filled")))
    return BenchmarkMetrics(
        miou=ratio(total(clips, "iou") + background_iou, frames),
        f_score=float(np.mean(scores)) if scores else None,
    )


def _class_metrics(clips: Sequence[ClipCounts], classes: ClassCounts) -> BenchmarkMetrics:
    padded = total(clips, "padded")
    frames = np.maximum(classes.frames, 1)
    iou, f = classes.iou / frames, classes.f_score[:, 0] / frames
    # A padded frame is background in ground truth and prediction: IoU and F of 1.
    background = np.array([classes.iou[0], classes.f_score[0, 0]]) + padded
    background /= max(1, classes.frames[0] + padded)
    present = classes.in_truth > 0
    present[0] = False
    pooled = classes.intersection / np.maximum(classes.union, 1)
    any_present = bool(present.any())
    return BenchmarkMetrics(
        miou=float(np.mean([background[0], *iou[1:]])),
        f_score=float(np.mean([background[1], *f[1:]])),
        miou_no_background=float(iou[1:].mean()),
        miou_present_classes=float(iou[present].mean()) if any_present else None,
        f_present_classes=float(f[present].mean()) if any_present else None,
        dataset_miou_present_classes=float(pooled[present].mean()) if any_present else None,
        present_classes=int(present.sum()),
    )


def _robustness(clips: Sequence[ClipCounts]) -> Robustness:
    swapped = [clip for clip in clips if clip.swapped]
    frames = total(swapped, "filled")
    swapped_miou = ratio(total(swapped, "swapped_iou"), frames)
    agreement = ratio(total(swapped, "swap_agreement"), frames)
    return Robustness(
        silence=_foreground_share(clips, SILENCE),
        noise=_foreground_share(clips, NOISE),
        offscreen=_foreground_share(clips, OFFSCREEN),
        swap_sensitivity=None if agreement is None else 1 - agreement,
        swapped_miou=swapped_miou,
        swap_fall=None if swapped_miou is None else total(swapped, "iou") / frames - swapped_miou,
        target_switch_iou=ratio(total(clips, "switch_iou"), total(clips, "switch_frames")),
    )


def _foreground_share(clips: Sequence[ClipCounts], condition: str) -> float | None:
    tested = [clip for clip in clips if condition in clip.foreground_under]
    return ratio(sum(clip.foreground_under[condition] for clip in tested), total(tested, "real"))


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
