"""The cards of a report: published numbers, robustness, classes, histogram, confusion, comparison."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from app.components.histogram import Bin, histogram
from app.components.render import render
from app.evaluate import text
from app.evaluate.state import BINS
from app.services.evaluations import public_command
from app.services.reports import StoredReport
from app.services.wording import plural
from avseg.evaluation.pairs import ClipPair, clip_pairs, miou_change
from avseg.evaluation.published import SINCE, TABLE_1
from avseg.evaluation.report import ClipRow
from avseg.interpret.mask_statistics import percent
from avseg.media.draw import heat_map
from avseg.web.charts import UNIT, Axis, Lane, Point, lanes, legend, scatter

PERCENT = Axis(0, 100, (0, 25, 50, 75, 100))
ROBUSTNESS = tomllib.loads(Path(__file__).with_name("robustness.toml").read_text(encoding="utf-8"))
LISTED_CLASSES = 20  # the others are folded away
HISTOGRAM_HEIGHT = 230  # px
MAX_CLASSES = 24  # in the confusion matrix; confusion.csv has them all
NAMED_CONFUSIONS, LEAST_CONFUSION = 4, 0.01  # in its sentence; share of a class's pixels
CHANGED = 0.05  # of IoU, between two reports; less counts as equal
LISTED_CLIPS, PLOTTED_CLIPS = 6, 2000  # of each side of a comparison, of its plot


def published_card(reports: Sequence[StoredReport]) -> Markup:
    """Return the paper's Table 1, and below it, on its own, what was measured."""
    report = reports[0].evaluation.report
    rows = [
        Lane(
            row.method,
            (miou,),
            (f"{miou:.2f}", f"{f:.1f}"),
            detail=row.backbone,
            kind="reference strong" if row.method.startswith("AVSegFormer") else "reference",
        )
        for row, miou, f in TABLE_1.scores(report.task)
    ]
    measured = []
    for item in reports:
        miou, f = item.evaluation.report.miou, item.evaluation.report.f_score
        if miou is not None:
            texts = (f"{100 * miou:.1f}", "–" if f is None else f"{100 * f:.1f}")
            ends = item.evaluation.report.intervals.get("miou")
            spans = ((100 * ends[0], 100 * ends[1]) if ends else None,)
            measured.append(Lane(item.name, (100 * miou,), texts, spans=spans, kind="measured strong"))
    return render(
        "evaluate/templates/published.html",
        task=report.task.upper(),
        table=TABLE_1,
        later=SINCE,
        published=lanes(rows, PERCENT, mark="dots", heads=("mIoU", "F"), kind="ev-table"),
        measured=lanes(measured, PERCENT, mark="dots", kind="ev-table"),
        comparability=text.comparability(report),
        commands=[public_command(item.evaluation.report.command) for item in reports],
    )


def robustness_card(reports: Sequence[StoredReport]) -> Markup:
    """Return what is predicted under sounds without a visible source, and how masks follow the sound."""
    if all(item.evaluation.report.robustness.silence is None for item in reports):
        return render("evaluate/templates/robustness.html", shares="", scores="")

    def rows(own: Lane, tests: list[Mapping[str, str]], write: Callable[[float], str]) -> list[Lane]:
        table = [own]
        for test in tests:
            values = tuple(item.evaluation.report.number(test["field"]) for item in reports)
            spans = tuple(item.evaluation.report.intervals.get(test["field"]) for item in reports)
            table.append(Lane(test["name"], values, (), note=test["note"], spans=spans))
        return [
            replace(
                row,
                texts=tuple("–" if value is None else write(value) for value in row.values),
                title="; ".join(text.interval(span, write) for span in row.spans if span),
            )
            for row in table
        ]

    own: list[float | None] = []
    for item in reports:
        clips = [row.foreground_share for row in item.evaluation.clips if row.foreground_share is not None]
        own.append(float(np.mean(clips)) if clips else 0.0)
    shares = rows(Lane("Own sound", tuple(own), (), kind="muted"), ROBUSTNESS["shares"], percent)
    ious = tuple(item.evaluation.report.miou_with_ground_truth for item in reports)
    spans = tuple(item.evaluation.report.intervals.get("miou_with_ground_truth") for item in reports)
    own_iou = Lane("IoU, own sound", ious, (), spans=spans, kind="muted")
    scores = rows(own_iou, ROBUSTNESS["scores"], "{:.2f}".format)
    ends = [span[1] for row in shares for span in row.spans if span]
    top = max([value or 0.0 for row in shares for value in row.values] + [*ends, 0.01])
    return render(
        "evaluate/templates/robustness.html",
        shares=lanes(shares, Axis(0, top), ticks=False, kind="ev-robustness"),
        scores=lanes(scores, UNIT, ticks=False, kind="ev-robustness"),
    )


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
    first, rest = (
        lanes(part, UNIT, "label", mark, ticks=False, kind=kind) if part else ""
        for part in (rows[:LISTED_CLASSES], rows[LISTED_CLASSES:])
    )
    return render(
        "evaluate/templates/classes.html",
        per_class=reports[0].evaluation.report.measured_as == "classes",
        legend=legend([item.name for item in reports]) if len(reports) > 1 else "",
        first=first,
        rest=rest,
        more=len(rows) - LISTED_CLASSES,
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
    bins = [
        Bin(index, f"IoU {index / BINS:g} to {(index + 1) / BINS:g}", count, kind="" if index else "bad")
        for index, count in enumerate(counts)
    ]
    ticks = [f"{tick / 5:g}" for tick in range(6)]
    return render(
        "evaluate/templates/distribution.html",
        listed=bool(rows),
        total=sum(counts),
        missed=counts[0],
        empty=len(rows) - sum(counts),
        median=np.median([row.iou for row in rows if row.iou is not None]) if any(counts) else None,
        chart=histogram(bins, "Clips by IoU", "bin", ticks, height=HISTOGRAM_HEIGHT, grid=True),
    )


def confusion_card(report: StoredReport) -> Markup:
    """Return the confusion matrix of AVSS, nothing for a model of one channel."""
    confusion = report.evaluation.confusion
    if confusion is None:
        older = report.evaluation.report.measured_as == "classes"
        return render("evaluate/templates/confusion.html", names=[]) if older else Markup("")
    largest = confusion.largest_classes(MAX_CLASSES)
    shares = confusion.shares()[np.ix_(largest, largest)]
    return render(
        "evaluate/templates/confusion.html",
        names=[confusion.names[index] for index in largest],
        shares=shares.tolist(),
        colours=heat_map(shares, 0, 1, colours="cividis").picture.tolist(),
        total=len(confusion.names),
        worst=confusion.worst(NAMED_CONFUSIONS, LEAST_CONFUSION),
    )


def comparison_card(first: StoredReport, second: StoredReport) -> Markup:
    """Return two reports clip by clip; raises ReportError as `clip_pairs` does."""
    pairs = clip_pairs(first.evaluation, second.evaluation, (first.data, second.data))
    better = [pair for pair in pairs if pair.change >= CHANGED]
    worse = [pair for pair in reversed(pairs) if pair.change <= -CHANGED]

    def listed(side: Sequence[ClipPair]) -> Markup:
        rows = []
        for pair in side[:LISTED_CLIPS]:
            title = f"{pair.name}: IoU {pair.second:.2f} to {pair.first:.2f}. Open it."
            values, texts = (pair.first, pair.second), (text.signed(pair.change),)
            rows.append(Lane(pair.labels or pair.name, values, texts, value=pair.name, title=title))
        return lanes(rows, UNIT, "clip", "dots", ticks=False, kind="ev-pairs")

    points = []
    for pair in pairs[:PLOTTED_CLIPS]:
        kind = "gain" if pair.change >= CHANGED else "loss" if pair.change <= -CHANGED else ""
        title = f"{pair.name}: {pair.second:.2f} to {pair.first:.2f}"
        points.append(Point(pair.second, pair.first, title, kind))
    caption = (
        f"IoU of every clip: {second.name} across, {first.name} up. Above the line, {first.name} is better."
    )
    sides = (("Better", better), ("Worse", worse))
    change, interval = miou_change(pairs)
    return render(
        "evaluate/templates/compare.html",
        first=first.name,
        second=second.name,
        left_out=max(len(first.evaluation.clips), len(second.evaluation.clips)) - len(pairs),
        total=len(pairs),
        threshold=f"{CHANGED:g}",
        change=text.signed(change) + (f" ({text.interval(interval, text.signed)})" if interval else ""),
        plot=scatter(points, UNIT, UNIT, caption, diagonal=True),
        sides=[(title, len(side), listed(side), len(side) - LISTED_CLIPS) for title, side in sides],
    )
