"""What the Learn tab does: open a step and measure it, check an answer, show the same in another tab."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app.components.events import action_of, integer
from app.components.gradio_helpers import error_notice
from app.components.html import header_html
from app.components.updates import UNCHANGED, Updates
from app.learn import html
from app.learn.measurements import MEASUREMENTS, measured_clip
from app.learn.state import LearnState
from app.learn.steps import STEPS
from app.services.handoff import LearnRequest
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError


@dataclass(frozen=True)
class LearnUpdates(Updates):
    """What an event changes."""

    header: Any = UNCHANGED
    tabs: Any = UNCHANGED
    sidebar: Any = UNCHANGED
    notice: Any = UNCHANGED
    head: Any = UNCHANGED
    text: Any = UNCHANGED
    figures: Any = UNCHANGED
    question: Any = UNCHANGED


def show(request: gr.Request = None) -> LearnUpdates:
    """Measure and show the visitor's step, or that of a link; where it fails, its text and the reason.

    Nothing changes if another step was opened meanwhile, which is shown by its own call.
    """
    visitor = VISITORS.of(session_of(request))
    current, asked = visitor.state(LearnState), visitor.take(LearnRequest)
    if asked is not None and asked.step in STEPS:
        current.name = asked.step
    state = replace(current)
    try:
        measured = measured_clip(state.exercise.clip)
        measurement = MEASUREMENTS[state.name](measured, state.exercise, state.answer is not None)
        weights = measured.result.prediction.weights
    except AvsegError as error:
        return LearnUpdates(sidebar=html.sidebar(state), notice=error_notice(error), text=state.step.text)
    if (current.name, current.chosen) != (state.name, state.chosen):
        return LearnUpdates()
    return LearnUpdates(
        header=header_html({"Clip": measured.about.title, "Model": measured.model}, weights),
        sidebar=html.sidebar(state),
        notice=gr.update(visible=False),
        head=html.head(state, measured),
        text=state.step.text,
        figures=html.figures(state, measured, measurement),
        question=html.question(state, measurement),
    )


def choose(event: gr.EventData, request: gr.Request = None) -> LearnUpdates:
    """Open a step, an exercise or another tab, or check an answer; anything else changes nothing."""
    session, action = session_of(request), action_of(event)
    state = VISITORS.of(session).state(LearnState)
    name, value = (action.name, action.value) if action else ("", None)
    option = integer(value, 0, len(state.exercise.options))
    if name == "open":
        return open_tab(session)
    if name == "step" and isinstance(value, str) and value in STEPS:
        state.name = value
    elif name == "exercise" and value in [exercise.name for exercise in state.step.exercises]:
        state.chosen = str(value)
    elif name == "answer" and option is not None:
        state.answers[state.exercise.name] = option
    else:
        return LearnUpdates()
    return show(request)


def open_tab(session: str) -> LearnUpdates:
    """Open another tab on the clip, the model and the settings of the step."""
    visitor = VISITORS.of(session)
    state = visitor.state(LearnState)
    try:
        result = measured_clip(state.exercise.clip).result
    except AvsegError as error:
        return LearnUpdates(notice=error_notice(error))
    if state.step.tab != "train":  # which works on no clip
        VISITORS.set_result(session, result)
    visitor.hand_over(state.step.request(state.exercise, result.model))
    return LearnUpdates(tabs=gr.Tabs(selected=state.step.tab))
