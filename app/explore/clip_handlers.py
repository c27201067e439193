"""The opened clip of the Explore tab: shown, predicted, scored, sent to other tabs, opened from them."""

from collections.abc import Callable

import gradio as gr

from app.components import html as figures
from app.components.gradio_helpers import failed
from app.explore.collection import COLLECTIONS
from app.explore.opened_clip import open_view, predict_view, score_view
from app.explore.state import View, collection_of, desk_of
from app.explore.updates import draw, remarks, said
from app.services.dataset_clips import shown_truth
from app.services.datasets import LIBRARY
from app.services.handoff import ExploreRequest
from app.services.session import VISITORS, ClipResult, Visitor, session_of
from avseg.errors import AvsegError, DatasetError


def show_clip(request: gr.Request = None) -> tuple:
    """Put the opened clip into the player unless it is there; returns updates of notice, player, errors."""
    visitor = VISITORS.of(session_of(request))
    desk = desk_of(visitor)
    view, standing = desk.view, desk.opened
    if view.opened is None:
        desk.opened = None
        return gr.skip(), None if standing else gr.skip(), gr.skip()
    if standing and standing.stands(view):
        return (gr.skip(),) * 3
    try:
        opened, player = open_view(visitor)
    except AvsegError as error:
        desk.opened = None
        return failed(error), None, gr.update(visible=False)
    desk.opened = opened
    return remarks(desk), player, gr.update(visible=False)


def predict(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> tuple:
    """Run the chosen model over the opened clip; returns updates of player and page."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    try:
        player = predict_view(visitor, _bar(progress))
    except AvsegError as error:
        return gr.skip(), *said(error)
    desk = desk_of(visitor)
    with desk.lock:
        return player, *draw(desk)


def score(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> tuple:
    """Run the chosen model over the clips that are shown and have no IoU yet; returns updates of the page."""
    visitor = VISITORS.of(session_of(request))
    desk, ended = desk_of(visitor), ()
    try:
        score_view(visitor, _bar(progress))
    except AvsegError as error:
        ended = said(error)[:1]
    with desk.lock:
        return *ended, *draw(desk)[len(ended) :]


def send(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> tuple:
    """Put the opened clip and its prediction before the other tabs; returns updates of context, player, page.

    Raises gr.Error, in words, when that is not possible.
    """
    session = session_of(request)
    visitor = VISITORS.of(session)
    desk = desk_of(visitor)
    try:
        data, _ = collection_of(desk)
        player = gr.skip()
        opened = desk.opened
        fresh = opened and opened.stands(desk.view) and opened.model == desk.view.model
        if not fresh:
            player = predict_view(visitor, _bar(progress))
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    opened = desk.opened
    truth = shown_truth(data, opened.read, opened.prediction)
    shown = ClipResult(opened.prediction, opened.read.clip.name, opened.model, truth=truth)
    VISITORS.set_result(session, shown)
    with desk.lock:
        return figures.context_of(shown), player, *draw(desk)


def open_requested(visitor: Visitor) -> None:
    """Open the clip that another tab asked for, if one did, with nothing filtered.

    Raises DatasetError when the data set or the clip no longer exists.
    """
    asked = visitor.take(ExploreRequest)
    if asked is None:
        return
    data = LIBRARY.get(asked.data)
    row = COLLECTIONS.of(data).facts.row_of(asked.clip, asked.split)
    if row is None:
        raise DatasetError(f"{data.title} has no clip {asked.clip}.")
    desk = desk_of(visitor)
    desk.view = View(data.key, opened=row, model=desk.view.model)


def stop(request: gr.Request = None) -> dict:
    """End the scoring at its next clip."""
    VISITORS.of(session_of(request)).run = None
    return rest()


def begin() -> tuple[dict, dict]:
    """Show Stop in place of the scoring's button."""
    return gr.update(visible=False), gr.update(visible=True)


def rest() -> dict:
    """Hide Stop; the scoring's button comes back with what is left to score."""
    return gr.update(visible=False)


def _bar(progress: gr.Progress) -> Callable[[int, int], object]:
    return lambda done, total: progress((done, total))
