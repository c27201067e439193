"""The small pictures of the Explore tab: thumbnails with their masks, and error maps."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from app.explore.collection import Collection
from app.services.cache import LRUCache
from app.services.clips import jpeg_uri
from avseg.data.avsbench.clip import DatasetClip
from avseg.data.avsbench.thumbnail import thumbnail, thumbnail_size
from avseg.errors import DatasetError
from avseg.media.draw import error_map, resize
from avseg.predict import Prediction

CACHED = 3000  # thumbnails, about 8 kB each

_THUMBNAILS: LRUCache[tuple[str, str, int, int], str] = LRUCache(CACHED)
_POOL = ThreadPoolExecutor(4, thread_name_prefix="thumbnails")


def thumbnails(collection: Collection, rows: Sequence[int]) -> list[str]:
    """Return a data URI for every row; "" for a clip whose files cannot be read."""

    def make(row: int) -> str:
        frame = collection.masks.best_frame(row)
        key = (collection.dataset.key, collection.key, row, frame)
        entry, folder, drawn = (
            collection.facts.entries[row],
            collection.dataset.folder,
            collection.dataset.drawn,
        )
        try:
            return _THUMBNAILS.get_or_make(
                key, lambda: jpeg_uri(thumbnail(folder, entry, frame, drawn), quality=80)
            )
        except DatasetError:
            return ""

    return list(_POOL.map(make, map(int, rows)))


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
