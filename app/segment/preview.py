"""The latest finished frames of a run, shown until its result is complete."""

import time

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.services.clips import jpeg_uri
from avseg.media.clip import Clip
from avseg.media.draw import strip

DELAY = 1.5  # seconds; a shorter run shows its result at once
MOST_FRAMES = 10
HEIGHT = 72  # pixels


class Preview:
    """The finished frames of one run: the run's thread adds them, the page's timer draws them."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._latest: list[tuple[np.ndarray, np.ndarray]] = []  # frames [H, W, 3] and their labels [s, s]
        self._done = self._total = self._drawn = 0

    def add(self, clip: Clip, first: int, labels: np.ndarray) -> None:
        """Add the labels uint8 [n, s, s] of the frames of `clip` from `first` on."""
        done = first + len(labels)
        fresh = list(zip(clip.frames[first:done], labels, strict=True))
        self._latest = [*self._latest, *fresh][-MOST_FRAMES:]
        self._done, self._total = done, len(clip.frames)

    def render(self) -> Markup:
        """Return the latest frames as HTML, empty if nothing is new or the run has only begun."""
        done, latest = self._done, self._latest
        if done == self._drawn or time.monotonic() - self._started < DELAY:
            return Markup("")
        self._drawn = done
        # The classes of a clip, and so their colours, are known only at its end: one colour for all.
        images = [jpeg_uri(strip([frame], [labels > 0], height=HEIGHT)) for frame, labels in latest]
        return render("segment/templates/preview.html", done=done, total=self._total, images=images)
