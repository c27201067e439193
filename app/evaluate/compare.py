"""Two reports clip by clip: which clips improve, which get worse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from app.components.charts import UNIT, Lane, Point, lanes, scatter
from app.components.render import render
from app.services.evaluation_data import data_title, is_synthetic
from app.services.reports import StoredReport
from app.services.wording import plural
from avseg.errors import ReportError
from avseg.evaluation.report import ClipRow

CHANGED = 0.05  # of IoU; less counts as equal
LISTED = 6  # clips of each side
PLOTTED = 2000  # clips


@dataclass(frozen=True)
class ClipPair:
    """The IoU of a clip in two reports."""

    name: str
    labels: str
    first: float
    second: float

    @property
    def change(self) -> float:
        """How much better the first report is."""
        return self.first - self.second


def clip_pairs(first: StoredReport, second: StoredReport) -> list[ClipPair]:
    """Return the clips with ground truth in both reports, largest improvement first.

    Raises ReportError if the reports are of different data, or came without their clips.
    """
    a, b = first.evaluation.report, second.evaluation.report
    different = (
        f"These reports are of different data: {data_title(a)} and {data_title(b)}. Only reports of the same "
        "clips can be compared."
    )
    if (a.task, a.split, is_synthetic(a)) != (b.task, b.split, is_synthetic(b)):
        raise ReportError(different)
    if is_synthetic(a) and a.data.seed != b.data.seed:
        raise ReportError(f"{different} Their seeds are {a.data.seed} and {b.data.seed}.")
    if not first.evaluation.clips or not second.evaluation.clips:
        raise ReportError(
            "One of the two reports was opened without its clips.csv; open both files together."
        )
    others = {row.name: row for row in second.evaluation.clips}
    common = [(row, others[row.name]) for row in first.evaluation.clips if row.name in others]
    if not common:
        raise ReportError(f"{different} They have no clip in common.")
    if any(_frames(row) != _frames(other) for row, other in common):
        raise ReportError(f"{different} Clips of the same name have different ground truth.")
    pairs = [
        ClipPair(row.name, row.labels, row.iou, other.iou)
        for row, other in common
        if row.iou is not None and other.iou is not None
    ]
    if not pairs:
        raise ReportError("None of the clips in both reports has ground truth.")
    return sorted(pairs, key=lambda pair: -pair.change)


def _frames(row: ClipRow) -> tuple[int, int]:
    return row.frames, row.frames_with_ground_truth


def comparison_card(first: StoredReport, second: StoredReport) -> Markup:
    """Return the comparison as a card; raises ReportError as `clip_pairs` does."""
    pairs = clip_pairs(first, second)
    better = [pair for pair in pairs if pair.change >= CHANGED]
    worse = [pair for pair in reversed(pairs) if pair.change <= -CHANGED]
    left_out = max(len(first.evaluation.clips), len(second.evaluation.clips)) - len(pairs)
    summary = (
        f"On {plural(len(pairs), 'clip')} in both reports, {first.name} is better on {len(better)} and "
        f"worse on {len(worse)} (by at least {CHANGED:g} IoU); "
        f"{len(pairs) - len(better) - len(worse)} are equal. "
        f"Mean change {_signed(float(np.mean([pair.change for pair in pairs])))}."
    )
    points = [
        Point(
            pair.second,
            pair.first,
            f"{pair.name}: {pair.second:.2f} to {pair.first:.2f}",
            "gain" if pair.change >= CHANGED else "loss" if pair.change <= -CHANGED else "",
        )
        for pair in pairs[:PLOTTED]
    ]
    caption = (
        f"IoU of every clip: {second.name} across, {first.name} up. Above the line, {first.name} is better."
    )
    sides = [
        (f"Better with {first.name}", better),
        (f"Worse with {first.name}", worse),
    ]
    return render(
        "evaluate/templates/compare.html",
        title=f"{first.name} compared with {second.name}",
        note=f"{plural(left_out, 'clip')} left out: in one report only, or without ground truth"
        if left_out
        else "",
        summary=summary,
        plot=scatter(points, UNIT, UNIT, caption, diagonal=True),
        sides=[(title, len(side), _side(side), max(0, len(side) - LISTED)) for title, side in sides],
    )


def _side(pairs: Sequence[ClipPair]) -> Markup:
    rows = [
        Lane(
            pair.labels or pair.name,
            (pair.first, pair.second),
            (_signed(pair.change),),
            value=pair.name,
            title=f"{pair.name}: IoU {pair.second:.2f} to {pair.first:.2f}. Open it.",
        )
        for pair in pairs[:LISTED]
    ]
    return lanes(rows, UNIT, "clip", "dots", ticks=False, kind="ev-pairs")


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '−'}{abs(value):.2f}"
