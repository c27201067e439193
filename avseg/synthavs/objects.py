"""The sixteen drawn classes of SynthAVS and the bank of their images.

The drawing of an object does not depend on whether it sounds: its pose has a clock of its own. Train, val and
test sample styles (colours, proportions, make) from different seeds, so they share no appearance.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from avseg.errors import ConfigError
from avseg.synthavs import objects_animals as animals
from avseg.synthavs import objects_band as band
from avseg.synthavs import objects_home as home
from avseg.synthavs import objects_music as music
from avseg.synthavs import objects_trains as trains
from avseg.synthavs import objects_vehicles as vehicles
from avseg.synthavs.objects_svg import Pen, rasterise

Draw = Callable[[Pen, np.random.Generator, float], None]
POSES = (0.0, 0.5, 1.0)
SPLITS = ("train", "val", "test")
VARIANTS = {"train": 20, "val": 6, "test": 8}
SPRITE_HEIGHT = 176
_SPRITE_WIDTH = 250
_CANVAS = (-150.0, -250.0, 300.0, 280.0)  # x, y, w, h in drawing units; every drawing fits inside


@dataclass(frozen=True)
class Kind:
    """How a class is drawn and where it may be."""

    draw: Draw
    heights: tuple[float, float]  # share of the frame height
    aspect: float  # width / height, about; enough to keep things apart
    motion: str = "still"  # "still", "bob", "travel"
    pose_rate: tuple[float, float] = (0.6, 1.6)  # pose cycles per second
    lean: float = 2.0  # largest tilt, degrees
    outdoors: bool = False  # never in a room, kitchen or on a stage
    flies: bool = False
    draw_flying: Draw | None = None  # odd variants use this drawing and fly


OBJECTS: dict[str, Kind] = {
    "dog": Kind(animals.dog, (0.30, 0.55), 0.9, "bob", (1.0, 2.4)),
    "cat": Kind(animals.cat, (0.27, 0.52), 0.8, "bob", (0.6, 1.6)),
    "lion": Kind(animals.lion, (0.30, 0.50), 1.45, "bob", (0.6, 1.4)),
    "bird": Kind(animals.bird, (0.19, 0.38), 1.6, "bob", (1.2, 2.6), draw_flying=animals.flying_bird),
    "guitar": Kind(music.guitar, (0.42, 0.55), 0.37, lean=8.0),
    "piano": Kind(music.piano, (0.32, 0.50), 1.35),
    "violin": Kind(music.violin, (0.36, 0.55), 0.5, "still", (0.5, 1.4), lean=6.0),
    "drum": Kind(band.drum, (0.28, 0.50), 1.1, "still", (1.5, 3.0), lean=3.0),
    "trumpet": Kind(band.trumpet, (0.28, 0.44), 1.75, "still", (0.8, 2.0), lean=4.0),
    "bell": Kind(home.bell, (0.25, 0.50), 0.95),
    "clock": Kind(home.clock, (0.24, 0.50), 0.7),
    "vacuum-cleaner": Kind(home.vacuum_cleaner, (0.32, 0.54), 1.05, "still", (0.5, 1.4)),
    "car": Kind(vehicles.car, (0.22, 0.36), 2.0, "travel", (2.0, 4.0), outdoors=True),
    "emergency-car": Kind(vehicles.emergency_car, (0.23, 0.38), 1.85, "travel", (1.0, 2.0), outdoors=True),
    "train": Kind(trains.train, (0.27, 0.42), 2.3, "travel", (1.5, 3.0), lean=1.0, outdoors=True),
    "helicopter": Kind(
        vehicles.helicopter, (0.18, 0.32), 2.8, "travel", (3.0, 6.0), lean=7.0, outdoors=True, flies=True
    ),
}
NAMES: tuple[str, ...] = tuple(sorted(OBJECTS))


def airborne(name: str, variant: int) -> bool:
    """Return whether this variant of a class is drawn in flight."""
    kind = OBJECTS[name]
    return kind.flies or (kind.draw_flying is not None and variant % 2 == 1)


def _drawing(name: str, variant: int) -> Draw:
    kind = OBJECTS[name]
    return kind.draw_flying if kind.draw_flying is not None and variant % 2 == 1 else kind.draw


def _pen(draw: Draw, seed: object, pose: float) -> Pen:
    pen = Pen()
    draw(pen, np.random.default_rng(seed), pose)
    return pen


def _drawn_poses(draw: Draw, seed: object, height: int) -> tuple[Image.Image, ...]:
    """Render every pose in one common tight box, so that the object does not jump between poses."""
    pens = [_pen(draw, seed, pose) for pose in POSES]
    x, y, _, h = _CANVAS
    seen = np.zeros((70, 75), bool)
    for pen in pens:
        seen |= np.asarray(rasterise(pen.svg(_CANVAS, seen.shape)))[..., 3] > 10
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    cell = h / seen.shape[0]
    left, top = x + (columns[0] - 1) * cell, y + (rows[0] - 1) * cell
    wide, tall = (columns[-1] - columns[0] + 3) * cell, (rows[-1] - rows[0] + 2.5) * cell
    scale = min(height / tall, _SPRITE_WIDTH * height / SPRITE_HEIGHT / wide)
    size = (max(1, round(tall * scale)), max(1, round(wide * scale)))
    return tuple(rasterise(pen.svg((left, top, wide, tall), size)) for pen in pens)


@cache
def banked(name: str, split: str, variant: int) -> tuple[Image.Image, ...]:
    """Return the RGBA images of one variant, one per entry of POSES, all of one size (cached per process).

    Raises ConfigError for an unknown class or split.
    """
    if name not in OBJECTS or split not in SPLITS:
        raise ConfigError(
            f"No drawing of {name!r} for split {split!r}: classes are {NAMES}, splits {SPLITS}."
        )
    seed = [zlib.crc32(name.encode()), SPLITS.index(split), variant]
    return _drawn_poses(_drawing(name, variant), seed, SPRITE_HEIGHT)


def sprite(name: str, rng: np.random.Generator, height: int, pose: float = 0.0) -> np.ndarray:
    """Return a new style of a class as RGBA uint8 [height at most, w, 4], not stored in the bank."""
    seed, variant = int(rng.integers(2**31)), int(rng.integers(2))
    pictures = _drawn_poses(_drawing(name, variant), seed, height)
    return np.asarray(pictures[round(pose * (len(POSES) - 1))])
