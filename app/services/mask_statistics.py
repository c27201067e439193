"""The numbers that the page says about a prediction, counted on its masks."""

from dataclasses import dataclass

import numpy as np

from avseg.data.labels import CLASSES
from avseg.predict import Prediction

# A frame counts as marked when its share of the picture, printed with one decimal, is not "0.0 %".
LEAST_SHARE = 0.0005


@dataclass(frozen=True)
class ClassCount:
    """What was marked of one class."""

    name: str
    index: int
    frames: int  # in which it is marked
    share: float  # of the picture, mean over those frames, 0..1


@dataclass(frozen=True, eq=False)
class Measured:
    """What was marked in a clip."""

    shares: np.ndarray  # float64 [T], of each frame, 0..1
    by_class: np.ndarray  # float64 [T, 71] for AVSS, [T, 2] for the binary tasks; column 0 is background
    classes: tuple[ClassCount, ...]  # AVSS only, most frames first
    marked: int  # frames in which anything is marked
    mean: float  # share of the picture over the marked frames, 0 without any
    peak: int  # index of the frame with the largest share


def measure(prediction: Prediction) -> Measured:
    """Count the masks of a prediction, at source size as they are written."""
    several = prediction.task == "avss"
    columns = len(CLASSES) if several else 2
    rows = []
    for mask in prediction.masks:
        labels = mask if several else mask > 0
        rows.append(np.bincount(labels.ravel(), minlength=columns) / labels.size)
    by_class = np.array(rows)
    shares = by_class[:, 1:].sum(axis=1)
    marked, mean = _where_marked(shares)
    found = [
        ClassCount(CLASSES[index], index, *_where_marked(by_class[:, index]))
        for index in (np.flatnonzero(by_class.max(axis=0) >= LEAST_SHARE) if several else [])
        if index > 0
    ]
    return Measured(
        shares=shares,
        by_class=by_class,
        classes=tuple(sorted(found, key=lambda count: (-count.frames, -count.share))),
        marked=marked,
        mean=mean,
        peak=int(shares.argmax()),
    )


def _where_marked(shares: np.ndarray) -> tuple[int, float]:
    marked = shares[shares >= LEAST_SHARE]
    return len(marked), float(marked.mean()) if len(marked) else 0.0
