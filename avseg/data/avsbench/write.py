"""Writes generated clips in AVSBench's folder formats: S4, MS3, and AVSS as its subset v2.

Layouts, header lines, file names and pixel formats are those of the AVSBench release and of the official
loaders. Log-mel pickles are left out: readers compute log-mels from the wav files.
"""

import csv
import io
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.data.avsbench.files import VOID, VOID_COLOUR
from avseg.data.avsbench.layout import LAYOUTS
from avseg.data.labels import CLASS_INDEX, CLASSES, PALETTE, S4_CATEGORY_CLASS
from avseg.data.samples import IGNORED, foreground, without_ignored
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_text, write_texts
from avseg.media.video import write_wav

TASK_FOLDERS = {task: layout.folder for task, layout in LAYOUTS.items()}
CATEGORY = {name: category for category, name in S4_CATEGORY_CLASS.items()}  # of S4, by class
COLUMNS = {  # of AVSBench's tables, in their order
    "s4": ("name", "start", "category", "split"),
    "ms3": ("video_id", "split"),
    "avss": ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"),
}


@dataclass(frozen=True, eq=False)
class GeneratedClip:
    """One clip to be written."""

    name: str
    frames: np.ndarray  # uint8 [T, H, W, 3]
    classes: np.ndarray  # uint8 [T, H, W]
    waveform: np.ndarray  # float32 [samples]
    sounding: tuple[str, ...]  # visible classes that sound, the main one first
    write_video: Callable[[Path], None] | None = None  # writes an mp4 file; None writes none
    rate: float = 1.0  # frames per second
    every_mask: bool = False  # training clips of S4 get all of their masks, not the first alone as released
    subset: str = "v2"  # of AVSS

    @property
    def category(self) -> str:
        """Category of S4: AVSBench's name of the main class, else the name of the class."""
        main = self.sounding[0] if self.sounding else "background"
        return CATEGORY.get(main, main)


def write_split(
    task: str,
    split: str,
    root: Path | str,
    count: int,
    make: Callable[[int], GeneratedClip],
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Path:
    """Write the clips `make(0)` to `make(count - 1)` of one split below root; return the task's folder.

    Several splits may be written into one root, one after another: rows are added to the table, and a clip
    that is written again replaces itself. progress: called with (clips done, clips in all). workers:
    processes, to which `make` is pickled; the output does not depend on their number. Raises DatasetError if
    an existing table has another header, or if a clip of the same name belongs to another split. Raises
    WriteError on a full disk; no file is cut short then, and the table is as it was.
    """
    folder = Path(root) / TASK_FOLDERS[task]
    table = folder / LAYOUTS[task].table
    _read_table(table, task)  # refuses another table before the work
    rows = []
    for done, row in enumerate(
        _map(partial(_write_clip, task, split, folder, make), count, workers), start=1
    ):
        rows.append(row)
        if progress is not None:
            progress(done, count)
    _merge_table(table, task, rows)
    if task == "avss":
        one_based = {name: index + 1 for index, name in enumerate(CLASSES)}
        write_texts(folder, {"label2idx.json": json.dumps(one_based)})
    return folder


def _map(work: Callable[[int], dict[str, object]], count: int, workers: int) -> Iterator[dict[str, object]]:
    if workers <= 1:
        yield from map(work, range(count))
        return
    # Spawned: a fork of a process with threads (torch's, the app's) may hang.
    with ProcessPoolExecutor(min(workers, count), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, range(count))


def _write_clip(
    task: str, split: str, folder: Path, make: Callable[[int], GeneratedClip], index: int
) -> dict[str, object]:
    """Write one clip and return its row of the table."""
    return {"s4": _write_s4, "ms3": _write_ms3, "avss": _write_avss}[task](folder, split, make(index))


def _write_s4(folder: Path, split: str, clip: GeneratedClip) -> dict[str, object]:
    data, category, name = folder / "s4_data", clip.category, clip.name
    for second, frame in enumerate(clip.frames):
        _save(data / "visual_frames" / split / category / name / f"{name}_{second + 1}.png", frame)
        if split != "train" or second == 0 or clip.every_mask:  # otherwise that of the first frame alone
            mask = _binary(clip.classes[second])
            _save(data / "gt_masks" / split / category / name / f"{name}_{second + 1}.png", mask)
    write_wav(data / "audio_wav" / split / category / f"{name}.wav", clip.waveform, channels=2)
    _write_video(data / "raw_videos" / split / category / f"{name}.mp4", clip)
    return {"name": name, "start": 0, "category": category, "split": split}


def _write_ms3(folder: Path, split: str, clip: GeneratedClip) -> dict[str, object]:
    data, name = folder / "ms3_data", clip.name
    for second, frame in enumerate(clip.frames):
        _save(data / "visual_frames" / name / f"{name}.mp4_{second + 1}.png", frame)
        _save(data / "gt_masks" / split / name / f"{name}_{second + 1}.png", _binary(clip.classes[second]))
    write_wav(data / "audio_wav" / split / f"{name}.wav", clip.waveform, channels=2)
    _write_video(data / "videos" / f"{name}.mp4", clip)
    return {"video_id": name, "split": split}


def _write_avss(folder: Path, split: str, clip: GeneratedClip) -> dict[str, object]:
    uid = f"{clip.name}_0_{round(len(clip.frames) / clip.rate * 1000)}"
    data = folder / clip.subset / uid
    for second, frame in enumerate(clip.frames):
        _save(data / "frames" / f"{second}.jpg", frame)
        classes, ignored = without_ignored(clip.classes[second]), clip.classes[second] == IGNORED
        _save(data / "labels_semantic" / f"{second}.png", np.where(ignored, np.uint8(VOID), classes))
        colours = np.where(ignored[..., None], np.array(VOID_COLOUR, np.uint8), PALETTE[classes])
        _save(data / "labels_rgb" / f"{second}.png", colours)
    write_wav(data / "audio.wav", clip.waveform, channels=2)
    _write_video(folder / "videos" / f"{uid}.mp4", clip)
    objects = "_".join(sorted(clip.sounding, key=CLASS_INDEX.__getitem__)) or "background"
    return {
        "vid": clip.name,
        "uid": uid,
        "s_min": 0,
        "s_sec": 0,
        "a_obj": objects,
        "split": split,
        "label": clip.subset,
    }


def _write_video(path: Path, clip: GeneratedClip) -> None:
    if clip.write_video is not None:
        clip.write_video(path)


def _save(path: Path, pixels: np.ndarray) -> None:
    kind, options = ("JPEG", {"quality": 92}) if path.suffix == ".jpg" else ("PNG", {})
    with atomic_write(path, durable=False) as unfinished:
        Image.fromarray(pixels).save(unfinished, kind, **options)


def _binary(classes: np.ndarray) -> np.ndarray:
    return np.where(foreground(classes), 255, 0).astype(np.uint8)


def _read_table(path: Path, task: str) -> dict[str, dict[str, object]]:
    """Return the rows of an existing table by the clip's name; DatasetError for another table."""
    if not path.exists():
        return {}
    reader = csv.DictReader(io.StringIO(read_text(path)))
    if tuple(reader.fieldnames or ()) != COLUMNS[task]:
        raise DatasetError(
            f"{path} has the columns {', '.join(reader.fieldnames or ())}; expected "
            f"{', '.join(COLUMNS[task])}. Write into an empty folder."
        )
    return {row[LAYOUTS[task].name]: row for row in reader}


def _merge_table(path: Path, task: str, rows: list[dict[str, object]]) -> None:
    merged, key = _read_table(path, task), LAYOUTS[task].name
    for row in rows:
        earlier = merged.get(str(row[key]))
        if earlier is not None and earlier["split"] != row["split"]:
            raise DatasetError(
                f"{path} lists {row[key]} in split {earlier['split']}, but now it belongs to {row['split']}. "
                "Write into an empty folder."
            )
        merged[str(row[key])] = row
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[task], lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged.values())
    write_texts(path.parent, {path.name: text.getvalue()})
