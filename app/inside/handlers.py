"""The handlers of Inside: plain functions from inputs to named updates."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gradio as gr

from app.components.events import action_of, integer
from app.components.gradio_helpers import HIDDEN, error_notice, notice, progress_report
from app.components.html import result_header
from app.components.updates import UNCHANGED, Updates, told
from app.inside import html
from app.inside.inspections import attributed
from app.inside.model_map import model_map
from app.inside.state import Choice, InsideState, changed, choice_address, query_of, requested
from app.inside.views import VIEWS, shown, view_of, write_pictures
from app.services.clips import MAX_SECONDS, check_offered_rate, source_of
from app.services.handoff import ClipRequest, InsideRequest, WhatIfRequest
from app.services.jobs import Cancelled
from app.services.models import available_models
from app.services.restore import restore_clip
from app.services.session import MODELS, VISITORS, ClipResult, Visitor, session_of
from avseg.arguments import is_whole, printed
from avseg.errors import AvsegError, ConfigError
from avseg.interpret.attribution import Attribution
from avseg.interpret.inspection import Activation, record_site
from avseg.interpret.tpavi import inspect_model
from avseg.interventions.run import read_change
from avseg.media.clip import read_clip
from avseg.predict import Progress

ASKED, ATTRIBUTION = "inside", "inside-attribution"  # names of jobs


@dataclass(frozen=True)
class InsideUpdates(Updates):
    """What a handler changes; see InsideLayout."""

    header: object = UNCHANGED
    tabs: object = UNCHANGED
    notice: object = UNCHANGED
    head: object = UNCHANGED
    map: object = UNCHANGED
    view: object = UNCHANGED
    save_row: object = UNCHANGED
    asked: object = UNCHANGED


def show(visitor: Visitor, previous: Choice | None = None, on_frame: Progress | None = None) -> InsideUpdates:
    """Show the selected frame of the visitor's result; before any result, clips to start with.

    previous: the selection that the page shows for this frame; only what changed since then is updated.
    on_frame: told of the passes of an attribution.
    """
    result, state = visitor.result, visitor.state(InsideState)
    if result is None:
        reason = visitor.why_missing()
        about = notice(reason, "note") if reason else HIDDEN
        return InsideUpdates(notice=about, head=html.empty(), map=HIDDEN, view=HIDDEN, save_row=HIDDEN)

    def record(site: str, layer: int) -> Activation:
        return state.inspections.activation(result, site, layer)

    def attribute(method: str, region: str) -> Attribution:
        return state.inspections.attribution(result, method, region, on_frame)

    choice = state.choice
    try:
        inspection = state.inspections.inspection(result, query_of(choice))
        opened = view_of(inspection, choice, record, attribute)
        view = opened.html(choice_address(shown(inspection, choice)))
    except Cancelled:  # by another click, which shows what it asks for
        return InsideUpdates()
    except AvsegError as error:
        return InsideUpdates(notice=error_notice(error))
    if previous is not None and previous.view == choice.view:
        return InsideUpdates(notice=HIDDEN, view=view)
    plan = model_map(inspection, choice.view)
    if previous is not None:
        return InsideUpdates(notice=HIDDEN, view=view, map=plan)
    return InsideUpdates(
        header=result_header(result),
        notice=HIDDEN,
        head=html.head(result, inspection),
        map=gr.update(value=plan, visible=True),
        view=gr.update(value=view, visible=True),
        save_row=gr.update(visible=True),
    )


def show_recorded(visitor: Visitor, previous: Choice | None = None) -> InsideUpdates:
    """Show what needs no model at once; the rest is asked for, and shown when its turn has come."""
    result, state = visitor.result, visitor.state(InsideState)
    if visitor.awaited(ClipRequest) is None and (result is None or _recorded(state, result)):
        return show(visitor, previous)
    state.asked += 1
    return InsideUpdates(asked=state.asked)


def show_asked(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> InsideUpdates:
    """Show what was asked for, on the clip of a link where one was opened; runs the model."""
    visitor = VISITORS.of(session_of(request))
    report = progress_report(visitor.jobs.start(ASKED), progress)
    try:
        restore_clip(visitor, lambda done, total: report(done / total, f"Frame {done} of {total}"))
    except AvsegError as error:
        return show(visitor) | InsideUpdates(notice=error_notice(error))
    passes = progress_report(visitor.jobs.start(ATTRIBUTION), progress)
    return show(visitor, on_frame=lambda done, total: passes(done / total, f"Pass {done} of {total}"))


def arrive(threshold: float | None = None, request: gr.Request = None) -> InsideUpdates:
    """Show the selected frame in the view that another tab requests; take over the player's threshold."""
    visitor = VISITORS.of(session_of(request))
    visitor.apply_threshold(threshold)
    state, request_of_tab = visitor.state(InsideState), visitor.take(InsideRequest)
    if request_of_tab is not None:
        state.choice = requested(state.choice, request_of_tab, VIEWS)
    return show_recorded(visitor)


def choose(event: gr.EventData, request: gr.Request = None) -> InsideUpdates:
    """Open another view, or select a layer, head, query, channel, position or site in it."""
    visitor, action = VISITORS.of(session_of(request)), action_of(event)
    state = visitor.state(InsideState)
    if action is None or visitor.result is None:
        return InsideUpdates()
    if action.name == "drop":
        return _drop(visitor, action.value)
    before, state.choice = state.choice, changed(state.choice, action, VIEWS)
    if state.choice != before:
        visitor.jobs.cancel(ATTRIBUTION)
    return show_recorded(visitor, before)


def _drop(visitor: Visitor, change: object) -> InsideUpdates:
    """Open What if with one part of the model dropped; anything that is not a change does nothing."""
    try:
        change = read_change(change).text if isinstance(change, str) else ""
    except AvsegError:
        change = ""
    if not change:
        return InsideUpdates()
    visitor.hand_over(WhatIfRequest((change,)))
    return InsideUpdates(tabs=gr.Tabs(selected="whatif"))


def choose_source(event: gr.EventData, request: gr.Request = None) -> InsideUpdates:
    """Select another frame of the result; or segment a bundled clip, at its frame with the largest mask."""
    visitor, action = VISITORS.of(session_of(request)), action_of(event)
    visitor.jobs.cancel(ATTRIBUTION)
    if action is not None and action.name == "frame" and visitor.result is not None:
        frame = integer(action.value, 0, len(visitor.result.prediction.clip.frames))
        if frame is not None:
            visitor.result = replace(visitor.result, frame=frame)
    if action is not None and action.name == "clip":
        try:
            source, model = source_of(str(action.value), None), next(iter(available_models()), "")
            prediction = MODELS.predict(model, read_clip(source.path, fps=1.0))
            largest = int(prediction.foreground.argmax())
            visitor.result = ClipResult(prediction, source.title, model, source.name, largest)
        except AvsegError as error:
            return InsideUpdates(notice=error_notice(error))
    return show(visitor)


def _recorded(state: InsideState, result: ClipResult) -> bool:
    """Whether the open view can be drawn without the model."""
    choice, inspections = state.choice, state.inspections
    if choice.view == "attribution" and not inspections.has_attribution(result, choice.method, choice.region):
        return False
    if choice.view == "activations" and not inspections.has(result, choice.site, choice.site_layer or 0):
        return False
    return inspections.has(result, query=query_of(choice))


@told
def inspect_clip(
    clip: str | None = None,
    upload: str | None = None,
    model: str = "tiny-ms3",
    frame: float = 1,
    view: str = "mixer",
    fps: float = 1,
    request: gr.Request = None,
) -> tuple[dict[str, object], list[str]]:
    """Look inside a model: follow one frame of a bundled clip, or of a video file, through one of its parts.

    Returns the numbers of that part (shapes, weights, attention, contributions) and pictures as PNG files.

    Args:
        clip: Name of a bundled clip, such as dog-and-guitar.
        upload: A video file with sound, which takes precedence.
        model: Name of a model.
        frame: Number of the frame, from 1.
        view: frame, sound, audio, queries, backbone, encoder, feature, mixer, decoder, layers, head, mask,
            tpavi, activations or attribution.
        fps: Frames per second: 1, 2, 4 or 8.
    """
    session = session_of(request)
    folder = VISITORS.new_result(session)
    try:
        if not isinstance(view, str) or view not in VIEWS:
            raise ConfigError(f"The view {str(view)[:60]!r} does not exist: choose {', '.join(VIEWS)}.")
        source = source_of(clip, upload)
        path = source if isinstance(source, Path) else source.path
        check_offered_rate(fps)
        MODELS.config(model)
        if not is_whole(frame, 1, MAX_SECONDS * fps):
            raise ConfigError(f"Frame {printed(frame)} does not exist: choose 1 to {MAX_SECONDS * fps:g}.")
        index = int(frame) - 1
        # The audio of a frame ends at most half a second after the frame.
        loaded = read_clip(path, fps=fps, seconds=min(MAX_SECONDS, frame / fps + 0.5))
        inspection = MODELS.run(model, inspect_model, loaded, index)
        opened = view_of(
            inspection,
            Choice(view),
            partial(MODELS.run, model, record_site, loaded, index),
            partial(MODELS.run, model, attributed, loaded, index),
        )
    except AvsegError as error:
        VISITORS.drop(session, folder)
        raise gr.Error(str(error), print_exception=False) from error
    numbers = {
        "view": view,
        "model": inspection.model,
        "weights": inspection.weights,
        "frame": inspection.index + 1,
        "moment": inspection.moment,
        "shapes": opened.shapes,
        "seconds": round(inspection.seconds, 3),
        "numbers": dict(opened.numbers),
    }
    return numbers, [str(path) for path in write_pictures(opened, folder)]
