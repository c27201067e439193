"""What the notebooks share: the style of their figures, and the ground truth of the bundled clips."""

import json
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from avseg.data.labels import OKABE_ITO
from avseg.media.clip import Clip
from avseg.media.draw import Heat
from avseg.synthavs.scenes import Scene, all_sounding, scene_from_dict, truth

GROUND, INK, QUIET, LINE, ACCENT = "#FAFAF8", "#1B1C20", "#676A72", "#CDCDC5", "#4A43C9"
ORANGE, SKY, GREEN, VERMILION, PURPLE, BLUE, YELLOW = (
    f"#{bytes(rgb).hex().upper()}" for rgb in OKABE_ITO.values()
)
DIVERGING = LinearSegmentedColormap.from_list("diverging", [BLUE, "#F2F2EE", VERMILION])

STYLE = {
    "figure.facecolor": GROUND,
    "figure.dpi": 88,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": GROUND,
    "axes.facecolor": GROUND,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.prop_cycle": plt.cycler(color=[ACCENT, ORANGE, GREEN, VERMILION, BLUE, PURPLE, SKY]),
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
}
plt.rcParams.update(STYLE)
warnings.filterwarnings("ignore", "IProgress not found")  # progress bars are lines of text here
set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})  # outputs are committed, so they are small


def pictures(
    rows: Sequence[Sequence[np.ndarray | Heat]],
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    width: float = 10.0,
) -> Figure:
    """Show rows of pictures, uint8 [H, W, 3] or heat maps, with titles above columns and labels beside rows.

    width: of the figure, inches. Rows may be shorter than the first one.
    """
    across = max(map(len, rows))
    shapes = [_pixels(row[0]).shape for row in rows]
    heights = [shape[0] / shape[1] for shape in shapes]
    inner = width - (0.09 * max(len(line) for label in labels for line in label.split("\n")) if labels else 0)
    high = inner / across * sum(heights) + 0.12 * len(rows) + 0.25
    figure, axes = plt.subplots(
        len(rows), across, figsize=(width, high), squeeze=False, height_ratios=heights
    )
    for row_axes, row in zip(axes, rows):
        for cell in row_axes:
            cell.set_axis_off()
        for cell, picture in zip(row_axes, row):
            cell.imshow(_pixels(picture), interpolation="antialiased")
    for cell, title in zip(axes[0], columns):
        cell.set_title(title, loc="center", fontsize=9, weight="normal")
    for cell, label in zip(axes[:, 0], labels):
        cell.text(-0.03, 0.5, label, transform=cell.transAxes, ha="right", va="center", fontsize=9, color=INK)
    return figure


def table(rows: Sequence[Sequence[object]], columns: Sequence[str], formats: Mapping[str, str] = {}) -> HTML:
    """Show rows as a table; formats: per column, such as "{:.1%}". None appears as "not defined"."""
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    formatters = {name: partial(_formatted, formats.get(name, "{}")) for name in columns}
    return HTML(frame.to_html(index=False, border=0, justify="left", formatters=formatters))


def _formatted(template: str, value: object) -> str:
    return "not defined" if value is None else template.format(value)


def _pixels(picture: np.ndarray | Heat) -> np.ndarray:
    return picture.picture if isinstance(picture, Heat) else picture


def scene_of(clip: Clip) -> Scene:
    """Return the scene that a bundled clip was drawn from, read from the JSON file beside its video."""
    return scene_from_dict(json.loads(clip.path.with_suffix(".json").read_text(encoding="utf-8"))["scene"])


def truth_of(clip: Clip) -> np.ndarray:
    """Return the ground truth of a bundled clip: classes uint8 [T, h, w] of sounding objects in view."""
    return _classes(scene_of(clip), clip)


def in_view_of(clip: Clip) -> np.ndarray:
    """Return the class indices uint8 [T, h, w] of everything in view, sounding or not."""
    return _classes(all_sounding(scene_of(clip)), clip)


def _classes(scene: Scene, clip: Clip) -> np.ndarray:
    last = scene.seconds - 1e-3
    moments = np.minimum(clip.start + clip.times, last)
    return np.stack([truth(scene, float(moment), clip.frames.shape[1:3]) for moment in moments])
