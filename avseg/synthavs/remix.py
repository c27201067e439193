"""Scenes with other audio: one class alone, visible or off screen."""

from dataclasses import replace

import numpy as np

from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import IsolatedClass
from avseg.synthavs.objects import NAMES
from avseg.synthavs.scenes import Scene, Sound, all_sounding, frame_time, mix, truth


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
    everything = all_sounding(scene)
    classes = np.stack([truth(everything, frame_time(second), size) for second in range(scene.seconds)])
    return tuple(IsolatedClass(mix(s), classes == CLASS_INDEX[n]) for s, n in zip(scenes, names))


def only(scene: Scene, name: str, rng: np.random.Generator) -> Scene:
    """Return the scene with one class as its only sound, through the whole clip."""
    gain, seed = float(rng.uniform(0.55, 1.0)), int(rng.integers(2**31))
    return replace(scene, sounds=(Sound(name, seed, gain, (True,) * scene.seconds),))
