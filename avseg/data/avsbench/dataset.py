"""AVSBench on disk: S4, MS3 and AVSS, or SynthAVS written in their formats, as one kind of `Clips`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import ADVICE, DECODE, fit, picture_size, read_picture, read_wav
from avseg.data.avsbench.index import find_task, find_tasks, locate, read_index
from avseg.data.avsbench.layout import LAYOUTS, SPLITS, Entry
from avseg.data.samples import FOLDER, UNNAMED, DataReference, Sample
from avseg.errors import ConfigError, DatasetError

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
    """A split of AVSBench; clips are read when asked for.

    root: the folder that holds Single-source, Multi-sources or AVSS, its parent if it is called `data`, or
    the task's folder. split: train, val, test, or val-leakfree, test-leakfree: without the clips whose source
    video is in train too (MS3's 64 test clips become 26; `ms3-leakfree` is another name of these).

    Labelled frames are those that have ground truth: of S4 and of AVSS's v1s the first in train and all five
    in val and test. (The released AVSS loader forgets the other four of v1s in val and test.) A clip with
    fewer frames than `seconds` is filled up with black frames, neither real nor labelled, as AVSS does.

    Raises ConfigError for a task or split that does not exist, DatasetError when the folder holds no such
    task or no clip of the split.
    """

    def __init__(self, root: Path | str, task: str, split: str):
        self.folder = locate(root, task)
        self.task, self.split, self.seconds = task, _checked_split(task, split), LAYOUTS[task].seconds
        index = read_index(self.folder, task)
        self.entries = _of_split(index, self.split)
        if not self.entries:
            there = ", ".join(sorted({entry.split for entry in index})) or "none"
            table = self.folder / LAYOUTS[task].table
            raise DatasetError(f"{table} lists no clips of split {split}; splits with clips: {there}.")

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, index: int) -> Entry:
        """Return what the table says about a clip; raises IndexError past the end."""
        if not 0 <= index < len(self.entries):
            raise IndexError(f"Clip {index} of {len(self.entries)}.")
        return self.entries[index]

    @property
    def reference(self) -> DataReference:
        return DataReference(FOLDER, self.task, self.split, str(self.folder))

    def name(self, index: int) -> str:
        return self.entry(index).name

    def waveform(self, index: int) -> np.ndarray:
        return read_wav(self.folder / self.entry(index).sound)

    def sounding_classes(self, index: int) -> frozenset[str] | None:
        """Return the classes in the table, visible and audible; None for MS3, whose table names none."""
        entry = self.entry(index)
        return frozenset(entry.labels) if entry.given else None

    def __getitem__(self, index: int) -> Sample:
        return self.read(index)

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only the frames `moments` of it, as `read_entry` does."""
        return read_entry(self.folder, self.entry(index), moments)


def read_entry(folder: Path, entry: Entry, moments: Sequence[int] | None = None) -> Sample:
    """Return a clip of a task's folder, or only the frames `moments` of it.

    Frames have the size of the clip's first one, and so have masks, without mixing their pixels. Raises
    DatasetError when a file that the format promises is missing, or any is damaged.
    """
    seconds = entry.layout.seconds
    chosen = tuple(range(seconds)) if moments is None else tuple(int(m) for m in moments)
    if not all(0 <= moment < seconds for moment in chosen):
        raise IndexError(f"Moments {chosen} of a clip with {seconds} frames.")
    size = picture_size(folder / entry.frame(0))
    frames = [read_frame(folder, entry, moment) for moment in chosen]
    masks = [
        None if frame is None else read_mask(folder, entry, moment) for frame, moment in zip(frames, chosen)
    ]
    black = np.zeros((*size, 3), np.uint8)
    nothing = black[..., 0]
    return Sample(
        name=entry.name,
        moments=chosen,
        frames=np.stack([black if frame is None else fit(frame, size, smooth=True) for frame in frames]),
        waveform=read_wav(folder / entry.sound),
        classes=np.stack([nothing if mask is None else fit(mask, size, smooth=False) for mask in masks]),
        labelled=np.array([mask is not None for mask in masks]),
        real=np.array([frame is not None for frame in frames]),
    )


def read_frame(folder: Path, entry: Entry, moment: int) -> np.ndarray | None:
    """Return a frame uint8 [H, W, 3], or None where the clip may end earlier, and does.

    Raises DatasetError when it is promised and missing, or damaged.
    """
    path = folder / entry.frame(moment)
    if moment >= entry.frames or (moment >= entry.promised and not path.exists()):
        return None
    return np.asarray(read_picture(path).convert("RGB"))


def read_mask(folder: Path, entry: Entry, moment: int) -> np.ndarray | None:
    """Return what sounds in a frame, uint8 [H, W] as in `Sample`, or None where it has no ground truth.

    Raises DatasetError when the mask is promised and missing, or damaged.
    """
    if moment >= entry.labelled:
        return None
    candidates = [(folder / path, how) for path, how in entry.masks(moment)]
    for path, how in candidates:
        if path.exists():
            classes = DECODE[how](read_picture(path), path)
            return np.where(classes == UNNAMED, np.uint8(entry.unnamed), classes)
    if moment >= entry.promised:
        return None
    raise DatasetError(f"{' or '.join(str(path) for path, _ in candidates)} is missing. {ADVICE}")


def open_data(root: Path | str, task: str | None = None, split: str = "test") -> AVSBench:
    """Return a split of the task that a folder holds; `task` is needed only where there are several.

    Raises DatasetError, which says what was found and what was expected, and what `AVSBench` raises.
    """
    return AVSBench(root, task or find_task(root), split)


def _checked_split(task: str, split: str) -> str:
    if task == "ms3" and split == f"ms3{LEAKFREE}":
        return f"test{LEAKFREE}"
    known = (*SPLITS, f"val{LEAKFREE}", f"test{LEAKFREE}")
    if split not in known:
        raise ConfigError(f"AVSBench has no split {split!r} of {task}; splits are {', '.join(known)}.")
    return split


def _of_split(index: Sequence[Entry], split: str) -> tuple[Entry, ...]:
    """Return the clips of a split, each name once."""
    plain = split.removesuffix(LEAKFREE)
    entries: dict[str, Entry] = {}
    for entry in index:
        if entry.split == plain:
            entries.setdefault(entry.name, entry)
    seen = {entry.video for entry in index if entry.split == "train"} if plain != split else set()
    return tuple(entry for entry in entries.values() if entry.video not in seen)
