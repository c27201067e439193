"""The Evaluate tab as HTML: the report in view, the list of reports, what is under way, the command."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from app.components.html import heading, notices
from app.components.text import clips_words
from app.evaluate import charts
from app.evaluate import text as words
from app.evaluate.classes import by_class
from app.evaluate.compare import side_by_side
from app.evaluate.confusion import matrix
from app.evaluate.distribution import distribution
from app.services import evaluations as runner
from app.services.evaluations import Job
from app.services.reports import Shelved, day
from avseg.errors import ReportError

STATES = {"stopped": "Stopped", "failed": "Failed", "killed": "Died"}
PROMISES = (
    ("Numbers", "The benchmark's mIoU and F, and beside them honest ones, next to the paper's Table 1"),
    ("Listening", "What is marked under silence, noise and a sound that is not in view"),
    ("Classes and clips", "IoU by class, how the clips spread, and the worst clips first, each a click away"),
)


def head(one: Shelved | None) -> str:
    """Return the sentence of the screen and the line below it."""
    if one is None:
        return heading(words.EMPTY, words.EMPTY_LINE)
    return heading(words.finding(one.evaluation.report), words.caption(one))


def body(one: Shelved | None, beside: Shelved | None = None) -> str:
    """Return the numbers and charts of a report, and of another one beside it."""
    if one is None:
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in PROMISES)
        return (
            f'<div class="card wi-empty"><h2>What will appear here</h2><dl class="promises">{rows}</dl></div>'
        )
    shown, compared = [one], ""
    if beside is not None:
        one, beside = _told_apart(one, beside)
        shown = [one]
        try:
            compared = side_by_side(one, beside)
            shown.append(beside)
        except ReportError as error:
            compared = notices([str(error)], "error")
    notes = notices(one.evaluation.report.notes)
    return (
        f'<div class="ev">{notes}{charts.stats(one)}{compared}<div class="ev-cards">'
        f"{charts.table_one(shown)}{charts.listening(shown)}{by_class(shown)}{distribution(one)}"
        f"</div>{matrix(one)}</div>"
    )


def _told_apart(one: Shelved, beside: Shelved) -> tuple[Shelved, Shelved]:
    """Return two reports of one model under names that differ."""
    for tell in (
        lambda of: of.name,
        lambda of: f"{of.name}, {clips_words(of.evaluation.report.clips)}",
        lambda of: f"{of.name}, {day(of.written) or of.origin}",
        lambda of: f"{of.name}, {of.key}",
    ):
        if tell(one) != tell(beside):
            break
    return replace(one, model=tell(one)), replace(beside, model=tell(beside))


def listed(found: Sequence[Shelved], chosen: str | None, may_delete: bool) -> str:
    """Return the list of reports; a click opens one."""
    rows = "".join(_line(one, one.key == chosen, may_delete) for one in found)
    return f'<div class="ev-list"><p class="ev-label">Reports</p>{rows or "<p>None yet.</p>"}</div>'


def _line(one: Shelved, chosen: bool, may_delete: bool) -> str:
    report = one.evaluation.report
    score = report.miou_present_classes if report.measured_as == "classes" else report.miou_with_ground_truth
    delete = (
        f'<button type="button" class="ev-x" data-delete="{escape(one.key)}" aria-label="Delete this report" '
        'title="Delete this report">×</button>'
        if may_delete and one.origin == "made"
        else ""
    )
    number = "–" if score is None else f"{score:.3f}"
    when = {"bundled": "bundled", "opened": "opened"}.get(one.origin) or day(one.written)
    return (
        f'<div class="ev-line-row"><button type="button" data-open="{escape(one.key)}" '
        f'aria-pressed="{str(chosen).lower()}"><b>{escape(one.name)}</b><i>{number}</i>'
        f"<small>{escape(one.data)}, {clips_words(report.clips)}</small>"
        f"<small>{escape(when)}</small></button>"
        f"{delete}</div>"
    )


def under_way(jobs: Sequence[Job], mine: Sequence[str], may_stop: Sequence[str]) -> str:
    """Return what runs, waits, or ended without a report.

    mine: keys whose end is said; may_stop: keys that the visitor may end.
    """
    return "".join(
        _job(job, job.key in may_stop)
        for job in jobs
        if job.status.state in ("running", "waiting") or (job.key in mine and job.status.state in STATES)
    )


def _job(job: Job, may_stop: bool) -> str:
    status, title = job.status, escape(job.request.model)
    if status.state in STATES:
        said = escape(
            status.message or runner.EvaluationFolder(runner.evaluations_root() / job.key).console_tail(4)
        )
        return (
            f'<div class="ev-job ended" role="status"><p><b>{title}</b>: {STATES[status.state]}. {said}</p>'
            f'<button type="button" data-forget="{escape(job.key)}">Put away</button></div>'
        )
    if status.state == "waiting":
        count = (
            f"{job.ahead} evaluation{'s come' if job.ahead > 1 else ' comes'} first" if job.ahead else "next"
        )
        line, share = f"Waits: {count}.", 0.0
    elif not status.total:
        line, share = "Loading the model and the data.", 0.0
    else:
        left = status.seconds_left
        time_left = "" if left is None else f", {_time(left)} left"
        line, share = f"{status.done} of {status.total} clips{time_left}", status.done / status.total
    stopping = status.state == "running" and _asked(job.key)
    said = "End at once" if stopping else "Cancel"
    stop = f'<button type="button" data-cancel="{escape(job.key)}">{said}</button>' if may_stop else ""
    line = f"Ends after these clips. {line}" if stopping else line
    return (
        f'<div class="ev-job"><p><b>{title}</b><span>{escape(line)}</span></p>'
        f'<div class="ev-progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}" aria-label="Clips measured">'
        f'<i style="width:{100 * share:.1f}%"></i></div>'
        f"{stop}</div>"
    )


def _asked(key: str) -> bool:
    return runner.EvaluationFolder(runner.evaluations_root() / key).stop_requested


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def command(lines: Sequence[str]) -> str:
    """Return commands to be copied."""
    shown = "\n".join(line for line in lines if line)
    if not shown:
        return ""
    return (
        '<div class="ev-command"><p class="ev-label">Same from a terminal'
        f'<button type="button" data-copy="1">Copy</button></p><pre>{escape(shown)}</pre></div>'
    )
