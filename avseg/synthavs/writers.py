"""Writes SynthAVS in AVSBench's folder formats, with videos and the scenes that redraw each clip."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from avseg.data.avsbench.write import TASK_FOLDERS, GeneratedClip, write_split
from avseg.files import read_json, write_texts
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import frame_time, mix, render, sounding
from avseg.synthavs.video import write_video

__all__ = ["TASK_FOLDERS", "write"]

_SQUARE = (224, 224)  # S4 and MS3: whole frames squeezed to a square
_WIDE = (270, 480)  # AVSS keeps the source size
_VIDEO = {"s4": (180, 320), "ms3": (180, 320), "avss": _WIDE}


def write(
    dataset: SynthAVS,
    root: Path | str,
    videos: bool = True,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Path:
    """Write every clip of one split below root and return the task's folder; see `write_split`."""
    make = partial(_generate, dataset, videos)
    folder = write_split(dataset.task, dataset.split, root, len(dataset), make, progress, workers)
    described = {"task": dataset.task, "seed": dataset.seed}
    scenes = {
        dataset.name(index): {**described, "index": index, **dataset.scene(index).as_dict()}
        for index in range(len(dataset))
    }
    path = folder / "scenes.json"
    earlier = read_json(path) if path.exists() else {}
    write_texts(folder, {path.name: json.dumps({**earlier, **scenes})})
    return folder


def _generate(dataset: SynthAVS, videos: bool, index: int) -> GeneratedClip:
    scene = dataset.scene(index)
    size = _WIDE if dataset.task == "avss" else _SQUARE
    rendered = [render(scene, frame_time(second), size) for second in range(scene.seconds)]
    names = [name for second in range(scene.seconds) for name in sounding(scene, second)]
    main = [scene.sounds[0].name] if dataset.task == "s4" else []
    return GeneratedClip(
        name=dataset.name(index),
        frames=np.stack([frame for frame, _ in rendered]),
        classes=np.stack([classes for _, classes in rendered]),
        waveform=mix(scene),
        sounding=tuple(dict.fromkeys([*main, *names])),
        write_video=partial(write_video, scene=scene, size=_VIDEO[dataset.task]) if videos else None,
    )
