"""The updates that follow from a visitor's view of the Explore tab."""

import gradio as gr

from app.components import html as figures
from app.components.gradio_helpers import HIDDEN, failed, notice
from app.components.text import clips_words
from app.explore import charts
from app.explore import clip_html as clip_page
from app.explore import html as page
from app.explore.collection import Collection
from app.explore.layout import Parts
from app.explore.opened_clip import unscored
from app.explore.state import Desk, Selection, collection_of, select
from app.services.datasets import draw_sample
from app.services.models import model_info
from avseg.errors import AvsegError, DatasetError

SMALL = 200  # clips; a data set up to this size is checked without being asked to


def page_parts(parts: Parts) -> list:
    """Return the components that `draw` updates, in its order."""
    return [
        *(parts.notice, parts.rail, parts.charts, parts.line, parts.grid, parts.report),
        *(parts.head, parts.about, parts.place, parts.clip, parts.predict, parts.errors),
        *(parts.score, parts.timer, parts.context),
    ]


COUNT = 15  # of them


def draw(desk: Desk) -> tuple:
    """Return updates of everything that follows from a view; its lock is held."""
    try:
        data, there = collection_of(desk)
    except DatasetError as error:
        return said(error)
    if there is None:
        progress = draw_sample(data.task)
        words = page.drawing(data, progress)
        clip = (clip_page.nothing_open(), "", *(HIDDEN,) * 4)
        timer, context = gr.Timer(active=not progress.error), figures.header({"Data": data.title})
        return (HIDDEN, "", "", "", words, "", *clip, HIDDEN, timer, context)
    desk.keep_within(there)
    reading, checking = there.measuring(), there.checking(start=_at_once(there))
    found = select(desk, there)
    view, flags = desk.view, desk.flags(there)
    working = reading.running or bool(checking and checking.running)
    return (
        remarks(desk),
        page.rail(there, view, found),
        charts.charts(there, view, found, reading),
        page.bar(there, view, found),
        page.grid(there, view, found, flags),
        clip_page.report(there, view, checking),
        *_clip(desk, there, found),
        _score(desk, there),
        gr.Timer(active=working),
        _context(there, view.model),
    )


def said(error: AvsegError) -> tuple:
    """Return the updates that say what went wrong and leave the rest as it is."""
    return failed(error), *(gr.skip(),) * (COUNT - 1)


def remarks(desk: Desk) -> dict:
    """Return the update of the notice that says what is amiss with the opened clip, if anything is."""
    opened = desk.opened
    found = opened.read.clip.notices if opened and opened.stands(desk.view) else ()
    return notice(" ".join(map(str, found)), "note") if found else HIDDEN


def _context(there: Collection, model: str) -> str:
    scored = bool(there.scores.of(model))
    said = {"Data": there.data.title, "Scored by": model if scored else ""}
    return figures.header(said, model_info(model)[0].weights if scored else "")


def _at_once(there: Collection) -> bool:
    return len(there) <= SMALL and there.report is None and there.checking() is None


def _clip(desk: Desk, there: Collection, found: Selection) -> tuple:
    """Return updates of head, about, the two columns, the button that predicts, and the errors."""
    view = desk.view
    if view.opened is None:
        return (clip_page.nothing_open(), "", *(HIDDEN,) * 4)
    shown = gr.update(visible=True)
    return (
        clip_page.head(there, view, found),
        clip_page.about(there, view.opened, desk.flags(there)),
        *(shown, shown, gr.update(visible=bool(view.model))),
        _errors(desk, there),
    )


def _errors(desk: Desk, there: Collection) -> dict:
    opened = desk.opened
    if opened is None or opened.prediction is None or not opened.stands(desk.view):
        return HIDDEN
    return gr.update(value=clip_page.errors(opened, there.data.drawn), visible=True)


def _score(desk: Desk, there: Collection) -> dict:
    rows = unscored(desk, there) if desk.view.model else []
    if not rows:
        return HIDDEN
    return gr.update(value=f"Score {clips_words(len(rows))} with {desk.view.model}", visible=True)
