"""Several data sets as one: their clips one after another, in every epoch anew."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.samples import FOLDER, Clips, DataReference, Sample
from avseg.errors import ConfigError


@dataclass(frozen=True, eq=False)
class JoinedClips:
    """Clips of several data sets of one task, with clips of one length and rate.

    turns: how many clips of each an epoch has. epochs: how many epochs differ, where generated clips never
    come again. Raises ConfigError for data sets that do not fit together.
    """

    parts: tuple[Clips, ...]
    turns: tuple[int, ...]
    epochs: int = 1

    def __post_init__(self) -> None:
        formats = dict.fromkeys(_format(part) for part in self.parts)
        if len(formats) > 1:
            listed = "; ".join(f"{part.reference.description}: {_format(part)}" for part in self.parts)
            raise ConfigError(
                f"These data sets do not fit into one training: {listed}. Convert one of them with the "
                "--task, --seconds and --fps of the other."
            )

    @property
    def description(self) -> str:
        """The data sets and how many clips of each an epoch has."""
        pairs = zip(self.parts, self.turns, strict=True)
        return "; ".join(f"{part.reference.description}: {count:,} clips" for part, count in pairs)

    @property
    def per_epoch(self) -> int:
        """Clips of an epoch."""
        return sum(self.turns)

    def __len__(self) -> int:
        return self.epochs * self.per_epoch

    @property
    def task(self) -> str:
        return self.parts[0].task

    @property
    def split(self) -> str:
        return self.parts[0].split

    @property
    def seconds(self) -> int:
        return self.parts[0].seconds

    @property
    def rate(self) -> float:
        return self.parts[0].rate

    @property
    def reference(self) -> DataReference:
        names = " + ".join(part.reference.root or part.reference.kind for part in self.parts)
        return DataReference(FOLDER, self.task, self.split, names)

    def name(self, index: int) -> str:
        part, own = self._find(index)
        return f"{part}/{self.parts[part].name(own)}"

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        part, own = self._find(index)
        return self.parts[part].read(own, moments)

    def waveform(self, index: int) -> np.ndarray:
        part, own = self._find(index)
        return self.parts[part].waveform(own)

    def sounding_classes(self, index: int) -> frozenset[str] | None:
        part, own = self._find(index)
        return self.parts[part].sounding_classes(own)

    def _find(self, index: int) -> tuple[int, int]:
        """Return the number of a clip's data set and its index there; raises IndexError past the end."""
        if not 0 <= index < len(self):
            raise IndexError(f"Clip {index} of {len(self)}.")
        epoch, rest = divmod(index, self.per_epoch)
        part = int(np.searchsorted(np.cumsum(self.turns), rest, side="right"))
        own = epoch * self.turns[part] + rest - sum(self.turns[:part])
        return part, own % len(self.parts[part])


def _format(clips: Clips) -> str:
    return f"{clips.task}, clips of {clips.seconds} frames, {clips.rate:g} per second"
