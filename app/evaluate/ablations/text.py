"""Sentences of the Ablations view, made from the numbers of a study."""

from collections.abc import Sequence

from app.evaluate.text import signed
from app.services.ablations import Study, StudyRow
from app.services.evaluation_data import data_title
from app.services.wording import plural
from avseg.ablation.variants import DEFAULT
from avseg.evaluation.report import Evaluation
from avseg.loaders import SYNTH

EMPTY = "What does each part of the model contribute?"
EMPTY_CAPTION = (
    "An ablation study trains the model again with one part changed or removed, as in the paper's Table 2. "
    "There is none here yet."
)
ONE_SEED = "Each row was trained once: no difference can be told from chance. Train two seeds or more."
FLOOR_NAMES = {
    "nothing": "nothing is marked",
    "everything": "everything is marked",
    "largest_object": "largest object in view",
    "centre_prior": "where things usually sound",
}


def changed(study: Study) -> list[StudyRow]:
    """Return the rows that have a difference to the default row, largest first."""
    rows = [row for row in study.rows if row.numbers.change is not None]
    return sorted(rows, key=lambda row: -abs(row.numbers.change or 0.0))


def finding(study: Study) -> str:
    """Return the headline: how many changes exceed what other clips and other seeds bring about."""
    rows = changed(study)
    if not rows:
        return f"{study.name}: only the default row is finished"
    above = [row for row in rows if row.numbers.verdict == "yes"]
    if not above:
        if study.seeds < 2:
            return f"{plural(len(rows), 'change')} of the model, each trained once: a first look"
        return f"None of {plural(len(rows), 'change')} exceeds the spread over clips and seeds"
    largest = above[0].numbers
    return (
        f"{len(above)} of {plural(len(rows), 'change')} of the model "
        f"{'exceeds' if len(above) == 1 else 'exceed'} the spread, most of all {largest.title} "
        f"(mIoU {signed(largest.change or 0.0)})"
    )


def caption(study: Study) -> str:
    """Return what the study was trained and measured on."""
    parts = []
    if study.config is not None:
        train, data = study.config.train, "SynthAVS" if study.data == SYNTH else _folder(study)
        clips = f", {train.synth_clips:,} clips an epoch" if study.data == SYNTH else ""
        name = f"preset {study.preset}" if study.preset else "a changed preset"
        parts.append(
            f"Trained on {data} ({name}: {plural(train.epochs, 'epoch')}{clips}, "
            f"{study.config.model.image_size} px), {plural(study.seeds, 'run')} per row."
        )
    if (evaluation := study.evaluation(DEFAULT)) is not None:
        report = evaluation.report
        parts.append(f"Measured on {plural(report.clips, 'clip')} of {data_title(report)}.")
    return " ".join(parts)


def _folder(study: Study) -> str:
    return study.data.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1] or "a folder"


def sentences(study: Study) -> list[str]:
    """Return in words which rows are below or above the default row, and which stay within the spread."""
    rows, texts = changed(study), []
    for verb, sign in (("falls", -1), ("rises", 1)):
        listed = [r for r in rows if r.numbers.verdict == "yes" and (r.numbers.change or 0.0) * sign > 0]
        if listed:
            texts.append(f"The mIoU {verb} by more than the spread with {_names(listed, True)}.")
    within = [row for row in rows if row.numbers.verdict == "no"]
    if within:
        texts.append(
            f"Within the spread: {_names(within, True)}. "
            "Other clips or another seed would change the mIoU as much."
        )
    if rows and study.seeds < 2:
        texts.append(ONE_SEED)
    elif unknown := [row for row in rows if row.numbers.verdict.startswith("unknown")]:
        texts.append(f"Not known: {_names(unknown, False)}, of which there is one seed or too few clips.")
    return texts


def _names(rows: Sequence[StudyRow], with_change: bool) -> str:
    names = [
        row.numbers.title + (f" ({signed(row.numbers.change or 0.0)})" if with_change else "") for row in rows
    ]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def verdict(row: StudyRow) -> str:
    """Return the cell that says whether a change exceeds the spread."""
    return {"yes": "exceeds it", "no": "within it", "": ""}.get(row.numbers.verdict, row.numbers.verdict)


def floors(evaluation: Evaluation | None) -> list[tuple[str, float]]:
    """Return name and mean IoU of the trivial rules on the same clips, best first."""
    known = evaluation.report.floors if evaluation else {}
    values = [
        (FLOOR_NAMES[rule], floor.miou_with_ground_truth)
        for rule, floor in known.items()
        if rule in FLOOR_NAMES and rule != "nothing"  # whose IoU is 0 whatever the data
    ]
    return sorted(((n, v) for n, v in values if v is not None), key=lambda pair: -pair[1])
