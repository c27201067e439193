"""How the clips of a report are spread over the IoU."""

from collections.abc import Sequence
from html import escape

import numpy as np

from app.components.text import clips_words
from app.evaluate.charts import card
from app.services.reports import Shelved
from avseg.evaluation.report import ClipRow

BINS = 10
PLOT = 230  # pixels, height of the bars
MOST_LINES = 4.5  # of the grid
STEPS = tuple(digit * 10**zeros for zeros in range(8) for digit in (1, 2, 5))


def binned(rows: Sequence[ClipRow]) -> list[int]:
    """Return how many clips fall into each tenth of the IoU; clips without ground truth are left out."""
    scores = [row.iou for row in rows if row.iou is not None]
    return np.bincount([bin_of(score) for score in scores], minlength=BINS).tolist() if scores else [0] * BINS


def bin_of(score: float) -> int:
    """Return which tenth an IoU falls into; 1 belongs to the last one."""
    return min(BINS - 1, max(0, int(score * BINS)))


def distribution(one: Shelved) -> str:
    """Return how the clips' IoU are spread, as SVG; a click on a bar shows its clips."""
    rows = one.evaluation.clips
    counts = binned(rows)
    total, silent = sum(counts), sum(row.iou is None for row in rows)
    if not total:
        return card("IoU of the clips", "", f'<p class="ev-none">{escape(_no_clips(one))}</p>')
    step = next(s for s in STEPS if max(counts) / s <= MOST_LINES)
    top = step * -(-max(counts) // step)
    grid = "".join(
        f'<line x1="34" x2="100%" y1="{_y(value, top)}" y2="{_y(value, top)}"/>'
        f'<text x="28" y="{_y(value, top) + 4}" text-anchor="end">{value}</text>'
        for value in range(0, top + 1, step)
    )
    bars = "".join(_bar(place, count, top) for place, count in enumerate(counts))
    axis = "".join(
        f'<text x="{100 * place / 5:g}%" y="{PLOT + 20}" text-anchor="middle">{place / 5:g}</text>'
        for place in range(6)
    )
    said = ", ".join(f"{place / 10:g} to {(place + 1) / 10:g}: {count}" for place, count in enumerate(counts))
    middle = np.median([row.iou for row in rows if row.iou is not None])
    are = "is" if counts[0] == 1 else "are"
    missed = f" {counts[0]} of them {are} missed: IoU under 0.1." if counts[0] else ""
    note = f"clips per tenth; {silent} without ground truth left out" if silent else "clips per tenth"
    return card(
        f"IoU, {total} clips with ground truth",
        note,
        f'<div class="ev-plot" role="group" aria-label="Clips by IoU. {said}.">'
        f'<svg width="100%" height="{PLOT + 26}"><g class="grid">{grid}</g></svg>'
        f'<svg class="bars" height="{PLOT + 26}">{bars}{axis}</svg></div>'
        f'<p class="ev-none">Half of the clips lie above {middle:.2f}.{missed} A click on a bar shows its '
        "clips.</p>",
    )


def _no_clips(one: Shelved) -> str:
    return "clips.csv was not given." if not one.evaluation.clips else "No clip has ground truth."


def _y(value: float, top: int) -> int:
    return round(PLOT - (PLOT - 10) * value / top)


def _bar(place: int, count: int, top: int) -> str:
    y = _y(count, top)
    kind = "missed" if place == 0 else ""
    said = f"IoU {place / 10:g} to {(place + 1) / 10:g}: {clips_words(count)}"
    return (
        f'<g class="ev-bin {kind}" data-bin="{place}" tabindex="0" role="button" '
        f'aria-label="{said}. Show them."><title>{said}</title>'
        f'<rect class="hit" x="{10 * place}%" width="10%" y="0" height="{PLOT}"/>'
        f'<rect x="{10 * place + 0.5}%" width="9%" y="{y}" height="{PLOT - y}"/></g>'
    )
