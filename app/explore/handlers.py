"""Handlers of the view: data set, filter, order, page, model, tags, export; and what the tab draws."""

from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
import numpy as np

from app.components.add_model.state import Added
from app.components.events import Action, action_of
from app.components.gradio_helpers import HIDDEN, VISIBLE, error_notice, notice
from app.components.html import header_html
from app.components.render import macro, render
from app.components.updates import UNCHANGED
from app.explore import html
from app.explore.charts import charts_html
from app.explore.collection import COLLECTIONS
from app.explore.export import write_csv
from app.explore.filters import Filter
from app.explore.map_choice import read_choice
from app.explore.map_handlers import NO_MAP, MapUpdates, draw_map, embed_clips
from app.explore.mark_handlers import ACTIONS, change_marks, write_marks
from app.explore.marks import read_upload
from app.explore.predictions import unscored_rows
from app.explore.state import ExploreState, View, clicked, state_of
from app.services.datasets import LIBRARY, draw_sample, may_check
from app.services.handoff import ExploreRequest
from app.services.host import error_text
from app.services.models import available_models, model_choices, model_info
from app.services.session import VISITORS, Visitor, session_of
from app.services.wording import plural
from avseg.errors import AvsegError, DatasetError

CHECKED_UNASKED = 200  # clips; larger data sets are checked when the visitor asks for it


@dataclass(frozen=True)
class ExploreUpdates(MapUpdates):
    """Updates of the components of `ExploreLayout` with the same names."""

    header: object = UNCHANGED
    tabs: object = UNCHANGED
    context: object = UNCHANGED
    data: object = UNCHANGED
    search: object = UNCHANGED
    sort: object = UNCHANGED
    notice: object = UNCHANGED
    filters: object = UNCHANGED
    charts: object = UNCHANGED
    summary: object = UNCHANGED
    file: object = UNCHANGED
    clips: object = UNCHANGED
    report: object = UNCHANGED
    clip_head: object = UNCHANGED
    player_column: object = UNCHANGED
    player: object = UNCHANGED
    model: object = UNCHANGED
    predict: object = UNCHANGED
    score: object = UNCHANGED
    stop: object = UNCHANGED
    errors: object = UNCHANGED
    clip_column: object = UNCHANGED
    clip_facts: object = UNCHANGED
    folder_summary: object = UNCHANGED
    timer: object = UNCHANGED
    mode: object = UNCHANGED
    marks: object = UNCHANGED


def act(event: gr.EventData, request: gr.Request = None) -> ExploreUpdates:
    """Do what was clicked."""
    action = action_of(event) or Action("")
    cleared = ExploreUpdates(search="") if action.name in ("search", "clear") else ExploreUpdates()
    return change_view(action.name, action.value, request) | cleared


def change_view(action: str, value: object, request: gr.Request = None) -> ExploreUpdates:
    """Check or embed the files, change tags and saved views, or change the view as `clicked` does."""
    state, said = state_of(request), ""
    with state.lock:
        try:
            dataset, collection = state.open_collection()
            if collection is None:
                pass
            elif action == "check":
                collection.check_files(start=may_check(dataset))
            elif action in ("embed", "embed_stop"):
                embed_clips(state, collection, start=action == "embed")
            elif action in ACTIONS:
                said = change_marks(action, value, state, collection)
            else:
                state.view = clicked(state.view, action, value, collection, state.rows(collection))
        except AvsegError as error:
            return ExploreUpdates(notice=error_notice(error))
        updates = _draw(state)
        if action == "view_open":
            updates |= _menus(state.view)
        return updates | ExploreUpdates(notice=notice(said, "note")) if said else updates


def _menus(view: View) -> ExploreUpdates:
    """Return what the search, the order and the model show of a view."""
    return ExploreUpdates(search=view.filter.search, sort=view.filter.sort, model=view.model)


def arrive(request: gr.Request = None) -> ExploreUpdates:
    """Draw the tab as the visitor left it, or with the clip that another tab asked for."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    problem = ExploreUpdates()
    with state.lock:
        try:
            if requested := visitor.take(ExploreRequest):
                _take_up(visitor, state, requested)
        except DatasetError as error:
            problem = ExploreUpdates(notice=error_notice(error))
        datasets, models = LIBRARY.all(), list(available_models())
        if state.view.data not in datasets:
            first = datasets[LIBRARY.first()]
            state.view = View(first.key, model=model_for(first.task, state.view.model))
        if state.view.model not in models:
            state.view = replace(state.view, model=next(iter(models), ""))
        dataset = datasets[state.view.data]
        if dataset.ready:
            COLLECTIONS.refresh(dataset)
        menus = ExploreUpdates(
            data=_dataset_menu(state.view.data),
            search=state.view.filter.search,
            sort=state.view.filter.sort,
            model=gr.update(choices=model_choices(), value=state.view.model),
        )
        return _draw(state) | menus | problem


def _take_up(visitor: Visitor, state: ExploreState, requested: ExploreRequest) -> None:
    """Open what another tab or a link asks for, a sample once it is drawn. Raises DatasetError."""
    dataset, model = LIBRARY.get(requested.data), requested.model or state.view.model
    state.view = view = View(dataset.key, model=model, map=read_choice(requested.map))
    if not dataset.ready:
        visitor.hand_over(requested)
        return
    collection = COLLECTIONS.of(dataset)
    for field, value in requested.conditions:
        view = clicked(view, field, value, collection, np.empty(0, int))
    state.view = view = replace(view, page=max(0, requested.page - 1))
    if requested.clip:
        row = collection.facts.row_of(requested.clip, requested.split)
        if row is None:
            raise DatasetError(f"{dataset.title} has no clip {requested.clip}.")
        state.view = replace(view, row=row)


def choose_data(key: str, request: gr.Request = None) -> ExploreUpdates:
    """Open another data set without any filter, with a model for its task."""
    state = state_of(request)
    with state.lock:
        try:
            dataset = LIBRARY.get(key)
        except DatasetError as error:
            return ExploreUpdates(notice=error_notice(error))
        model = model_for(dataset.task, state.view.model)
        state.view = View(dataset.key, model=model, map=state.view.map)
        return _draw(state) | ExploreUpdates(search="", sort=Filter().sort, model=state.view.model)


def model_for(task: str, current: str) -> str:
    """Return the current model if it names classes as the data of a task do, else the first one that does."""

    def fits(name: str) -> bool:
        config = model_info(name)[1]
        return config is not None and (config.task == "avss") == (task == "avss")

    return current if fits(current) else next(filter(fits, available_models()), current)


def choose_model(name: str, request: gr.Request = None) -> ExploreUpdates:
    """Choose the model whose IoU is shown and whose prediction is made next."""
    state = state_of(request)
    with state.lock:
        if name in available_models() and name != state.view.model:  # its map is another one
            state.view = replace(state.view, model=name, filter=replace(state.view.filter, region=""))
        return _draw(state)


def take_added(added: Added, request: gr.Request = None) -> ExploreUpdates:
    """Select a model that was added from this tab."""
    return choose_model(added.model, request) if added.tab == "explore" else ExploreUpdates()


def export(request: gr.Request = None) -> ExploreUpdates:
    """Write the matching clips as csv; raises gr.Error on failure, so that nothing is downloaded."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    with state.lock:
        try:
            _, collection = state.open_collection()
            if collection is None:
                raise DatasetError("The sample is still being drawn. Try again in a moment.")
            path = visitor.folder / "explore" / "clips.csv"
            write_csv(path, collection, state.rows(collection), state.marks(collection), state.view.model)
        except AvsegError as error:
            raise gr.Error(str(error), print_exception=False) from error
    return ExploreUpdates(file=gr.update(value=str(path)))


def export_marks(request: gr.Request = None) -> ExploreUpdates:
    """Write tags, notes and saved views as json; raises gr.Error on failure."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    with state.lock:
        try:
            _, collection = state.open_collection()
            if collection is None or state.marks(collection).empty:
                raise DatasetError("There are no tags, notes or saved views yet.")
            path = write_marks(visitor.folder / "explore", state.marks(collection))
        except AvsegError as error:
            raise gr.Error(error_text(error), print_exception=False) from error
    return ExploreUpdates(file=gr.update(value=str(path)))


def import_marks(path: str | None, request: gr.Request = None) -> ExploreUpdates:
    """Add the tags and saved views of a file."""
    state = state_of(request)
    with state.lock:
        try:
            _, collection = state.open_collection()
            if collection is None or not path:
                return ExploreUpdates()
            said = state.marks(collection).take(read_upload(Path(path)), collection.facts.rows)
        except AvsegError as error:
            return ExploreUpdates(notice=error_notice(error))
        return _draw(state) | ExploreUpdates(notice=notice(said, "note"))


def add_folder(path: str, request: gr.Request = None) -> ExploreUpdates:
    """Add a folder of the owner's and open its first data set."""
    state = state_of(request)
    with state.lock:
        try:
            key, summary = LIBRARY.add(path)
        except AvsegError as error:
            return ExploreUpdates(folder_summary=macro("notice", str(error), "error"))
        state.view = View(key, model=model_for(LIBRARY.get(key).task, state.view.model))
        menus = ExploreUpdates(
            data=_dataset_menu(key), search="", sort=Filter().sort, folder_summary=macro("notice", summary)
        )
        return _draw(state) | menus


def check_folder(path: str, request: gr.Request = None) -> ExploreUpdates:
    """Add a folder of the owner's, open its first data set, and read every file of it."""
    updates, state = add_folder(path, request), state_of(request)
    if updates.data is UNCHANGED:
        return updates
    with state.lock:
        try:
            dataset, collection = state.open_collection()
            if collection is not None:
                collection.check_files(start=may_check(dataset))
        except DatasetError as error:
            return updates | ExploreUpdates(notice=error_notice(error))
        return updates | _draw(state)


def _dataset_menu(key: str) -> dict:
    return gr.update(choices=[(dataset.title, key) for key, dataset in LIBRARY.all().items()], value=key)


def draw(request: gr.Request = None) -> ExploreUpdates:
    """Draw everything that follows from the visitor's view, or what is awaited once its data set is there."""
    visitor, state = VISITORS.of(session_of(request)), state_of(request)
    awaited = visitor.awaited(ExploreRequest)
    if awaited is not None and (dataset := LIBRARY.all().get(awaited.data)) is not None and dataset.ready:
        return arrive(request)
    with state.lock:
        return _draw(state)


def _draw(state: ExploreState) -> ExploreUpdates:
    """Return all that follows from a view, except the player; its lock is held."""
    try:
        dataset, collection = state.open_collection()
    except DatasetError as error:
        return ExploreUpdates(notice=error_notice(error))
    no_clip = ExploreUpdates(
        notice=HIDDEN,
        clip_head=html.no_clip(),
        clip_facts="",
        player_column=HIDDEN,
        clip_column=HIDDEN,
        predict=HIDDEN,
        errors=HIDDEN,
    )
    if collection is None:
        progress = draw_sample(dataset.task)
        return (
            no_clip
            | ExploreUpdates(**NO_MAP.changes())
            | ExploreUpdates(
                filters="",
                charts="",
                summary="",
                clips=render("explore/templates/sample.html", title=dataset.title, progress=progress),
                report="",
                score=HIDDEN,
                mode="",
                marks="",
                timer=gr.Timer(active=not progress.error),
                context=header_html({"Data": dataset.title}),
            )
        )
    reading = collection.read_masks()
    unchecked = collection.report is None and collection.check_files() is None
    checking = collection.check_files(start=unchecked and len(collection) <= CHECKED_UNASKED)
    view, marks, rows = state.view, state.marks(collection), state.rows(collection)
    tags = marks.tags
    scored = bool(collection.scores.of(view.model))
    scoring = state.scoring is not None and not state.scoring.cancelled
    unscored = 0 if scoring else len(unscored_rows(state, collection))
    on_map, mapping = draw_map(state, collection, rows)
    updates = (
        no_clip
        | ExploreUpdates(**on_map.changes())
        | ExploreUpdates(
            filters=html.filters_html(collection, view, rows, tags),
            marks=html.marks_html(collection, marks, rows),
            charts="" if view.map.shown else charts_html(collection, view, rows, reading),
            mode=html.mode_html(view),
            summary=html.summary_html(collection, view, rows),
            clips=html.clips_html(collection, view, rows, tags),
            report=html.report_html(collection, view, checking),
            timer=gr.Timer(active=reading.running or mapping or bool(checking and checking.running)),
            context=header_html(
                {"Data": dataset.title, "Scored by": view.model if scored else ""},
                model_info(view.model)[0].weights if scored else "",
            ),
            score=gr.update(value=f"Run on {plural(unscored, 'unscored clip')}", visible=unscored > 0),
            stop=VISIBLE if scoring else HIDDEN,
        )
    )
    if view.row is None:
        return updates
    updates |= ExploreUpdates(
        clip_head=html.clip_head(collection, view, rows, tags),
        clip_facts=html.clip_facts(collection, view.row, tags),
        player_column=VISIBLE,
        clip_column=VISIBLE,
        predict=gr.update(visible=bool(view.model)),
    )
    opened = state.opened
    if opened is None or not opened.belongs_to(view):
        return updates
    if opened.content.clip.notices:
        updates |= ExploreUpdates(notice=notice(" ".join(map(str, opened.content.clip.notices)), "note"))
    if opened.prediction is not None:
        errors = html.frame_errors(opened, dataset.drawn)
        updates |= ExploreUpdates(errors=gr.update(value=errors, visible=True))
    return updates
