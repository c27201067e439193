"""Handlers of the opened clip: play it, run a model on it, send it to other tabs; and of scoring."""

import gradio as gr

from app.components.gradio_helpers import HIDDEN, error_notice, notice
from app.components.html import result_header
from app.explore.handlers import ExploreUpdates, draw
from app.explore.predictions import open_clip, predict_clip, score_clips
from app.explore.state import state_of
from app.services.jobs import Cancelled
from app.services.session import VISITORS, ClipResult, DatasetSource, session_of
from avseg.data.avsbench.clip import truth_for
from avseg.errors import AvsegError

PREDICT, SCORE = "explore-predict", "explore-score"  # names of jobs


def show_clip(request: gr.Request = None) -> ExploreUpdates:
    """Put the opened clip into the player unless it is there already."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    view, opened = state.view, state.opened
    if view.row is None:
        state.opened = None
        return ExploreUpdates(player=None) if opened else ExploreUpdates()
    if opened and opened.belongs_to(view):
        return ExploreUpdates()
    try:
        state.opened, player = open_clip(visitor)
    except AvsegError as error:
        state.opened = None
        return ExploreUpdates(notice=error_notice(error), player=None, errors=HIDDEN)
    notices = state.opened.content.clip.notices
    about = notice(" ".join(map(str, notices)), "note") if notices else HIDDEN
    return ExploreUpdates(notice=about, player=player, errors=HIDDEN)


def predict(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> ExploreUpdates:
    """Run the model on the opened clip."""
    visitor = VISITORS.of(session_of(request))
    state_of(request)
    try:
        player = predict_clip(visitor, visitor.jobs.start(PREDICT), _report_to(progress))
    except AvsegError as error:
        return ExploreUpdates(notice=error_notice(error))
    return draw(request) | ExploreUpdates(player=player)


def send(tab: str, request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> ExploreUpdates:
    """Make the opened clip and its prediction the visitor's result, and open a tab that shows it."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    updates = ExploreUpdates()
    try:
        dataset, collection = state.open_collection()
        opened = state.opened
        if opened is None or not opened.belongs_to(state.view) or opened.model != state.view.model:
            player = predict_clip(visitor, visitor.jobs.start(PREDICT), _report_to(progress))
            updates = draw(request) | ExploreUpdates(player=player)
    except AvsegError as error:
        return ExploreUpdates(notice=error_notice(error))
    opened = state.opened
    truth = truth_for(opened.content.truth, dataset.task, opened.prediction.task)
    entry = collection.facts.entries[opened.row]
    source = DatasetSource(dataset.key, entry.split, entry.name)
    visitor.result = ClipResult(opened.prediction, entry.name, opened.model, truth=truth, source=source)
    return updates | ExploreUpdates(header=result_header(visitor.result), tabs=gr.Tabs(selected=tab))


def begin_scoring(request: gr.Request = None) -> ExploreUpdates:
    """Register the job that `score` does, so that Stop can cancel it while it waits for a model."""
    state = state_of(request)
    state.scoring = VISITORS.of(session_of(request)).jobs.start(SCORE)
    return draw(request)


def score(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> ExploreUpdates:
    """Run the model on the matching clips that have no IoU yet."""
    state = state_of(request)
    token, message = state.scoring, ExploreUpdates()
    if token is None:
        return message
    try:
        score_clips(state, token, _report_to(progress))
    except Cancelled:
        message = ExploreUpdates(notice=notice("Stopped. The IoU of finished clips is kept.", "note"))
    except AvsegError as error:
        message = ExploreUpdates(notice=error_notice(error))
    finally:
        if state.scoring is token:
            state.scoring = None
    return draw(request) | message


def stop(request: gr.Request = None) -> ExploreUpdates:
    """Stop scoring before the next clip."""
    VISITORS.of(session_of(request)).jobs.cancel(SCORE)
    return draw(request)


def _report_to(progress: gr.Progress):
    return lambda done, total: progress((done, total))
