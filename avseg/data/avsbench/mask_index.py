"""The foreground share of every frame of a data set: read once, saved beside its index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from avseg.data.avsbench.dataset import read_mask
from avseg.data.avsbench.layout import Entry
from avseg.data.samples import foreground
from avseg.errors import DatasetError
from avseg.files import atomic_write, require_regular

SAVED_EVERY = 512  # clips
_VERSION = 2


@dataclass(eq=False)
class MaskIndex:
    """What has been read so far, N clips of at most F frames; a row counts where `done`."""

    share: np.ndarray  # float32 [N, F], foreground share of the frame; NaN for a frame without a label
    done: np.ndarray  # bool [N]

    @classmethod
    def empty(cls, entries: Sequence[Entry]) -> "MaskIndex":
        """Return the index before any mask is read."""
        frames = max((entry.layout.seconds for entry in entries), default=1)
        return cls(np.full((len(entries), frames), np.nan, np.float32), np.zeros(len(entries), bool))

    @classmethod
    def load(cls, path: Path | None, entries: Sequence[Entry], key: str) -> "MaskIndex":
        """Return the saved index, an empty one if that is of another table; key: the state of the table."""
        index = cls.empty(entries)
        try:
            if path is not None:
                with np.load(require_regular(path), allow_pickle=False) as saved:
                    if str(saved["key"]) == f"{_VERSION} {key}" and saved["share"].shape == index.share.shape:
                        return cls(saved["share"], saved["done"])
        except (OSError, ValueError, LookupError, BadZipFile, EOFError):
            pass
        return index

    def save(self, path: Path | None, key: str) -> None:
        """Save the index; without disk space, its masks are read again next time."""
        try:
            if path is not None:
                with atomic_write(path) as file, file.open("wb") as out:
                    version = np.array(f"{_VERSION} {key}")
                    np.savez_compressed(out, key=version, share=self.share, done=self.done)
        except OSError:
            pass

    def read_masks(
        self,
        folder: Path,
        entries: Sequence[Entry],
        path: Path | None,
        key: str,
        on_progress: Callable[[int, int], object],
    ) -> None:
        """Read the masks of every clip that is not done, and save the index now and then.

        on_progress: called with (clips done, clips in all).
        """
        missing = np.flatnonzero(~self.done)
        ready = len(entries) - len(missing)
        on_progress(ready, len(entries))
        for count, row in enumerate(missing, 1):
            shares = foreground_shares(folder, entries[row])
            self.share[row, : len(shares)] = shares
            self.done[row] = True
            if count % SAVED_EVERY == 0 or count == len(missing):
                self.save(path, key)
            on_progress(ready + count, len(entries))

    @property
    def known(self) -> np.ndarray:
        """Clips of which a mask could be read, bool [N]."""
        return self.done & ~np.isnan(self.share).all(axis=1)

    @property
    def frames_with_mask(self) -> np.ndarray:
        """Labelled frames with foreground, int [N]."""
        return (self.share > 0).sum(axis=1)

    @property
    def empty_frames(self) -> np.ndarray:
        """Labelled frames without foreground, int [N]; -1 while unknown."""
        return np.where(self.known, (self.share == 0).sum(axis=1), -1)

    @property
    def area(self) -> np.ndarray:
        """Mean foreground share of the frames with foreground, float [N]; NaN while unknown."""
        area = np.nansum(self.share, axis=1) / np.maximum(self.frames_with_mask, 1)
        return np.where(self.known, area, np.nan)

    def best_frame(self, row: int) -> int:
        """Return the frame with the largest mask, 0 while unknown."""
        return int(np.nan_to_num(self.share[row], nan=-1.0).argmax()) if self.done[row] else 0


def foreground_shares(folder: Path, entry: Entry) -> np.ndarray:
    """Return the foreground share of every frame, float32 [F]; NaN for a frame without a readable mask."""
    shares = np.full(entry.layout.seconds, np.nan, np.float32)
    for moment in range(entry.labelled):
        try:
            classes = read_mask(folder, entry, moment)
        except DatasetError:  # avseg.data.avsbench.check reports it
            continue
        if classes is not None:
            shares[moment] = foreground(classes).mean()
    return shares
