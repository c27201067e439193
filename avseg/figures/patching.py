"""The grid of a patching as a table and as a picture: sites down, layers across, a panel for each pair."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avseg.figures.drawing import DPI, FONT, GREY, INK
from avseg.files import atomic_writes, make_folder
from avseg.interpret.patching import PAIRS, Patching

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("pair", "site", "layer", "recovered", "change")


def grid_of(patching: Patching, pair: int) -> tuple[list[str], np.ndarray]:
    """Return the sites and what their layers recover, float64 [sites, layers], NaN elsewhere."""
    sites = list(dict.fromkeys(place.site for place in patching.places))
    grid = np.full((len(sites), max(place.layers for place in patching.places)), np.nan)
    for place, share in zip(patching.places, patching.recovered[pair], strict=True):
        grid[sites.index(place.site), place.layer - 1] = share
    return sites, grid


def draw_patching(patching: Patching) -> "Figure":
    """Return the figure, with the share of the change that every place recovers in its cell."""
    from matplotlib.figure import Figure

    grids = [grid_of(patching, pair) for pair in range(len(patching.pairs))]
    rows, columns = grids[0][1].shape
    size = (1.6 + len(grids) * (0.3 + 0.42 * columns), 0.8 + 0.24 * rows)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(grids), sharey=True, squeeze=False)[0]
    for axes, pair, change, (sites, grid) in zip(panels, patching.pairs, patching.change, grids):
        axes.imshow(grid, cmap="magma", vmin=0, vmax=1, aspect="auto")
        for row, column in np.argwhere(np.isfinite(grid)):
            share = grid[row, column]
            colour = "black" if share > 0.6 else "white"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=5, color=colour)
        axes.set_title(f"{PAIRS[pair]}\nchange {change:.1%}", fontsize=FONT, color=INK, loc="left")
        axes.set_yticks(range(rows), sites)
        axes.set_xticks(range(columns), [str(layer) for layer in range(1, columns + 1)])
        axes.set_xlabel("layer or stage", fontsize=FONT, color=GREY)
        axes.tick_params(labelsize=FONT, colors=GREY, length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    title = f"{patching.model}: {patching.source} into {patching.target}, frame {patching.index + 1}"
    figure.suptitle(title, fontsize=FONT + 1, color=INK, x=0.01, ha="left")
    return figure


def write_patching(patching: Patching, folder: Path) -> tuple[Path, Path]:
    """Write patching.csv (a row per pair and place) and patching.png into a folder, and return them."""
    make_folder(folder)
    paths = folder / "patching.csv", folder / "patching.png"
    figure = draw_patching(patching)
    with atomic_writes(*paths) as (table, png):
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for pair, change, shares in zip(patching.pairs, patching.change, patching.recovered, strict=True):
                for place, share in zip(patching.places, shares, strict=True):
                    writer.writerow([pair, place.site, place.layer, f"{share:.6f}", f"{change:.6f}"])
        figure.savefig(png, format="png")
    return paths
