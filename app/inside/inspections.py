"""From a visitor's result to the inspection of its selected frame, kept while the visitor looks at it."""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from app.inside.elements import Picture, View
from app.inside.state import Choice
from app.inside.views import view_of
from app.services.clips import Bundled
from app.services.session import MODELS, ClipResult
from avseg.interpret.inspection import Inspection, inspect
from avseg.media.clip import read_clip
from avseg.media.draw import resize
from avseg.predict import Prediction

KEPT = 8  # inspections in memory, each of another visitor; a large model's has some ten megabytes
FILE_WIDTH = 640  # pixels of a picture of cells when it is written
FIRST_RATE = 1.0  # frames per second of a clip that is segmented on the spot


@dataclass(frozen=True, eq=False)
class _Kept:
    prediction: Prediction
    frame: int
    seen: Inspection


class Looks:
    """The last inspection of each visitor: choosing a layer or a channel needs no model."""

    def __init__(self, kept: int = KEPT):
        self._most, self._lock = kept, threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def of(self, session: str, shown: ClipResult) -> Inspection:
        """Return the inspection of the shown frame, from memory or from a forward pass of its model."""
        with self._lock:
            kept = self._kept.get(session)
        if kept and kept.prediction is shown.prediction and kept.frame == shown.frame:
            return kept.seen
        prediction = shown.prediction
        seen = MODELS.run(shown.model, inspect, prediction.clip, shown.frame, prediction.threshold)
        with self._lock:
            self._kept[session] = _Kept(shown.prediction, shown.frame, seen)
            self._kept.move_to_end(session)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return seen


LOOKS = Looks()


def first_result(source: Bundled, model: str) -> ClipResult:
    """Segment a bundled clip on the spot."""
    clip = read_clip(source.path, fps=FIRST_RATE)
    prediction = MODELS.predict(model, clip)
    return ClipResult(prediction, source.title, model, source.name, int(prediction.foreground.argmax()))


def inspected(path: Path, model: str, frame: int, fps: float, choice: Choice) -> tuple[Inspection, View]:
    """Return one frame's inspection and a view of it, for a caller who has no result on a page."""
    clip = read_clip(path, fps=fps, seconds=60)
    seen = MODELS.run(model, inspect, clip, frame)
    return seen, view_of(seen, choice)


def written(view: View, folder: Path) -> list[Path]:
    """Write every picture of a view as PNG; returns the files in the order of the view."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for group in view.groups:
        for tile in group.tiles:
            for picture in tile.pictures:
                if isinstance(picture, str):
                    continue
                name = re.sub(r"[^a-z0-9]+", "-", picture.name.lower()).strip("-")
                path = folder / f"{len(paths) + 1:02d}-{name}.png"
                Image.fromarray(_for_file(picture)).save(path)
                paths.append(path)
    return paths


def _for_file(picture: Picture) -> np.ndarray:
    if not picture.cells:
        return picture.image
    height, width = picture.shape
    size = (max(1, round(FILE_WIDTH * height / width)), FILE_WIDTH)
    return resize(np.ascontiguousarray(picture.image), size, smooth=False)
