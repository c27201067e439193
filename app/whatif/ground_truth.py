"""What is known of a clip's frames: its labels, and of drawn clips also what is in view without sounding."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.services.clips import TRUTH, bundled, scene_of, truth_of
from app.services.session import ClipResult
from avseg.data.labels import CLASSES
from avseg.media.draw import resize
from avseg.synthavs.scenes import all_heard, truth


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the frames of a clip; class indices, 0 elsewhere."""

    sounding: np.ndarray  # uint8 [T, h, w], what is in view and sounds
    in_view: np.ndarray | None = (
        None  # uint8 [T, h, w], everything in view that could sound; drawn clips only
    )

    def main(self, masks: np.ndarray) -> str | None:
        """Return the class in view that most of the marked pixels lie on, None where none has half of them.

        masks: uint8 [T, h, w], anything above 0 is marked.
        """
        if self.in_view is None:
            return None
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        best = int(hit[1:].argmax()) + 1
        return CLASSES[best] if hit[best] > max(0.5 * hit.sum(), 1) else None

    def covered(self, masks: np.ndarray) -> dict[str, float]:
        """Return the share of every class in view that is marked, over all frames, 0..1."""
        if self.in_view is None:
            return {}
        there = np.bincount(self.in_view.ravel(), minlength=len(CLASSES))
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        return {CLASSES[k]: float(hit[k] / there[k]) for k in np.flatnonzero(there) if k > 0}


def known_of(shown: ClipResult) -> Known | None:
    """Return what is known of a result's frames; None where a frame has no label."""
    clip = shown.prediction.clip
    if shown.truth is not None:
        if any(labels is None for labels in shown.truth):
            return None
        size = clip.frames.shape[1:3]
        return Known(np.stack([resize(labels, size, smooth=False) for labels in shown.truth]))
    if shown.clip not in bundled():
        return None
    return _known(shown.clip, tuple(float(clip.start + moment) for moment in clip.times))


@lru_cache(maxsize=8)
def _known(name: str, moments: tuple[float, ...]) -> Known:
    scene = scene_of(name)
    everything, last = all_heard(scene), scene.seconds - 1e-3
    in_view = [truth(everything, min(moment, last), TRUTH) for moment in moments]
    return Known(np.stack(truth_of(name, moments)), np.stack(in_view))
