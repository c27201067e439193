"""Writes a prediction to a folder: overlay video with the sound used, PNG masks and a JSON record."""

from __future__ import annotations

import json
import math
import shutil
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from avseg.data.labels import CLASS_INDEX, CLASSES, clip_colours
from avseg.errors import ConfigError
from avseg.files import is_litter, write_texts, writing
from avseg.media.clip import Clip, VideoReader
from avseg.media.draw import BINARY, Colour, mask_layer
from avseg.media.video import write_mp4

if TYPE_CHECKING:
    from avseg.prediction import Prediction, Progress, Timing

OVERLAY, MASKS, FRAMES, RECORD = "overlay.mp4", "masks", "frames", "prediction.json"
RESULT = {OVERLAY, MASKS, FRAMES, RECORD}
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Written:
    """The files of a written prediction."""

    folder: Path
    overlay: Path
    masks: tuple[Path, ...]  # one per frame
    frames: tuple[Path, ...]  # likewise, or none
    record: Path
    seconds: Timing


def write_prediction(
    prediction: Prediction,
    folder: str | Path,
    opacity: float = 0.45,
    on_progress: Progress | None = None,
    frames: bool = False,
) -> Written:
    """Write overlay.mp4, masks/0001.png ... and prediction.json into `folder`, all of them or none.

    A prediction that is still computed is written as its masks arrive. An earlier result is replaced once the
    new one is complete. frames: also write the frames without masks, frames/0001.jpg ... at source size.
    on_progress: called with (done, total) after every file and frame; an exception raised there cancels and
    leaves no files. Raises ConfigError for a folder that contains other files, WriteError for a full disk or
    a folder that is not writable, and ClipError if the source video can no longer be read.
    """
    started = time.perf_counter()
    folder = Path(folder).expanduser().resolve()
    _check_folder(folder)
    unfinished = folder.with_name(f".{uuid.uuid4().hex}")  # short: `folder` may have 255 bytes
    with writing(folder), ExitStack() as stack:
        stack.callback(shutil.rmtree, unfinished, ignore_errors=True)
        (unfinished / MASKS).mkdir(parents=True)
        reader = VideoReader(prediction.clip)
        count = len(prediction.labels)
        tick = _counter(count * (1 + frames) + reader.count, on_progress)
        write_overlay(prediction, unfinished / OVERLAY, opacity, reader, tick)
        entries = [_write_mask(prediction, index, unfinished, tick) for index in range(count)]
        if frames:
            _write_frames(reader, entries, unfinished, tick)
        waited, prediction = prediction.waited, prediction.finished()
        seconds = replace(prediction.seconds, write=time.perf_counter() - started - waited)
        record = record_of(prediction, entries, seconds)
        (unfinished / RECORD).write_text(
            json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        _replace_folder(unfinished, folder)
    masks = tuple(folder / entry["mask"] for entry in entries)
    pictures = tuple(folder / entry["frame"] for entry in entries if "frame" in entry)
    return Written(folder, folder / OVERLAY, masks, pictures, folder / RECORD, seconds)


def write_overlay(
    prediction: Prediction,
    path: Path,
    opacity: float = 0.45,
    reader: VideoReader | None = None,
    on_picture: Callable[[], object] | None = None,
) -> None:
    """Write the source video with the masks on top and the sound used, as H.264 and AAC in MP4.

    Size and rate are the source's (even, at most 1920 px and 30 fps). The mask of frame i is shown from
    i / fps to (i + 1) / fps s, the last one until the end.
    """
    reader = reader or VideoReader(prediction.clip)
    frames = _painted(prediction, reader, opacity, on_picture or (lambda: None))
    _write_video(frames, reader, path)


def write_clip(
    clip: Clip, path: Path, long_side: int = 1280, on_progress: Progress | None = None, crf: int = 20
) -> Path:
    """Write the range of a clip without masks, with the sound in `clip.waveform`, for any browser.

    H.264 and AAC in MP4, even size, at most 30 fps, starting at 0 s. crf: x264's quality, 0 the best. Raises
    ClipError if the source can no longer be read.
    """
    reader = VideoReader(clip, long_side=long_side)
    _write_video(_plain(reader, _counter(reader.count, on_progress)), reader, path, crf)
    return path


def _write_video(frames: Generator[np.ndarray], reader: VideoReader, path: Path, crf: int = 20) -> None:
    with closing(frames):  # ends the decoder, also when writing fails
        write_mp4(path, frames, reader.rate, reader.clip.waveform, reader.clip.pixel_aspect, crf)


def write_coco(prediction: Prediction, path: Path) -> Path:
    """Write the masks as COCO annotations in run-length encoding, one per frame and class.

    Image ids count from 1, like the PNG masks; `file_name` is the frame that `write_prediction` writes beside
    the masks with frames=True. For the binary tasks, category 1 is "sounding"; for AVSS, categories are
    AVSBench's class indices. `area` and `bbox` are in pixels of the source.
    """
    several = prediction.task == "avss"
    images, annotations = [], []
    for number, mask in enumerate(prediction.masks, start=1):
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        moment = round(float(prediction.clip.times[number - 1]), 6)
        name = f"{FRAMES}/{number:04d}.jpg"
        images.append({"id": number, "file_name": name, **size, "time": moment})
        for value in np.unique(mask[mask > 0]):
            category = {"image_id": number, "category_id": int(value) if several else 1}
            annotations.append({"id": len(annotations) + 1, **category, **_run_lengths(mask == value)})
    used = sorted({annotation["category_id"] for annotation in annotations} | (set() if several else {1}))
    content = {
        "info": {"description": f"{prediction.clip.name}, {prediction.model}, {prediction.weights} weights"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": index, "name": CLASSES[index] if several else "sounding"} for index in used],
    }
    write_texts(path.parent, {path.name: json.dumps(content) + "\n"})
    return path


def _run_lengths(mask: np.ndarray) -> dict[str, object]:
    from pycocotools import mask as coco

    run = coco.encode(np.asfortranarray(mask))
    return {
        "segmentation": {"size": list(mask.shape), "counts": run["counts"].decode("ascii")},
        "area": int(coco.area(run)),
        "bbox": coco.toBbox(run).tolist(),
        "iscrowd": 0,
    }


def _painted(
    prediction: Prediction, reader: VideoReader, opacity: float, on_picture: Callable[[], object]
) -> Generator[np.ndarray]:
    """Yield the frames of a video uint8 [H, W, 3] with the masks on top."""
    colours, last = colours_of(prediction), len(prediction.labels) - 1
    painted = layer = None
    with closing(reader.pictures()) as pictures:
        for number, picture in enumerate(pictures):
            index = min(last, math.floor(number / reader.rate * prediction.clip.fps + 1e-6))
            if layer is None or index != painted:
                painted, layer = index, mask_layer(prediction.mask(index, reader.size), colours, opacity)
            yield layer.over(picture)
            on_picture()


def _plain(reader: VideoReader, on_picture: Callable[[], object]) -> Generator[np.ndarray]:
    with closing(reader.pictures()) as pictures:
        for picture in pictures:
            yield picture
            on_picture()


def colours_of(prediction: Prediction) -> dict[int, Colour]:
    """Return the display colour of every class in a prediction, by index; orange for the binary tasks."""
    if prediction.task != "avss":
        return dict(BINARY)
    present = dict.fromkeys(
        CLASSES[index] for frame in prediction.finished().labels for index in np.unique(frame)
    )
    return {CLASS_INDEX[name]: colour for name, colour in clip_colours(present).items()}


def _write_mask(
    prediction: Prediction, index: int, folder: Path, tick: Callable[[], object]
) -> dict[str, object]:
    """Write one mask and return its entry in the record."""
    mask = prediction.masks[index]
    name = f"{MASKS}/{index + 1:04d}.png"
    Image.fromarray(mask).save(folder / name)
    tick()
    return frame_entry(prediction, index, mask) | {"mask": name}


def frame_entry(prediction: Prediction, index: int, mask: np.ndarray) -> dict[str, object]:
    """Return what the record says about a frame, whose mask is that of `prediction.masks`."""
    clip = prediction.clip
    entry: dict[str, object] = {
        "index": index + 1,
        "time": round(float(clip.times[index]), 6),
        "source_frame": None if clip.source_frames is None else int(clip.source_frames[index]),
        "source_time": None if clip.source_times is None else round(float(clip.source_times[index]), 6),
        "foreground": round(np.count_nonzero(mask) / mask.size, 6),
        "classes": {},
    }
    if prediction.task == "avss":
        indices, pixels = np.unique(mask[mask > 0], return_counts=True)
        entry["classes"] = {CLASSES[k]: round(int(n) / mask.size, 6) for k, n in zip(indices, pixels)}
    return entry


def _write_frames(
    reader: VideoReader, entries: list[dict[str, object]], folder: Path, tick: Callable[[], object]
) -> None:
    """Write the frames of the masks at source size, and add them to the entries."""
    (folder / FRAMES).mkdir()
    with closing(reader.samples()) as samples:
        for entry, sample in zip(entries, samples, strict=True):
            entry["frame"] = f"{FRAMES}/{entry['index']:04d}.jpg"
            Image.fromarray(sample).save(folder / entry["frame"], quality=JPEG_QUALITY)
            tick()


def record_of(prediction: Prediction, frames: list[dict[str, object]], seconds: Timing) -> dict[str, object]:
    """Return the record of a prediction, the content of prediction.json; frames: a `frame_entry` each."""
    clip = prediction.clip
    return {
        "clip": clip.name,
        "start": clip.start,
        "duration": round(clip.duration, 6),
        "size": list(clip.size),
        "fps": clip.fps,
        "geometry": "letterbox" if clip.letterbox else "stretched",
        "has_sound": clip.has_sound,
        "audio": prediction.audio,
        "notices": [notice.text for notice in clip.notices],
        "model": prediction.model,
        "weights": prediction.weights,
        "mute_change": prediction.mute_change,
        "task": prediction.task,
        "device": prediction.device,
        "precision": prediction.precision,
        "threshold": prediction.threshold,
        "seconds": {stage: round(value, 3) for stage, value in asdict(seconds).items()},
        "frames": frames,
    }


def _counter(total: int, on_progress: Progress | None) -> Callable[[], None]:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if on_progress:
            on_progress(done, total)

    return tick


def _check_folder(folder: Path) -> None:
    """Refuse a folder with content other than an earlier result, since it will be replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder} is a file, not a folder. Choose another folder.")
    files = {entry.name for entry in folder.iterdir() if not is_litter(entry)}
    if files - RESULT or (files and RECORD not in files):
        names = ", ".join(sorted(files - RESULT or files)[:3])
        raise ConfigError(
            f"{folder} contains files that are not an earlier result ({names}). "
            "Choose a new or empty folder; nothing was written."
        )


def _replace_folder(unfinished: Path, folder: Path) -> None:
    if not folder.exists():
        unfinished.rename(folder)
        return
    earlier = unfinished.with_name(unfinished.name + ".old")
    folder.rename(earlier)
    try:
        unfinished.rename(folder)
    except OSError:
        earlier.rename(folder)
        raise
    shutil.rmtree(earlier)
