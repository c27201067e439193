"""A clip of a data set as a `Clip` for the models, with its ground truth and a video."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from avseg.data.avsbench.dataset import read_frame, read_mask, read_sound
from avseg.data.avsbench.files import ADVICE, fit
from avseg.data.avsbench.layout import SCENES, Entry
from avseg.data.samples import without_ignored
from avseg.errors import ClipError, DatasetError
from avseg.files import make_folder, writing
from avseg.media.audio import SAMPLE_RATE, silence
from avseg.media.clip import WORKING_SIDE, Clip, Notice, fit_sound, frame_times, read_clip
from avseg.media.draw import resize
from avseg.media.video import write_mp4

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


def read_dataset_clip(folder: Path, entry: Entry) -> DatasetClip:
    """Read the frames, the audio and the labels of a clip of a task's folder, without padding.

    The clip has no video yet: see `with_video`. What is missing or damaged becomes black, silent or
    unlabelled, and the clip's notices say so. Raises DatasetError if no frame can be read.
    """
    problems: list[str] = []
    frames = [_try(problems, read_frame, folder, entry, moment) for moment in range(entry.frames)]
    readable = [(moment, frame) for moment, frame in enumerate(frames) if frame is not None]
    if not readable:
        raise DatasetError(problems[0] if problems else f"{entry.name} has no frames.")
    count, shape = readable[-1][0] + 1, readable[0][1].shape[:2]
    seconds = count / entry.rate
    masks = [_try(problems, read_mask, folder, entry, moment) for moment in range(count)]
    waveform = _try(problems, read_sound, folder, entry)
    waveform = silence(round(seconds * SAMPLE_RATE)) if waveform is None else waveform
    scale = min(1.0, WORKING_SIDE / max(shape))
    size = tuple(max(2, round(side * scale / 2) * 2) for side in shape)
    black = np.zeros((*size, 3), np.uint8)
    # Notices give paths within the data set: where the data set lies is the owner's affair.
    problems = [text.replace(f"{folder}{os.sep}", "").replace(f" {ADVICE}", "") for text in problems]
    clip = Clip(
        name=entry.name,
        path=None,
        frames=np.stack([black if frame is None else resize(frame, size) for frame in frames[:count]]),
        waveform=fit_sound(waveform, seconds),
        times=frame_times(seconds, entry.rate),
        fps=entry.rate,
        size=shape,
        duration=seconds,
        start=0.0,
        has_sound=bool(waveform.any()),
        notices=tuple(Notice("unreadable", text) for text in problems),
    )
    return DatasetClip(
        clip,
        tuple(None if mask is None else without_ignored(fit(mask, shape, smooth=False)) for mask in masks),
    )


def _try(problems: list[str], reader: Callable[..., T], *args: object) -> T | None:
    """Return reader(*args); if that fails, add the reason to `problems` and return None."""
    try:
        return reader(*args)
    except DatasetError as error:
        problems.append(str(error))
        return None


def with_video(content: DatasetClip, folder: Path, entry: Entry, target: Path) -> DatasetClip:
    """Return the same clip with a video in the folder `target`, which browsers play.

    A drawn clip may have its own; otherwise every frame is held for its time. Raises ClipError.
    """
    path = make_folder(target) / "clip.mp4"
    own = folder / DRAWN_VIDEOS[entry.task].format(split=entry.split, given=entry.annotation, name=entry.name)
    count = len(content.clip.frames)
    if (folder / SCENES).is_file() and own.is_file() and own.resolve().is_relative_to(folder):
        with writing(path):
            shutil.copyfile(own, path)
        video = read_clip(path, fps=1, seconds=count)
        if len(video.frames) == count:
            return _with_content_of(video, content)
    held = max(1, round(_PICTURES_PER_SECOND / entry.rate))  # pictures that show one frame
    frames = (frame for frame in content.clip.frames for _ in range(held))
    try:
        write_mp4(path, frames, held * entry.rate, content.clip.waveform, crf=18, threads=1)
    except ClipError as error:
        raise ClipError(f"No video could be made of {entry.name}. Open another clip.") from error
    return _with_content_of(read_clip(path, entry.rate, seconds=content.clip.duration), content)


def _with_content_of(video: Clip, content: DatasetClip) -> DatasetClip:
    """Return a clip of a data set whose file, size and rate are those of its video."""
    of_data = ("name", "frames", "waveform", "times", "duration", "has_sound", "notices")
    of_data += ("source_frames", "source_times")
    return replace(content, clip=replace(video, **{name: getattr(content.clip, name) for name in of_data}))


def truth_for(truth: Truth, task: str, predicted: str) -> Truth | None:
    """Return ground truth of a task with the classes of a prediction's task; None where it lacks them."""
    if predicted == "avss":
        return truth if task == "avss" else None
    return tuple(None if mask is None else (mask > 0).astype(np.uint8) for mask in truth)
