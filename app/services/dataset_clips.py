"""A clip of a data set, read for the models, with a video for the player and the other tabs."""

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
_PICTURES_PER_SECOND = 10  # of a video that holds every frame for a second

Truth = tuple[np.ndarray | None, ...]
"""Ground truth of every frame, uint8 [h, w] as in `Sample`; None for a frame without a label."""


@dataclass(frozen=True, eq=False)
class DatasetClip:
    """A clip of a data set with its ground truth."""

    clip: Clip
    truth: Truth


def read(dataset: DataSet, entry: Entry) -> DatasetClip:
    """Read the frames, the audio and the labels of a clip; the padding of a short clip is left out.

    The clip has no video yet: see `with_video`. What is missing or damaged becomes black, silent or
    unlabelled, and the clip's notices say so. Raises DatasetError if no frame can be read.
    """
    problems: list[str] = []
    frames = [_try(problems, read_frame, dataset.folder, entry, moment) for moment in range(entry.frames)]
    readable = [(moment, frame) for moment, frame in enumerate(frames) if frame is not None]
    if not readable:
        raise DatasetError(problems[0] if problems else f"{entry.name} has no frames.")
    count, shape = readable[-1][0] + 1, readable[0][1].shape[:2]
    masks = [_try(problems, read_mask, dataset.folder, entry, moment) for moment in range(count)]
    waveform = _try(problems, read_wav, dataset.folder / entry.sound)
    waveform = silence(count * SAMPLE_RATE) if waveform is None else waveform
    scale = min(1.0, WORKING_SIDE / max(shape))
    size = tuple(max(2, round(side * scale / 2) * 2) for side in shape)
    black = np.zeros((*size, 3), np.uint8)
    # Notices give paths within the data set: where the data set lies is the owner's affair.
    problems = [text.replace(f"{dataset.folder}{os.sep}", "").replace(f" {ADVICE}", "") for text in problems]
    clip = Clip(
        name=entry.name,
        path=dataset.folder / entry.frame(readable[0][0]),
        frames=np.stack([black if frame is None else resize(frame, size) for frame in frames[:count]]),
        waveform=fit_sound(waveform, count),
        times=frame_times(count, 1),
        fps=1.0,
        size=shape,
        duration=float(count),
        start=0.0,
        has_sound=bool(waveform.any()),
        notices=tuple(Notice("unreadable", text) for text in problems),
    )
    return DatasetClip(
        clip, tuple(None if mask is None else fit(mask, shape, smooth=False) for mask in masks)
    )


def _try(problems: list[str], reader: Callable[..., T], *args: object) -> T | None:
    """Return reader(*args); if that fails, add the reason to `problems` and return None."""
    try:
        return reader(*args)
    except DatasetError as error:
        problems.append(str(error))
        return None


def with_video(dataset: DataSet, entry: Entry, content: DatasetClip, folder: Path) -> DatasetClip:
    """Return the same clip with a video in `folder` that browsers play and the other tabs can read.

    A drawn clip may have its own; otherwise every frame is held for its second. Raises ClipError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clip.mp4"
    pattern = DRAWN_VIDEOS[dataset.task]
    own = dataset.folder / pattern.format(split=entry.split, given=entry.annotation, name=entry.name)
    count = len(content.clip.frames)
    if dataset.drawn and own.is_file() and own.resolve().is_relative_to(dataset.folder):
        shutil.copyfile(own, path)
        video = read_clip(path, fps=1, seconds=count)
        if len(video.frames) == count:
            return replace(content, clip=_with_content_of(video, content.clip))
    _write_held_frames(content.clip, path)
    video = read_clip(path, fps=1, seconds=count)
    return replace(content, clip=_with_content_of(video, content.clip))


def _with_content_of(video: Clip, clip: Clip) -> Clip:
    """Return a video's clip with the frames, the audio and the times of the data set's clip."""
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


def _write_held_frames(clip: Clip, path: Path) -> None:
    """Write a video that shows each frame for a second, with the audio of the clip."""
    frames = (frame for frame in clip.frames for _ in range(_PICTURES_PER_SECOND))
    try:
        write_mp4(path, frames, _PICTURES_PER_SECOND, clip.waveform, crf=18, threads=1)
    except ClipError as error:
        raise ClipError(f"No video could be made of {clip.name}. Open another clip.") from error


def has_classes(dataset: DataSet) -> bool:
    """The masks of this data set name the class of every pixel."""
    return dataset.task == "avss"


def truth_for(dataset: DataSet, truth: Truth, prediction: Prediction) -> Truth | None:
    """Return ground truth with the classes of a prediction's task; None where it lacks them."""
    if prediction.task == "avss":
        return truth if has_classes(dataset) else None
    return tuple(None if mask is None else (mask > 0).astype(np.uint8) for mask in truth)
