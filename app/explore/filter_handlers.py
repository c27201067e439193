"""Choosing in the Explore tab: data set, filter, order, model, page; what follows from it is drawn anew."""

from dataclasses import replace

import gradio as gr

from app.components import html as figures
from app.explore.clip_handlers import open_requested
from app.explore.collection import COLLECTIONS, Collection
from app.explore.export import write_csv
from app.explore.filters import Filter, changed
from app.explore.state import Desk, View, acted, collection_of, desk_of, select
from app.explore.updates import COUNT, draw, said
from app.services.datasets import LIBRARY, may_check
from app.services.models import available_models
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError, DatasetError


def act(event: gr.EventData, request: gr.Request = None) -> tuple:
    """Do what was clicked; returns updates of search and the page."""
    told = event._data if isinstance(event._data, dict) else {}
    desk = _desk(request)
    with desk.lock:
        try:
            data, there = collection_of(desk)
            if there is None:
                return gr.skip(), *draw(desk)
            if told.get("do") == "check":
                there.checking(start=may_check(data))
            elif told.get("do") in ("flag", "unflag"):
                _flag(desk, there, told)
            else:
                found = select(desk, there)
                desk.view = acted(desk, there, str(told.get("do")), told.get("value"), found)
        except AvsegError as error:
            return gr.skip(), *said(error)
        cleared = told.get("do") in ("search", "clear")
        return "" if cleared else gr.skip(), *draw(desk)


def _flag(desk: Desk, there: Collection, told: dict) -> None:
    if desk.view.opened is None:
        return
    entry = there.facts.entries[desk.view.opened]
    clip, flags = (entry.split, entry.name), desk.flags(there)
    if told["do"] == "unflag":
        flags.drop(clip)
    else:
        flags.set(clip, str(told.get("value") or ""))


def arrive(request: gr.Request = None) -> tuple:
    """Draw the tab as the visitor left it; returns updates of data, search, sort, model and the page."""
    visitor, problem = VISITORS.of(session_of(request)), None
    desk = desk_of(visitor)
    with desk.lock:
        try:
            open_requested(visitor)
        except DatasetError as error:
            problem = error
        known = LIBRARY.all()
        if desk.view.data not in known:
            desk.view = View(LIBRARY.first(), model=desk.view.model)
        if known[desk.view.data].ready:
            COLLECTIONS.look_again(known[desk.view.data])
        models = list(available_models())
        if desk.view.model not in models:
            desk.view = replace(desk.view, model=next(iter(models), ""))
        return (
            gr.update(choices=[(one.title, key) for key, one in known.items()], value=desk.view.data),
            desk.view.filter.search,
            desk.view.filter.sort,
            gr.update(choices=models, value=desk.view.model),
            *(said(problem)[:1] + draw(desk)[1:] if problem else draw(desk)),
        )


def choose_data(key: str, request: gr.Request = None) -> tuple:
    """Open another data set, with nothing filtered; returns updates of search, sort and the page."""
    desk = _desk(request)
    with desk.lock:
        try:
            desk.view = View(LIBRARY.get(key).key, model=desk.view.model)
        except DatasetError as error:
            return gr.skip(), gr.skip(), *said(error)
        return "", Filter().sort, *draw(desk)


def search(words: str, request: gr.Request = None) -> tuple:
    """Show the clips whose name, classes or note hold all the words."""
    return _changed("search", words, request)


def sort(by: str, request: gr.Request = None) -> tuple:
    """Show the clips in another order."""
    return _changed("sort", by, request)


def _changed(field: str, value: str, request: gr.Request | None) -> tuple:
    desk = _desk(request)
    with desk.lock:
        try:
            _, there = collection_of(desk)
        except DatasetError as error:
            return said(error)
        if there is not None:
            desk.view = replace(desk.view, filter=changed(desk.view.filter, field, value, there), page=0)
        return draw(desk)


def choose_model(name: str, request: gr.Request = None) -> tuple:
    """Choose whose IoU counts and whose prediction is shown next; returns updates of the page."""
    desk = _desk(request)
    with desk.lock:
        if name in available_models():
            desk.view = replace(desk.view, model=name)
        return draw(desk)


def tick(request: gr.Request = None) -> tuple:
    """Look how far the work in the background is; returns updates of the page."""
    desk = _desk(request)
    with desk.lock:
        return draw(desk)


def export(request: gr.Request = None) -> dict:
    """Write the clips that are shown as csv; returns an update of the hidden download."""
    visitor = VISITORS.of(session_of(request))
    desk = desk_of(visitor)
    with desk.lock:
        try:
            _, there = collection_of(desk)
            if there is None:
                raise DatasetError("The sample is still being drawn. Try again in a moment.")
            rows = select(desk, there).rows
            path = visitor.folder / "explore" / "clips.csv"
            write_csv(path, there, rows, desk.flags(there), desk.view.model)
        except AvsegError as error:
            raise gr.Error(str(error), print_exception=False) from error
    return gr.update(value=str(path))


def add_folder(path: str, request: gr.Request = None) -> tuple:
    """Add a folder of the owner's; returns updates of data, search, sort, what was found, and the page."""
    desk = _desk(request)
    with desk.lock:
        try:
            key, words = LIBRARY.add(path)
        except AvsegError as error:
            return (gr.skip(),) * 3 + (figures.notices([str(error)], "error"),) + (gr.skip(),) * COUNT
        desk.view = View(key, model=desk.view.model)
        choices = [(one.title, name) for name, one in LIBRARY.all().items()]
        listed = gr.update(choices=choices, value=key)
        return listed, "", Filter().sort, figures.notices([words]), *draw(desk)


def _desk(request: gr.Request | None) -> Desk:
    return desk_of(VISITORS.of(session_of(request)))
