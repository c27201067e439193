"""The handlers of the form, the queue and the list of reports."""

from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.components.events import action_of
from app.components.gradio_helpers import HIDDEN, error_notice
from app.components.updates import UNCHANGED
from app.evaluate import html
from app.evaluate.layout import EvaluateUpdates, data_choices, go_label, model_choices
from app.evaluate.report_handlers import choices, show
from app.evaluate.state import EvaluateState
from app.services import evaluations
from app.services.evaluation_data import get_data
from app.services.evaluations import EvaluationRequest, QueuedEvaluation
from app.services.handoff import EvaluateRequest, ReportRequest
from app.services.models import ADD_MODEL
from app.services.reports import UPLOADED, StoredReport
from app.services.session import VISITORS, address_of, session_of
from avseg.errors import AvsegError, ReportError
from avseg.evaluation.report import CLASSES, CLIPS, CONFUSION, REPORT
from avseg.evaluation.report_files import read_files

FILES = (REPORT, CLIPS, CLASSES, CONFUSION)


def fit_form(
    models: list[str], data: str, split: str, clips: float | None, robustness: bool
) -> EvaluateUpdates:
    """Fit split, number of clips, button and command to the form."""
    models = [model for model in models or () if model != ADD_MODEL]
    try:
        source = get_data(data)
    except AvsegError:
        return EvaluateUpdates()
    split = split if split in source.splits else source.splits[0]
    available, limit, count = source.clips(split), evaluations.host_rules().clips, int(clips or 0)
    if source.folder is not None and available:
        count = min(count, available)
    if limit:
        count = min(count or limit, limit)
    requests = [EvaluationRequest(model, data, split, count, robustness) for model in models]
    return EvaluateUpdates(
        split=gr.update(choices=list(source.splits), value=split),
        clips=gr.update(
            value=count or None, label="Clips" if source.folder is None else f"Clips, of {available}"
        ),
        go=gr.update(value=go_label(count or available, len(requests)), interactive=bool(requests)),
        command=html.command(map(evaluations.command_line, requests)),
    )


def start(
    models: list[str],
    data: str,
    split: str,
    clips: float | None,
    robustness: bool,
    request: gr.Request = None,
) -> EvaluateUpdates:
    """Queue an evaluation per selected model."""
    session = session_of(request)
    state = VISITORS.of(session).state(EvaluateState)
    try:
        requests = evaluations.parse_requests(models, data, split, clips, robustness)
        keys = evaluations.submit_all(requests, session, address_of(request))
    except AvsegError as error:
        return EvaluateUpdates(notice=error_notice(error))
    under_way = [item.key for item in evaluations.queue() if item.under_way]
    state.watched = (*(key for key in state.watched if key in under_way), *keys)
    return EvaluateUpdates(
        notice=HIDDEN, jobs=_queue_html(state.watched, session), timer=gr.Timer(active=True)
    )


def poll(request: gr.Request = None) -> EvaluateUpdates:
    """Follow what is under way, and show the visitor's evaluations as they finish."""
    session = session_of(request)
    state = VISITORS.of(session).state(EvaluateState)
    evaluations.advance()
    items = {item.key: item for item in evaluations.queue()}
    finished = [key for key in state.watched if key in items and items[key].status.state == "finished"]
    state.watched = tuple(key for key in state.watched if key in items and key not in finished)
    going = any(item.under_way for item in items.values())
    updates = EvaluateUpdates(
        jobs=_queue_html(state.watched, session), timer=UNCHANGED if going else gr.Timer(active=False)
    )
    if not finished:
        return updates
    # The second of two models that were started together is compared with the first.
    first, last = items[finished[0]], items[finished[-1]]
    current = items.get(state.report_key)
    if current is not None and _started_together(current, first):
        state.compared_key = first.key
    else:
        state.report_key = first.key
        state.compared_key = last.key if _started_together(first, last) else ""
    return updates | show(session)


def _started_together(first: QueuedEvaluation, second: QueuedEvaluation) -> bool:
    """Return whether one click started two evaluations: all the same but for the model."""
    return first.key != second.key and replace(first.request, model=second.request.model) == second.request


def act(event: gr.EventData, request: gr.Request = None) -> EvaluateUpdates:
    """Open or delete a report, cancel an evaluation, or dismiss one that ended."""
    action, session = action_of(event), session_of(request)
    state = VISITORS.of(session).state(EvaluateState)
    if action is None or not isinstance(action.value, str):
        return EvaluateUpdates()
    key = action.value
    try:
        if action.name == "open":
            state.report_key, state.compared_key = key, ""
            return show(session)
        if action.name == "delete":
            evaluations.delete(key)
            if key in (state.report_key, state.compared_key):
                state.report_key = "" if key == state.report_key else state.report_key
                state.compared_key = ""
                return show(session)
            return EvaluateUpdates(notice=HIDDEN) | choices(state)
        if action.name == "cancel":
            evaluations.cancel(key, session)
            state.watched = tuple(dict.fromkeys((*state.watched, key)))
        elif action.name == "dismiss":
            cancelled = {item.key for item in evaluations.queue() if html.is_cancelled(item)}
            gone = cancelled if key in cancelled else {key}  # what is cancelled is one line
            state.watched = tuple(other for other in state.watched if other not in gone)
    except AvsegError as error:
        return EvaluateUpdates(notice=error_notice(error))
    return EvaluateUpdates(notice=HIDDEN, jobs=_queue_html(state.watched, session))


def upload(files: list[str] | None, request: gr.Request = None) -> EvaluateUpdates:
    """Open a report that the command line wrote."""
    session = session_of(request)
    state = VISITORS.of(session).state(EvaluateState)
    paths = [Path(file) for file in files or ()]
    try:
        unknown = [path.name for path in paths if path.name not in FILES]
        if unknown:
            raise ReportError(
                f"{unknown[0][:60]} is not one of {', '.join(FILES)}. Select those files together."
            )
        evaluation = read_files({path.name: path for path in paths})
    except AvsegError as error:
        return EvaluateUpdates(notice=error_notice(error))
    state.uploaded = StoredReport(UPLOADED, evaluation, "uploaded")
    state.report_key, state.compared_key = UPLOADED, ""
    return EvaluateUpdates(notice=HIDDEN) | show(session)


def compare(key: str | None, request: gr.Request = None) -> EvaluateUpdates:
    """Compare the report in view with another one, or with none."""
    session = session_of(request)
    VISITORS.of(session).state(EvaluateState).compared_key = key or ""
    return show(session)


def arrive(
    data: str, split: str, clips: float | None, robustness: bool, request: gr.Request = None
) -> EvaluateUpdates:
    """Refresh the choices when the tab is opened; show the report of a link, select the model of another tab.

    What is under way is followed to its end, also after a reload.
    """
    session = session_of(request)
    visitor = VISITORS.of(session)
    state, handover = visitor.state(EvaluateState), visitor.take(EvaluateRequest)
    evaluations.advance()
    under_way = [item.key for item in evaluations.queue() if item.under_way]
    own = (key for key in under_way if evaluations.may_cancel(key, session))
    state.watched = tuple(dict.fromkeys((*state.watched, *own)))
    state.revision += 1
    names = model_choices()
    updates = EvaluateUpdates(
        models=gr.update(choices=names),
        data=gr.update(choices=data_choices()),
        jobs=_queue_html(state.watched, session),
        timer=gr.Timer(active=bool(under_way)),
        revision=state.revision,
    )
    updates |= choices(state)
    if wanted := visitor.take(ReportRequest):
        before = state.report_key, state.compared_key
        state.report_key, state.compared_key = wanted.report, wanted.compared
        shown = show(session)
        if shown.body is UNCHANGED:  # it does not exist here
            state.report_key, state.compared_key = before
        updates |= shown
    if handover is None or handover.model not in names:
        return updates
    fitted = fit_form([handover.model], data, split, clips, robustness)
    return updates | fitted | EvaluateUpdates(models=gr.update(choices=names, value=[handover.model]))


def _queue_html(watched: tuple[str, ...], session: str) -> str:
    items = evaluations.queue()
    stoppable = {item.key for item in items if evaluations.may_cancel(item.key, session)}
    return html.queue([item for item in items if item.under_way or item.key in watched], stoppable)
