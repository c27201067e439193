"""The handlers of the form of a new study, and of the studies that are trained."""

from collections.abc import Sequence
from dataclasses import replace

import gradio as gr

from app.components.events import action_of
from app.components.gradio_helpers import HIDDEN, error_notice
from app.components.render import macro
from app.components.updates import UNCHANGED
from app.evaluate.ablations import handlers, html
from app.evaluate.ablations.layout import ABLATIONS, AblationUpdates
from app.evaluate.ablations.state import AblationState
from app.services import ablation_runs
from app.services.host import NOT_HERE, may_train
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError


def fit_form(
    preset: str, data: str, rows: Sequence[str], seeds: float | None, clips: float | None, name: str
) -> AblationUpdates:
    """Write the command of the form and what the study will take, or why it cannot be trained."""
    try:
        request = ablation_runs.read_request(preset, data, rows or (), seeds, clips)
        planned = ablation_runs.plan(request)
        command = html.command(ablation_runs.command(request, str(name or "study")))
        if may_train():
            ablation_runs.check_free(name)
    except AvsegError as error:
        return AblationUpdates(
            checks=macro("notice", str(error), "error"), start=gr.update(interactive=False)
        )
    text = html.plan_text(request, planned)
    return AblationUpdates(
        command=command,
        checks=macro("hint", text if may_train() else f"{text} {NOT_HERE}"),
        start=gr.update(interactive=True),
    )


def choose_preset(
    preset: str, data: str, rows: Sequence[str], seeds: float | None, clips: float | None, name: str
) -> AblationUpdates:
    """Offer the rows of another preset, and keep the ticks that it has too."""
    if preset not in ablation_runs.preset_names():
        return AblationUpdates()
    choices = ablation_runs.row_choices(preset)
    kept = [row for row in rows or () if row in {key for _, key in choices}]
    name = ablation_runs.free_name(preset)
    offered = AblationUpdates(rows=gr.update(choices=choices, value=kept), name=name)
    return offered | fit_form(preset, data, kept, seeds, clips, name)


def arrive(
    view: str,
    preset: str,
    data: str,
    rows: Sequence[str],
    seeds: float | None,
    clips: float | None,
    name: str,
    request: gr.Request = None,
) -> AblationUpdates:
    """Offer the data that exist now, and follow what is under way, also after a reload."""
    if view != ABLATIONS:
        return AblationUpdates()
    offered = AblationUpdates(data=gr.update(choices=ablation_runs.data_choices()))
    return offered | fit_form(preset, data, rows, seeds, clips, name) | _jobs(session_of(request))


def start(
    preset: str,
    data: str,
    rows: Sequence[str],
    seeds: float | None,
    clips: float | None,
    name: str,
    request: gr.Request = None,
) -> AblationUpdates:
    """Start the study of the form."""
    session = session_of(request)
    try:
        started = ablation_runs.start(
            ablation_runs.read_request(preset, data, rows or (), seeds, clips), name
        )
    except AvsegError as error:
        return AblationUpdates(notice=error_notice(error))
    VISITORS.of(session).state(AblationState).followed = started
    following = ablation_runs.free_name(preset)
    fitted = fit_form(preset, data, rows, seeds, clips, following)
    return fitted | AblationUpdates(name=following, notice=HIDDEN) | _jobs(session)


def act(event: gr.EventData, request: gr.Request = None) -> AblationUpdates:
    """Stop or resume a study, or dismiss the message of one that ended early."""
    action, session = action_of(event), session_of(request)
    if action is None or not isinstance(action.value, str):
        return AblationUpdates()
    state = VISITORS.of(session).state(AblationState)
    try:
        if action.name == "stop":
            ablation_runs.stop(action.value)
        elif action.name == "resume":
            ablation_runs.resume(action.value)
        elif action.name == "dismiss":
            state.dismissed = (*state.dismissed, action.value)
    except AvsegError as error:
        return AblationUpdates(notice=error_notice(error)) | _jobs(session)
    if action.name != "dismiss":
        state.dismissed = tuple(name for name in state.dismissed if name != action.value)
    return AblationUpdates(notice=HIDDEN) | _jobs(session)


def poll(view: str, request: gr.Request = None) -> AblationUpdates:
    """Follow the studies, and show their tables as runs finish; the wall on the page stays as it is."""
    session = session_of(request)
    state, jobs = VISITORS.of(session).state(AblationState), _jobs(session)
    tables = {name: study.table_written for name, study in ablation_runs.started_studies().items()}
    if view != ABLATIONS or tables == state.tables:
        return jobs
    state.tables = tables
    if tables.get(state.followed):
        state.select(state.followed)
        state.followed = ""
        return handlers.show(session) | jobs
    return replace(handlers.show(session), wall=UNCHANGED, clips=UNCHANGED) | jobs


def _jobs(session: str) -> AblationUpdates:
    studies = ablation_runs.started_studies().values()
    dismissed = VISITORS.of(session).state(AblationState).dismissed
    going = any(study.alive for study in studies)
    return AblationUpdates(
        jobs=html.jobs(studies, dismissed), timer=gr.Timer(active=True) if going else gr.Timer(active=False)
    )
