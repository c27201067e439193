"""The small pictures of the Explore tab: thumbnails with their masks, error maps, where masks lie."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from app.explore.collection import Collection
from app.services.clips import jpeg_uri
from app.services.dataset_clips import Read
from avseg.data.avsbench.dataset import read_frame, read_mask
from avseg.data.avsbench.layout import Entry
from avseg.data.labels import CLASSES, clip_colours
from avseg.data.samples import UNNAMED
from avseg.errors import DatasetError
from avseg.media.draw import ORANGE, error_map, heat_map, overlay, resize
from avseg.predict import Prediction

SIZE = (126, 224)  # height, width of a thumbnail, at most
KEPT = 3000  # thumbnails in memory, about 8 kB each
DRAWN_SHAPE = 16 / 9  # SynthAVS squeezes a wide world into a square, as AVSBench does its videos


class Thumbnails:
    """Thumbnails of clips, made when they are asked for."""

    def __init__(self, kept: int = KEPT):
        self._most, self._lock = kept, threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int, int], str] = OrderedDict()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="thumbnails")

    def of(self, there: Collection, rows: Sequence[int]) -> list[str]:
        """Return a data URI for every row; "" for a clip whose files cannot be read."""
        return list(self._pool.map(lambda row: self._one(there, int(row)), rows))

    def _one(self, there: Collection, row: int) -> str:
        frame = there.measured.best_frame(row)
        key = (there.data.key, there.key, row, frame)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            picture = thumbnail(there.data.folder, there.facts.entries[row], frame, there.data.drawn)
        except DatasetError:
            return ""
        uri = jpeg_uri(picture, quality=80)
        with self._lock:
            self._kept[key] = uri
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return uri


THUMBNAILS = Thumbnails()


def thumbnail(folder: Path, entry: Entry, frame: int, drawn: bool) -> np.ndarray:
    """Return a frame of a clip with what sounds marked, uint8 [h, w, 3] within SIZE.

    Raises DatasetError when the frame cannot be read; a mask that cannot be is left out.
    """
    picture = read_frame(folder, entry, frame)
    if picture is None:
        raise DatasetError(f"{entry.name} has no frame {frame + 1}.")
    size = fitted(picture.shape[:2], drawn)
    picture = resize(picture, size)
    try:
        mask = read_mask(folder, entry, frame)
    except DatasetError:
        mask = None
    return picture if mask is None else overlay(picture, resize(mask, size, smooth=False), colours_in(mask))


def fitted(size: tuple[int, int], drawn: bool) -> tuple[int, int]:
    """Return the size of a frame's thumbnail; a drawn one gets its own shape back."""
    shape = DRAWN_SHAPE if drawn else size[1] / size[0]
    height = min(SIZE[0], SIZE[1] / shape)
    return max(1, round(height)), max(1, round(height * shape))


def colours_in(mask: np.ndarray) -> dict[int, tuple[int, int, int]]:
    """Return the colour of every class in a mask; what has no name is orange, as in the player."""
    found = [int(index) for index in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)) if index]
    names = clip_colours(CLASSES[index] for index in found if index < len(CLASSES))
    colours = {CLASSES.index(name): colour for name, colour in names.items()}
    return colours | {UNNAMED: ORANGE}


def error_strip(found: Read, prediction: Prediction, drawn: bool) -> list[str]:
    """Return every frame as a data URI: hits white, false alarms vermilion, misses blue; plain unlabelled.

    Only what is marked at all counts, not what it is taken for.
    """
    uris = []
    for frame, (picture, truth) in enumerate(zip(found.clip.frames, found.truth, strict=True)):
        size = fitted(picture.shape[:2], drawn)
        small = resize(picture, size)
        if truth is not None:
            marked = (prediction.mask(frame, size) > 0).astype(np.uint8)
            there = (resize(truth, size, smooth=False) > 0).astype(np.uint8)
            small = error_map(small, marked, there)
        uris.append(jpeg_uri(small, quality=82))
    return uris


def where_masks_lie(there: Collection, shown: np.ndarray) -> tuple[str, float]:
    """Return the mean mask of the shown clips as a data URI of cells, and the largest share, 0..1."""
    chosen = shown & there.measured.known
    if not chosen.any():
        return "", 0.0
    mean = there.measured.where[chosen].mean(axis=0, dtype=np.float32) / 255
    most = float(mean.max())
    cells = heat_map(mean, 0.0, most or 1.0, (216, 384), colours="cividis").picture
    return jpeg_uri(cells, quality=90), most
