"""HTML of Evaluate: the report in view, the list of reports, the queue, the command."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from markupsafe import Markup

from app.components.render import macro, render
from app.evaluate import charts, text
from app.services.evaluations import QueuedEvaluation, host_rules
from app.services.reports import StoredReport
from app.services.wording import duration, plural
from avseg.errors import ReportError
from avseg.evaluation.report import floors_line
from avseg.interpret.mask_statistics import percent

EMPTY = "How good is a model, and does it listen?"
EMPTY_CAPTION = (
    "Evaluate a model or open a report to see its scores, its worst clips and its robustness tests."
)
ENDED = {"stopped": "", "failed": "Failed", "killed": "Crashed"}


def head(report: StoredReport | None) -> Markup:
    """Return headline and caption."""
    if report is None:
        return macro("heading", EMPTY, EMPTY_CAPTION)
    numbers = report.evaluation.report
    heading, floors = macro("heading", text.finding(numbers), text.caption(report)), floors_line(numbers)
    return heading + macro("hint", floors) if floors else heading


def body(report: StoredReport | None, compared: StoredReport | None = None) -> Markup:
    """Return the scores and charts of a report, compared with another one where given."""
    if report is None:
        return render("evaluate/templates/empty.html")
    reports, comparison = [report], Markup("")
    if compared is not None:
        report, compared = distinct_names(report, compared)
        reports = [report]
        try:
            comparison = charts.comparison_card(report, compared)
            reports.append(compared)
        except ReportError as error:
            comparison = macro("notice", str(error), "error")
    cards = [
        charts.published_card(reports),
        charts.robustness_card(reports),
        charts.classes_card(reports),
        charts.distribution_card(report),
    ]
    return render(
        "evaluate/templates/report.html",
        report=report.evaluation.report,
        interval=text.interval,
        percent=percent,
        comparison=comparison,
        cards=cards,
        confusion=charts.confusion_card(report),
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
    key = selected.key if selected else ""
    return render("evaluate/templates/reports.html", reports=list(reports), key=key, may_delete=may_delete)


def queue(items: Iterable[QueuedEvaluation], stoppable: Collection[str]) -> Markup:
    """Return evaluations that wait, run, or ended without a report; stoppable: keys with a Cancel button.

    What was cancelled is one line, however many evaluations it were.
    """
    items = [item for item in items if item.status.state != "finished"]
    cancelled = [item for item in items if is_cancelled(item)]
    return render(
        "evaluate/templates/queue.html",
        items=[item for item in items if item not in cancelled],
        cancelled=cancelled,
        ended=ENDED,
        limit=host_rules().seconds,
        stoppable=stoppable,
        duration=duration,
    )


def is_cancelled(item: QueuedEvaluation) -> bool:
    """Return whether an evaluation was stopped on request, not by a limit of the host."""
    limit, status = host_rules().seconds, item.status
    return status.state == "stopped" and not (limit and status.seconds >= limit)


def command(lines: Iterable[str]) -> Markup:
    """Return the commands that do the same in a terminal, to be copied."""
    return render("evaluate/templates/command.html", text="\n".join(line for line in lines if line))
