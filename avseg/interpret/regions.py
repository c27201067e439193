"""Which pixels of a frame a question is about: its mask, one object of it, a box, or the whole frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from avseg.arguments import is_number, is_whole, printed
from avseg.errors import ConfigError
from avseg.late import F, torch

RegionKind = Literal["mask", "object", "frame"]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in 0..1 of the picture that the model sees."""


@dataclass(frozen=True)
class Region:
    """The predicted mask, one connected object of it, or the frame; with a box, the part inside it."""

    kind: RegionKind = "mask"
    number: int = 1  # of the object, from 1, the largest first
    box: Box | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(RegionKind):
            raise ConfigError(
                f"Region {printed(self.kind)} is unknown: choose {', '.join(get_args(RegionKind))}."
            )
        if not is_whole(self.number, 1, 10_000):
            raise ConfigError(f"Object {printed(self.number)} does not exist: objects count from 1.")
        if self.box is not None:
            left, top, right, bottom = self.box
            if not all(is_number(side, 0, 1) for side in self.box) or left >= right or top >= bottom:
                raise ConfigError(
                    f"The box {' '.join(map(printed, self.box))} is empty or leaves the frame: give left, "
                    "top, right and bottom between 0 and 1."
                )

    @property
    def words(self) -> str:
        """The region in a sentence: "the mask", "the largest object inside the box"."""
        number = "the largest object" if self.number == 1 else f"object {self.number}"
        name = {"mask": "the mask", "object": number, "frame": "the frame"}[self.kind]
        return name if self.box is None else f"{name} inside the box"


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels of a region in one frame."""

    where: np.ndarray  # bool [s, s], at least one pixel
    masked: bool  # they are foreground; if not, the mask is empty there and all pixels of the area are meant


def pixels_of(region: Region, labels: np.ndarray) -> Pixels:
    """Return the pixels of a region, given the label map uint8 [s, s] of the frame.

    Where the mask, or its part inside the box, is empty, all pixels of the frame or of the box are meant.
    Raises ConfigError for an object that does not exist.
    """
    size = len(labels)
    area = np.ones(labels.shape, bool)
    if region.box is not None:
        left, top, right, bottom = region.box
        area[:] = False
        rows = slice(int(top * size), max(int(top * size) + 1, round(bottom * size)))
        area[rows, int(left * size) : max(int(left * size) + 1, round(right * size))] = True
    if region.kind == "frame":
        return Pixels(area, False)
    mask = labels > 0
    if region.kind == "object" and mask.any():
        objects = connected(mask)
        sizes = np.bincount(objects.ravel())[1:]
        if region.number > len(sizes):
            raise ConfigError(f"Object {region.number} does not exist: the mask has {len(sizes)}.")
        largest = np.argsort(-sizes, kind="stable")[region.number - 1] + 1
        mask = objects == largest
    inside = mask & area
    return Pixels(inside, True) if inside.any() else Pixels(area, False)


def connected(mask: np.ndarray) -> np.ndarray:
    """Return the connected objects of a mask bool [h, w]: int64 [h, w], numbered from 1, 0 elsewhere.

    Pixels that touch, at a side or a corner, belong together.
    """
    foreground = torch.from_numpy(np.ascontiguousarray(mask))
    numbers = torch.arange(1, mask.size + 1, dtype=torch.float64).view(mask.shape) * foreground
    while True:  # every pixel takes the largest number around it, then the number of the pixel so numbered
        spread = F.max_pool2d(numbers[None, None], 3, 1, 1)[0, 0] * foreground
        spread = torch.cat([spread.new_zeros(1), spread.flatten()])[spread.long()] * foreground
        if torch.equal(spread, numbers):
            break
        numbers = spread
    found = numbers.long().numpy()
    return np.searchsorted(np.unique(found[found > 0]), found) + (found > 0)
