"""The activations that any site of a model records, drawn by their shape alone.

A row that is added to `avseg.interpret.sites.SITES` appears here without further code.
"""

from collections.abc import Callable

import numpy as np

from app.inside.figures import Control, Group, Pager, Part, Picture, Tile, View, number
from app.inside.inspections import Activation
from app.inside.pictures import activation as scale_of_maps
from app.inside.pictures import cells, channels, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.sites import SITES
from avseg.media.draw import heat_map

PAGE = 36  # channels
LARGEST = 512  # rows and columns of a drawn matrix; larger ones are averaged down


def activations_view(
    inspection: Inspection, choice: Choice, record: Callable[[str, int], Activation]
) -> View:
    """Draw what a site recorded: maps by channel, or a matrix where the values have no positions."""
    recorded = record(choice.site, choice.site_layer or 0)
    site = next(row for row in SITES if row.name == recorded.site)
    values = recorded.values.astype(np.float32)
    maps = _maps(values, inspection.size)
    left: list[Part] = [
        Control("Site", "site", tuple((name, name) for name in recorded.layers), recorded.site)
    ]
    if (count := recorded.layers[recorded.site]) > 1:
        layers = tuple((i, str(i)) for i in range(1, count + 1))
        left.append(Control("Layer", "site_layer", layers, recorded.layer))
    right: tuple[Part, ...]
    if maps is None:
        right = (_matrix(values, recorded.site),)
    else:
        pages = -(-len(maps) // PAGE)
        page = min(max(choice.page, 0), pages - 1)
        indices = range(page * PAGE, min(len(maps), (page + 1) * PAGE))
        scale = scale_of_maps(maps)
        mean = scale_of(maps.mean(0), "activation")
        tile = Tile("", (cells(inspection, f"{recorded.site}, channel mean", maps.mean(0), mean),))
        title = f"Channels {indices[0] + 1} to {indices[-1] + 1} of {len(maps)}"
        right = (
            Group("Channel mean", (tile,), mean, 3),
            Group(title, channels(inspection, maps, indices, scale), scale, 9),
            Pager(page + 1, pages),
        )
    return View(
        "Activations",
        f"{recorded.site}: {site.what}.",
        shapes=f"{'×'.join(map(str, values.shape))} of {site.shape}",
        number=f"layer {recorded.layer} of {count}" if count > 1 else "one layer",
        left=tuple(left),
        right=right,
        numbers={
            "site": recorded.site,
            "layer": recorded.layer,
            "sites": list(recorded.layers),
            "shape": list(values.shape),
            "mean": float(values.mean()),
            "least": float(values.min()),
            "most": float(values.max()),
        },
    )


def _maps(values: np.ndarray, size: int) -> np.ndarray | None:
    """Return values as maps [C, h, w]: those of an image, or of a last axis as long as the mask feature."""
    if values.ndim == 3 and values.shape[1] == values.shape[2]:
        return values
    side = size // 4
    if values.ndim > 1 and values.shape[-1] == side * side:
        return values.reshape(-1, side, side)
    return None


def _matrix(values: np.ndarray, name: str) -> Group:
    """Return values as a matrix, its axes split so that it is as square as possible."""
    splits = [int(np.prod(values.shape[:k])) for k in range(1, values.ndim)] or [1]
    rows = min(splits, key=lambda rows: abs(np.log(rows * rows / values.size)))
    matrix = values.reshape(rows, -1)
    columns = matrix.shape[1]
    for axis in (0, 1):
        matrix = _averaged(matrix, axis)
    signed = matrix.min() < 0
    scale = scale_of(matrix, "value", "diverging" if signed else "magma", 99.5)
    picture = heat_map(matrix, scale.low, scale.high, colours=scale.colours).picture
    tile = Tile("", (Picture(name, picture, True, (1, 6) if rows == 1 else (9, 16)),))
    note = f"from {number(float(values.min()))} to {number(float(values.max()))}"
    return Group(f"{rows:,} × {columns:,} values", (tile,), scale, 1, note=note)


def _averaged(matrix: np.ndarray, axis: int) -> np.ndarray:
    """Return a matrix of at most LARGEST rows (axis 0) or columns (axis 1), by means of neighbours."""
    step = -(-matrix.shape[axis] // LARGEST)
    starts = np.arange(0, matrix.shape[axis], step)
    counts = np.diff([*starts, matrix.shape[axis]])
    sums = np.add.reduceat(matrix, starts, axis=axis)
    return sums / (counts[:, None] if axis == 0 else counts)
