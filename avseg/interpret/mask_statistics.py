"""Statistics of predicted masks: how many frames have foreground, and how much of the frame it covers."""

from dataclasses import dataclass

import numpy as np

from avseg.data.labels import CLASSES
from avseg.predict import Prediction

# A frame counts as non-empty when its foreground share, printed with one decimal, is not "0.0 %".
LEAST_SHARE = 0.0005
CLASSES_NAMED = 3  # in a finding


@dataclass(frozen=True)
class ClassStatistics:
    """The predicted pixels of one class."""

    name: str
    index: int
    frames: int  # that have any
    share: float  # of the frame, mean over those frames, 0..1


@dataclass(frozen=True, eq=False)
class MaskStatistics:
    """The predicted foreground of a clip."""

    shares: np.ndarray  # float64 [T], of each frame, 0..1
    classes: tuple[ClassStatistics, ...]  # AVSS only, most frames first
    nonempty: int  # frames with foreground
    mean: float  # share of the frame, mean over the non-empty frames, 0 without any


def mean_where(iou: np.ndarray, *foreground: np.ndarray) -> float:
    """Return the mean IoU over the frames where any of the shares [T] has foreground, 1 without one."""
    either = np.any([share >= LEAST_SHARE for share in foreground], axis=0)
    return float(iou[either].mean()) if either.any() else 1.0


def measure(prediction: Prediction) -> MaskStatistics:
    """Count the masks of a prediction at source size, as they are written."""
    semantic = prediction.task == "avss"
    columns = len(CLASSES) if semantic else 2
    rows = []
    for mask in prediction.masks:
        labels = mask if semantic else mask > 0
        rows.append(np.bincount(labels.ravel(), minlength=columns) / labels.size)
    by_class = np.array(rows)
    shares = by_class[:, 1:].sum(axis=1)
    nonempty, mean = _over_nonempty(shares)
    classes = [
        ClassStatistics(CLASSES[index], int(index), *_over_nonempty(by_class[:, index]))
        for index in (np.flatnonzero(by_class.max(axis=0) >= LEAST_SHARE) if semantic else [])
        if index > 0
    ]
    return MaskStatistics(
        shares=shares,
        classes=tuple(sorted(classes, key=lambda c: (-c.frames, -c.share))),
        nonempty=nonempty,
        mean=mean,
    )


def finding(statistics: MaskStatistics) -> str:
    """Return a sentence about a prediction: what was found, in how many frames, and how large it is."""
    total, count = len(statistics.shares), statistics.nonempty
    frames = "this frame" if total == 1 else f"these {total} frames"
    if not count:
        return f"No sounding object found in {frames}."
    where = _frames_of(count, total)
    if not statistics.classes:
        average = "of it" if total == 1 else f"of the frame{' on average' if count > 1 else ''}"
        return f"Sounding pixels found in {where} ({percent(statistics.mean)} {average})."
    first, *others = statistics.classes[:CLASSES_NAMED]
    size = f"{percent(first.share)} of {'it' if total == 1 else 'the frame'}"
    parts = [f"{first.name.capitalize()} found in {_frames_of(first.frames, total)} ({size})"]
    parts += [f"{c.name} in {c.frames if c.frames < total else 'all'} ({percent(c.share)})" for c in others]
    if (more := len(statistics.classes) - CLASSES_NAMED) > 0:
        parts.append(f"and {more} more")
    return ", ".join(parts) + "."


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 0..1 as "9.1 %", with a space that does not break."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _frames_of(count: int, total: int) -> str:
    if total == 1:
        return "this frame"
    if count == total:
        return "both frames" if total == 2 else f"all {total} frames"
    return f"{count} of {total} frames"


def _over_nonempty(shares: np.ndarray) -> tuple[int, float]:
    nonempty = shares[shares >= LEAST_SHARE]
    return len(nonempty), float(nonempty.mean()) if len(nonempty) else 0.0
