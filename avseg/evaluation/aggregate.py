"""From the tallies of all clips to the report; what each number means stands in `avseg.evaluation.report`."""

from collections.abc import Sequence

import numpy as np

from avseg.data.labels import CLASSES
from avseg.evaluation.conditions import NOISE, OFFSCREEN, SILENCE
from avseg.evaluation.counts import ClassTally, ClipTally
from avseg.evaluation.report import About, ClassRow, ClipRow, Confusion, Evaluation, Report, Robustness

OF_CLASSES_ALONE = (
    "miou_no_background",
    "miou_present_classes",
    "f_present_classes",
    "dataset_miou_present_classes",
    "present_classes",
)


def evaluation(about: About, clips: Sequence[ClipTally], classes: ClassTally) -> Evaluation:
    """Return what the tallies of all clips, in the order of the data, amount to."""
    filled, empty = total(clips, "filled"), total(clips, "frames") - total(clips, "filled")
    overall = _of_classes(clips, classes) if about.measured_as == "classes" else _of_foreground(about, clips)
    report = Report(
        **vars(about),
        clips=len(clips),
        frames=filled + empty,
        frames_with_ground_truth=filled,
        frames_without_ground_truth=empty,
        miou_with_ground_truth=ratio(total(clips, "iou"), filled),
        false_positive_without_ground_truth=ratio(total(clips, "false_share"), empty),
        dataset_iou=ratio(total(clips, "hits"), total(clips, "union")),
        robustness=_robustness(clips),
        **overall,
    )
    return Evaluation(report, _clip_rows(clips), _class_rows(classes), _confusion(classes))


def _of_foreground(about: About, clips: Sequence[ClipTally]) -> dict[str, float | int | None]:
    """Return the numbers that the two ways of measuring do not share, by their fields in Report."""
    frames, filled = total(clips, "frames"), total(clips, "filled")
    unmarked = frames - filled - total(clips, "false_share")
    scores = []
    for first in range(0, len(clips), about.f_batch_size):
        batch = clips[first : first + about.f_batch_size]
        curve = sum(clip.curve for clip in batch)
        scores.append(curve.max() / max(1, total(batch, "filled")))
    return {
        "miou": ratio(total(clips, "iou") + unmarked, frames),
        "f_score": float(np.mean(scores)) if scores else None,
        **dict.fromkeys(OF_CLASSES_ALONE),
    }


def _of_classes(clips: Sequence[ClipTally], classes: ClassTally) -> dict[str, float | int | None]:
    padded = total(clips, "padded")
    frames = np.maximum(classes.frames, 1)
    iou, f = classes.iou / frames, classes.f_score[:, 0] / frames
    # A padded frame is background in truth and prediction: IoU and F of 1.
    background = np.array([classes.iou[0], classes.f_score[0, 0]]) + padded
    background /= max(1, classes.frames[0] + padded)
    present = classes.in_truth > 0
    present[0] = False
    pooled = classes.hits / np.maximum(classes.union, 1)
    some = bool(present.any())
    return {
        "miou": float(np.mean([background[0], *iou[1:]])),
        "f_score": float(np.mean([background[1], *f[1:]])),
        "miou_no_background": float(iou[1:].mean()),
        "miou_present_classes": float(iou[present].mean()) if some else None,
        "f_present_classes": float(f[present].mean()) if some else None,
        "dataset_miou_present_classes": float(pooled[present].mean()) if some else None,
        "present_classes": int(present.sum()),
    }


def _robustness(clips: Sequence[ClipTally]) -> Robustness:
    swapped = [clip for clip in clips if clip.swapped]
    frames = total(swapped, "filled")
    under = ratio(total(swapped, "swapped_iou"), frames)
    agreed = ratio(total(swapped, "swap_agreement"), frames)
    return Robustness(
        silence=_marked(clips, SILENCE),
        noise=_marked(clips, NOISE),
        offscreen=_marked(clips, OFFSCREEN),
        swap_sensitivity=None if agreed is None else 1 - agreed,
        swapped_miou=under,
        swap_fall=None if under is None else total(swapped, "iou") / frames - under,
        target_switch_iou=ratio(total(clips, "switch_iou"), total(clips, "switch_frames")),
    )


def _marked(clips: Sequence[ClipTally], sound: str) -> float | None:
    heard = [clip for clip in clips if sound in clip.marked]
    return ratio(sum(clip.marked[sound] for clip in heard), total(heard, "real"))


def _clip_rows(clips: Sequence[ClipTally]) -> tuple[ClipRow, ...]:
    rows = [
        ClipRow(
            name=clip.name,
            labels=" ".join(clip.labels),
            frames=clip.frames,
            frames_with_ground_truth=clip.filled,
            iou=ratio(clip.iou, clip.filled),
            false_positive_share=ratio(clip.false_share, clip.frames - clip.filled),
            foreground_share=ratio(clip.foreground, clip.real),
        )
        for clip in clips
    ]
    return tuple(sorted(rows, key=_goodness))


def _goodness(row: ClipRow) -> float:
    return 1 - (row.false_positive_share or 0.0) if row.iou is None else row.iou


def _class_rows(classes: ClassTally) -> tuple[ClassRow, ...]:
    return tuple(
        ClassRow(
            name=CLASSES[k],
            frames=int(classes.frames[k]),
            frames_with_ground_truth=int(classes.in_truth[k]),
            iou=float(classes.iou[k] / classes.frames[k]),
            f=float(classes.f_score[k].max() / classes.frames[k]),
            dataset_iou=float(classes.hits[k] / classes.union[k]),
        )
        for k in np.flatnonzero(classes.frames)
    )


def _confusion(classes: ClassTally) -> Confusion | None:
    """Return who was taken for whom, None where one channel was measured."""
    if not classes.confusion.size:
        return None
    present = np.flatnonzero(classes.confusion.sum(0) + classes.confusion.sum(1))
    pixels = classes.confusion[np.ix_(present, present)].astype(np.int64)
    return Confusion(tuple(CLASSES[k] for k in present), tuple(tuple(row) for row in pixels.tolist()))


def total(clips: Sequence[ClipTally], name: str) -> float:
    """Return the sum of a field over clips."""
    return sum(getattr(clip, name) for clip in clips)


def ratio(part: float, whole: float) -> float | None:
    """Return part / whole, or None where there is no whole."""
    return part / whole if whole else None
