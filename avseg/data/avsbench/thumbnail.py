"""Small pictures of the frames of a data set, with the ground truth overlaid."""

from pathlib import Path

import numpy as np

from avseg.data.avsbench.dataset import read_frame, read_mask
from avseg.data.avsbench.layout import Entry
from avseg.data.labels import CLASSES, clip_colours
from avseg.data.samples import UNNAMED, without_ignored
from avseg.errors import DatasetError
from avseg.media.draw import ORANGE, overlay, resize

MAX_SIZE = (126, 224)  # height, width of a thumbnail
DRAWN_ASPECT = 16 / 9  # SynthAVS squeezes a wide scene into a square, as AVSBench does its videos


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
        mask = None if mask is None else without_ignored(mask)
    except DatasetError:
        mask = None
    return picture if mask is None else overlay(picture, resize(mask, size, smooth=False), mask_colours(mask))


def thumbnail_size(size: tuple[int, int], drawn: bool) -> tuple[int, int]:
    """Return height and width of a frame's thumbnail; a drawn frame gets its own aspect ratio back."""
    aspect = DRAWN_ASPECT if drawn else size[1] / size[0]
    height = min(MAX_SIZE[0], MAX_SIZE[1] / aspect)
    return max(1, round(height)), max(1, round(height * aspect))


def mask_colours(mask: np.ndarray) -> dict[int, tuple[int, int, int]]:
    """Return the colour of every class in a mask; foreground without a class is orange."""
    indices = [int(index) for index in np.unique(mask) if index]
    names = clip_colours(CLASSES[index] for index in indices if index < len(CLASSES))
    return {CLASSES.index(name): colour for name, colour in names.items()} | {UNNAMED: ORANGE}
