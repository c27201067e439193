"""What every data set gives: clips at one frame per second with their sound and their ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

UNNAMED = 255  # "something sounds here" in a data set that does not say what (MS3)


@dataclass(frozen=True, eq=False)
class Sample:
    """Some or all frames of one clip, and the sound of the whole clip."""

    name: str
    moments: tuple[int, ...]  # which frames of the clip these are, 0-based; F of them
    frames: np.ndarray  # uint8 [F, H, W, 3] RGB; black where the clip has no such frame
    waveform: np.ndarray  # float32 [samples], 16 kHz mono, the whole clip
    classes: np.ndarray  # uint8 [F, H, W] class index of what sounds, UNNAMED, or 0
    labelled: np.ndarray  # bool [F], the frame has ground truth
    real: np.ndarray  # bool [F], False where a short clip is filled up (temporal flag of AVSS)


class Clips(Protocol):
    """A split of a data set: S4, MS3 or AVSS on disk (`AVSBench`), or drawn when asked for (`SynthAVS`)."""

    task: str  # "s4", "ms3" or "avss"
    split: str
    seconds: int  # frames of a clip: 5, or 10 for avss

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Return the clip's name, unique within the split."""
        ...

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only the frames `moments` of it; raises DatasetError when it cannot be read."""
        ...
