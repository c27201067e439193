"""Two evaluations clip by clip: which clips improved, which got worse."""

from dataclasses import dataclass
from html import escape

import numpy as np

from app.evaluate.charts import card, percent_of
from app.services.evaluation_data import is_synth, words
from app.services.reports import Shelved
from avseg.errors import ReportError
from avseg.evaluation.report import ClipRow

CHANGED = 0.05  # of IoU; less is called the same
NAMED = 6  # clips on each side
SIDE = 264  # pixels of the plot


@dataclass(frozen=True)
class Pair:
    """A clip that both evaluations measured."""

    name: str
    labels: str
    first: float
    second: float

    @property
    def change(self) -> float:
        """How much better the first one is."""
        return self.first - self.second


def pairs(first: Shelved, second: Shelved) -> list[Pair]:
    """Return the clips with ground truth that both measured, where the first one gained most first.

    Raises ReportError, which says why, where the two speak of different data.
    """
    one, other = first.evaluation, second.evaluation
    if one.report.task != other.report.task or one.report.split != other.report.split:
        raise ReportError(_different(first, second))
    if is_synth(one.report) != is_synth(other.report):
        raise ReportError(_different(first, second))
    seeds = one.report.data.seed, other.report.data.seed
    if is_synth(one.report) and seeds[0] != seeds[1]:
        raise ReportError(f"{_different(first, second)} Their seeds are {seeds[0]} and {seeds[1]}.")
    if not one.clips or not other.clips:
        raise ReportError("One of the two reports came without its clips.csv; open it with that file.")
    theirs = {row.name: row for row in other.clips}
    common = [(row, theirs[row.name]) for row in one.clips if row.name in theirs]
    if not common:
        raise ReportError(f"{_different(first, second)} They share no clip.")
    if any(_truth(row) != _truth(twin) for row, twin in common):
        raise ReportError(f"{_different(first, second)} Clips of one name have another ground truth.")
    found = [
        Pair(row.name, row.labels, row.iou, twin.iou)
        for row, twin in common
        if row.iou is not None and twin.iou is not None
    ]
    return sorted(found, key=lambda pair: -pair.change)


def _truth(row: ClipRow) -> tuple[int, int]:
    return row.frames, row.frames_with_ground_truth


def _different(first: Shelved, second: Shelved) -> str:
    one, other = words(first.evaluation.report), words(second.evaluation.report)
    return f"These two measured different data: {one} and {other}. Only the same clips can be compared."


def side_by_side(first: Shelved, second: Shelved) -> str:
    """Return the comparison as a card; raises ReportError as `pairs` does."""
    found = pairs(first, second)
    if not found:
        raise ReportError("None of the clips that both measured has ground truth.")
    better = [pair for pair in found if pair.change >= CHANGED]
    worse = [pair for pair in reversed(found) if pair.change <= -CHANGED]
    title = f"{first.name} beside {second.name}, clip by clip"
    counts = (
        f"On {len(found)} clips that both measured, {first.name} is better on {len(better)} and worse on "
        f"{len(worse)} (by {CHANGED:g} of IoU or more); {len(found) - len(better) - len(worse)} are the same."
    )
    left_out = max(len(first.evaluation.clips), len(second.evaluation.clips)) - len(found)
    note = f"{left_out} clips left out: measured by one only, or nothing sounds in them" if left_out else ""
    mean = np.mean([pair.change for pair in found])
    return card(
        title,
        note,
        f'<p class="ev-said">{escape(counts)} Mean change {_signed(float(mean))}.</p><div class="ev-beside">'
        f"{_plot(first, second, found)}"
        f"{_side(f'Better with {first.name}', better)}{_side(f'Worse with {first.name}', worse)}</div>",
        "wide",
    )


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '−'}{abs(value):.2f}"


def _side(title: str, found: list[Pair]) -> str:
    rows = "".join(_pair(pair) for pair in found[:NAMED]) or '<p class="ev-none">No clip.</p>'
    more = f'<p class="ev-none">and {len(found) - NAMED} more</p>' if len(found) > NAMED else ""
    return f'<div class="ev-side"><h3>{escape(title)}: {len(found)}</h3>{rows}{more}</div>'


def _pair(pair: Pair) -> str:
    low, high = sorted((percent_of(pair.first), percent_of(pair.second)))
    return (
        f'<button type="button" class="ev-pair" data-clip="{escape(pair.name)}" '
        f'title="{escape(pair.name)}: IoU {pair.second:.2f} to {pair.first:.2f}. Open it.">'
        f'<span>{escape(pair.labels or pair.name)}</span><span class="ev-lane">'
        f'<i class="ev-line" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        f'<i class="ev-dot v1" style="left:{percent_of(pair.second):.1f}%"></i>'
        f'<i class="ev-dot v0" style="left:{percent_of(pair.first):.1f}%"></i></span>'
        f"<b>{_signed(pair.change)}</b></button>"
    )


def _plot(first: Shelved, second: Shelved, found: list[Pair]) -> str:
    """Return a dot per clip: IoU of the second across, of the first upwards; the line is no change."""
    dots = "".join(
        f'<circle class="{_kind(pair)}" cx="{percent_of(pair.second):.1f}%" '
        f'cy="{100 - percent_of(pair.first):.1f}%" r="3.2">'
        f"<title>{escape(pair.name)}: {pair.second:.2f} to {pair.first:.2f}</title></circle>"
        for pair in found[:2000]
    )
    ticks = "".join(
        f'<text x="{25 * step}%" y="{SIDE + 15}" text-anchor="middle">{step / 4:g}</text>'
        f'<text x="-6" y="{SIDE - SIDE * step / 4 + 4:g}" text-anchor="end">{step / 4:g}</text>'
        for step in range(5)
    )
    said = f"IoU of every clip: {second.name} across, {first.name} upwards; dots above the line are better."
    return (
        f'<figure class="ev-scatter"><svg height="{SIDE}" role="img" aria-label="{escape(said)}">'
        '<rect width="100%" height="100%"/><line x1="0" y1="100%" x2="100%" y2="0"/>'
        f"{ticks}{dots}</svg>"
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def _kind(pair: Pair) -> str:
    return "gain" if pair.change >= CHANGED else "loss" if pair.change <= -CHANGED else "same"
