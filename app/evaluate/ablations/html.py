"""HTML of the Ablations view: headline, table, charts and the wall of masks."""

from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup

from app.components.render import macro, render
from app.evaluate.ablations import text, wall
from app.evaluate.ablations.state import WallRequest
from app.evaluate.ablations.wall import Cell
from app.evaluate.text import signed
from app.services.ablation_runs import Plan, StudyProgress, StudyRequest
from app.services.ablations import Study, StudyRow
from app.services.evaluations import public_command
from app.services.line import duration as rough
from app.services.permalink import address
from app.services.wording import duration, plural
from avseg.ablation.table import EXPLANATION
from avseg.ablation.variants import DEFAULT
from avseg.interpret.mask_statistics import percent
from avseg.web.charts import Axis, Lane, lanes, linear_axis, nice_step

VIEW = "ablations"  # in the address
STEPS = 4  # of a chart's axis, whose lanes are ruled every quarter


def head(study: Study | None) -> Markup:
    """Return headline and caption, with the command that made the study."""
    if study is None:
        return macro("heading", text.EMPTY, text.EMPTY_CAPTION)
    if study.problem:
        return macro("heading", study.name) + macro("notice", study.problem, "error")
    evaluation = study.evaluation(DEFAULT)
    return render(
        "evaluate/ablations/templates/head.html",
        title=text.finding(study),
        caption=text.caption(study),
        command=public_command(evaluation.report.command) if evaluation else "",
        address=address(view=VIEW, study=study.key),
    )


def table(study: Study, ticked: Sequence[str]) -> Markup:
    """Return the rows by group, each with a box to tick for the wall."""
    groups: dict[str, list[StudyRow]] = {}
    for row in study.rows:
        groups.setdefault(row.group, []).append(row)
    tasks = [task for task in ("s4", "ms3") if any(task in row.numbers.published for row in study.rows)]
    return render(
        "evaluate/ablations/templates/table.html",
        groups=groups,
        ticked=ticked,
        tasks=tasks,
        several=study.seeds > 1,
        signed=lambda value: signed(value, 3),
        verdict=text.verdict,
        notes=[(row.numbers.title, row.numbers.note) for row in study.rows if row.numbers.note],
        explanation=EXPLANATION,
    )


def charts(study: Study) -> Markup:
    """Return mIoU and change of every row with their intervals, the floor, and the same in words."""
    evaluation = study.evaluation(DEFAULT)
    rows = [
        Lane(
            row.numbers.title,
            (row.numbers.miou,),
            (f"{row.numbers.miou:.3f}",),
            spans=(row.numbers.miou_interval,),
            kind="strong" if row.name == DEFAULT else "",
        )
        for row in study.rows
    ]
    floors = text.floors(evaluation)
    rows += [Lane(name, (value,), (f"{value:.3f}",), kind="reference") for name, value in floors]
    changed = [row.numbers for row in study.rows if row.numbers.change is not None]
    changes = [
        Lane(
            row.title,
            (row.change,),
            (signed(row.change or 0.0, 3),),
            spans=(row.change_interval,),
            kind="strong" if row.verdict == "yes" else "muted",
        )
        for row in changed
    ]
    ends = [abs(end) for row in changed for end in (row.change or 0.0, *(row.change_interval or ()))]
    return render(
        "evaluate/ablations/templates/charts.html",
        miou=lanes(rows, _quarters([lane.values[0] or 0.0 for lane in rows]), mark="dots", kind="ab-lanes"),
        changes=lanes(changes, _around_zero(max([*ends, 0.01])), mark="dots", kind="ab-lanes ab-changes")
        if changes
        else "",
        floors=bool(floors),
        sentences=text.sentences(study),
    )


def _quarters(values: Sequence[float]) -> Axis:
    high = min(1.0, STEPS * nice_step(max([*values, 0.04]) / STEPS))
    axis = linear_axis(0, high, STEPS)
    return Axis(axis.low, axis.high, tuple(axis.high * step / STEPS for step in range(STEPS + 1)))


def _around_zero(most: float) -> Axis:
    end = 2 * nice_step(most / 2)
    return Axis(-end, end, (-end, 0.0, end), labels=(signed(-end), "0", signed(end)))


def plan_text(request: StudyRequest, planned: Plan) -> str:
    """Return what a study will take: runs, steps and time."""
    rows = len(request.variants)
    text = f"{plural(planned.runs, 'run')} ({rows} rows, {plural(request.seeds, 'seed')}), "
    text += f"{planned.steps:,} training steps. "
    clips = f"{planned.clips} clips" if planned.clips else "the test split"
    if planned.seconds is None:
        return f"{text}Duration unknown: no earlier run has these settings."
    return (
        f"{text}About {rough(planned.seconds)} of training, at the speed measured {planned.source}, "
        f"and the evaluation of every run on {clips}."
    )


def command(line: str) -> Markup:
    """Return the command of a new study, to be copied."""
    return render("evaluate/templates/command.html", text=line)


def jobs(studies: Iterable[StudyProgress], dismissed: Collection[str]) -> Markup:
    """Return the studies that are trained, or ended early and can be resumed."""
    listed = [s for s in studies if s.alive or (s.state != "finished" and s.name not in dismissed)]
    return render("evaluate/ablations/templates/jobs.html", studies=listed, duration=duration)


def wall_hint(study: Study, asked: WallRequest) -> str:
    """Return how many masks are still to be computed, and about how long that takes."""
    missing, seconds = wall.estimate(study, asked)
    if not missing:
        return "Computed already."
    runs = f"{plural(missing, 'run')} of a model"
    return f"{runs}, about {rough(seconds)}." if seconds else f"{runs}."


def wall_card(study: Study | None, asked: WallRequest | None) -> Markup:
    """Return the wall; what is to be seen there before one is asked for."""
    if study is None or asked is None:
        return render("evaluate/ablations/templates/no_wall.html")
    rows = list(wall.drawn(study, asked))
    frame = wall.telling_frame([cells for _, _, cells in rows])
    return render(
        "evaluate/ablations/templates/wall.html",
        columns=[study.row(name) for name in asked.rows],
        rows=[
            (clip, wall.title_of(clip), truth, list(zip(asked.rows, cells))) for clip, truth, cells in rows
        ],
        frames=max((cell.frames for _, _, cells in rows for cell in cells if cell), default=1),
        frame=frame,
        width=wall.WIDTH,
        score=score,
        address=address(clips=",".join(asked.clips), rows=",".join(asked.rows)),
    )


def score(cell: Cell, truth: Cell | None) -> list[str]:
    """Return what is written under a cell on each of its frames."""
    texts = []
    for frame in range(cell.frames):
        iou, share = cell.ious[frame], cell.shares[frame]
        if iou is not None:
            texts.append(f"IoU {iou:.2f}")
        elif not share and truth is not None and truth.silent[frame]:
            texts.append("empty, right")
        else:
            texts.append(f"marks {percent(share)}")
    return texts
