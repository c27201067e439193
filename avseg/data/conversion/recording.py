"""What a reader finds in a source: recordings, each with pictures, sound and masks over the same time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Moments:
    """The frames of one clip within its recording."""

    start: float  # seconds
    seconds: float  # of the clip
    rate: float  # frames per second
    times: np.ndarray  # float64 [T], seconds from the recording's beginning
    numbers: np.ndarray  # int64 [T], which pictures of the recording these are, from 0
    pictures: int  # of the recording
    duration: float  # of the recording, seconds

    def among(self, count: int) -> list[int]:
        """Return which of `count` masks belong to the frames.

        One mask per picture is matched by number, so that a variable frame rate does no harm; any other
        number of masks is spread evenly over the recording.
        """
        if count == self.pictures:
            return [int(number) for number in np.minimum(self.numbers, count - 1)]
        return [min(count - 1, int(time / self.duration * count)) for time in self.times]


@dataclass(frozen=True, eq=False)
class Part:
    """The pictures and the sound of a clip."""

    frames: np.ndarray  # uint8 [T, H, W, 3]
    moments: Moments
    waveform: np.ndarray | None  # float32 [samples]; None for pictures without sound of their own


class Pictures(Protocol):
    """The pictures of one recording."""

    @property
    def count(self) -> int:
        """Number of pictures."""
        ...

    @property
    def duration(self) -> float:
        """Seconds."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright pictures."""
        ...

    @property
    def has_sound(self) -> bool:
        """Whether they come with sound, as in a video."""
        ...

    def read(self, start: float, seconds: float, rate: float) -> Part:
        """Return the clip of a range, `rate` frames per second; raises ClipError and DatasetError."""
        ...


class Masks(Protocol):
    """The masks of one recording."""

    def __len__(self) -> int: ...

    def read(self, moments: Moments, size: tuple[int, int]) -> np.ndarray:
        """Return class indices uint8 [T, H, W]; UNNAMED without a class, IGNORED where a mask says so."""
        ...


class Sound(Protocol):
    """The sound of one recording."""

    def read(self, start: float, seconds: float) -> np.ndarray:
        """Return float32 [samples], 16 kHz mono, as long as it is; raises ClipError and DatasetError."""
        ...


@dataclass(frozen=True)
class Recording:
    """One video, or what takes its place."""

    name: str
    pictures: Pictures
    masks: Masks
    sound: Sound | None  # None: that of the pictures
    modified: float  # when the newest of its files was changed, seconds since 1970
    split: str = ""  # where the source says so
    label: str = ""  # class of all foreground, where the source says so
    origin: str = ""  # what several recordings were made from; by default the name
    subset: str = ""  # of AVSS, where the source says so

    @property
    def identity(self) -> str:
        """Name of what must not be in two splits."""
        return self.origin or self.name


def digest(name: str) -> bytes:
    """Return a hash of a name, which decides its split."""
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()


def newest(*paths: Path) -> float:
    """Return when the newest of some files was changed."""
    return max((path.stat().st_mtime for path in paths), default=0.0)
