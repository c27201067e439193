"""The ground truth of a result's frames; of drawn clips also the objects in view that are silent."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.services.clips import TRUTH, bundled, scene_of, truth_of
from app.services.session import ClipResult
from avseg.data.labels import CLASSES
from avseg.media.draw import resize
from avseg.synthavs.scenes import all_sounding, truth


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


def truth_of_result(result: ClipResult) -> FrameTruth | None:
    """Return the ground truth of a result's frames, None where a frame has no label."""
    clip = result.prediction.clip
    if result.truth is not None:
        if any(labels is None for labels in result.truth):
            return None
        size = clip.frames.shape[1:3]
        return FrameTruth(np.stack([resize(labels, size, smooth=False) for labels in result.truth]))
    if result.clip not in bundled():
        return None
    return _bundled_truth(result.clip, tuple(float(clip.start + time) for time in clip.times))


@lru_cache(maxsize=8)
def _bundled_truth(name: str, times: tuple[float, ...]) -> FrameTruth:
    scene = scene_of(name)
    everything, last = all_sounding(scene), scene.seconds - 1e-3
    in_view = [truth(everything, min(time, last), TRUTH) for time in times]
    return FrameTruth(np.stack(truth_of(name, times)), np.stack(in_view))
