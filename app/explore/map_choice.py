"""What the map of a data set shows, and a region that a visitor drew on it; both as text for addresses."""

from dataclasses import dataclass, replace

import numpy as np

from avseg.interpret.embeddings import FEATURES
from avseg.interpret.projection import METHODS

SIDE = 10_000  # a map's coordinates are whole numbers from 0 to here
MOST_CORNERS = 64  # of a region
POINTS = {"clips": "Clips", "frames": "Frames"}
COLOURINGS = {"class": "Class", "iou": "IoU", "split": "Split", "sound": "Sound condition"}
CHOICES = {  # field: its values
    "feature": tuple(FEATURES),
    "method": tuple(METHODS),
    "points": tuple(POINTS),
    "colouring": tuple(COLOURINGS),
}


@dataclass(frozen=True)
class MapChoice:
    """Which map is shown."""

    feature: str = "mask"  # of FEATURES
    method: str = "pca"  # of METHODS
    points: str = "clips"  # of POINTS
    colouring: str = "class"  # of COLOURINGS
    shown: bool = False

    @property
    def text(self) -> str:
        """The choice in an address, "mask-pca-clips-class"; empty while no map is shown."""
        return "-".join(getattr(self, field) for field in CHOICES) if self.shown else ""

    def changed(self, field: str, value: object) -> "MapChoice":
        """Return the choice with another value of a field; what does not exist changes nothing."""
        if field == "shown":
            return replace(self, shown=bool(value))
        return replace(self, **{field: value}) if value in CHOICES.get(field, ()) else self


def read_choice(text: str) -> MapChoice:
    """Return the choice of an address, the usual one for what is missing or does not exist."""
    choice = MapChoice(shown=bool(text))
    for field, value in zip(CHOICES, text.split("-")):
        choice = choice.changed(field, value)
    return choice


@dataclass(frozen=True)
class Region:
    """A polygon on one map."""

    feature: str
    method: str
    points: str
    corners: tuple[tuple[int, int], ...]  # x and y, 0 to SIDE

    @property
    def text(self) -> str:
        """The region as a value of the filter, "mask-pca-clips-10.20-30.20-30.40"."""
        return "-".join((self.feature, self.method, self.points, *(f"{x}.{y}" for x, y in self.corners)))

    def holds(self, xy: np.ndarray) -> np.ndarray:
        """Return which points [M, 2] lie inside, bool [M], by the even-odd rule."""
        inside = np.zeros(len(xy), bool)
        x, y = xy.astype(np.float64).T
        corners = np.array(self.corners, np.float64)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0)):
            if ay == by:
                continue
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
        return inside


def read_region(text: object) -> Region | None:
    """Return the region of a text, None for one that is none."""
    parts = text.split("-") if isinstance(text, str) and len(text) < 1000 else []
    if len(parts) < 6 or len(parts) > 3 + MOST_CORNERS:
        return None
    for field, value in zip(CHOICES, parts[:3]):
        if value not in CHOICES[field]:
            return None
    corners = []
    for part in parts[3:]:
        numbers = part.split(".")
        if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and int(n) <= SIDE for n in numbers):
            return None
        corners.append((int(numbers[0]), int(numbers[1])))
    return Region(parts[0], parts[1], parts[2], tuple(corners))
