"""The handlers of the Ablations view: the study in view, its rows, the wall of masks, the clicked cell."""

import time
from contextlib import suppress

import gradio as gr

from app.components.events import action_of, integer
from app.components.gradio_helpers import HIDDEN, error_notice, notice, progress_report
from app.components.html import header_html, result_header
from app.components.render import macro
from app.evaluate.ablations import html, wall
from app.evaluate.ablations.layout import ABLATIONS, AblationUpdates
from app.evaluate.ablations.state import AblationState
from app.evaluate.layout import header_of
from app.evaluate.state import EvaluateState
from app.services.ablations import Study, list_studies
from app.services.handoff import AblationRequest
from app.services.jobs import Cancelled
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError

WALL, OPENING = "ablation-wall", "ablation-cell"  # names of jobs
STOPPED = "Stopped. Finished masks are kept: press the button to go on."
TARGETS = ("inside", "whatif")  # tabs that show a cell
MOST_FRAMES = 1000


def choose_view(view: str, request: gr.Request = None) -> AblationUpdates:
    """Show the reports or the ablation studies."""
    session = session_of(request)
    if view != ABLATIONS:
        report = None
        with suppress(AvsegError):
            report = VISITORS.of(session).state(EvaluateState).report()
        return AblationUpdates(
            reports_page=gr.update(visible=True), page=HIDDEN, report_header=header_of(report)
        )
    shown = AblationUpdates(reports_page=HIDDEN, page=gr.update(visible=True))
    return shown | show(session)


def arrive(view: str, request: gr.Request = None) -> AblationUpdates:
    """Open the study that another tab or a link asks for; refresh the view where it is open."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    wanted = visitor.take(AblationRequest)
    if wanted is not None:
        state = visitor.state(AblationState)
        state.select(wanted.study if wanted.study in list_studies() else "")
        state.clips, state.rows, state.linked = wanted.clips, wanted.rows or None, bool(wanted.clips)
        updates = choose_view(ABLATIONS, request) | AblationUpdates(view=ABLATIONS)
        return updates | AblationUpdates(linked=time.monotonic()) if state.linked else updates
    return show(session) if view == ABLATIONS else AblationUpdates()


def choose_study(key: str | None, request: gr.Request = None) -> AblationUpdates:
    """Show another study."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    visitor.jobs.cancel(WALL)
    visitor.state(AblationState).select(key or "")
    return show(session)


def show(session: str) -> AblationUpdates:
    """Show the study of the visitor's state."""
    state = VISITORS.of(session).state(AblationState)
    studies = list_studies()
    try:
        study = state.study()
    except AvsegError as error:
        state.key = ""
        return show(session) | AblationUpdates(notice=error_notice(error))
    updates = AblationUpdates(
        study=gr.update(
            choices=[(item.label, key) for key, item in studies.items()], value=study.key if study else None
        ),
        report_header=header_html({"Study": study.name}) if study else "",
        notice=HIDDEN,
        head=html.head(study),
    )
    if study is None or study.problem:
        return updates | AblationUpdates(table="", charts="", wall_box=HIDDEN)
    clips = wall.clip_choices(study)
    if not state.clips:
        state.clips = tuple(key for _, key in clips[:2])
    return (
        updates
        | AblationUpdates(
            table=html.table(study, state.ticked(study)),
            charts=html.charts(study),
            wall_box=gr.update(visible=True),
            clips=gr.update(choices=clips, value=[key for _, key in clips if key in state.clips]),
            wall=html.wall_card(study, state.wall),
        )
        | _hint(study, state)
    )


def tick(event: gr.EventData, request: gr.Request = None) -> AblationUpdates:
    """Tick a row for the wall, or take its tick away."""
    action, state = action_of(event), VISITORS.of(session_of(request)).state(AblationState)
    try:
        study = state.study()
    except AvsegError as error:
        return AblationUpdates(notice=error_notice(error))
    if action is None or action.name != "row" or study is None:
        return AblationUpdates()
    state.toggle(study, action.value)
    return _hint(study, state)


def choose_clips(clips: list[str] | None, request: gr.Request = None) -> AblationUpdates:
    """Choose the clips of the wall."""
    state = VISITORS.of(session_of(request)).state(AblationState)
    state.clips = tuple(clip for clip in clips or () if isinstance(clip, str))
    try:
        study = state.study()
    except AvsegError as error:
        return AblationUpdates(notice=error_notice(error))
    return _hint(study, state) if study else AblationUpdates()


def _hint(study: Study, state: AblationState) -> AblationUpdates:
    """Say what the button would compute, or what it lacks."""
    try:
        asked = wall.check_request(study, state.clips, state.ticked(study))
        text = html.wall_hint(study, asked)
    except AvsegError as error:
        return AblationUpdates(hint=macro("hint", str(error)), go=gr.update(interactive=False))
    return AblationUpdates(hint=macro("hint", text), go=gr.update(interactive=True))


def begin() -> AblationUpdates:
    """Offer to stop while the wall is computed."""
    return AblationUpdates(notice=HIDDEN, stop=gr.update(visible=True, variant="stop"))


def show_wall(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> AblationUpdates:
    """Compute the missing cells of the wall and show it; what is finished is kept."""
    visitor = VISITORS.of(session_of(request))
    state, report = visitor.state(AblationState), progress_report(visitor.jobs.start(WALL), progress)
    try:
        study = state.study()
        if study is None:
            return AblationUpdates()
        asked = wall.check_request(study, state.clips, state.ticked(study))
        state.wall = asked
        updates = AblationUpdates(notice=HIDDEN)
        try:
            wall.compute(study, asked, report)
        except Cancelled:
            updates = AblationUpdates(notice=notice(STOPPED, "note"))
    except AvsegError as error:
        return AblationUpdates(notice=error_notice(error))
    return updates | AblationUpdates(wall=html.wall_card(study, asked)) | _hint(study, state)


def show_linked(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> AblationUpdates:
    """Compute and show the wall of a link, once."""
    state = VISITORS.of(session_of(request)).state(AblationState)
    if not state.linked:
        return AblationUpdates()
    state.linked = False
    return show_wall(request, progress)


def finish() -> AblationUpdates:
    """The wall is there, or was refused."""
    return AblationUpdates(stop=HIDDEN)


def stop(request: gr.Request = None) -> AblationUpdates:
    """Stop computing the wall at its next step."""
    VISITORS.of(session_of(request)).jobs.cancel(WALL)
    return finish()


def click_cell(event: gr.EventData, request: gr.Request = None) -> AblationUpdates:
    """Ask for the clicked cell in another tab: the click itself runs no model."""
    action, state = action_of(event), VISITORS.of(session_of(request)).state(AblationState)
    value = action.value if action is not None and action.name == "cell" else None
    if not isinstance(value, list) or len(value) != 4 or value[3] not in TARGETS:
        return AblationUpdates()
    frame = integer(value[2], 0, MOST_FRAMES)
    if frame is None or not all(isinstance(part, str) for part in value[:2]):
        return AblationUpdates()
    state.asked += 1
    return AblationUpdates(asked=(state.asked, value[0], value[1], frame, value[3]))


def open_cell(
    asked: tuple[int, str, str, int, str] | None,
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> AblationUpdates:
    """Make a cell the visitor's result and open the tab that shows it; runs the model."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    if asked is None or not visitor.is_new("open_cell", asked):
        return AblationUpdates()
    (_, clip, name, frame, tab), folder = asked, VISITORS.new_result(session)
    report = progress_report(visitor.jobs.start(OPENING), progress)
    try:
        study = visitor.state(AblationState).study()
        if study is None:
            return AblationUpdates()
        wall.check_request(study, (clip,), (name,))
        result = wall.result_of(study, study.row(name), clip, frame, folder, report)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        return AblationUpdates(notice=error_notice(error))
    VISITORS.set_result(session, result)
    return AblationUpdates(notice=HIDDEN, header=result_header(result), tabs=gr.Tabs(selected=tab))
