"""The ground truth of a clip that a camera moves over photographs: outlines, and what sounds in each second.

Nothing of the photographs is needed: the outlines are kept with the clip. `assets/clips/photographic.py`
makes the clips.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image, ImageDraw

from avseg.compose.scenes import crop
from avseg.compose.sources import class_index


@dataclass(frozen=True)
class Outline:
    """An object of a photograph: closed polygons x, y, x, y..., as shares of its width and height."""

    name: str  # class
    polygons: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Pane:
    """One photograph in a part of the frame, under a moving camera; everything in shares."""

    box: tuple[float, float, float, float]  # left, top, width, height, in the frame
    window: tuple[float, float, float, float]  # left, top, width, height of the first crop of the photograph
    pan: tuple[float, float, float]  # of left and top, and factor of the size, over the clip
    outlines: tuple[Outline, ...]  # from back to front


@dataclass(frozen=True)
class Still:
    """A clip made of photographs side by side, or of one."""

    seconds: int
    panes: tuple[Pane, ...]
    sounding: tuple[tuple[str, ...], ...]  # classes in view that sound, per second

    @property
    def visible(self) -> tuple[str, ...]:
        """Classes in view."""
        return tuple(dict.fromkeys(o.name for pane in self.panes for o in pane.outlines))

    def as_dict(self) -> dict[str, object]:
        """Return the clip as JSON can hold it."""
        return asdict(self)


def still_from_dict(values: Mapping) -> Still:
    """Return a clip from what `Still.as_dict` returned, or JSON made of it."""
    panes = tuple(
        Pane(
            box=tuple(pane["box"]),
            window=tuple(pane["window"]),
            pan=tuple(pane["pan"]),
            outlines=tuple(
                Outline(item["name"], tuple(map(tuple, item["polygons"]))) for item in pane["outlines"]
            ),
        )
        for pane in values["panes"]
    )
    return Still(int(values["seconds"]), panes, tuple(map(tuple, values["sounding"])))


def truth(still: Still, time: float, size: tuple[int, int], silent: bool = False) -> np.ndarray:
    """Return the classes uint8 [height, width] of what sounds at a time, s.

    size: height, width. silent: of everything in view, sounding or not. An object in front covers what is
    behind it, even if it makes no sound.
    """
    height, width = size
    progress = time / still.seconds
    sounding = still.sounding[min(int(time), still.seconds - 1)]
    classes = Image.new("L", (width, height))
    for pane in still.panes:
        left, top, right, bottom = pixel_box(pane.box, size)
        part = Image.new("L", (right - left, bottom - top))
        pen = ImageDraw.Draw(part)
        x, y, wide, high = crop(pane.window, pane.pan, progress)
        scale = np.array([part.width / wide, part.height / high])
        for outline in pane.outlines:
            value = class_index(outline.name) if silent or outline.name in sounding else 0
            for polygon in outline.polygons:
                points = (np.reshape(polygon, (-1, 2)) - (x, y)) * scale - 0.5
                pen.polygon([tuple(point) for point in points.tolist()], fill=value)
        classes.paste(part, (left, top))
    return np.asarray(classes)


def pixel_box(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box of the frame in whole pixels: left, top, right, bottom."""
    height, width = size
    left, top, wide, high = box
    return (
        round(left * width),
        round(top * height),
        round((left + wide) * width),
        round((top + high) * height),
    )
