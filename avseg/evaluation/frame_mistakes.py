"""Kinds of mistakes in the frames of a clip, each defined once; only foreground counts, not its class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.samples import foreground

MARKED = 0.005  # share of the frame from which on a mask counts as one
FOUND = 0.1  # share of the ground truth below which its source counts as missed
INSIDE = 0.5  # share of a mask from which on it is on the object
KINDS = {  # name of the field: title, definition
    "false_alarm": (
        "False positives",
        f"frames without a sounding object, of which at least {100 * MARKED:g} % is marked",
    ),
    "missed": (
        "False negatives",
        f"frames with a sounding object, of which less than {100 * FOUND:g} % is marked",
    ),
    "wrong_time": (
        "Right place, wrong time",
        f"false positives of which at least {100 * INSIDE:g} % is on what sounds in other frames of the clip",
    ),
}


@dataclass(frozen=True)
class Mistakes:
    """How many labelled frames of a clip have a mistake of each kind; `wrong_time` are false alarms too."""

    false_alarm: int = 0
    missed: int = 0
    wrong_time: int = 0


def clip_mistakes(masks: Sequence[np.ndarray], truth: Sequence[np.ndarray | None]) -> Mistakes:
    """Count the mistakes of a clip's masks.

    masks: [h, w] per frame, foreground where not 0. truth: class maps [h, w] of the same size per frame, None
    for a frame without a label, which counts as no mistake.
    """
    sounding = [None if labels is None else foreground(labels) for labels in truth]
    known = [where for where in sounding if where is not None and where.any()]
    ever = np.logical_or.reduce(known) if known else None
    counts = dict.fromkeys(KINDS, 0)
    for labels, where in zip(masks, sounding, strict=True):
        if where is None:
            continue
        mask = labels > 0
        if where.any():
            counts["missed"] += bool((mask & where).sum() < FOUND * where.sum())
        elif mask.mean() >= MARKED:
            counts["false_alarm"] += 1
            counts["wrong_time"] += ever is not None and bool((mask & ever).sum() >= INSIDE * mask.sum())
    return Mistakes(**counts)
