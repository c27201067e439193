"""Writes SynthAVS in AVSBench's folder formats: Single-source (S4), Multi-sources (MS3), AVSS (subset v2).

Layouts, header lines, file names and pixel formats are those of the AVSBench release and of the official
loaders; log-mel pickles are left out, for readers compute log-mels from the wav files. Beside them stand the
videos and scenes.json, from which every clip can be made again.
"""

import csv
import io
import json
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.data.avsbench.layout import LAYOUTS
from avseg.data.labels import CLASS_INDEX, CLASSES, PALETTE, S4_CATEGORY_CLASS
from avseg.errors import DatasetError
from avseg.files import atomic_write
from avseg.media.video import write_wav
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import Scene, frame_time, mix, render, sounding
from avseg.synthavs.video import write_video

TASK_FOLDERS = {task: layout.folder for task, layout in LAYOUTS.items()}
_SQUARE = (224, 224)  # S4 and MS3: whole frames squeezed to a square
_WIDE = (270, 480)  # AVSS keeps the source size
_CATEGORY = {name: category for category, name in S4_CATEGORY_CLASS.items()}


def write(
    dataset: SynthAVS,
    root: Path | str,
    videos: bool = True,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Path:
    """Write every clip of one split below root and return the task's folder.

    Several splits may be written into one root one after another: csv rows and scenes are added, and a clip
    that is written again replaces itself. progress: called with (clips done, clips in all). workers:
    processes; what is written does not depend on their number. Raises DatasetError when an existing csv has
    another header or the same clip name came from another split.
    """
    folder = Path(root) / TASK_FOLDERS[dataset.task]
    table = folder / LAYOUTS[dataset.task].table
    _listed(table, dataset.task)  # a table of something else is said before the work
    rows, scenes = [], {}
    for index, row in enumerate(_rows(partial(_write_clip, dataset, folder, videos), len(dataset), workers)):
        scene, name = dataset.scene(index), dataset.name(index)
        rows.append(row)
        scenes[name] = {"task": dataset.task, "seed": dataset.seed, "index": index, **scene.as_dict()}
        if progress is not None:
            progress(index + 1, len(dataset))
    _merge_csv(table, dataset.task, rows)
    _merge_json(folder / "scenes.json", scenes)
    if dataset.task == "avss":
        one_based = {name: index + 1 for index, name in enumerate(CLASSES)}
        (folder / "label2idx.json").write_text(json.dumps(one_based))
    return folder


def _rows(
    write_clip: Callable[[int], dict[str, object]], count: int, workers: int
) -> Iterable[dict[str, object]]:
    if workers <= 1:
        yield from map(write_clip, range(count))
        return
    # Spawned: a fork of a process with threads (torch's, the app's) may hang.
    with ProcessPoolExecutor(min(workers, count), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write_clip, range(count))


def _write_clip(dataset: SynthAVS, folder: Path, videos: bool, index: int) -> dict[str, object]:
    """Write one clip and return its row of the csv table."""
    writer = {"s4": _write_s4, "ms3": _write_ms3, "avss": _write_avss}[dataset.task]
    return writer(folder, dataset.split, dataset.name(index), dataset.scene(index), videos)


def category(scene: Scene) -> str:
    """Return the S4 category of a scene: AVSBench's where it has one for the class, else the class name."""
    name = scene.sounds[0].name
    return _CATEGORY.get(name, name)


def _painted(scene: Scene, size: tuple[int, int]) -> Iterable[tuple[int, np.ndarray, np.ndarray]]:
    for second in range(scene.seconds):
        yield second, *render(scene, frame_time(second), size)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 92} if path.suffix == ".jpg" else {}))


def _binary(classes: np.ndarray) -> np.ndarray:
    return np.where(classes > 0, 255, 0).astype(np.uint8)


def _write_s4(folder: Path, split: str, name: str, scene: Scene, videos: bool) -> dict[str, object]:
    data, kind = folder / "s4_data", category(scene)
    for second, rgb, classes in _painted(scene, _SQUARE):
        _save(data / "visual_frames" / split / kind / name / f"{name}_{second + 1}.png", rgb)
        if split != "train" or second == 0:  # training clips carry the mask of their first frame only
            _save(data / "gt_masks" / split / kind / name / f"{name}_{second + 1}.png", _binary(classes))
    write_wav(data / "audio_wav" / split / kind / f"{name}.wav", mix(scene), channels=2)
    if videos:
        write_video(data / "raw_videos" / split / kind / f"{name}.mp4", scene, (180, 320))
    return {"name": name, "start": 0, "category": kind, "split": split}


def _write_ms3(folder: Path, split: str, name: str, scene: Scene, videos: bool) -> dict[str, object]:
    data = folder / "ms3_data"
    for second, rgb, classes in _painted(scene, _SQUARE):
        _save(data / "visual_frames" / name / f"{name}.mp4_{second + 1}.png", rgb)
        _save(data / "gt_masks" / split / name / f"{name}_{second + 1}.png", _binary(classes))
    write_wav(data / "audio_wav" / split / f"{name}.wav", mix(scene), channels=2)
    if videos:
        write_video(data / "videos" / f"{name}.mp4", scene, (180, 320))
    return {"video_id": name, "split": split}


def _write_avss(folder: Path, split: str, name: str, scene: Scene, videos: bool) -> dict[str, object]:
    uid = f"{name}_0_{scene.seconds * 1000}"
    data = folder / "v2" / uid
    for second, rgb, classes in _painted(scene, _WIDE):
        _save(data / "frames" / f"{second}.jpg", rgb)
        _save(data / "labels_semantic" / f"{second}.png", classes)
        _save(data / "labels_rgb" / f"{second}.png", PALETTE[classes])
    write_wav(data / "audio.wav", mix(scene), channels=2)
    if videos:
        write_video(folder / "videos" / f"{uid}.mp4", scene, _WIDE)
    named = {which for second in range(scene.seconds) for which in sounding(scene, second)}
    objects = "_".join(sorted(named, key=CLASS_INDEX.__getitem__)) or "background"
    return {"vid": name, "uid": uid, "s_min": 0, "s_sec": 0, "a_obj": objects, "split": split, "label": "v2"}


_COLUMNS = {  # of AVSBench's tables, in their order
    "s4": ("name", "start", "category", "split"),
    "ms3": ("video_id", "split"),
    "avss": ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"),
}


def _listed(path: Path, task: str) -> dict[str, dict[str, object]]:
    """Return the rows of a table that is there already by the clip's name; DatasetError for another's."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _COLUMNS[task]:
            raise DatasetError(
                f"{path} has the columns {', '.join(reader.fieldnames or ())}; expected "
                f"{', '.join(_COLUMNS[task])}. Write into an empty folder."
            )
        return {row[LAYOUTS[task].name]: row for row in reader}


def _merge_csv(path: Path, task: str, rows: list[dict[str, object]]) -> None:
    merged, key = _listed(path, task), LAYOUTS[task].name
    for row in rows:
        known = merged.get(str(row[key]))
        if known is not None and known["split"] != row["split"]:
            raise DatasetError(
                f"{path} lists {row[key]} in split {known['split']}, now it comes in {row['split']}. "
                "Write into an empty folder."
            )
        merged[str(row[key])] = row
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS[task], lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged.values())
    with atomic_write(path) as file:
        file.write_text(text.getvalue(), encoding="utf-8")


def _merge_json(path: Path, scenes: dict[str, dict[str, object]]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    with atomic_write(path) as file:
        file.write_text(json.dumps({**known, **scenes}))
