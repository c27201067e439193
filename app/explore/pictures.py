"""The small pictures of the Explore tab: thumbnails with their masks, and error maps."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from app.explore.collection import Collection
from app.services.cache import LRUCache
from app.services.clips import jpeg_uri
from app.services.dataset_clips import DatasetClip
from avseg.data.avsbench.dataset import read_frame, read_mask
from avseg.data.avsbench.layout import Entry
from avseg.data.labels import CLASSES, clip_colours
from avseg.data.samples import UNNAMED
from avseg.errors import DatasetError
from avseg.media.draw import ORANGE, error_map, overlay, resize
from avseg.predict import Prediction

MAX_SIZE = (126, 224)  # height, width of a thumbnail
CACHED = 3000  # thumbnails, about 8 kB each
DRAWN_ASPECT = 16 / 9  # SynthAVS squeezes a wide scene into a square, as AVSBench does its videos

_THUMBNAILS: LRUCache[tuple[str, str, int, int], str] = LRUCache(CACHED)
_POOL = ThreadPoolExecutor(4, thread_name_prefix="thumbnails")


def thumbnails(collection: Collection, rows: Sequence[int]) -> list[str]:
    """Return a data URI for every row; "" for a clip whose files cannot be read."""

    def make(row: int) -> str:
        frame = collection.masks.best_frame(row)
        key = (collection.dataset.key, collection.key, row, frame)
        uri = _THUMBNAILS.get(key)
        if uri is None:
            entry, dataset = collection.facts.entries[row], collection.dataset
            try:
                uri = jpeg_uri(thumbnail(dataset.folder, entry, frame, dataset.drawn), quality=80)
            except DatasetError:
                return ""
            _THUMBNAILS.put(key, uri)
        return uri

    return list(_POOL.map(make, map(int, rows)))


def thumbnail(folder: Path, entry: Entry, frame: int, drawn: bool) -> np.ndarray:
    """Return a frame of a clip with its ground truth overlaid, uint8 [h, w, 3] within MAX_SIZE.

    Raises DatasetError if the frame cannot be read; an unreadable mask is left out.
    """
    picture = read_frame(folder, entry, frame)
    if picture is None:
        raise DatasetError(f"{entry.name} has no frame {frame + 1}.")
    size = thumbnail_size(picture.shape[:2], drawn)
    picture = resize(picture, size)
    try:
        mask = read_mask(folder, entry, frame)
    except DatasetError:
        mask = None
    return picture if mask is None else overlay(picture, resize(mask, size, smooth=False), mask_colours(mask))


def thumbnail_size(size: tuple[int, int], drawn: bool) -> tuple[int, int]:
    """Return height and width of a frame's thumbnail; a drawn frame gets its own aspect ratio back."""
    aspect = DRAWN_ASPECT if drawn else size[1] / size[0]
    height = min(MAX_SIZE[0], MAX_SIZE[1] / aspect)
    return max(1, round(height)), max(1, round(height * aspect))


def mask_colours(mask: np.ndarray) -> dict[int, tuple[int, int, int]]:
    """Return the colour of every class in a mask; foreground without a class is orange, as in the player."""
    indices = [int(index) for index in np.unique(mask) if index]
    names = clip_colours(CLASSES[index] for index in indices if index < len(CLASSES))
    return {CLASSES.index(name): colour for name, colour in names.items()} | {UNNAMED: ORANGE}


def error_maps(content: DatasetClip, prediction: Prediction, drawn: bool) -> list[str]:
    """Return every frame as a data URI: hits white, false alarms vermilion, misses blue.

    Classes are ignored: only foreground counts. Frames without a label stay plain.
    """
    uris = []
    for frame, (picture, truth) in enumerate(zip(content.clip.frames, content.truth, strict=True)):
        size = thumbnail_size(picture.shape[:2], drawn)
        small = resize(picture, size)
        if truth is not None:
            predicted = (prediction.mask(frame, size) > 0).astype(np.uint8)
            small = error_map(small, predicted, (resize(truth, size, smooth=False) > 0).astype(np.uint8))
        uris.append(jpeg_uri(small, quality=82))
    return uris
