"""An evaluation as one file: its numbers with intervals and floors, classes, the worst and the best clips."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from avseg.config import Card, ModelConfig
from avseg.evaluation.report import REPORT, ClassRow, ClipRow, Evaluation, Report, measures, report_values
from avseg.interpret.mask_statistics import percent
from avseg.share.document import MAX_BYTES, Document, write_document
from avseg.share.result import model_facts
from avseg.web.charts import UNIT, Axis, Lane, lanes, linear_axis
from avseg.web.templates import render

CLIPS_SHOWN = 12  # of the worst, and of the best
RULES = {
    "nothing": "Nothing is marked",
    "everything": "Everything is marked",
    "largest_object": "Largest object in view",
    "centre_prior": "Where things usually sound",
}
SHARES = {
    "silence": "Silence",
    "noise": "White noise",
    "offscreen": "Off-screen sound",
    "false_positive_without_ground_truth": "Frames without ground truth",
}
HEADLINES = {  # of a model of 71 channels, and of all others
    "classes": (
        ("miou", "mIoU, as the benchmark"),
        ("f_score", "F-score, as the benchmark"),
        ("miou_present_classes", "mIoU, classes in the data"),
        ("false_positive_without_ground_truth", "mask on empty frames"),
    ),
    "foreground": (
        ("miou", "mIoU, as the benchmark"),
        ("f_score", "F-score, best threshold"),
        ("miou_with_ground_truth", "mIoU, non-empty frames"),
        ("false_positive_without_ground_truth", "mask on empty frames"),
    ),
}


def write_evaluation_page(
    evaluation: Evaluation,
    path: Path,
    model: tuple[Card, ModelConfig] | None = None,
    pictures: Mapping[str, str] | None = None,
    command: str = "",
    most: int = MAX_BYTES,
) -> Path:
    """Write the file of an evaluation.

    model: its card and config, where its file is at hand. pictures: data URIs by name of clip, where they are
    at hand. command: in place of that of the report. Raises ConfigError where it has more than `most` bytes.
    """
    # Whoever gets the file need not learn where the data are on this machine.
    report = evaluation.report
    report = replace(report, data=replace(report.data, root=Path(report.data.root).name))
    clips = [row for row in evaluation.clips if row.iou is not None]
    shown = min(CLIPS_SHOWN, (len(clips) + 1) // 2)
    sides = [("Worst clips", clips[:shown]), ("Best clips", clips[::-1][:shown])] if clips else []
    body = render(
        "share/templates/evaluation.html",
        notes=report.notes,
        tiles=[_tile(report, *item) for item in HEADLINES[report.measured_as]],
        floors=_floors(report),
        rules=_rules(report),
        sound=_sound(report),
        numbers=[
            (words, f"{value:.4f}", *([_interval(interval)] if report.intervals else []))
            for words, value, interval in measures(report)
        ],
        intervals=bool(report.intervals),
        classes=[_class(row) for row in sorted(evaluation.classes, key=lambda row: -row.iou)],
        per_class=report.measured_as == "classes",
        confusions=evaluation.confusion.worst(8, 0.01) if evaluation.confusion else [],
        sides=[(title, [_clip(row, pictures or {}) for row in rows]) for title, rows in sides],
        facts=[*(model_facts(*model) if model else [("Model", f"{report.model}, {report.weights} weights")])],
        data=report.data.description,
    )
    rows: Sequence[ClipRow | ClassRow] = (*evaluation.clips, *evaluation.classes)
    tables = {
        kind.__name__: [asdict(row) for row in rows if isinstance(row, kind)] for kind in (ClipRow, ClassRow)
    }
    document = Document(
        kind="Evaluation",
        title=_finding(report),
        caption=f"{report.model}, {report.weights} weights, on {report.data.description}: "
        f"{report.clips:,} clips, {report.frames:,} labelled frames, at {report.image_size} px.",
        body=body,
        record=report_values(report) | {"clip_rows": tables["ClipRow"], "class_rows": tables["ClassRow"]},
        record_name=REPORT,
        command=command or report.command,
    )
    return write_document(document, path, most)


def _finding(report: Report) -> str:
    score = report.headline_iou
    if score is None:
        share = percent(report.false_positive_without_ground_truth or 0)
        return f"No frame has ground truth; the masks cover {share} of the frame."
    of_classes = report.measured_as == "classes"
    name = "miou_present_classes" if of_classes else "miou_with_ground_truth"
    interval = report.intervals.get(name)
    ends = f" (95 % {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    over = (
        f"{report.present_classes} classes" if of_classes else f"{report.frames_with_ground_truth:,} frames"
    )
    text = f"{report.model}: mean IoU {score:.3f}{ends} over {over} with ground truth"
    best = max((floor.miou_with_ground_truth or 0.0 for floor in report.floors.values()), default=0.0)
    if of_classes or not best:
        return f"{text}."
    return f"{text}; the best trivial rule has {best:.3f}."


def _tile(report: Report, name: str, words: str) -> tuple[str, str, str]:
    value, interval = report.number(name), report.intervals.get(name)
    write = percent if name.startswith("false") else "{:.3f}".format
    ends = f"95 % {write(interval[0])} to {write(interval[1])}" if interval else ""
    return "–" if value is None else write(value), words, ends


def _interval(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""


def _floors(report: Report) -> str:
    """Return the model's IoU above those of the trivial rules, "" without these."""
    value = report.miou_with_ground_truth
    if not report.floors or value is None:
        return ""
    spans = (report.intervals.get("miou_with_ground_truth"),)
    rows = [Lane(report.model, (value,), (f"{value:.3f}",), spans=spans, kind="strong")]
    rows += [
        Lane(
            RULES.get(rule, rule),
            (floor.miou_with_ground_truth,),
            (f"{floor.miou_with_ground_truth:.3f}",),
            kind="reference",
        )
        for rule, floor in report.floors.items()
        if floor.miou_with_ground_truth is not None
    ]
    return lanes(rows, UNIT, mark="dots")


def _rules(report: Report) -> list[tuple[str, str]]:
    """Return how much of the empty frames the trivial rules mark."""
    return [
        (RULES.get(rule, rule), percent(floor.false_positive_without_ground_truth))
        for rule, floor in report.floors.items()
        if floor.false_positive_without_ground_truth is not None
    ]


def _sound(report: Report) -> str:
    """Return how much is marked under sounds that have no source in view, "" where that was not measured."""
    rows = []
    for name, words in SHARES.items():
        value, interval = report.number(name), report.intervals.get(name)
        if value is not None:
            rows.append(Lane(words, (value,), (percent(value),), spans=(interval,)))
    if report.robustness.silence is None:
        return ""
    ends = [end for row in rows for end in (row.values[0] or 0.0, *(row.spans[0] or ()))]
    axis = linear_axis(0, max([*ends, 0.02]))
    labels = tuple(percent(tick, 0 if axis.high >= 0.05 else 1) for tick in axis.ticks)
    return lanes(rows, Axis(axis.low, axis.high, axis.ticks, labels=labels))


def _class(row: ClassRow) -> tuple[str, ...]:
    return row.name, f"{row.frames:,}", f"{row.iou:.3f}", f"{row.f:.3f}", f"{row.dataset_iou:.3f}"


def _clip(row: ClipRow, pictures: Mapping[str, str]) -> tuple[str, str, str, str]:
    return row.name, row.labels, "" if row.iou is None else f"{row.iou:.2f}", pictures.get(row.name, "")
