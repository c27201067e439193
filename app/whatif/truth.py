"""The ground truth of a bundled clip: it was drawn, so what sounds and what is in view are known exactly."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.clips import TRUTH, bundled, scene_of, truth_of
from avseg.clip import Clip
from avseg.data.labels import CLASSES
from avseg.data.synth.scenes import all_heard, truth


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the frames of a drawn clip; class indices, 0 elsewhere."""

    sounding: np.ndarray  # uint8 [T, h, w], what is in view and sounds
    in_view: np.ndarray  # uint8 [T, h, w], everything in view that could sound

    def main(self, masks: np.ndarray) -> str | None:
        """Return the class in view that most of the marked pixels lie on, None where none has half of them.

        masks: uint8 [T, h, w], anything above 0 is marked.
        """
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        best = int(hit[1:].argmax()) + 1
        return CLASSES[best] if hit[best] > max(0.5 * hit.sum(), 1) else None

    def covered(self, masks: np.ndarray) -> dict[str, float]:
        """Return the share of every class in view that is marked, over all frames, 0..1."""
        there = np.bincount(self.in_view.ravel(), minlength=len(CLASSES))
        hit = np.bincount(self.in_view[masks > 0], minlength=len(CLASSES))
        return {CLASSES[k]: float(hit[k] / there[k]) for k in np.flatnonzero(there) if k > 0}


def known_of(name: str | None, clip: Clip) -> Known | None:
    """Return what is known of a bundled clip's frames, None for any other clip."""
    if name not in bundled():
        return None
    moments = tuple(float(clip.start + moment) for moment in clip.times)
    return _known(name, moments)


@lru_cache(maxsize=8)
def _known(name: str, moments: tuple[float, ...]) -> Known:
    scene = scene_of(name)
    everything, last = all_heard(scene), scene.seconds - 1e-3
    in_view = [truth(everything, min(moment, last), TRUTH) for moment in moments]
    return Known(np.stack(truth_of(name, moments)), np.stack(in_view))
