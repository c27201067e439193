"""What the panel that adds models does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import gradio as gr

from app.components.add_model import html
from app.components.add_model.panel import AddModelLayout
from app.components.add_model.state import Added, AddModelState
from app.components.events import Action, action_of
from app.components.gradio_helpers import HIDDEN, LIGHT, PRIVATE, error_notice
from app.components.updates import UNCHANGED, Updates, connect
from app.services import additions
from app.services.additions import Addition
from app.services.models import available_models
from app.services.session import VISITORS, session_of
from avseg.config import Storage, Task
from avseg.errors import AvsegError

TABS = ("segment", "inside", "whatif", "explore", "evaluate", "train", "learn")


@dataclass(frozen=True)
class PanelUpdates(Updates):
    """What a handler changes; see AddModelLayout."""

    strip: object = UNCHANGED
    timer: object = UNCHANGED
    added: object = UNCHANGED
    panel: object = UNCHANGED
    notice: object = UNCHANGED
    released: object = UNCHANGED
    others: object = UNCHANGED
    path: object = UNCHANGED
    drop: object = UNCHANGED
    repo: object = UNCHANGED


def wire(layout: AddModelLayout) -> None:
    """Connect the events of the panel."""

    def on(event: Callable, handler: Callable, inputs: object = None, **options: object) -> None:
        connect(event, handler, inputs, PanelUpdates, layout, **options)

    for part in (layout.strip, layout.released, layout.others):
        on(part.action, act, **PRIVATE)
    on(layout.close.click, close, **LIGHT)
    on(layout.timer.tick, poll, **PRIVATE)
    for event in (layout.add.click, layout.path.submit):
        on(event, add_file, [layout.path, layout.task], **PRIVATE)
    on(layout.drop.upload, add_upload, [layout.drop, layout.task], **PRIVATE)
    for event in (layout.fetch.click, layout.repo.submit):
        on(event, add_from_hub, layout.repo, **PRIVATE)


def act(event: gr.EventData, request: gr.Request = None) -> PanelUpdates:
    """Do what was clicked in the panel or in the line about it."""
    action, state = action_of(event), _state(request)
    if action is None:
        return PanelUpdates()
    if action.name == "open":
        return show(state, action.value)
    if action.name == "close":
        return close(request)
    try:
        return _act(state, action)
    except AvsegError as error:
        return PanelUpdates(notice=error_notice(error))


def _act(state: AddModelState, action: Action) -> PanelUpdates:
    name, value = action.name, str(action.value)
    if name == "get":
        return _started(state, additions.fetch(value, _storage(state)))
    if name == "import":
        path = next((path for path in additions.unimported() if path.name == value), None)
        return _started(state, additions.add_file(path, storage=_storage(state)))
    if name == "use" and value in available_models():
        return _select(state, value) | close_of(state)
    if name == "cancel":
        additions.cancel(value)
    elif name == "dismiss":
        additions.dismiss(value)
    elif name == "hide":
        state.ended = tuple(key for key in state.ended if key != value)
    elif name == "show":
        state.expanded = "" if state.expanded == value else value
    elif name == "older":
        state.older = not state.older
    elif name == "half":
        state.half = action.value is True or value == "true"
    return _drawn(state)


def show(state: AddModelState, tab: object = None) -> PanelUpdates:
    """Open the panel, for the list of models of a tab."""
    state.opened = True
    state.tab = str(tab) if tab in TABS else state.tab
    return PanelUpdates(panel=gr.update(visible=True), notice=HIDDEN) | _drawn(state)


def close(request: gr.Request = None) -> PanelUpdates:
    """Close the panel; what is being added goes on."""
    return close_of(_state(request))


def close_of(state: AddModelState) -> PanelUpdates:
    """Close a visitor's panel."""
    state.opened = False
    return PanelUpdates(panel=HIDDEN) | _drawn(state)


def add_file(path: str | None, task: str | None, request: gr.Request = None) -> PanelUpdates:
    """Add a file of the computer that runs this page."""
    return _add(request, lambda state: additions.add_file(path, _task(task), _storage(state)), "path")


def add_upload(path: str | None, task: str | None, request: gr.Request = None) -> PanelUpdates:
    """Add a file that was dropped on the panel."""
    return _add(request, lambda state: additions.add_file(path, _task(task), _storage(state)), "drop")


def add_from_hub(repo: str | None, request: gr.Request = None) -> PanelUpdates:
    """Add a model from a repository of the Hub."""
    return _add(request, lambda _: additions.add_from_hub(repo), "repo")


def _add(
    request: gr.Request | None, start: Callable[[AddModelState], str], field: Literal["path", "drop", "repo"]
) -> PanelUpdates:
    state = _state(request)
    try:
        key = start(state)
    except AvsegError as error:
        return PanelUpdates(notice=error_notice(error))
    return _started(state, key) | PanelUpdates(**{field: None if field == "drop" else ""})


def poll(request: gr.Request = None) -> PanelUpdates:
    """Show how additions go on; select a model that the visitor asked for as soon as it is ready.

    A page that was reloaded finds what is under way at its first tick.
    """
    state = _state(request)
    found = additions.additions()
    known = {addition.key: addition for addition in found}
    ended = [key for key in state.watched if key not in known or not known[key].under_way]
    state.watched = tuple(key for key in state.watched if key not in ended)
    ready = [known[key] for key in ended if key in known and known[key].state == "finished"]
    state.ended = (*state.ended, *(key for key in ended if key in known and key not in state.ended))
    updates = PanelUpdates()
    if ready:
        updates, state.expanded = _select(state, ready[-1].model), ready[-1].key
        state.selected = (*state.selected, ready[-1].key)
        if state.opened:
            state.opened = False
            updates |= PanelUpdates(panel=HIDDEN)
    return updates | _drawn(state, found)


def _drawn(state: AddModelState, known: Sequence[Addition] | None = None) -> PanelUpdates:
    """Return what is drawn of the state; known: the additions, read anew by default."""
    known = additions.additions() if known is None else known
    going = any(addition.under_way for addition in known) or bool(state.watched)
    updates = PanelUpdates(strip=html.strip(state, known), timer=gr.Timer(active=going))
    if not state.opened:
        return updates
    return updates | PanelUpdates(released=html.released(state, known), others=html.others(known))


def _started(state: AddModelState, key: str) -> PanelUpdates:
    state.watched = tuple(dict.fromkeys((*state.watched, key)))
    state.ended = tuple(other for other in state.ended if other != key)
    return PanelUpdates(notice=HIDDEN) | _drawn(state)


def _select(state: AddModelState, model: str) -> PanelUpdates:
    state.number += 1
    return PanelUpdates(added=Added(state.tab, model, state.number))


def _storage(state: AddModelState) -> Storage:
    return "bfloat16" if state.half else "float32"


def _task(value: object) -> Task | None:
    return cast(Task, value) if value in ("s4", "ms3") else None


def _state(request: gr.Request | None) -> AddModelState:
    return VISITORS.of(session_of(request)).state(AddModelState)
