"""The effect of changes on a clip: the predictions before and after, compared and summed up in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.labels import CLASSES
from avseg.interpret.mask_statistics import LEAST_SHARE, percent
from avseg.interventions.compare import Comparison, label_maps
from avseg.interventions.run import Change
from avseg.predict import Prediction

SAME = 0.95  # IoU from which a mask counts as unchanged, as printed
LITTLE = 0.2  # share of the mask that is left
FRAMES_NAMED = 4


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """Class indices per frame, 0 elsewhere."""

    sounding: np.ndarray  # uint8 [T, h, w], sounding objects in view
    in_view: np.ndarray | None = None  # uint8 [T, h, w], all objects that could sound; drawn clips only

    def main_class(self, masks: np.ndarray) -> str | None:
        """Return the class in view under most of the foreground, None where none covers half of it.

        masks: uint8 [T, h, w], foreground above 0.
        """
        if self.in_view is None:
            return None
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        best = int(hit[1:].argmax()) + 1
        return CLASSES[best] if hit[best] > max(0.5 * hit.sum(), 1) else None

    def coverage(self, masks: np.ndarray) -> dict[str, float]:
        """Return the share of every class in view that is foreground, over all frames, 0..1."""
        if self.in_view is None:
            return {}
        total = np.bincount(self.in_view.ravel(), minlength=len(CLASSES))
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        return {CLASSES[k]: float(hit[k] / total[k]) for k in np.flatnonzero(total) if k > 0}


@dataclass(frozen=True, eq=False)
class Effect:
    """The predictions of a clip before and after some changes."""

    before: Prediction
    after: Prediction
    changes: tuple[Change, ...]
    comparison: Comparison
    truth: FrameTruth | None
    seconds: float  # that the changed run took


def in_words(changes: Sequence[Change], capital: bool = False) -> str:
    """Return changes as "without sound and without the mixer"; capital: as the beginning of a sentence."""
    parts = [change.words for change in changes]
    words = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return words[0].upper() + words[1:] if capital else words


def finding(effect: Effect) -> str:
    """Return a sentence that says what the changes did to the mask."""
    c, words = effect.comparison, in_words(effect.changes, capital=True)
    was, now = c.before >= LEAST_SHARE, c.after >= LEAST_SHARE
    truth = effect.truth
    before, after = (
        truth.main_class(label_maps(p)) if truth else None for p in (effect.before, effect.after)
    )
    if not was.any() and not now.any():
        return f"{words}, there is still no mask."
    size, new_size = c.before.mean(), c.after.mean()
    sizes = f"{100 * size:.1f} → {percent(new_size)} of the frame"
    if not was.any():
        frames = f"{now.sum()} of {len(now)} frame{'s' * (len(now) != 1)}"
        return f"{words}, a mask appears in {frames} ({sizes})."
    if not now.any():
        gone = f"the {before} is no longer segmented" if before else "the mask disappears"
        return f"{words}, {gone} ({sizes})."
    if before and after and before != after:
        return f"{words}, the mask moves from the {before} to the {after}{_shares(effect, before, after)}."
    if round(c.mean_iou, 2) >= SAME:
        return f"{words}, the mask stays the same (IoU {c.mean_iou:.2f})."
    if new_size < LITTLE * size:
        left, full = percent(new_size), percent(size)
        return f"{words}, little of the mask is left: {left} of the frame instead of {full}."
    agreement = f"IoU {c.mean_iou:.2f}"
    if (was != now).any():
        return f"{words}, the mask {moves(was, now)} ({agreement})."
    if 0.9 < new_size / size < 1.1:
        return (
            f"{words}, the mask changes shape but not size ({percent(new_size)} of the frame, {agreement})."
        )
    verb = "grows" if new_size > size else "shrinks"
    return (
        f"{words}, the mask {verb} from {100 * size:.1f} to {percent(new_size)} of the frame ({agreement})."
    )


def _shares(effect: Effect, *names: str) -> str:
    """Return how much of each class was and is segmented: " (dog 58 to 1 %, guitar 0 to 40 %)"."""
    was, now = (
        effect.truth.coverage(label_maps(p)) if effect.truth else {} for p in (effect.before, effect.after)
    )
    parts = [f"{name} {100 * was[name]:.0f} → {percent(now[name], 0)}" for name in names]
    return f" ({', '.join(parts)})"


def moves(was: np.ndarray, now: np.ndarray) -> str:
    """Return "leaves frame 1 and appears in frames 3 and 4" for masks bool [T] before and after."""
    left, came = np.flatnonzero(was & ~now) + 1, np.flatnonzero(now & ~was) + 1
    parts = [f"leaves {_frames(left)}"] if len(left) else []
    return " and ".join([*parts, f"appears in {_frames(came)}"] if len(came) else parts)


def _frames(numbers: np.ndarray) -> str:
    if len(numbers) == 1:
        return f"frame {numbers[0]}"
    if len(numbers) > FRAMES_NAMED:
        return f"{len(numbers):,} frames"
    return f"frames {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
