"""What every data set provides: clips at one frame per second with their audio and ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import torch

UNNAMED = 255  # foreground of a data set that does not name its classes (MS3)
IGNORED = 254  # neither foreground nor background: the pixel counts in no loss and no metric
SYNTHAVS, FOLDER, COMPOSED = "synthavs", "folder", "composed"  # kinds of data


MapsT = TypeVar("MapsT", np.ndarray, "torch.Tensor")


def foreground(classes: MapsT) -> MapsT:
    """Return where class maps have foreground; an ignored pixel has none."""
    return (classes > 0) & (classes != IGNORED)


def without_ignored(classes: np.ndarray) -> np.ndarray:
    """Return class maps for display, in which ignored pixels are background."""
    return np.where(classes == IGNORED, np.uint8(0), classes)


@dataclass(frozen=True)
class DataReference:
    """Which split of which data set a result was computed on."""

    kind: str  # SYNTHAVS or COMPOSED (both generated from a seed), or FOLDER
    task: str  # s4, ms3 or avss
    split: str
    root: str = ""  # of a FOLDER: the task's folder; of COMPOSED: the folder of the recipe
    seed: int | None = None  # of generated data

    @property
    def description(self) -> str:
        """The reference in words."""
        if self.kind == SYNTHAVS:
            return f"SynthAVS {self.task} {self.split}, seed {self.seed}"
        if self.kind == COMPOSED:
            return f"compositions of {self.root}, {self.task} {self.split}, seed {self.seed}"
        return f"{self.root or 'unnamed data'}, {self.task} {self.split}"


@dataclass(frozen=True, eq=False)
class Sample:
    """Some or all frames of one clip, and the audio of the whole clip."""

    name: str
    moments: tuple[int, ...]  # indices of these F frames in the clip, 0-based
    frames: np.ndarray  # uint8 [F, H, W, 3] RGB; black where the clip has no such frame
    waveform: np.ndarray  # float32 [samples], 16 kHz mono, the whole clip
    classes: np.ndarray  # uint8 [F, H, W] class index of the sounding object, UNNAMED, IGNORED, or 0
    labelled: np.ndarray  # bool [F], the frame has ground truth
    real: np.ndarray  # bool [F], False for the padding of a short clip (temporal flag of AVSS)


class Clips(Protocol):
    """A split of a data set: S4, MS3 or AVSS on disk (`AVSBench`), or drawn on demand (`SynthAVS`)."""

    def __len__(self) -> int: ...

    @property
    def task(self) -> str:
        """s4, ms3 or avss."""
        ...

    @property
    def split(self) -> str:
        """Name of the split."""
        ...

    @property
    def seconds(self) -> int:
        """Frames of a clip: 5, or 10 for avss."""
        ...

    @property
    def rate(self) -> float:
        """Frames per second: 1, other than in converted data."""
        ...

    @property
    def reference(self) -> DataReference:
        """Which data these are."""
        ...

    def name(self, index: int) -> str:
        """Return the clip's name, unique within the split."""
        ...

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only its frames `moments`; raises DatasetError when it cannot be read."""
        ...

    def waveform(self, index: int) -> np.ndarray:
        """Return the audio of a clip, as `Sample.waveform`, without reading its frames."""
        ...

    def sounding_classes(self, index: int) -> frozenset[str] | None:
        """Return the classes that sound in a clip, visible or not; None if the data do not name them."""
        ...


@dataclass(frozen=True, eq=False)
class IsolatedClass:
    """A visible class that alone sounds through a clip."""

    waveform: np.ndarray  # float32 [samples], 16 kHz mono
    mask: np.ndarray  # bool [T, H, W], its visible pixels


@dataclass(frozen=True, eq=False)
class VisibleClass:
    """A labelled class in view, sounding or silent."""

    mask: np.ndarray  # bool [F, H, W], its visible pixels
    sounding: np.ndarray  # bool [F]


@runtime_checkable
class RemixableClips(Clips, Protocol):
    """Clips whose audio can be mixed anew from its sources, as that of SynthAVS."""

    def off_screen_audio(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Return a waveform [samples] in which one class that is not visible sounds through the clip."""
        ...

    def isolated_classes(self, index: int, rng: np.random.Generator) -> tuple[IsolatedClass, ...]:
        """Return two visible classes, each with its own audio; empty if fewer are visible."""
        ...

    def visible_classes(self, index: int, moments: Sequence[int] | None = None) -> tuple[VisibleClass, ...]:
        """Return the labelled classes in view in all frames, or in `moments`, sounding or silent."""
        ...
