"""A clip of a data set as the player, the models and the other tabs want it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.services.datasets import DataSet
from avseg.data.avsbench.dataset import read_frame, read_mask
from avseg.data.avsbench.files import ADVICE, fit, read_wav
from avseg.data.avsbench.layout import Entry
from avseg.errors import ClipError, DatasetError
from avseg.media.audio import SAMPLE_RATE, silence
from avseg.media.clip import WORKING_SIDE, Clip, Notice, fit_sound, frame_times, read_clip
from avseg.media.draw import resize
from avseg.media.video import write_mp4
from avseg.predict import Prediction

# Where `avseg synth` puts the videos of drawn clips.
DRAWN_VIDEOS = {
    "s4": "s4_data/raw_videos/{split}/{given}/{name}.mp4",
    "ms3": "ms3_data/videos/{name}.mp4",
    "avss": "videos/{name}.mp4",
}
T = TypeVar("T")
_STILLS = 10  # pictures per second of a video that holds every frame for a second

Truth = tuple[np.ndarray | None, ...]
"""What sounds in every frame, uint8 [h, w] as in `Sample`; None for a frame without a label."""


@dataclass(frozen=True, eq=False)
class Read:
    """A clip that was read."""

    clip: Clip
    truth: Truth


def read(data: DataSet, entry: Entry) -> Read:
    """Read the frames, the sound and the labels of a clip; padding of a short one is left out.

    The clip has no video yet: see `with_video`. What is missing or damaged is left black, silent or without a
    label, and the clip's notices say so. Raises DatasetError where no frame can be read.
    """
    said: list[str] = []
    frames = [_tried(said, read_frame, data.folder, entry, moment) for moment in range(entry.frames)]
    there = [moment for moment, frame in enumerate(frames) if frame is not None]
    if not there:
        raise DatasetError(said[0] if said else f"{entry.name} has no frames.")
    count, shape = there[-1] + 1, frames[there[0]].shape[:2]
    masks = [_tried(said, read_mask, data.folder, entry, moment) for moment in range(count)]
    waveform = _tried(said, read_wav, data.folder / entry.sound)
    waveform = silence(count * SAMPLE_RATE) if waveform is None else waveform
    scale = min(1.0, WORKING_SIDE / max(shape))
    size = tuple(max(2, round(side * scale / 2) * 2) for side in shape)
    black = np.zeros((*size, 3), np.uint8)
    clip = Clip(
        name=entry.name,
        path=data.folder / entry.frame(there[0]),
        frames=np.stack([black if frame is None else resize(frame, size) for frame in frames[:count]]),
        waveform=fit_sound(waveform, count),
        times=frame_times(count, 1),
        fps=1.0,
        size=shape,
        duration=float(count),
        start=0.0,
        has_sound=bool(waveform.any()),
        notices=tuple(
            Notice("unreadable", words.replace(f"{data.folder}{os.sep}", "").replace(f" {ADVICE}", ""))
            for words in said
        ),
    )
    return Read(clip, tuple(None if mask is None else fit(mask, shape, smooth=False) for mask in masks))


def _tried(said: list[str], how: Callable[..., T], *given: object) -> T | None:
    """Return how(*given); where that cannot be read, None, and the reason is added to `said`."""
    try:
        return how(*given)
    except DatasetError as error:
        said.append(str(error))
        return None


def with_video(data: DataSet, entry: Entry, found: Read, folder: Path) -> Read:
    """Return the same with a video in `folder` that browsers play and the other tabs can read.

    A drawn clip has one of its own; otherwise every frame is held for its second. Raises ClipError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "clip.mp4"
    own = data.folder / DRAWN_VIDEOS[data.task].format(split=entry.split, given=entry.given, name=entry.name)
    count = len(found.clip.frames)
    if data.drawn and own.is_file() and own.resolve().is_relative_to(data.folder):
        shutil.copyfile(own, place)
        moving = read_clip(place, fps=1, seconds=count)
        if len(moving.frames) == count:
            return replace(found, clip=_as_in(moving, found.clip))
    _hold(found.clip, place)
    return replace(found, clip=_as_in(read_clip(place, fps=1, seconds=count), found.clip))


def _as_in(video: Clip, clip: Clip) -> Clip:
    """Return a video's clip with the frames, the sound and the moments of the data set's."""
    return replace(
        video,
        name=clip.name,
        frames=clip.frames,
        waveform=clip.waveform,
        times=clip.times,
        duration=clip.duration,
        has_sound=clip.has_sound,
        notices=clip.notices,
    )


def _hold(clip: Clip, path: Path) -> None:
    """Write a video that shows each frame for a second, with the sound of the clip."""
    frames = (frame for frame in clip.frames for _ in range(_STILLS))
    try:
        write_mp4(path, frames, _STILLS, clip.waveform, crf=18, threads=1)
    except ClipError as error:
        raise ClipError(f"No video could be made of {clip.name}. Open another clip.") from error


def named(data: DataSet) -> bool:
    """Whether the pixels of a data set's masks say what sounds."""
    return data.task == "avss"


def shown_truth(data: DataSet, found: Read, prediction: Prediction) -> Truth | None:
    """Return the labels for the other tabs, as the prediction's task counts them; None where they differ."""
    if prediction.task == "avss":
        return found.truth if named(data) else None
    return tuple(None if picture is None else (picture > 0).astype(np.uint8) for picture in found.truth)
