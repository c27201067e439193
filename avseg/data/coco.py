"""COCO's annotation files: objects of images as polygons or run lengths."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from avseg.errors import DatasetError
from avseg.files import read_json

MAX_BYTES = 2**30  # COCO's training instances have 450 MB
MAX_PIXELS = 8192 * 4352

Polygons = tuple[tuple[float, ...], ...]
"""x, y, x, y ... of each outline, in pixels."""


@dataclass(frozen=True)
class RunLengths:
    """Lengths of the alternating runs of background and foreground, column by column."""

    size: tuple[int, int]  # height, width
    counts: tuple[int, ...]


Segmentation = Polygons | RunLengths


@dataclass(frozen=True)
class CocoObject:
    """One annotated object."""

    name: str  # of its category, spaces as dashes
    segmentation: Segmentation
    is_crowd: bool


@dataclass(frozen=True)
class CocoImage:
    """One image and its objects."""

    file_name: str
    size: tuple[int, int] | None  # height, width; None where the file does not say
    objects: tuple[CocoObject, ...]


def read_coco(path: Path) -> tuple[CocoImage, ...]:
    """Return the images of an annotation file in its order; raises DatasetError if it is not one."""
    try:
        content = read_json(path, MAX_BYTES)
        names = {item["id"]: str(item["name"]).replace(" ", "-") for item in content["categories"]}
        objects: dict[int, list[CocoObject]] = defaultdict(list)
        for item in content["annotations"]:
            segmentation = _segmentation(item["segmentation"])
            crowd = bool(item.get("iscrowd"))
            objects[item["image_id"]].append(CocoObject(names[item["category_id"]], segmentation, crowd))
        return tuple(
            CocoImage(str(image["file_name"]), _size(image), tuple(objects[image["id"]]))
            for image in content["images"]
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DatasetError(f"{path} is not a COCO instances file ({type(error).__name__}).") from error


def _size(image: dict) -> tuple[int, int] | None:
    return (int(image["height"]), int(image["width"])) if image.get("height") and image.get("width") else None


def _segmentation(value: object) -> Segmentation:
    if isinstance(value, list):
        return tuple(tuple(map(float, outline)) for outline in value)
    counts = value["counts"]
    counts = _decompressed(counts) if isinstance(counts, str) else tuple(map(int, counts))
    height, width = map(int, value["size"])
    return RunLengths((height, width), counts)


def _decompressed(text: str) -> tuple[int, ...]:
    """Return the run lengths in COCO's compressed text: five bits a character, then differences."""
    counts: list[int] = []
    position = 0
    while position < len(text):
        value = shift = 0
        more = True
        while more:
            code = ord(text[position]) - 48
            value |= (code & 31) << shift
            more = bool(code & 32)
            position, shift = position + 1, shift + 5
        if code & 16:  # a negative difference
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return tuple(counts)


def check_runs(segmentation: RunLengths) -> None:
    """Raise DatasetError for run lengths that are not those of a mask."""
    (height, width), counts = segmentation.size, np.array(segmentation.counts, np.int64)
    if not 0 < height * width <= MAX_PIXELS or (counts < 0).any() or counts.sum() != height * width:
        raise DatasetError(f"Run lengths of {height} x {width} pixels do not add up; export them again.")


def mask_of(segmentation: Segmentation, size: tuple[int, int]) -> np.ndarray:
    """Return an object's mask, bool [H, W]; size: (height, width) of its image.

    Raises DatasetError for run lengths that are not those of a mask.
    """
    if isinstance(segmentation, RunLengths):
        check_runs(segmentation)
        height, width = segmentation.size
        runs = np.repeat(np.arange(len(segmentation.counts)) % 2 == 1, segmentation.counts)
        mask = Image.fromarray(runs.reshape(width, height).T)
        return np.asarray(mask.resize(size[::-1], Image.Resampling.NEAREST))
    mask = Image.new("1", size[::-1])
    pen = ImageDraw.Draw(mask)
    for outline in segmentation:
        if len(outline) >= 6:  # three points
            pen.polygon(outline, fill=1)
    return np.asarray(mask)
