"""Maps of a frame as pictures: cells, heat over the grey frame, masks, sampling points."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from app.inside.figures import Picture, Scale, Tile
from avseg.data.labels import CLASS_INDEX, CLASSES, Colour, clip_colours
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.interpret.maps import Sampling
from avseg.media.draw import BINARY, heat_map, heat_over, overlay, resize

WIDE, NARROW = 720, 300  # pixels, longest side of a large picture and of a tile


def cells(inspection: Inspection, name: str, values: np.ndarray, scale: Scale) -> Picture:
    """Return a map [h, w] as cells at the frame's shape."""
    heat = heat_map(values, scale.low, scale.high, colours=scale.colours)
    return Picture(name, heat.picture, True, inspection.frame.shape[:2])


def over(inspection: Inspection, name: str, values: np.ndarray, scale: Scale, side: int = NARROW) -> Picture:
    """Return a map [h, w] smoothed over the grey, darkened frame."""
    heat = heat_over(_small(inspection.frame, side), values, scale.low, scale.high)
    return Picture(name, heat.picture, False, inspection.frame.shape[:2])


def photo(inspection: Inspection, name: str, side: int = NARROW) -> Picture:
    """Return the frame itself."""
    return Picture(name, _small(inspection.frame, side), False, inspection.frame.shape[:2])


def masked(inspection: Inspection, name: str, mask: MaskMap, side: int = NARROW) -> Picture:
    """Return the frame with a mask over it."""
    frame = _small(inspection.frame, side)
    colours = colours_of(mask) if inspection.config.classes > 1 else BINARY
    return Picture(
        name, overlay(frame, labels(inspection, mask, frame.shape[:2]), colours), False, frame.shape[:2]
    )


def labels(inspection: Inspection, mask: MaskMap, size: tuple[int, int]) -> np.ndarray:
    """Return a mask's label map uint8 at a size; the binary tasks get smooth borders."""
    if inspection.config.classes > 1:
        return resize(mask.labels, size, smooth=False)
    return (resize(mask.probability, size) > inspection.threshold).astype(np.uint8)


def colours_of(mask: MaskMap) -> Mapping[int, Colour]:
    """Return the display colour of every class in a mask, by index."""
    present = [CLASSES[index] for index in np.unique(mask.labels)]
    return {CLASS_INDEX[name]: colour for name, colour in clip_colours(present).items()}


def mask_words(inspection: Inspection, mask: MaskMap) -> str:
    """Return what a mask covers: "dog, 14.2 %"."""
    covered = mask.labels > 0
    share = f"{100 * covered.mean():.1f}\N{NO-BREAK SPACE}%"
    if not covered.any():
        return "empty"
    if inspection.config.classes == 1:
        return f"{share} of the frame"
    return f"{CLASSES[int(np.bincount(mask.labels[covered]).argmax())]}, {share}"


def channels(
    inspection: Inspection,
    maps: np.ndarray,
    indices: Sequence[int],
    scale: Scale,
    action: str = "",
    selected: int = 0,
) -> tuple[Tile, ...]:
    """Return the maps [C, h, w] of some channels as tiles; a click selects the channel, counted from 1."""
    return tuple(
        Tile(
            f"c{index + 1}",
            (cells(inspection, f"Channel {index + 1}", maps[index], scale),),
            action,
            int(index) + 1,
            index + 1 == selected,
        )
        for index in indices
    )


def scale_of(values: np.ndarray, quantity: str, colours: str = "magma", percentile: float = 100) -> Scale:
    """Return the scale of a group: from 0 (or the least value below it) to the largest value.

    Diverging colours are symmetric about 0. A percentile below 100 keeps a few extreme cells from making all
    others pale; the drawn scale says so.
    """
    sizes = np.abs(values) if colours == "diverging" else values
    most, largest = float(np.percentile(sizes, percentile)), float(sizes.max())
    if most < 0.02 * largest or most <= 0:
        most = largest
    low = -most if colours == "diverging" else min(0.0, float(np.percentile(values, 100 - percentile)))
    return Scale(low, most if most > 0 else 1.0, quantity, colours, most < largest)


def activation(values: np.ndarray) -> Scale:
    """Return the scale of feature maps: magma, or diverging where values below zero matter."""
    signed = np.percentile(values, 1) < -0.25 * np.percentile(values, 99)
    return scale_of(values, "activation", "diverging" if signed else "magma", 99.5)


def sampled(
    inspection: Inspection,
    name: str,
    points: Sampling,
    heads: Sequence[int],
    levels: Sequence[int],
    scale: Scale,
) -> Picture:
    """Return the grey frame with the sampling points of some heads and levels; size and colour are weights.

    Circles are points at stride 8, squares at 16, diamonds at 32; the cross is the token itself.
    """
    grey = (np.asarray(Image.fromarray(_small(inspection.frame, WIDE)).convert("L")) * 0.6).astype(np.uint8)
    picture = Image.fromarray(grey).convert("RGB")
    width, height = picture.size
    pen = ImageDraw.Draw(picture)
    marks = [
        (float(points.weights[head, level, point]), level, *map(float, points.points[head, level, point]))
        for head in heads
        for level in levels
        for point in range(points.weights.shape[2])
    ]
    for weight, level, x, y in sorted(marks):
        colour = tuple(map(int, heat_map(np.array([[weight]]), scale.low, scale.high).picture[0, 0]))
        radius = 4 + 9 * (max(weight, 0) / scale.high) ** 0.5
        _mark(pen, level, x * width, y * height, radius * width / WIDE, colour)
    x, y = points.centre[0] * width, points.centre[1] * height
    for shade, line in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        pen.line((x - 11, y, x + 11, y), shade, line)
        pen.line((x, y - 11, x, y + 11), shade, line)
    return Picture(name, np.asarray(picture), False, inspection.frame.shape[:2])


def _mark(pen: ImageDraw.ImageDraw, level: int, x: float, y: float, radius: float, colour: Colour) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    if level == 0:
        pen.ellipse(box, colour, (255, 255, 255), 2)
    elif level == 1:
        pen.rectangle(box, colour, (255, 255, 255), 2)
    else:
        corners = ((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y))
        pen.polygon(corners, colour, (255, 255, 255), 2)


def _small(frame: np.ndarray, side: int) -> np.ndarray:
    scale = min(1.0, side / max(frame.shape[:2]))
    return resize(frame, tuple(max(1, round(length * scale)) for length in frame.shape[:2]))
