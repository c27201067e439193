"""What the figures share: a grid of pictures in matplotlib, and its files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avseg.data.labels import Colour
from avseg.files import atomic_writes, make_folder
from avseg.media.draw import BINARY, overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY = "#1b1c20", "#676a72"
CELL = 1.35  # inches, width of a picture
HEAD = 0.17  # inches above a picture, for its title
DPI = 200
FONT = 6.5  # points


def new_figure(columns: int, rows: int, aspect: float) -> "Figure":
    """Return an empty figure for a grid of pictures; aspect: height of a picture over its width."""
    from matplotlib.figure import Figure

    size = (columns * CELL + 0.3, rows * (CELL * aspect + HEAD) + 0.1)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    return figure


def picture(axes: "Axes", image: np.ndarray | None, title: str = "") -> None:
    """Draw a picture uint8 [H, W, 3] with its title; None: say that there is no label."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(image is None)
        spine.set_color("#cdcdc5")
    if image is None:
        axes.set_facecolor("#f2f2ee")
        axes.text(
            0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=FONT
        )
    else:
        axes.imshow(image, interpolation="nearest")
    axes.set_title(title, fontsize=FONT, color=INK, pad=2, loc="left")


def label_row(axes: "Axes", text: str) -> None:
    """Name a row at the left of its first picture."""
    axes.set_ylabel(text, fontsize=FONT, color=INK, labelpad=2)


def masked(
    frame: np.ndarray, labels: np.ndarray | None, colours: Mapping[int, Colour] = BINARY
) -> np.ndarray | None:
    """Return a frame with a label map on top, None without one; any class of a binary map is foreground."""
    if labels is None:
        return None
    if colours is BINARY:
        labels = (labels > 0).astype(np.uint8)
    return overlay(frame, labels, colours)


def write_figure(figure: "Figure", folder: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.png and NAME.pdf into a folder, and return them; text in the PDF stays text."""
    from matplotlib import rc_context

    make_folder(folder)
    paths = folder / f"{name}.png", folder / f"{name}.pdf"
    with atomic_writes(*paths) as (png, pdf), rc_context({"pdf.fonttype": 42}):
        figure.savefig(png, format="png")
        figure.savefig(pdf, format="pdf")
    return paths
