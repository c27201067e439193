"""The activations that any site of a model records, drawn by their shape alone.

A row that is added to `avseg.interpret.sites.SITES` appears here without further code.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.inside.figures import TEXTS, Group, Parts, View, dimensions, number, part, single, view
from app.inside.pictures import activation_scale, cells, channels, matrix, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Activation, Inspection
from avseg.interpret.maps import as_matrix, averaged, channel_maps
from avseg.interpret.sites import SITES

PAGE = 36  # channels
LARGEST = 512  # rows and columns of a drawn matrix; larger ones are averaged down


def activations_view(
    inspection: Inspection, choice: Choice, record: Callable[[str, int], Activation]
) -> View:
    """Draw what a site recorded: maps by channel, or a matrix where the values have no positions."""
    recorded = record(choice.site, choice.site_layer or 0)
    site = next(row for row in SITES if row.name == recorded.site)
    values, count = recorded.values.astype(np.float32), recorded.layers[recorded.site]
    least, most = float(values.min()), float(values.max())
    left: Parts = (part("control", "Site", "site", [(name, name) for name in recorded.layers], site.name),)
    if count > 1:
        left += (part("numbered", "Layer", "site_layer", count, recorded.layer),)
    maps = channel_maps(values, inspection.size)
    if maps is None:
        table = as_matrix(values)
        title = f"{table.shape[0]:,} × {table.shape[1]:,} values"
        table = averaged(table, LARGEST)
        scale = scale_of(table, "value", "diverging" if table.min() < 0 else "magma", 99.5)
        note = f"from {number(least)} to {number(most)}"
        right: Parts = (replace(matrix(title, site.name, table, scale), note=note),)
    else:
        pages = -(-len(maps) // PAGE)
        page = min(max(choice.page, 0), pages - 1)
        indices = range(page * PAGE, min(len(maps), (page + 1) * PAGE))
        title = f"Channels {indices[0] + 1} to {indices[-1] + 1} of {len(maps)}"
        scale, mean_scale = activation_scale(maps), scale_of(maps.mean(0), "activation")
        mean = cells(inspection, f"{site.name}, channel mean", maps.mean(0), mean_scale)
        right = (
            single("Channel mean", mean, mean_scale, 3),
            Group(title, channels(inspection, maps, indices, scale), scale, 9),
            part("pages", page, pages),
        )
    return view(
        TEXTS["activations"],
        inspection,
        site=site,
        shape=dimensions(values),
        layers=f"layer {recorded.layer} of {count}" if count > 1 else "one layer",
        left=left,
        right=right,
        numbers={
            "site": site.name,
            "layer": recorded.layer,
            "sites": list(recorded.layers),
            "shape": list(values.shape),
            "mean": float(values.mean()),
            "least": least,
            "most": most,
        },
    )
