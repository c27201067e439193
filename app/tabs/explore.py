"""The Explore tab: a data set's clips to filter, to page through, to open, to check and to flag.

Another tab opens a clip here with

    open_clip(session, folder, clip, task)   # raises DatasetError when the clip is in no data set of the page

and then shows this tab (`TO_TAB % "explore"` as the event's script): its select event draws what was opened.
`folder` comes from the server's own records, never from a browser.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr

from app import figures
from app.explore.collection import COLLECTIONS, Collection
from app.explore.datasets import LIBRARY, may_check
from app.explore.desk import Desk, View, acted, collection_of, desk_of, select
from app.explore.export import write_csv
from app.explore.filters import Filter, changed
from app.explore.opening import open_view, predict_view, score_view
from app.explore.reading import shown_truth
from app.models import all_models
from app.session import MODEL_QUEUE, VISITORS, Shown, session_of
from app.tabs.explore_page import COUNT, draw, notice, page_parts, remarks, said
from app.tabs.explore_parts import Parts, build_parts
from app.tabs.segment import TO_TAB
from avseg.data.avsbench import find_tasks
from avseg.errors import AvsegError, DatasetError

TO_CLIP = (
    "() => { if (innerWidth < 1180) document.querySelector('#ex-side').scrollIntoView({block: 'start'}); }"
)
FOLD = "() => document.querySelector('#ex-player .pl-display')?.removeAttribute('open')"
PRESS = "() => setTimeout(() => document.querySelector('#ex-file').click(), 150)"
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}


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
    desk = _desk(request)
    with desk.lock:
        known = LIBRARY.all()
        if desk.view.data not in known:
            desk.view = View(LIBRARY.first(), model=desk.view.model)
        if known[desk.view.data].ready:
            COLLECTIONS.look_again(known[desk.view.data])
        models = list(all_models())
        if desk.view.model not in models:
            desk.view = replace(desk.view, model=next(iter(models), ""))
        return (
            gr.update(choices=[(one.title, key) for key, one in known.items()], value=desk.view.data),
            desk.view.filter.search,
            desk.view.filter.sort,
            gr.update(choices=models, value=desk.view.model),
            *draw(desk),
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
        if name in all_models():
            desk.view = replace(desk.view, model=name)
        return draw(desk)


def tick(request: gr.Request = None) -> tuple:
    """Look how far the work in the background is; returns updates of the page."""
    desk = _desk(request)
    with desk.lock:
        return draw(desk)


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
        return notice(str(error)), None, gr.update(visible=False)
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
    shown = Shown(opened.prediction, opened.read.clip.name, opened.model, truth=truth)
    VISITORS.show(session, shown)
    with desk.lock:
        return figures.context_of(shown), player, *draw(desk)


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


def open_clip(session: str, folder: Path | str, clip: str, task: str, split: str = "") -> None:
    """Let the Explore tab show a clip when it is opened next, with nothing filtered.

    folder: the task's own, or the one above it. Raises DatasetError when the page has no such data set, or
    that no such clip.
    """
    place = find_tasks(folder).get(task)
    data = next((one for one in LIBRARY.all().values() if one.folder == place and one.task == task), None)
    if data is None:
        raise DatasetError(
            f"{folder} is no data set of the Explore tab. Add it there, or name it in AVSEG_DATA."
        )
    row = COLLECTIONS.of(data).facts.row_of(clip, split)
    if row is None:
        raise DatasetError(f"{data.title} has no clip {clip} any more.")
    desk = desk_of(VISITORS.of(session))
    with desk.lock:
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


def add(context: gr.HTML) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    parts = build_parts()
    _wire_views(parts, parts.timer.parent)
    _wire_models(parts, context)


def _wire_views(parts: Parts, tab: gr.Tab) -> None:
    drawn = page_parts(parts)

    def then_clip(event) -> None:
        look = {"concurrency_limit": 2, "concurrency_id": "look", "trigger_mode": "always_last"}
        shown = event.then(show_clip, None, [parts.notice, parts.player, parts.errors], **look, **PRIVATE)
        shown.then(None, js=FOLD)

    for part in parts.clickable:
        then_clip(part.act(act, None, [parts.search, *drawn], queue=False, **PRIVATE))
    for part in (parts.grid, parts.report):
        part.act(None, js=TO_CLIP)
    then_clip(
        tab.select(arrive, None, [parts.data, parts.search, parts.sort, parts.model, *drawn], **PRIVATE)
    )
    chosen = [parts.search, parts.sort, *drawn]
    then_clip(parts.data.input(choose_data, parts.data, chosen, **PRIVATE))
    parts.search.change(search, parts.search, drawn, trigger_mode="always_last", **PRIVATE)
    parts.sort.input(sort, parts.sort, drawn, **PRIVATE)
    parts.model.input(choose_model, parts.model, drawn, **PRIVATE)
    parts.timer.tick(tick, None, drawn, queue=False, **PRIVATE)
    parts.export.click(export, None, parts.file, **PRIVATE).success(None, js=PRESS)
    for event in (parts.add.click, parts.folder.submit):
        then_clip(event(add_folder, parts.folder, [parts.data, *chosen[:2], parts.found, *drawn], **PRIVATE))


def _wire_models(parts: Parts, context: gr.HTML) -> None:
    model = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE, "api_visibility": "private"}
    drawn, buttons = page_parts(parts), [parts.score, parts.stop]
    predicted = parts.predict.click(
        predict, None, [parts.player, *drawn], show_progress_on=parts.player, **model
    )
    predicted.then(None, js=FOLD)
    started = parts.score.click(begin, None, buttons, queue=False, **PRIVATE)
    scoring = started.then(score, None, drawn, show_progress_on=parts.grid, **model)
    scoring.then(rest, None, parts.stop, queue=False, **PRIVATE)
    parts.stop.click(stop, None, parts.stop, queue=False, **PRIVATE)
    for name, button in parts.send.items():
        sent = button.click(
            send, None, [context, parts.player, *drawn], show_progress_on=parts.player, **model
        )
        sent.success(None, js=TO_TAB % name)


def _bar(progress: gr.Progress) -> Callable[[int, int], object]:
    return lambda done, total: progress((done, total))


def _desk(request: gr.Request | None) -> Desk:
    return desk_of(VISITORS.of(session_of(request)))
