"""The cards of a report: published numbers, robustness, classes, distribution of the IoU."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from app.components.charts import UNIT, Axis, Bin, Lane, histogram, lanes, legend
from app.components.render import render
from app.evaluate import text
from app.evaluate.published import published
from app.evaluate.state import BINS
from app.services.evaluations import public_command
from app.services.reports import StoredReport
from app.services.wording import percent, plural
from avseg.evaluation.report import ClipRow

PERCENT = Axis(0, 100, (0, 25, 50, 75, 100))
LISTED_CLASSES = 20  # the others are folded away
HISTOGRAM_HEIGHT = 230  # px


def published_card(reports: Sequence[StoredReport]) -> Markup:
    """Return the paper's Table 1, and below it, on its own, what was measured."""
    report = reports[0].evaluation.report
    table, later = published(report.task)
    rows = [
        Lane(
            row.method,
            (row.miou,),
            (f"{row.miou:.2f}", f"{row.f:.1f}"),
            detail=row.backbone,
            kind="reference strong" if row.method.startswith("AVSegFormer") else "reference",
        )
        for row in table.rows
    ]
    measured = []
    for item in reports:
        miou, f = item.evaluation.report.miou, item.evaluation.report.f_score
        if miou is not None:
            texts = (f"{100 * miou:.1f}", "–" if f is None else f"{100 * f:.1f}")
            measured.append(Lane(item.name, (100 * miou,), texts, kind="measured strong"))
    commands = [public_command(item.evaluation.report.command) for item in reports]
    heads = ("mIoU", "F")
    return render(
        "evaluate/templates/published.html",
        task=text.TASKS[report.task],
        table=table,
        later=later,
        published=lanes(rows, PERCENT, mark="dots", heads=heads, kind="ev-table"),
        measured=lanes(measured, PERCENT, mark="dots", kind="ev-table"),
        comparability=text.comparability(report),
        commands=[command for command in commands if command],
    )


def robustness_card(reports: Sequence[StoredReport]) -> Markup:
    """Return what is predicted under sounds without a visible source, and how masks follow the sound."""
    tests = [item.evaluation.report.robustness for item in reports]
    if all(test.silence is None for test in tests):
        return render("evaluate/templates/robustness.html", shares="", scores="")
    own = tuple(_foreground_share(item) for item in reports)
    rows = [Lane("Own sound", own, tuple(map(_share, own)), kind="muted")]
    for field, name, note in text.NEGATIVE_SOUNDS:
        values = tuple(getattr(test, field) for test in tests)
        rows.append(Lane(name, values, tuple(map(_share, values)), note=note))
    top = max([value or 0.0 for row in rows for value in row.values] + [0.01])
    scores = []
    for name, note, values in (
        ("IoU, own sound", "", [item.evaluation.report.miou_with_ground_truth for item in reports]),
        ("IoU, swapped sound", text.SWAP, [test.swapped_miou for test in tests]),
        ("Swap sensitivity", text.SENSITIVITY, [test.swap_sensitivity for test in tests]),
        ("Target switch IoU", text.SWITCH, [test.target_switch_iou for test in tests]),
    ):
        if any(value is not None for value in values):
            texts = tuple("–" if value is None else f"{value:.2f}" for value in values)
            scores.append(Lane(name, tuple(values), texts, note=note, kind="" if note else "muted"))
    return render(
        "evaluate/templates/robustness.html",
        shares=lanes(rows, Axis(0, top), ticks=False, kind="ev-robustness"),
        scores=lanes(scores, UNIT, ticks=False, kind="ev-robustness"),
    )


def _foreground_share(report: StoredReport) -> float:
    shares = [row.foreground_share for row in report.evaluation.clips if row.foreground_share is not None]
    return float(np.mean(shares)) if shares else 0.0


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def classes_card(reports: Sequence[StoredReport]) -> Markup:
    """Return the IoU of every class, best first: a bar each, or two dots for two reports."""
    tables = [{row.name: row for row in item.evaluation.classes} for item in reports]
    rows = []
    for name in sorted(tables[0], key=lambda name: -tables[0][name].iou):
        values = tuple(table[name].iou if name in table else None for table in tables)
        label = " / ".join("–" if value is None else f"{value:.2f}" for value in values)
        title = f"{name}: IoU {label}, {plural(tables[0][name].frames, 'frame')}. Show its clips."
        rows.append(Lane(name, values, (label,), value=name, title=title))
    mark, kind = ("dots", "ev-two") if len(reports) > 1 else ("bars", "ev-classes")
    first, rest = rows[:LISTED_CLASSES], rows[LISTED_CLASSES:]
    return render(
        "evaluate/templates/classes.html",
        per_class=reports[0].evaluation.report.measured_as == "classes",
        legend=legend([item.name for item in reports]) if len(reports) > 1 else "",
        first=lanes(first, UNIT, "label", mark, ticks=False, kind=kind) if first else "",
        rest=lanes(rest, UNIT, "label", mark, ticks=False, kind=kind) if rest else "",
        more=len(rest),
        axis=lanes([], UNIT, kind=kind),
    )


def bin_of(iou: float) -> int:
    """Return which tenth an IoU falls into; 1 belongs to the last one."""
    return min(BINS - 1, max(0, int(iou * BINS)))


def bin_counts(rows: Sequence[ClipRow]) -> list[int]:
    """Return the number of clips in each tenth of the IoU; clips without ground truth are left out."""
    bins = [bin_of(row.iou) for row in rows if row.iou is not None]
    return [bins.count(index) for index in range(BINS)]


def distribution_card(report: StoredReport) -> Markup:
    """Return the histogram of the clips' IoU; a click on a bar shows its clips."""
    rows, counts = report.evaluation.clips, bin_counts(report.evaluation.clips)
    total, empty = sum(counts), sum(row.iou is None for row in rows)
    if not total:
        reason = "No clip has ground truth." if rows else "clips.csv was not opened with the report."
        return render("evaluate/templates/distribution.html", total=0, reason=reason)
    bins = [
        Bin(index, f"IoU {index / BINS:g} to {(index + 1) / BINS:g}", count, kind="" if index else "bad")
        for index, count in enumerate(counts)
    ]
    ticks = [f"{tick / 5:g}" for tick in range(6)]
    missed = f"; {plural(counts[0], 'clip')} missed (IoU < 0.1)" if counts[0] else ""
    median = np.median([row.iou for row in rows if row.iou is not None])
    return render(
        "evaluate/templates/distribution.html",
        total=total,
        empty=empty,
        chart=histogram(bins, "Clips by IoU", "bin", ticks, height=HISTOGRAM_HEIGHT, grid=True),
        text=f"Median IoU {median:.2f}{missed}. Click a bar to see its clips.",
    )
