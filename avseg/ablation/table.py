"""The table of an ablation study: every row's numbers, and its paired difference from the default row."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev

from avseg.ablation.variants import DEFAULT, Variant
from avseg.evaluation.intervals import Interval
from avseg.evaluation.pairs import ClipPair, clip_pairs, miou_change
from avseg.evaluation.report import ClipRow, Evaluation
from avseg.files import write_texts

TABLE, TABLE_JSON = "table.md", "table.json"
EXPLANATION = (
    "mIoU: mean foreground IoU over the frames with ground truth, mean over the seeds ± their standard "
    "deviation. In brackets: 95 % interval, bootstrap over clips; of a change, paired with the default row. "
    "A change exceeds the spread if this interval excludes 0 and the change is larger than its standard "
    "deviation over the seeds. F: as AVSBench computes it. GFLOP: forward pass of one frame."
)


@dataclass(frozen=True)
class Row:
    """What is known of one variant so far."""

    variant: Variant
    parameters: int
    gflop: float  # of the forward pass for one frame; a multiplication with its addition counts as two
    evaluations: tuple[Evaluation, ...]  # one per seed, in the order of the seeds


@dataclass(frozen=True)
class Numbers:
    """The numbers of a row. mIoU is the mean foreground IoU over the frames with ground truth."""

    name: str
    title: str
    note: str
    parameters: int
    gflop: float
    seeds: int
    miou: float
    """Mean over the seeds."""
    miou_spread: float | None
    """Standard deviation over the seeds; null for one seed."""
    miou_interval: Interval | None
    """95 %, bootstrap over the clips, of the mean over the seeds; null for few clips."""
    f_score: float | None
    swap_sensitivity: float | None
    change: float | None
    """Of the mIoU from the default row, over the seeds that both have; null for the default row."""
    change_spread: float | None
    """Standard deviation over those seeds."""
    change_interval: Interval | None
    """95 %, paired bootstrap over the clips."""
    published: dict[str, tuple[float, float]]

    @property
    def verdict(self) -> str:
        """Whether the change is larger than what other clips and other seeds would bring about."""
        if self.change is None:
            return ""
        if self.change_interval is None or self.change_spread is None:
            return "unknown: one seed" if self.change_spread is None else "unknown: few clips"
        low, high = self.change_interval
        return "yes" if not low <= 0 <= high and abs(self.change) > self.change_spread else "no"


def numbers(rows: Sequence[Row]) -> list[Numbers]:
    """Return the numbers of all rows, of which the first is the default."""
    return [_numbers(row, rows[0]) for row in rows]


def _numbers(row: Row, default: Row) -> Numbers:
    reports = [evaluation.report for evaluation in row.evaluations]
    own = [[_alone(clip) for clip in e.clips if clip.iou is not None] for e in row.evaluations]
    miou, interval = miou_change(_mean(own))
    change, change_interval, changes = None, None, [0.0]
    if row.variant.name != DEFAULT:
        pairs = [clip_pairs(*both) for both in zip(row.evaluations, default.evaluations, strict=False)]
        changes = [miou_change(of_seed)[0] for of_seed in pairs]
        change, change_interval = miou_change(_mean(pairs))
    return Numbers(
        name=row.variant.name,
        title=row.variant.title,
        note=row.variant.note,
        parameters=row.parameters,
        gflop=row.gflop,
        seeds=len(reports),
        miou=miou,
        miou_spread=_spread([miou_change(of_seed)[0] for of_seed in own]),
        miou_interval=interval,
        f_score=_mean_of([report.f_score for report in reports]),
        swap_sensitivity=_mean_of([report.robustness.swap_sensitivity for report in reports]),
        change=change,
        change_spread=_spread(changes),
        change_interval=change_interval,
        published=dict(row.variant.published),
    )


def _alone(clip: ClipRow) -> ClipPair:
    assert clip.iou is not None
    return ClipPair(clip.name, clip.labels, clip.iou, 0.0, clip.frames_with_ground_truth)


def _mean(pairs: Sequence[Sequence[ClipPair]]) -> list[ClipPair]:
    """Return the pairs of all seeds as one list, in which every clip has its mean over the seeds."""
    seeds = [{pair.name: pair for pair in of_seed} for of_seed in pairs]
    return [
        ClipPair(
            name=name,
            labels=pair.labels,
            first=fmean(seed[name].first for seed in seeds),
            second=fmean(seed[name].second for seed in seeds),
            frames=pair.frames,
        )
        for name, pair in sorted(seeds[0].items())
        if all(name in seed for seed in seeds)
    ]


def _spread(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def write_table(rows: Sequence[Row], folder: Path) -> Path:
    """Write table.json and table.md into `folder`; return the path of table.md."""
    values = numbers(rows)
    texts = {
        TABLE_JSON: json.dumps([asdict(row) | {"exceeds_spread": row.verdict} for row in values], indent=2),
        TABLE: markdown(values, rows[0].evaluations[0].report.data.description),
    }
    write_texts(folder, texts)
    return folder / TABLE


def markdown(rows: Sequence[Numbers], data: str) -> str:
    """Return the table as Markdown."""
    tasks = [task for task in ("s4", "ms3") if any(task in row.published for row in rows)]
    head = ["", *(f"paper, {task.upper()}: mIoU / F" for task in tasks), "parameters", "GFLOP", "seeds"]
    head += ["mIoU", "F", "swap sensitivity", "change of the mIoU", "exceeds the spread?"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        published = [
            " / ".join(f"{v:.1f}" for v in row.published[task]) if task in row.published else ""
            for task in tasks
        ]
        size = [f"{row.parameters / 1e6:.2f} M", f"{row.gflop:.2f}", str(row.seeds)]
        miou = _number(row.miou) + (f" ± {row.miou_spread:.3f}" if row.miou_spread is not None else "")
        change = "" if row.change is None else f"{row.change:+.3f}{_ends(row.change_interval, '+.3f')}"
        scores = [miou + _ends(row.miou_interval, ".3f"), _number(row.f_score), _number(row.swap_sensitivity)]
        lines.append([row.title, *published, *size, *scores, change, row.verdict])
    notes = [f"- {row.title}: {row.note}" for row in rows if row.note]
    return "\n".join(
        [
            f"Ablation on {data}",
            "",
            *("| " + " | ".join(cells) + " |" for cells in lines),
            "",
            EXPLANATION,
            *(["", *notes] if notes else []),
            "",
        ]
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _ends(interval: Interval | None, form: str) -> str:
    return "" if interval is None else f" ({interval[0]:{form}} to {interval[1]:{form}})"
