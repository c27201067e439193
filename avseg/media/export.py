"""Write a prediction to a folder: overlay video with the sound that was heard, PNG masks, a JSON record."""

import json
import math
import shutil
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.data.labels import CLASS_INDEX, CLASSES, clip_colours
from avseg.errors import ConfigError
from avseg.media.clip import Clip, VideoReader
from avseg.media.draw import BINARY, Colour, mask_layer
from avseg.media.video import write_mp4
from avseg.predict import Prediction, Progress, Timing

OVERLAY, MASKS, RECORD = "overlay.mp4", "masks", "prediction.json"
RESULT = {OVERLAY, MASKS, RECORD}
LITTER = {".DS_Store", "Thumbs.db"}  # what file managers leave in a folder that was looked at


@dataclass(frozen=True)
class Written:
    """Where a prediction stands on disk."""

    folder: Path
    overlay: Path
    masks: tuple[Path, ...]  # one per frame
    record: Path
    seconds: Timing


def write_prediction(
    prediction: Prediction, folder: str | Path, opacity: float = 0.45, on_progress: Progress | None = None
) -> Written:
    """Write overlay.mp4, masks/0001.png ... and prediction.json into `folder`, all of them or nothing.

    An earlier result there is replaced once the new one is whole. on_progress: called with (done, total)
    after every mask and picture; what it raises ends the work and leaves nothing. Raises ConfigError for a
    folder that holds other files or cannot be written to, ClipError when the source video can no longer be
    read.
    """
    began = time.perf_counter()
    folder = Path(folder).expanduser().resolve()
    _check_folder(folder)
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        (unfinished / MASKS).mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"Nothing can be written beside {folder} ({error.strerror}). Choose another folder."
        ) from error
    try:
        reader = VideoReader(prediction.clip)
        count = len(prediction.labels)
        tick = _counter(count + reader.count, on_progress)
        frames = [_write_mask(prediction, index, unfinished, tick) for index in range(count)]
        write_overlay(prediction, unfinished / OVERLAY, opacity, reader, tick)
        seconds = replace(prediction.seconds, write=time.perf_counter() - began)
        record = _record(prediction, frames, seconds)
        (unfinished / RECORD).write_text(
            json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    masks = tuple(folder / frame["mask"] for frame in frames)
    return Written(folder, folder / OVERLAY, masks, folder / RECORD, seconds)


def write_overlay(
    prediction: Prediction,
    path: Path,
    opacity: float = 0.45,
    reader: VideoReader | None = None,
    on_picture: Callable[[], object] | None = None,
) -> None:
    """Write the source video with the masks over it and the heard sound under it, as H.264 and AAC in MP4.

    Size and rate are the source's (even, at most 1920 px and 30 fps). The mask of frame i stands over the
    pictures from i / fps to (i + 1) / fps s, the last one until the end.
    """
    reader = reader or VideoReader(prediction.clip)
    frames = _painted(prediction, reader, opacity, on_picture or (lambda: None))
    _write_video(frames, reader, path)


def write_clip(clip: Clip, path: Path, long_side: int = 1280, on_progress: Progress | None = None) -> Path:
    """Write the range of a clip as every browser plays it, without masks, with the sound in `clip.waveform`.

    H.264 and AAC in MP4, even size, at most 30 fps; it begins at 0 s. Raises ClipError when the source can no
    longer be read.
    """
    reader = VideoReader(clip, long_side=long_side)
    _write_video(_plain(reader, _counter(reader.count, on_progress)), reader, path)
    return path


def _write_video(frames: Generator[np.ndarray], reader: VideoReader, path: Path) -> None:
    with closing(frames):  # ends the decoder, also when writing fails
        write_mp4(path, frames, reader.rate, reader.clip.waveform, reader.clip.pixel_aspect)


def write_coco(prediction: Prediction, path: Path) -> Path:
    """Write the masks as COCO annotations with run lengths, one per frame and class that is marked there.

    Image ids count from 1 as the PNG masks do. Category 1 is "sounding" for the binary tasks; for AVSS they
    are AVSBench's class indices. `area` and `bbox` are pixels of the source.
    """
    several = prediction.task == "avss"
    images, annotations = [], []
    for number, mask in enumerate(prediction.masks, start=1):
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        moment = round(float(prediction.clip.times[number - 1]), 6)
        images.append({"id": number, "file_name": f"{MASKS}/{number:04d}.png", **size, "time": moment})
        for value in np.unique(mask[mask > 0]):
            found = {"image_id": number, "category_id": int(value) if several else 1}
            annotations.append({"id": len(annotations) + 1, **found, **_run_lengths(mask == value)})
    used = sorted({found["category_id"] for found in annotations} | (set() if several else {1}))
    content = {
        "info": {"description": f"{prediction.clip.name}, {prediction.model}, {prediction.weights} weights"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": index, "name": CLASSES[index] if several else "sounding"} for index in used],
    }
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
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
    """Yield the pictures of a video uint8 [H, W, 3] with the masks over them."""
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
    seen = dict.fromkeys(CLASSES[index] for frame in prediction.labels for index in np.unique(frame))
    return {CLASS_INDEX[name]: colour for name, colour in clip_colours(seen).items()}


def _write_mask(
    prediction: Prediction, index: int, folder: Path, tick: Callable[[], object]
) -> dict[str, object]:
    """Write one mask and return its entry of the record."""
    mask = prediction.masks[index]
    name = f"{MASKS}/{index + 1:04d}.png"
    Image.fromarray(mask).save(folder / name)
    tick()
    entry = {
        "index": index + 1,
        "time": round(float(prediction.clip.times[index]), 6),
        "mask": name,
        "foreground": round(np.count_nonzero(mask) / mask.size, 6),
        "classes": {},
    }
    if prediction.task == "avss":
        found, pixels = np.unique(mask[mask > 0], return_counts=True)
        entry["classes"] = {CLASSES[k]: round(int(n) / mask.size, 6) for k, n in zip(found, pixels)}
    return entry


def _record(prediction: Prediction, frames: list[dict[str, object]], seconds: Timing) -> dict[str, object]:
    clip = prediction.clip
    return {
        "clip": clip.name,
        "start": clip.start,
        "duration": round(clip.duration, 6),
        "size": list(clip.size),
        "fps": clip.fps,
        "has_sound": clip.has_sound,
        "audio": prediction.audio,
        "notices": [notice.text for notice in clip.notices],
        "model": prediction.model,
        "weights": prediction.weights,
        "task": prediction.task,
        "device": prediction.device,
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
    """Refuse a folder whose content is not an earlier result: it is going to be replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder} is a file, not a folder. Choose another place for the result.")
    found = {entry.name for entry in folder.iterdir()} - LITTER
    if found - RESULT or (found and RECORD not in found):
        names = ", ".join(sorted(found - RESULT or found)[:3])
        raise ConfigError(
            f"{folder} holds files that are no earlier result ({names}). "
            "Choose a new or empty folder; nothing was written."
        )


def _put_in_place(unfinished: Path, folder: Path) -> None:
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
