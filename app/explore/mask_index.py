"""What the masks of a data set say of its clips: read once in the background, kept beside the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from app.services.background import Report
from avseg.data.avsbench.dataset import read_mask
from avseg.data.avsbench.layout import Entry
from avseg.errors import DatasetError
from avseg.files import atomic_write

GRID = 24  # cells of "where masks lie", each way
SAVED_EVERY = 512  # clips
_VERSION = 1


@dataclass(eq=False)
class Measured:
    """Facts read from masks so far, N clips of at most F frames; a row counts where `done`."""

    share: np.ndarray  # float32 [N, F], of the frame that sounds; NaN for a frame without a label
    where: np.ndarray  # uint8 [N, GRID, GRID], mean share of each cell over the labelled frames, 255 is all
    done: np.ndarray  # bool [N]

    @property
    def area(self) -> np.ndarray:
        """Mean share of frame over the labelled frames that have a mask, float32 [N]; NaN while unknown."""
        there = np.nan_to_num(self.share)
        frames = (there > 0).sum(axis=1)
        area = there.sum(axis=1) / np.maximum(frames, 1)
        return np.where(self.known, area, np.nan).astype(np.float32)

    @property
    def empty(self) -> np.ndarray:
        """Labelled frames without a mask, int8 [N]; -1 while unknown."""
        return np.where(self.known, (self.share == 0).sum(axis=1), -1).astype(np.int8)

    @property
    def known(self) -> np.ndarray:
        """Whose masks could be read, bool [N]."""
        return self.done & ~np.isnan(self.share).all(axis=1)

    def best_frame(self, row: int) -> int:
        """Return the labelled frame with the largest mask, 0 while unknown."""
        share = np.nan_to_num(self.share[row], nan=-1.0)
        return int(share.argmax()) if self.done[row] else 0


def nothing_yet(entries: Sequence[Entry]) -> Measured:
    """Return the facts before any mask was read."""
    count, frames = len(entries), max((entry.layout.seconds for entry in entries), default=1)
    return Measured(
        np.full((count, frames), np.nan, np.float32),
        np.zeros((count, GRID, GRID), np.uint8),
        np.zeros(count, bool),
    )


def load(path: Path | None, entries: Sequence[Entry], key: str) -> Measured:
    """Return what was kept, or nothing yet where that is of other clips; key: what the table was."""
    empty = nothing_yet(entries)
    if path is None:
        return empty
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != f"{_VERSION} {key}" or kept["share"].shape != empty.share.shape:
                return empty
            return Measured(kept["share"], kept["where"], kept["done"])
    except (OSError, ValueError, LookupError, BadZipFile, EOFError):
        return empty


def save(path: Path | None, measured: Measured, key: str) -> None:
    """Keep what was read; a disk that cannot be written only costs the time saved."""
    if path is None:
        return
    try:
        with atomic_write(path) as file, file.open("wb") as out:
            fields = {"share": measured.share, "where": measured.where, "done": measured.done}
            np.savez_compressed(out, key=np.array(f"{_VERSION} {key}"), **fields)
    except OSError:
        return


def measure(
    folder: Path, entries: Sequence[Entry], measured: Measured, path: Path | None, key: str, report: Report
) -> None:
    """Read the masks of every clip that is not done, filling `measured` in place."""
    missing = np.flatnonzero(~measured.done)
    report(len(entries) - len(missing), len(entries))
    for count, row in enumerate(missing, 1):
        share, where = of_clip(folder, entries[row])
        measured.share[row, : len(share)] = share
        measured.where[row] = where
        measured.done[row] = True
        if count % SAVED_EVERY == 0:
            save(path, measured, key)
        report(len(entries) - len(missing) + count, len(entries))
    if len(missing):
        save(path, measured, key)


def of_clip(folder: Path, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of every frame [F], NaN where there is no mask to read, and where masks lie."""
    share = np.full(entry.layout.seconds, np.nan, np.float32)
    where = np.zeros((GRID, GRID), np.float32)
    read = 0
    for moment in range(entry.labelled):
        try:
            classes = read_mask(folder, entry, moment)
        except DatasetError:  # the integrity report names it
            continue
        if classes is None:
            continue
        marked = (classes > 0).astype(np.uint8) * 255
        share[moment] = np.count_nonzero(marked) / marked.size
        cells = Image.fromarray(marked).resize((GRID, GRID), Image.Resampling.BOX)
        where += np.asarray(cells, np.float32)
        read += 1
    return share, np.rint(where / max(read, 1)).astype(np.uint8)
