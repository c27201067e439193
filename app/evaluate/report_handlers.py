"""The handlers of the report in view: its clips and their pictures, the opened clip."""

from collections.abc import Iterator

import gradio as gr

from app.components.events import action_of
from app.components.gradio_helpers import HIDDEN, error_notice
from app.components.html import result_header
from app.evaluate import html
from app.evaluate.clips import draw_pictures, grid, open_clip
from app.evaluate.layout import EvaluateUpdates, header_of
from app.evaluate.state import ClipsView, EvaluateState
from app.services import evaluations
from app.services.evaluation_data import data_of_report
from app.services.handoff import ExploreRequest
from app.services.reports import StoredReport, list_reports
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError, DatasetError

PICTURES = "evaluate-pictures"  # name of the job


def show(session: str) -> EvaluateUpdates:
    """Show the report of the visitor's state from its first page of clips."""
    visitor = VISITORS.of(session)
    state = visitor.state(EvaluateState)
    visitor.jobs.cancel(PICTURES)
    try:
        report, compared = state.report(), state.compared()
    except AvsegError as error:
        return EvaluateUpdates(notice=error_notice(error))
    state.view = ClipsView()
    state.revision += 1
    return EvaluateUpdates(
        notice=HIDDEN,
        report_header=header_of(report, compared),
        head=html.head(report),
        body=html.body(report, compared),
        clip_grid=gr.update(value=grid(report, state.view) if report else "", visible=report is not None),
        opened=HIDDEN,
        player=None,
        revision=state.revision,
    ) | choices(state)


def choices(state: EvaluateState) -> EvaluateUpdates:
    """List the reports to open, the visitor's own first, and those to compare with."""
    reports = [*([state.uploaded] if state.uploaded else []), *list_reports().values()]
    try:
        current = state.report()
    except AvsegError:
        current = None
    others = [(item.label, item.key) for item in reports if current is None or item.key != current.key]
    compared = state.compared_key if state.compared_key in (key for _, key in others) else ""
    return EvaluateUpdates(
        reports=html.report_list(reports, current, evaluations.host_rules().may_delete),
        compare=gr.update(choices=[("No comparison", ""), *others], value=compared),
    )


def stop_pictures(request: gr.Request = None) -> None:
    """Stop making pictures, so that what was clicked need not wait for them."""
    VISITORS.of(session_of(request)).jobs.cancel(PICTURES)


def pictures(request: gr.Request = None) -> Iterator[object]:
    """Yield the grid of clips as their pictures are made, until the visitor opens something else."""
    visitor = VISITORS.of(session_of(request))
    state, token = visitor.state(EvaluateState), visitor.jobs.start(PICTURES)
    try:
        report = state.report()
    except AvsegError:
        report = None
    if report is not None:
        for clips in draw_pictures(report, state.view):
            if token.cancelled:
                break
            yield clips
    yield gr.skip()  # a generator that ends without a value would empty the grid


def act(event: gr.EventData, request: gr.Request = None) -> EvaluateUpdates:
    """Do what a click on the report, its clips or the opened clip asks for."""
    action, session = action_of(event), session_of(request)
    state = VISITORS.of(session).state(EvaluateState)
    try:
        report = state.report()
        if action is None or report is None:
            return EvaluateUpdates()
        if action.name == "segment":  # the opened clip is the visitor's result already
            return EvaluateUpdates(tabs=gr.Tabs(selected="segment"))
        if action.name == "explore":
            return _explore(report, str(action.value), session)
        state.revision += 1
        if action.name == "close":
            return EvaluateUpdates(opened=HIDDEN, player=None, revision=state.revision)
        if action.name == "clip":
            return EvaluateUpdates(opening=(state.revision, str(action.value)))
    except AvsegError as error:
        return EvaluateUpdates(notice=error_notice(error), revision=state.revision)
    state.view = state.view.after(action)
    return EvaluateUpdates(clip_grid=grid(report, state.view), revision=state.revision)


def open_asked(asked: tuple[int, str] | None, request: gr.Request = None) -> EvaluateUpdates:
    """Open the clip that was clicked; runs the model."""
    session = session_of(request)
    if asked is None or not VISITORS.of(session).is_new("open_asked", asked):
        return EvaluateUpdates()
    revision, name = asked
    try:
        report = VISITORS.of(session).state(EvaluateState).report()
        updates = _open(report, name, session) if report else EvaluateUpdates()
    except AvsegError as error:
        updates = EvaluateUpdates(notice=error_notice(error))
    return updates | EvaluateUpdates(revision=revision)


def _open(report: StoredReport, name: str, session: str) -> EvaluateUpdates:
    folder = VISITORS.new_result(session)
    try:
        clip = open_clip(report, name, folder)
    except AvsegError:
        VISITORS.drop(session, folder)
        raise
    VISITORS.set_result(session, clip.result)
    return EvaluateUpdates(
        header=result_header(clip.result),
        notice=HIDDEN,
        opened=gr.update(visible=True),
        about=clip.about,
        player=clip.player,
    )


def _explore(report: StoredReport, clip: str, session: str) -> EvaluateUpdates:
    """Open a clip in Explore, to be flagged and compared there; raises DatasetError for a generated one."""
    data = data_of_report(report.evaluation.report)
    if data is None or data.folder is None:
        raise DatasetError("Explore cannot open these clips: they are generated, not stored in a folder.")
    split = report.evaluation.report.split.removesuffix("-leakfree")
    VISITORS.of(session).hand_over(ExploreRequest(data.key, clip, split))
    return EvaluateUpdates(tabs=gr.Tabs(selected="explore"))
