"""Training curves as an image: loss and validation over the steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avseg.errors import RunError
from avseg.files import atomic_write
from avseg.training.run_folder import RunFolder

SMOOTHING = 0.02  # share of a run over which the loss is averaged
INK, GREY, ACCENTS = "#1b1c20", "#cdcdc5", ("#4a43c9", "#d55e00", "#009e73", "#8a5a00")


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Return the moving average [N] over the last `width` values, fewer at the start."""
    sums = np.cumsum(np.insert(np.asarray(values, float), 0, 0.0))
    last = np.arange(1, len(sums))
    first = np.maximum(last - width, 0)
    return (sums[last] - sums[first]) / (last - first)


def draw_curve(runs: Sequence[Path], out: Path) -> Path:
    """Draw the loss (thin: every step; thick: smoothed) and the validation mIoU of runs as a PNG.

    Raises RunError for a folder without steps.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.6), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for path, colour in zip(runs, (ACCENTS * len(runs))[: len(runs)]):
        events = list(RunFolder(path).events())
        steps = np.array([(e["step"], e["loss"]) for e in events if e["kind"] == "step"])
        checks = np.array(
            [(e["step"], e["miou"]) for e in events if e["kind"] == "validation" and "step" in e]
        )
        if not len(steps):
            raise RunError(
                f"There are no steps in {RunFolder(path).events_file}. Name folders of training runs."
            )
        smoothed = smooth(steps[:, 1], max(1, round(SMOOTHING * len(steps))))
        left.plot(*steps.T, color=GREY, linewidth=0.5)
        left.plot(steps[:, 0], smoothed, color=colour, label=Path(path).name)
        if len(checks):
            right.plot(*checks.T, color=colour, marker="o", markersize=3.5, label=Path(path).name)
    for axes, title in ((left, "Training loss"), (right, "Validation: mean IoU of frames with ground truth")):
        axes.set_title(title, loc="left", fontsize=10, color=INK)
        axes.set_xlabel("step", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color=GREY, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    if len(runs) > 1:
        right.legend(frameon=False, fontsize=9)
    with atomic_write(Path(out)) as file:
        figure.savefig(file, format="png")
    return Path(out)
