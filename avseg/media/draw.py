"""Draws masks, maps, strips and spectrograms as NumPy arrays.

Pictures are uint8 [H, W, 3] RGB. Label maps are uint8 [H, W] class indices with 0 as background; a binary
mask is a label map of 0 and 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from avseg.data.labels import GREY, OKABE_ITO, Colour
from avseg.media.audio import SILENT_LOG_MEL

ORANGE, FALSE_ALARM, MISS = OKABE_ITO["orange"], OKABE_ITO["vermilion"], OKABE_ITO["blue"]
WHITE: Colour = (255, 255, 255)
NEUTRAL: Colour = (242, 242, 238)
BINARY: Mapping[int, Colour] = {1: ORANGE}
OUTLINE = 2.4  # pixels


@dataclass(frozen=True, eq=False)
class Layer:
    """A colour and an opacity per pixel, to draw over any number of pictures of one size."""

    paint: np.ndarray  # uint16 [h, w, 3], colour times opacity plus 128, within `box`
    keep: np.ndarray  # uint16 [h, w, 3], 255 minus opacity: the weight of the picture
    box: tuple[slice, slice]  # rows and columns that contain all painted pixels

    def over(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture uint8 [H, W, 3] with this layer on top."""
        mixed = picture[self.box] * self.keep
        mixed += self.paint
        mixed += mixed >> 8  # with the next line: mixed / 255, rounded
        mixed >>= 8
        painted = picture.copy()
        painted[self.box] = mixed
        return painted


@dataclass(frozen=True, eq=False)
class Heat:
    """A colour-mapped picture and the values at the ends of its scale."""

    picture: np.ndarray  # uint8 [H, W, 3]
    low: float
    high: float


def resize(image: np.ndarray, size: tuple[int, int], smooth: bool = True) -> np.ndarray:
    """Return an image [h, w] or [h, w, 3] (uint8 or float) at size (height, width), of the same dtype.

    smooth: bilinear with antialiasing; otherwise the nearest pixel, as label maps need.
    """
    if image.shape[:2] == tuple(size):
        return image
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    plain = image if image.dtype == np.uint8 else image.astype(np.float32)
    return np.asarray(Image.fromarray(plain).resize((size[1], size[0]), method)).astype(
        image.dtype, copy=False
    )


def outline(mask: np.ndarray, width: float = OUTLINE) -> np.ndarray:
    """Return the coverage of each pixel by the outline of a mask, float32 [H, W] 0..1, `width` px wide.

    The outline lies half inside and half outside the mask; the edge of the picture has none.
    """
    grown = mask > 0
    outside, cover = ~grown, np.zeros(mask.shape, np.float32)
    remaining = width / 2
    while remaining > 0:
        grown, outside = _grow(grown), _grow(outside)
        cover[grown & outside & (cover == 0)] = min(1.0, remaining)
        remaining -= 1
    return cover


def _grow(mask: np.ndarray) -> np.ndarray:
    """Return the mask bool [H, W] dilated by one pixel in eight directions."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    tall = wide.copy()
    tall[1:] |= wide[:-1]
    tall[:-1] |= wide[1:]
    return tall


def mask_layer(
    labels: np.ndarray, colours: Mapping[int, Colour] = BINARY, opacity: float = 0.45, width: float = OUTLINE
) -> Layer:
    """Return the layer of a label map: each class filled at `opacity` and outlined in its full colour.

    colours: RGB by class index; other classes are grey. Grey is hatched. width 0: no outline.
    """
    weight = np.zeros(labels.shape, np.float32)
    paint = np.zeros((*labels.shape, 3), np.float32)
    present = [int(index) for index in np.unique(labels) if index > 0]
    for index in present:
        colour = colours.get(index, GREY)
        weight[(labels == index) & (_hatching(labels.shape) if colour == GREY else True)] = opacity
        paint[labels == index] = colour
    for index in present if width > 0 else []:
        border = outline(labels == index, width)
        paint[border > 0] = colours.get(index, GREY)
        weight = np.maximum(weight, border)
    return _layer(paint, weight)


def overlay(
    picture: np.ndarray,
    labels: np.ndarray,
    colours: Mapping[int, Colour] = BINARY,
    opacity: float = 0.45,
    width: float = OUTLINE,
) -> np.ndarray:
    """Return the picture with a label map on top, resized to the picture; see `mask_layer`."""
    labels = resize(labels, picture.shape[:2], smooth=False)
    return mask_layer(labels, colours, opacity, width).over(picture)


def shrink(picture: np.ndarray, width: int) -> np.ndarray:
    """Return the picture at most `width` px wide, its aspect ratio unchanged."""
    scale = min(1.0, width / picture.shape[1])
    return resize(picture, (round(picture.shape[0] * scale), round(picture.shape[1] * scale)))


def cut_out(picture: np.ndarray, labels: np.ndarray, ground: Colour = WHITE) -> np.ndarray:
    """Return the picture inside the mask, and one plain colour elsewhere."""
    return np.where(labels[..., None] > 0, picture, np.asarray(ground, np.uint8))


def truth_outline(picture: np.ndarray, truth: np.ndarray, width: float = OUTLINE) -> np.ndarray:
    """Return the picture with a white outline of every class of the ground truth, resized to the picture."""
    truth = resize(truth, picture.shape[:2], smooth=False)
    cover = np.zeros(truth.shape, np.float32)
    for index in np.unique(truth[truth > 0]):
        cover = np.maximum(cover, outline(truth == index, width))
    return _layer(np.broadcast_to(np.float32(WHITE), picture.shape), cover).over(picture)


def error_map(picture: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the picture with hits white at half opacity, false alarms vermilion and misses blue.

    predicted, truth: label maps of the picture's size. A pixel of the wrong class counts as a false alarm.
    """
    return error_layer(predicted, truth).over(picture)


def error_layer(predicted: np.ndarray, truth: np.ndarray) -> Layer:
    """Return what `error_map` draws over a picture."""
    weight = np.zeros(truth.shape, np.float32)
    paint = np.zeros((*truth.shape, 3), np.float32)
    hit = (predicted == truth) & (truth > 0)
    false_alarm = (predicted > 0) & (predicted != truth)
    miss = (predicted == 0) & (truth > 0)
    for where, colour, opacity in ((hit, WHITE, 0.5), (false_alarm, FALSE_ALARM, 0.8), (miss, MISS, 0.8)):
        weight[where], paint[where] = opacity, colour
    return _layer(paint, weight)


def heat_map(
    values: np.ndarray,
    low: float | None = None,
    high: float | None = None,
    size: tuple[int, int] | None = None,
    colours: str = "magma",
) -> Heat:
    """Return a map [h, w] in colours, drawn as cells if `size` (height, width) is larger.

    low, high: values at the ends of the scale; by default the finite extremes of the map. colours: a
    matplotlib colour map, "ink" (white to near-black) or "diverging" (blue, neutral, vermilion). Values that
    are not finite are drawn as `low`.
    """
    low, high = _bounds(values, low, high)
    share = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-12)
    picture = _table(colours)[np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)]
    return Heat(resize(picture, size, smooth=False) if size else picture, low, high)


def heat_over(
    picture: np.ndarray, values: np.ndarray, low: float | None = None, high: float | None = None
) -> Heat:
    """Return a smoothed map [h, w] over the darkened greyscale picture, such as attention on a frame."""
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.float32)[..., None] * 0.45
    smooth = resize(values.astype(np.float32), picture.shape[:2])
    low, high = _bounds(values, low, high)
    heat = heat_map(smooth, low, high)
    share = np.clip((smooth - low) / max(high - low, 1e-12), 0, 1)[..., None]
    mixed = grey * (1 - 0.85 * share) + heat.picture * 0.85 * share
    return Heat(mixed.astype(np.uint8), low, high)


def sampling_points(
    picture: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    high: float,
    centre: tuple[float, float],
    level: int | None = None,
) -> np.ndarray:
    """Return the darkened greyscale picture with sampling points, larger and brighter by weight up to `high`.

    points [heads, 3, n, 2], (x, y) in 0..1 of the picture; weights [heads, 3, n]. level: draw those of one
    map alone. Circles lie on the finest map, squares on the next one, diamonds on the coarsest; a cross marks
    `centre`, the token.
    """
    grey = (np.asarray(Image.fromarray(picture).convert("L")) * 0.6).astype(np.uint8)
    drawn = Image.fromarray(grey).convert("RGB")
    width, height = drawn.size
    pen = ImageDraw.Draw(drawn)
    marks = sorted(
        (float(weights[index]), index[1], *map(float, points[index]))
        for index in np.ndindex(weights.shape)
        if level in (None, index[1])
    )
    for weight, shape, x, y in marks:
        colour = tuple(map(int, heat_map(np.array([[weight]]), 0, high).picture[0, 0]))
        r = (4 + 9 * (max(weight, 0) / high) ** 0.5) * width / 720
        x, y = x * width, y * height
        box, diamond = (x - r, y - r, x + r, y + r), ((x, y - r), (x + r, y), (x, y + r), (x - r, y))
        draw, outline = ((pen.ellipse, box), (pen.rectangle, box), (pen.polygon, diamond))[shape]
        draw(outline, colour, WHITE, 2)
    x, y = centre[0] * width, centre[1] * height
    for shade, line in (((0, 0, 0), 5), (WHITE, 2)):
        pen.line((x - 11, y, x + 11, y), shade, line)
        pen.line((x, y - 11, x, y + 11), shade, line)
    return np.asarray(drawn)


def strip(
    pictures: Sequence[np.ndarray],
    labels: Sequence[np.ndarray] | None = None,
    colours: Mapping[int, Colour] = BINARY,
    height: int = 72,
    gap: int = 4,
) -> np.ndarray:
    """Return thumbnails side by side on white, uint8 [height, W, 3], with their label maps on top.

    pictures: any sizes; labels: one map [h, w] per picture, any size, resized without interpolation.
    """
    tiles = []
    for index, picture in enumerate(pictures):
        size = (height, max(1, round(picture.shape[1] * height / picture.shape[0])))
        tile = resize(picture, size)
        if labels is not None:
            tile = overlay(
                tile, resize(labels[index].astype(np.uint8), size, smooth=False), colours, width=1.2
            )
        tiles += [tile, np.full((height, gap, 3), 255, np.uint8)]
    return np.concatenate(tiles[:-1], axis=1) if tiles else np.full((height, 1, 3), 255, np.uint8)


def spectrogram(log_mel: np.ndarray, size: tuple[int, int] | None = None, dark: bool = False) -> np.ndarray:
    """Return log-mel rows [frames, 64] as a picture with time to the right and low bands at the bottom.

    White is silence (log 0.01), near-black the loudest value, reversed if `dark`. The scale spans at least 3
    above silence, so that faint noise does not look loud.
    """
    quiet = SILENT_LOG_MEL
    loud = max(float(np.max(log_mel, initial=quiet)), quiet + 3.0)
    cells = np.asarray(log_mel, np.float32).T[::-1]
    if dark:
        cells = quiet + loud - cells
    if size and cells.size:
        cells = resize(np.ascontiguousarray(cells), size)
    if not cells.size:
        cells = np.full(size or (64, 1), loud if dark else quiet, np.float32)
    return heat_map(cells, quiet, loud, colours="ink").picture


def _bounds(values: np.ndarray, low: float | None, high: float | None) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    least, most = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    return float(least if low is None else low), float(most if high is None else high)


def _hatching(shape: tuple[int, ...]) -> np.ndarray:
    """Return diagonal stripes bool [H, W], 3 px in every 8."""
    return (np.arange(shape[0])[:, None] + np.arange(shape[1])) % 8 < 3


def _layer(paint: np.ndarray, weight: np.ndarray) -> Layer:
    opacity = np.rint(weight * 255).astype(np.uint16)
    box = tuple(
        slice(used.argmax(), len(used) - used[::-1].argmax()) if used.any() else slice(0)
        for used in (weight.any(axis=1), weight.any(axis=0))
    )
    opacity = np.repeat(opacity[box][..., None], 3, axis=2)
    return Layer(np.rint(paint[box]).astype(np.uint16) * opacity + 128, 255 - opacity, box)


@cache
def _table(colours: str) -> np.ndarray:
    """Return a colour map as uint8 [256, 3]."""
    if colours == "ink":
        ends = np.array([[255, 255, 255], [0x15, 0x16, 0x1A]], np.float32)
        return np.rint(ends[0] + np.linspace(0, 1, 256)[:, None] * (ends[1] - ends[0])).astype(np.uint8)
    if colours == "diverging":
        marks = np.array([MISS, NEUTRAL, FALSE_ALARM], np.float32)
        positions = np.linspace(-1, 1, 256)
        shades = np.stack([np.interp(positions, (-1, 0, 1), channel) for channel in marks.T], axis=1)
        return np.rint(shades).astype(np.uint8)
    from matplotlib import colormaps

    return (colormaps[colours](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)
