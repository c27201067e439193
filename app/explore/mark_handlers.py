"""Tags, notes and saved views: what a click changes of them, and their files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.explore.collection import Collection
from app.explore.filters import conditions
from app.explore.map_choice import read_choice
from app.explore.marks import MAX_KEPT, Marks
from app.explore.saved_views import SavedView
from app.explore.state import ExploreState, View, with_conditions
from app.explore.tags import Mark
from app.services.models import available_models
from app.services.wording import plural
from avseg.errors import DatasetError
from avseg.files import write_texts


def change_marks(action: str, value: object, state: ExploreState, collection: Collection) -> str:
    """Do what was clicked, one of ACTIONS; returns what to say of it. Raises DatasetError."""
    return ACTIONS[action](state.marks(collection), str(value or ""), state, collection) or ""


def _add(marks: Marks, tag: str, state: ExploreState, collection: Collection) -> None:
    if tag.strip():
        marks.tags.add(_opened(state.view, collection), tag)


def _remove(marks: Marks, tag: str, state: ExploreState, collection: Collection) -> None:
    marks.tags.remove(_opened(state.view, collection), tag)


def _note(marks: Marks, text: str, state: ExploreState, collection: Collection) -> None:
    marks.tags.set_note(_opened(state.view, collection), text)


def _add_to_shown(marks: Marks, tag: str, state: ExploreState, collection: Collection) -> str:
    """Tag every clip that matches."""
    rows = state.rows(collection)
    if not tag.strip() or not len(rows):
        return ""
    entries = collection.facts.entries
    marks.tags.merge({(entries[row].split, entries[row].name): Mark((tag,)) for row in rows})
    return f"Tagged {plural(len(rows), 'clip')}: {tag.strip()}."


def _save_view(marks: Marks, name: str, state: ExploreState, _: Collection) -> None:
    view = state.view
    marks.views.save(name, SavedView(conditions(view.filter), view.map.text, view.model))


def _open_view(marks: Marks, name: str, state: ExploreState, collection: Collection) -> str:
    saved = marks.views.all().get(name)
    if saved is None:
        return ""
    model = saved.model if saved.model in available_models() else state.view.model
    shown = with_conditions(saved.conditions, collection)
    shown_map = read_choice(saved.map)
    state.view = replace(state.view, filter=shown, map=shown_map, model=model, page=0, report_page=0)
    return "" if model == saved.model or not saved.model else f"The model {saved.model} is not here."


def _delete_view(marks: Marks, name: str, _: ExploreState, __: Collection) -> None:
    marks.views.remove(name)


def _restore(marks: Marks, text: str, _: ExploreState, collection: Collection) -> str:
    """Take back what the browser kept of a visit that ended, unless there is something newer."""
    if not marks.empty or len(text) > MAX_KEPT:
        return ""
    marks.take(text, collection.facts.rows)
    return "Your tags and saved views of the last visit are back: this browser kept them."


MarkChange = Callable[[Marks, str, ExploreState, Collection], str | None]

ACTIONS: dict[str, MarkChange] = {
    "tag_add": _add,
    "tag_remove": _remove,
    "tag_note": _note,
    "tag_shown": _add_to_shown,
    "view_save": _save_view,
    "view_open": _open_view,
    "view_delete": _delete_view,
    "marks_restore": _restore,
}


def write_marks(folder: Path, marks: Marks) -> Path:
    """Write tags and views as one JSON file; raises WriteError."""
    write_texts(folder, {"tags.json": json.dumps(json.loads(marks.text()), indent=1)})
    return folder / "tags.json"


def _opened(view: View, collection: Collection) -> tuple[str, str]:
    if view.row is None:
        raise DatasetError("Open a clip first.")
    entry = collection.facts.entries[view.row]
    return entry.split, entry.name
