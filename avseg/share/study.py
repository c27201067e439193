"""An ablation study as one file: its table, the change of every row with its interval, the floors."""

from dataclasses import asdict
from pathlib import Path

from avseg.ablation.stored import RECORD, read_record, read_table
from avseg.ablation.table import EXPLANATION, TABLE_JSON, Numbers
from avseg.ablation.variants import DEFAULT
from avseg.errors import ReportError
from avseg.evaluation.report import Report
from avseg.evaluation.report_files import read_evaluation
from avseg.share.document import MAX_BYTES, Document, write_document
from avseg.share.evaluation import RULES
from avseg.share.run import config_facts, differences, preset_of
from avseg.web.charts import Axis, Lane, lanes, linear_axis, nice_step
from avseg.web.templates import render

VERDICTS = {"yes": "exceeds the spread", "no": "within the spread", "": ""}


def write_study_page(folder: Path, path: Path, command: str = "", most: int = MAX_BYTES) -> Path:
    """Write the file of the study in a folder; command: in place of the one that its report has.

    Raises ReportError for a damaged or unfinished study, ConfigError for more than `most` bytes.
    """
    if not (folder / TABLE_JSON).is_file():
        raise ReportError(
            f"{folder} has no {TABLE_JSON} yet: it is written after the first run of the study."
        )
    rows = read_table(folder / TABLE_JSON)
    config, data = read_record(folder / RECORD)
    report = _default_report(folder)
    preset = preset_of(config)
    changes = _changes(rows)
    body = render(
        "share/templates/study.html",
        rows=[_row(row) for row in rows],
        published=any(row.published for row in rows),
        several=any(row.seeds > 1 for row in rows),
        scores=_scores(rows, report),
        floors=bool(report and report.floors),
        changes=changes,
        notes=[(row.title, row.note) for row in rows if row.note],
        explanation=EXPLANATION.replace("In brackets", "Below"),
        differs=[
            (f"--{name}", f"{value} (preset: {own})") for name, value, own in differences(config, preset)
        ],
        preset=preset,
        config=config_facts(config),
    )
    epochs = "1 epoch" if config.train.epochs == 1 else f"{config.train.epochs} epochs"
    seeds = max(row.seeds for row in rows)
    measured = (
        f" Measured on {report.clips:,} clips, {report.data.task} {report.data.split}." if report else ""
    )
    document = Document(
        kind="Ablation study",
        title=_finding(rows),
        caption=f"{folder.name}: {len(rows)} rows, {'one seed' if seeds == 1 else f'{seeds} seeds'} each, "
        f"{epochs} on {'SynthAVS' if data == 'synth' else Path(data).name}.{measured}",
        body=body,
        record=[asdict(row) | {"exceeds_spread": row.verdict} for row in rows],
        record_name=TABLE_JSON,
        command=command or (report.command if report else ""),
    )
    return write_document(document, path, most)


def _default_report(folder: Path) -> Report | None:
    """Return the report of the default row's first seed, None where it cannot be read."""
    try:
        return read_evaluation(folder / DEFAULT / "seed-0" / "report").report
    except ReportError:
        return None


def _finding(rows: tuple[Numbers, ...]) -> str:
    changed = sorted((row for row in rows if row.change is not None), key=lambda row: -abs(row.change or 0))
    above = [row for row in changed if row.verdict == "yes"]
    if not changed:
        return "Only the default row is finished."
    if not above:
        return (
            f"None of {len(changed)} changes of the model is known to exceed the spread over clips and seeds."
        )
    return (
        f"{len(above)} of {len(changed)} changes of the model "
        f"{'exceeds' if len(above) == 1 else 'exceed'} the spread, most of all {above[0].title} "
        f"(mIoU {signed(above[0].change or 0.0)})."
    )


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{'+' if value >= 0 else '−'}{abs(value):.3f}"


def _row(row: Numbers) -> dict[str, object]:
    spread = f" ± {row.miou_spread:.3f}" if row.miou_spread is not None else ""
    interval, change = row.miou_interval, row.change_interval
    published = (f"{task.upper()} {miou:.1f} / {f:.1f}" for task, (miou, f) in row.published.items())
    return {
        "title": row.title,
        "strong": row.name == DEFAULT,
        "miou": f"{row.miou:.3f}{spread}",
        "interval": f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
        "change": "" if row.change is None else signed(row.change),
        "change_interval": f"{signed(change[0])} to {signed(change[1])}" if change else "",
        "verdict": VERDICTS.get(row.verdict, row.verdict),
        "f": "–" if row.f_score is None else f"{row.f_score:.3f}",
        "swap": "–" if row.swap_sensitivity is None else f"{row.swap_sensitivity:.3f}",
        "size": f"{row.parameters / 1e6:.2f} M",
        "gflop": f"{row.gflop:.2f}",
        "seeds": row.seeds,
        "paper": ", ".join(published),
    }


def _scores(rows: tuple[Numbers, ...], report: Report | None) -> str:
    """Return the mIoU of every row, and of the rules without a model on the same clips."""
    drawn = [
        Lane(
            row.title,
            (row.miou,),
            (f"{row.miou:.3f}",),
            spans=(row.miou_interval,),
            kind="strong" if row.name == DEFAULT else "",
        )
        for row in rows
    ]
    floors = report.floors if report else {}
    values = {RULES.get(rule, rule): floor.miou_with_ground_truth for rule, floor in floors.items()}
    drawn += [
        Lane(name, (value,), (f"{value:.3f}",), kind="reference")
        for name, value in values.items()
        if value is not None
    ]
    ends = [
        value or 0.0
        for lane in drawn
        for value in (*lane.values, *(lane.spans[0] or () if lane.spans else ()))
    ]
    axis = linear_axis(0, min(1.0, max([*ends, 0.04])))
    quarters = tuple(axis.high * step / 4 for step in range(5))  # where the lanes are ruled
    return lanes(
        drawn, Axis(0, axis.high, quarters, labels=tuple(f"{tick:.3g}" for tick in quarters)), mark="dots"
    )


def _changes(rows: tuple[Numbers, ...]) -> str:
    """Return the change of every row with its interval around zero, "" for the default row alone."""
    changed = [row for row in rows if row.change is not None]
    if not changed:
        return ""
    drawn = [
        Lane(
            row.title,
            (row.change,),
            (signed(row.change or 0.0),),
            spans=(row.change_interval,),
            kind="strong" if row.verdict == "yes" else "muted",
        )
        for row in changed
    ]
    most = max(
        [0.01, *(abs(e) for row in changed for e in (row.change or 0.0, *(row.change_interval or ())))]
    )
    end = 2 * nice_step(most / 2)
    axis = Axis(-end, end, (-end, 0.0, end), labels=(signed(-end), "0", signed(end)))
    return lanes(drawn, axis, mark="dots", kind="sh-zero")
