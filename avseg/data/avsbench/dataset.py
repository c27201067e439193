"""AVSBench on disk: S4, MS3 and AVSS, or SynthAVS written in their formats, as `Clips`."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import (
    ADVICE,
    DECODE,
    FRAME,
    MASK,
    fit,
    picture_size,
    read_picture,
    read_wav,
)
from avseg.data.avsbench.index import find_task, find_tasks, layout_of, locate, read_index, table_file
from avseg.data.avsbench.layout import LAYOUTS, SPLITS, Entry
from avseg.data.samples import FOLDER, UNNAMED, DataReference, Sample, foreground
from avseg.errors import ConfigError, DatasetError
from avseg.files import find_file
from avseg.media.audio import SAMPLE_RATE

__all__ = [
    "LAYOUTS",
    "AVSBench",
    "Entry",
    "find_task",
    "find_tasks",
    "open_data",
    "read_entry",
    "read_frame",
    "read_mask",
]

LEAKFREE = "-leakfree"


class AVSBench:
    """A split of AVSBench; clips are read on demand.

    root: the folder that contains Single-source, Multi-sources or AVSS, its parent if it is called `data`, or
    the task's folder. split: train, val, test, or val-leakfree, test-leakfree: without the clips whose source
    video is also in train (MS3's 64 test clips become 26; `ms3-leakfree` is another name of these).

    Labelled frames are those that have ground truth: of S4 and of AVSS's v1s the first in train and all five
    in val and test. (The released AVSS loader omits the other four of v1s in val and test.) A clip with fewer
    frames than `seconds` is padded with black frames, neither real nor labelled, as in AVSS.

    Raises ConfigError for a task or split that does not exist, DatasetError if the folder does not contain
    the task or a clip of the split.
    """

    def __init__(self, root: Path | str, task: str, split: str):
        self.folder = locate(root, task)
        self.task, self.split = task, _checked_split(task, split)
        layout = layout_of(self.folder, task)
        self.seconds, self.rate = layout.seconds, layout.rate
        index = read_index(self.folder, task)
        self.entries = _of_split(index, self.split)
        if not self.entries:
            splits = ", ".join(sorted({entry.split for entry in index})) or "none"
            table = table_file(self.folder, task)
            raise DatasetError(f"{table} lists no clips of split {split}; splits with clips: {splits}.")

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, index: int) -> Entry:
        """Return a clip's row of the table; raises IndexError past the end."""
        if not 0 <= index < len(self.entries):
            raise IndexError(f"Clip {index} of {len(self.entries)}.")
        return self.entries[index]

    @property
    def reference(self) -> DataReference:
        return DataReference(FOLDER, self.task, self.split, str(self.folder))

    def name(self, index: int) -> str:
        return self.entry(index).name

    def index_of(self, name: str) -> int | None:
        """Return the index of a clip by its name, None if no clip has this name."""
        return next((index for index, entry in enumerate(self.entries) if entry.name == name), None)

    def waveform(self, index: int) -> np.ndarray:
        return read_sound(self.folder, self.entry(index))

    def sounding_classes(self, index: int) -> frozenset[str] | None:
        """Return the classes in the table, visible and audible; None for MS3, whose table names none."""
        entry = self.entry(index)
        if entry.layout.own_classes:
            return frozenset((entry.annotation,))
        return frozenset(entry.labels) if entry.annotation else None

    def has_foreground(self) -> bool:
        """Return whether any mask has foreground; reads masks until one has, or is damaged."""
        try:
            masks = (
                read_mask(self.folder, entry, moment)
                for entry in self.entries
                for moment in range(entry.labelled)
            )
            return any(mask is not None and foreground(mask).any() for mask in masks)
        except DatasetError:  # reported when its clip is read
            return True

    def __getitem__(self, index: int) -> Sample:
        return self.read(index)

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only its frames `moments`, as `read_entry`."""
        return read_entry(self.folder, self.entry(index), moments)


def read_entry(folder: Path, entry: Entry, moments: Sequence[int] | None = None) -> Sample:
    """Return a clip of a task's folder, or only its frames `moments`.

    Frames and masks are resized to the size of the clip's first frame, masks by nearest neighbour. Raises
    DatasetError if a file that the format requires is missing, or any is damaged.
    """
    seconds = entry.layout.seconds
    indices = tuple(range(seconds)) if moments is None else tuple(int(m) for m in moments)
    if not all(0 <= moment < seconds for moment in indices):
        raise IndexError(f"Moments {indices} of a clip with {seconds} frames.")
    size = picture_size(folder / entry.frame(0))
    frames = [read_frame(folder, entry, moment) for moment in indices]
    masks = [
        None if frame is None else read_mask(folder, entry, moment) for frame, moment in zip(frames, indices)
    ]
    black = np.zeros((*size, 3), np.uint8)
    empty = black[..., 0]
    return Sample(
        name=entry.name,
        moments=indices,
        frames=np.stack([black if frame is None else fit(frame, size, smooth=True) for frame in frames]),
        waveform=read_sound(folder, entry),
        classes=np.stack([empty if mask is None else fit(mask, size, smooth=False) for mask in masks]),
        labelled=np.array([mask is not None for mask in masks]),
        real=np.array([frame is not None for frame in frames]),
    )


def read_sound(folder: Path, entry: Entry) -> np.ndarray:
    """Return the audio of a clip, float32 [samples]; raises DatasetError.

    That of AVS-Synthetic is longer than its image and is heard from the second log-mel patch on, or from the
    beginning where it is too short.
    """
    waveform, layout = read_wav(folder / entry.sound), entry.layout
    if not layout.heard_from:
        return waveform
    first, count = round(layout.heard_from * SAMPLE_RATE), layout.seconds * SAMPLE_RATE
    return waveform[first : first + count] if len(waveform) >= first + count else waveform[:count]


def read_frame(folder: Path, entry: Entry, moment: int) -> np.ndarray | None:
    """Return a frame uint8 [H, W, 3], or None after the end of a clip that may be shorter.

    Raises DatasetError if it is required and missing, or damaged.
    """
    path = folder / entry.frame(moment)
    if moment >= entry.frames or (moment >= entry.required and not os.path.lexists(find_file(path, FRAME))):
        return None
    return np.asarray(read_picture(path).convert("RGB"))


def read_mask(folder: Path, entry: Entry, moment: int) -> np.ndarray | None:
    """Return the ground truth of a frame, uint8 [H, W] as in `Sample`, or None without one.

    Raises DatasetError if the mask is required and missing, or damaged.
    """
    if moment >= entry.labelled:
        return None
    candidates = [(folder / path, kind) for path, kind in entry.masks(moment)]
    for path, kind in candidates:
        if os.path.lexists(find_file(path, MASK)):
            classes = DECODE[kind](read_picture(path, MASK), path)
            return np.where(classes == UNNAMED, np.uint8(entry.unnamed), classes)
    if moment >= entry.required:
        return None
    raise DatasetError(f"{' or '.join(str(path) for path, _ in candidates)} is missing. {ADVICE}")


def open_data(root: Path | str, task: str | None = None, split: str = "test") -> AVSBench:
    """Return a split of the task in a folder; `task` is required only if it contains several.

    Raises the errors of `find_task` and `AVSBench`.
    """
    return AVSBench(root, task or find_task(root), split)


def _checked_split(task: str, split: str) -> str:
    if task == "ms3" and split == f"ms3{LEAKFREE}":
        return f"test{LEAKFREE}"
    splits = (*SPLITS, f"val{LEAKFREE}", f"test{LEAKFREE}")
    if split not in splits:
        raise ConfigError(f"AVSBench has no split {split!r} of {task}; splits are {', '.join(splits)}.")
    return split


def _of_split(index: Sequence[Entry], split: str) -> tuple[Entry, ...]:
    """Return the clips of a split, each name once."""
    plain = split.removesuffix(LEAKFREE)
    entries: dict[str, Entry] = {}
    for entry in index:
        if entry.split == plain:
            entries.setdefault(entry.name, entry)
    train_videos = {entry.video for entry in index if entry.split == "train"} if plain != split else set()
    return tuple(entry for entry in entries.values() if entry.video not in train_videos)
