"""Scenes with other audio: one class alone, visible or off screen; and what is in view, silent or not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import IsolatedClass, VisibleClass
from avseg.synthavs.objects import NAMES
from avseg.synthavs.scenes import Scene, Sound, all_sounding, frame_time, mix, sounding, truth


def off_screen(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene with one class that is not visible as its only sound, through the whole clip."""
    return only(scene, str(rng.choice(sorted(set(NAMES) - set(scene.visible)))), rng)


def isolated(scene: Scene, rng: np.random.Generator, size: tuple[int, int]) -> tuple[IsolatedClass, ...]:
    """Return two visible classes, each as the only sound; empty if fewer are visible.

    size: (height, width) of the masks.
    """
    if len(scene.visible) < 2:
        return ()
    names = [str(name) for name in rng.choice(scene.visible, 2, replace=False)]
    scenes = [only(scene, name, rng) for name in names]
    classes = _class_maps(scene, range(scene.seconds), size)
    return tuple(IsolatedClass(mix(s), classes == CLASS_INDEX[n]) for s, n in zip(scenes, names))


def in_view(scene: Scene, moments: Sequence[int], size: tuple[int, int]) -> tuple[VisibleClass, ...]:
    """Return the classes in view in the frames `moments`; size: (height, width) of the masks."""
    classes, now = _class_maps(scene, moments, size), [sounding(scene, frame_time(m)) for m in moments]
    return tuple(
        VisibleClass(classes == CLASS_INDEX[name], np.array([name in names for names in now]))
        for name in scene.visible
    )


def _class_maps(scene: Scene, moments: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """Return the class of every visible pixel, sounding or not, uint8 [F, H, W]."""
    everything = all_sounding(scene)
    return np.stack([truth(everything, frame_time(moment), size) for moment in moments])


def only(scene: Scene, name: str, rng: np.random.Generator) -> Scene:
    """Return the scene with one class as its only sound, through the whole clip."""
    gain, seed = float(rng.uniform(0.55, 1.0)), int(rng.integers(2**31))
    return replace(scene, sounds=(Sound(name, seed, gain, (True,) * scene.seconds),))
