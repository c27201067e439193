"""Maps of a frame as pictures: cells, heat over the grey frame, masks."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.inside.figures import Group, Picture, Scale, Tile, single
from avseg.data.labels import CLASS_INDEX, CLASSES, Colour, clip_colours
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.interpret.maps import colour_range, strongest
from avseg.interpret.mask_statistics import percent
from avseg.media.draw import BINARY, heat_map, heat_over, overlay, resize

WIDE, NARROW = 720, 300  # pixels, longest side of a large picture and of a tile
CHANNELS = 36  # in a grid


def photo(inspection: Inspection, name: str, side: int = NARROW) -> Picture:
    """Return the frame itself, its longest side at most `side` pixels."""
    frame = inspection.frame
    scale = min(1.0, side / max(frame.shape[:2]))
    small = resize(frame, tuple(max(1, round(length * scale)) for length in frame.shape[:2]))
    return Picture(name, small, False, frame.shape[:2])


def cells(inspection: Inspection, name: str, values: np.ndarray, scale: Scale) -> Picture:
    """Return a map [h, w] as cells at the frame's shape."""
    heat = heat_map(values, scale.low, scale.high, colours=scale.colours)
    return Picture(name, heat.picture, True, inspection.frame.shape[:2])


def over(inspection: Inspection, name: str, values: np.ndarray, scale: Scale, side: int = NARROW) -> Picture:
    """Return a map [h, w] smoothed over the grey, darkened frame."""
    heat = heat_over(photo(inspection, name, side).image, values, scale.low, scale.high)
    return Picture(name, heat.picture, False, inspection.frame.shape[:2])


def masked(inspection: Inspection, name: str, mask: MaskMap, side: int = NARROW) -> Picture:
    """Return the frame with a mask over it; the binary tasks get smooth borders."""
    frame = photo(inspection, name, side).image
    if inspection.config.classes > 1:
        present = [CLASSES[index] for index in np.unique(mask.labels)]
        colours: Mapping[int, Colour] = {
            CLASS_INDEX[c]: colour for c, colour in clip_colours(present).items()
        }
        labels = resize(mask.labels, frame.shape[:2], smooth=False)
    else:
        colours = BINARY
        labels = (resize(mask.probability, frame.shape[:2]) > inspection.threshold).astype(np.uint8)
    return Picture(name, overlay(frame, labels, colours), False, frame.shape[:2])


def mask_words(inspection: Inspection, mask: MaskMap) -> str:
    """Return what a mask covers: "dog, 14.2 %"."""
    covered = mask.labels > 0
    share = percent(covered.mean())
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
    pictures = {index: cells(inspection, f"Channel {index + 1}", maps[index], scale) for index in indices}
    return tuple(
        Tile(f"c{index + 1}", (picture,), action, int(index) + 1, index + 1 == selected)
        for index, picture in pictures.items()
    )


def channel_grid(inspection: Inspection, maps: np.ndarray, action: str, selected: int, title: str) -> Group:
    """Return the channels that vary most, on one scale, the selected one among them."""
    indices = list(strongest(maps, CHANNELS))
    if selected - 1 not in indices:
        indices[-1] = selected - 1
    scale = activation_scale(maps[indices])
    note = f"the {len(indices)} of {len(maps)} that vary most" if len(indices) < len(maps) else ""
    return Group(title, channels(inspection, maps, indices, scale, action, selected), scale, 9, note=note)


def matrix(title: str, name: str, values: np.ndarray, scale: Scale) -> Group:
    """Return a matrix, or a vector as one row."""
    picture = heat_map(values, scale.low, scale.high, colours=scale.colours).picture
    return single(title, Picture(name, picture, True, (1, 6) if len(values) == 1 else (9, 16)), scale)


def scale_of(
    values: np.ndarray, quantity: str = "", colours: str = "magma", percentile: float = 100
) -> Scale:
    """Return the scale of a group, as `colour_range` sets it; a clipped one says so where it is drawn."""
    low, high, clipped = colour_range(values, colours == "diverging", percentile)
    return Scale(low, high, quantity, colours, clipped)


def activation_scale(values: np.ndarray) -> Scale:
    """Return the scale of feature maps: magma, or diverging where values below zero matter."""
    signed = np.percentile(values, 1) < -0.25 * np.percentile(values, 99)
    return scale_of(values, "activation", "diverging" if signed else "magma", 99.5)
