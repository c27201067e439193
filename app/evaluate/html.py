"""HTML of Evaluate: the report in view, the list of reports, the queue, the command."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from markupsafe import Markup

from app.components.render import macro, render
from app.evaluate import text
from app.evaluate.charts import classes_card, distribution_card, published_card, robustness_card
from app.evaluate.compare import comparison_card
from app.evaluate.confusion import confusion_card
from app.services.evaluations import QueuedEvaluation, evaluations_root, host_rules
from app.services.reports import StoredReport
from app.services.wording import plural
from avseg.errors import ReportError
from avseg.evaluation.folder import EvaluationFolder

ENDED = {"stopped": "", "failed": "Failed", "killed": "Crashed"}


def head(report: StoredReport | None) -> Markup:
    """Return headline and caption."""
    if report is None:
        return macro("heading", text.EMPTY, text.EMPTY_CAPTION)
    return macro("heading", text.finding(report.evaluation.report), text.caption(report))


def body(report: StoredReport | None, compared: StoredReport | None = None) -> Markup:
    """Return the scores and charts of a report, compared with another one where given."""
    if report is None:
        return render("evaluate/templates/empty.html")
    reports, comparison = [report], Markup("")
    if compared is not None:
        report, compared = distinct_names(report, compared)
        reports = [report]
        try:
            comparison = comparison_card(report, compared)
            reports.append(compared)
        except ReportError as error:
            comparison = macro("notice", str(error), "error")
    return render(
        "evaluate/templates/report.html",
        notes=report.evaluation.report.notes,
        tiles=text.tiles(report.evaluation.report),
        comparison=comparison,
        cards=[
            published_card(reports),
            robustness_card(reports),
            classes_card(reports),
            distribution_card(report),
        ],
        confusion=confusion_card(report),
    )


def distinct_names(first: StoredReport, second: StoredReport) -> tuple[StoredReport, StoredReport]:
    """Return two reports under names that differ, also where their model is the same."""
    names: tuple[Callable[[StoredReport], str], ...] = (
        lambda item: item.name,
        lambda item: f"{item.name}, {plural(item.evaluation.report.clips, 'clip')}",
        lambda item: f"{item.name}, {item.date or item.origin}",
        lambda item: f"{item.name}, {item.key}",
    )
    name = next((name for name in names if name(first) != name(second)), names[-1])
    return replace(first, model=name(first)), replace(second, model=name(second))


def report_list(reports: Iterable[StoredReport], selected: StoredReport | None, may_delete: bool) -> Markup:
    """Return the list of reports; a click opens one."""
    rows = []
    for item in reports:
        report = item.evaluation.report
        by_class = report.measured_as == "classes"
        score = report.miou_present_classes if by_class else report.miou_with_ground_truth
        rows.append(
            {
                "key": item.key,
                "name": item.name,
                "score": "–" if score is None else f"{score:.3f}",
                "data": f"{item.data}, {plural(report.clips, 'clip')}",
                "when": item.date if item.origin == "evaluated" else item.origin,
                "selected": selected is not None and item.key == selected.key,
                "deletable": may_delete and item.origin == "evaluated",
            }
        )
    return render("evaluate/templates/reports.html", rows=rows)


def queue(items: Iterable[QueuedEvaluation], stoppable: Collection[str]) -> Markup:
    """Return evaluations that wait, run, or ended without a report; stoppable: keys with a Cancel button."""
    rows = []
    for item in items:
        status = item.status
        if status.state == "finished":
            continue
        ended, share = status.state in ENDED, 0.0
        if ended:
            message = _ending(item)
        elif status.state == "waiting":
            message = f"Waiting for {plural(item.ahead, 'evaluation')}" if item.ahead else "Next in line"
        elif not status.total:
            message = "Loading model and data"
        else:
            left = status.seconds_left
            share = status.done / status.total
            message = f"{status.done} of {status.total} clips"
            message += "" if left is None else f", {text.duration(left)} left"
        stopping = status.state == "running" and item.stopping
        rows.append(
            {
                "key": item.key,
                "model": item.request.model,
                "message": f"Stopping after these clips. {message}" if stopping else message,
                "ended": ended,
                "failed": ended and status.state != "stopped",
                "share": share,
                "button": "Stop now" if stopping else "Cancel",
                "stoppable": item.key in stoppable,
            }
        )
    return render("evaluate/templates/queue.html", rows=rows)


def _ending(item: QueuedEvaluation) -> str:
    """Return why an evaluation ended without a report; one that the visitor cancelled did not fail."""
    status, limit = item.status, host_rules().seconds
    if status.state == "stopped":
        if limit and status.seconds >= limit:
            return f"Stopped after {limit} s, the limit of this host."
        return f"Cancelled after {status.done} of {status.total} clips." if status.done else "Cancelled."
    reason = status.message or EvaluationFolder(evaluations_root() / item.key).console_tail(4)
    return f"{ENDED[status.state]}. {reason}"


def command(lines: Iterable[str]) -> Markup:
    """Return the commands that do the same in a terminal, to be copied."""
    return render("evaluate/templates/command.html", text="\n".join(line for line in lines if line))
