"""The clips of a figure, with ground truth where it is known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.data.avsbench.clip import Truth, read_dataset_clip
from avseg.data.avsbench.index import find_task, find_tasks, read_index
from avseg.errors import DatasetError
from avseg.media.clip import Clip, read_clip

TRUTH = (360, 640)  # height, width of the ground truth of a described clip


@dataclass(frozen=True, eq=False)
class FigureClip:
    """A clip and its ground truth."""

    title: str
    clip: Clip
    truth: Truth | None = None  # None where nothing is known; see avseg.data.avsbench.clip.Truth


def file_clip(path: Path, fps: float = 1.0) -> FigureClip:
    """Read a video file; beside a bundled clip a file describes its scene. Raises ClipError."""
    clip = read_clip(path, fps)
    about = path.with_suffix(".json")
    title = json.loads(about.read_text(encoding="utf-8")).get("title") if about.is_file() else None
    return FigureClip(title or path.stem, clip, truth_beside(path, clip.start + clip.times))


def dataset_clip(folder: Path, name: str) -> FigureClip:
    """Read a clip of a folder in AVSBench's format by its name. Raises DatasetError."""
    for task, root in (find_tasks(folder) or {find_task(folder): folder}).items():  # the latter raises
        entry = next((entry for entry in read_index(root, task) if entry.name == name), None)
        if entry is not None:
            content = read_dataset_clip(root, entry)
            return FigureClip(name, content.clip, content.truth)
    raise DatasetError(f"{folder} has no clip {name}. Its table, a csv file, lists the names.")


def truth_beside(
    video: Path, moments: Sequence[float], size: tuple[int, int] = TRUTH, silent: bool = False
) -> tuple[np.ndarray, ...] | None:
    """Return the ground truth at moments (s) of a video whose scene is described beside it, None for others.

    Classes, uint8 [h, w] per moment. silent: of everything in view, sounding or not.
    """
    about = video.with_suffix(".json")
    if not about.is_file():
        return None
    record = json.loads(about.read_text(encoding="utf-8"))
    if not {"seconds", "scene"} <= record.keys() and not {"seconds", "still"} <= record.keys():
        return None
    times = [min(float(moment), record["seconds"] - 1e-3) for moment in moments]
    if "still" in record:
        from avseg.compose import stills

        still = stills.still_from_dict(record["still"])
        return tuple(stills.truth(still, time, size, silent) for time in times)
    from avseg.synthavs.scenes import all_sounding, scene_from_dict, truth

    scene = scene_from_dict(record["scene"])
    scene = all_sounding(scene) if silent else scene
    return tuple(truth(scene, time, size) for time in times)
