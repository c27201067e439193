"""The frames that a run has finished, shown while it goes on."""

import time

import numpy as np

from app.services.clips import jpeg_uri
from avseg.media.clip import Clip
from avseg.media.draw import strip

PATIENCE = 1.5  # seconds; a shorter run shows its result soon enough
LATEST = 10  # frames
HEIGHT = 72  # pixels


class Growing:
    """What one run has finished; one thread adds, another looks."""

    def __init__(self):
        self._began = time.monotonic()
        self._latest: list[tuple[np.ndarray, np.ndarray]] = []  # frames [H, W, 3] and their labels [s, s]
        self._done = self._total = self._told = 0

    def add(self, clip: Clip, first: int, labels: np.ndarray) -> None:
        """Take over the labels uint8 [n, s, s] of the frames of `clip` from `first` on."""
        done = first + len(labels)
        fresh = list(zip(clip.frames[first:done], labels, strict=True))
        self._latest = [*self._latest, *fresh][-LATEST:]
        self._done, self._total = done, len(clip.frames)

    def news(self) -> str:
        """Return the latest frames as HTML, empty while there is nothing new or the run is young."""
        done, latest = self._done, self._latest
        if done == self._told or time.monotonic() - self._began < PATIENCE:
            return ""
        self._told = done
        # The classes of a clip, and so their colours, are not known before its end: one colour for all.
        tiles = [strip([frame], [labels > 0], height=HEIGHT) for frame, labels in latest]
        pictures = "".join(f'<img src="{jpeg_uri(tile)}" alt="">' for tile in tiles)
        words = f"{done} of {self._total} frames are done; the latest {len(latest)}"
        return f"<figure><figcaption>{words}</figcaption><div>{pictures}</div></figure>"
