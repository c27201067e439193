"""Eight kinds of backdrop as SVG, 640 x 360 drawing units, with palettes and furniture drawn from rng.

A backdrop does not depend on the audio. Each split has its own variants, cached per process at 384 x 216.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from PIL import Image

from avseg.errors import ConfigError
from avseg.synthavs import backgrounds_indoor as indoor
from avseg.synthavs import backgrounds_outdoor as outdoor
from avseg.synthavs.objects import SPLITS
from avseg.synthavs.objects_svg import Pen, rasterise

VARIANTS = {"train": 4, "val": 3, "test": 3}
_SIZE = (216, 384)  # height, width in pixels of the cached image


@dataclass(frozen=True)
class Place:
    """How a backdrop is drawn, and where objects are placed (shares of the frame height)."""

    draw: Callable[[Pen, np.random.Generator], None]
    ground: float  # highest line on which something may stand
    outdoors: bool
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)  # multiplies the colours of objects


PLACES: dict[str, Place] = {
    "room": Place(indoor.room, 0.76, False, (1.0, 0.98, 0.95)),
    "kitchen": Place(indoor.kitchen, 0.78, False),
    "stage": Place(indoor.stage, 0.78, False, (1.0, 0.93, 0.88)),
    "street": Place(outdoor.street, 0.78, True),
    "night": Place(outdoor.night, 0.78, True, (0.74, 0.76, 0.9)),
    "park": Place(outdoor.park, 0.70, True),
    "hills": Place(outdoor.hills, 0.86, True),
    "seaside": Place(outdoor.seaside, 0.76, True),
}


def _render(place: str, split: str, variant: int, size: tuple[int, int]) -> Image.Image:
    if place not in PLACES or split not in SPLITS:
        raise ConfigError(f"No backdrop {place!r} for split {split!r}: places are {tuple(PLACES)}.")
    pen = Pen()
    PLACES[place].draw(pen, np.random.default_rng([zlib.crc32(place.encode()), SPLITS.index(split), variant]))
    pen.box(0, 0, 640, 360, 0, pen.radial(320, 170, 440, *["rgba(12,8,20,0)"] * 2, "rgba(12,8,20,.3)"))
    return rasterise(pen.svg((0, 0, 640, 360), size)).convert("RGB")


@cache
def banked(place: str, split: str, variant: int) -> Image.Image:
    """Return one backdrop as an RGB image of 384 x 216 (cached per process).

    Raises ConfigError for an unknown place or split.
    """
    return _render(place, split, variant, _SIZE)


@lru_cache(maxsize=32)  # a split's backdrops, 1.5 MB each
def sharp(place: str, split: str, variant: int) -> Image.Image:
    """Return the same backdrop at 960 x 540, for frames larger than the cached image."""
    return _render(place, split, variant, (540, 960))
