"""The Train tab: set up a run, start it as a process of its own, and follow it from its folder."""

from collections.abc import Callable, Mapping
from functools import partial

import gradio as gr
from gradio.components import Component

from app.components.add_model.panel import offer
from app.components.events import action_of
from app.components.gradio_helpers import PRIVATE
from app.components.page_context import PageContext
from app.components.saving import wire_web_page
from app.components.updates import Updates, connect
from app.services.handoff import RunRequest, TrainRequest
from app.services.session import VISITORS, session_of
from app.train import form_handlers, handlers, web_page
from app.train.form_handlers import ChoicesUpdates, FormUpdates, PresetUpdates
from app.train.handlers import ManageUpdates, RunUpdates, StartUpdates, UseUpdates
from app.train.layout import TrainLayout, build_layout
from app.train.order import model_choices
from app.train.state import TrainState

# One at a time, so that a periodic update never undoes what a visitor just did.
SERIAL = {**PRIVATE, "concurrency_id": "train", "concurrency_limit": 1}
TO_TOP = "() => scrollTo({ top: 0, behavior: 'smooth' })"


def add(shared: PageContext) -> None:
    """Put the tab at the current place of the page, and connect its events."""
    layout = build_layout(shared)
    _connect_form(layout, shared)
    _connect_run(layout, shared)


def _connect_form(layout: TrainLayout, shared: PageContext) -> None:
    form = set(layout.form.values())

    def of_form(handler: Callable[[dict[str, object]], Updates]) -> Callable[..., Updates]:
        return lambda data: handler(layout.form_values(data))

    def start(request: gr.Request, data: Mapping[Component, object]) -> StartUpdates:
        return handlers.start(_state(request), layout.form_values(data))

    # A text box has its new value only at its change event.
    edited = [
        component.change if isinstance(component, gr.Textbox) else component.input
        for name, component in layout.form.items()
        if name != "preset"
    ]
    connect(
        partial(gr.on, edited),
        of_form(form_handlers.preview),
        form,
        FormUpdates,
        layout,
        trigger_mode="always_last",
        api_name="train_preview",
        **PRIVATE,
    )
    added = offer(layout.start_from, "train", shared.add_model, model_choices)
    connect(added.then, of_form(form_handlers.preview), form, FormUpdates, layout, **PRIVATE)
    preset = of_form(form_handlers.choose_preset)

    def arrive(request: gr.Request, data: Mapping[Component, object]) -> ChoicesUpdates:
        wanted = VISITORS.of(session_of(request)).take(TrainRequest)
        return form_handlers.arrive(layout.form_values(data), wanted)

    connect(layout.preset.input, preset, form, PresetUpdates, layout, api_name="train_preset", **PRIVATE)
    connect(layout.tab.select, arrive, form, ChoicesUpdates, layout, api_name="train_arrive", **PRIVATE)
    started = connect(layout.start.click, start, form, StartUpdates, layout, api_name="train_start", **SERIAL)
    started.then(None, None, None, js=TO_TOP)


def _connect_run(layout: TrainLayout, shared: PageContext) -> None:
    def on(event: Callable, handler: Callable, inputs: list[Component], name: str, **options: object) -> None:
        def handle(request: gr.Request, *values: object) -> RunUpdates:
            return handler(_state(request), *values)

        connect(event, handle, inputs, RunUpdates, layout, api_name=f"train_{name}", **options, **SERIAL)

    def act(request: gr.Request, event: gr.EventData) -> RunUpdates:
        action = action_of(event)
        handler = {"choose": handlers.choose, "compare": handlers.compare}.get(action.name if action else "")
        return handler(_state(request), action.value) if handler else handlers.refresh(_state(request))

    def watch(request: gr.Request) -> RunUpdates:
        wanted = VISITORS.of(session_of(request)).take(RunRequest)
        return handlers.arrive(_state(request), wanted.run if wanted else "")

    def manage(request: gr.Request) -> ManageUpdates:
        return handlers.manage(_state(request))

    def use(request: gr.Request) -> UseUpdates:
        return handlers.use(VISITORS.of(session_of(request)))

    def evaluate(request: gr.Request) -> UseUpdates:
        return handlers.evaluate(VISITORS.of(session_of(request)))

    connect(layout.tab.select, watch, None, RunUpdates, layout, api_name="train_watch", **SERIAL)
    on(layout.head.tick, handlers.refresh, [], "tick")
    on(layout.stop.click, handlers.stop, [], "stop")
    on(layout.stop_now.click, handlers.stop_now, [], "stop_now")
    on(layout.resume.click, handlers.resume, [layout.epochs], "resume")
    on(layout.rename.click, handlers.rename, [layout.new_name], "rename")
    on(layout.delete.click, handlers.delete, [layout.confirm], "delete")
    show = layout.validation
    on(show.input, handlers.show_validation, [show], "validation", trigger_mode="always_last")
    style = [layout.smoothing, layout.loss_axis, layout.metric]
    changed = [control.input for control in style]
    on(partial(gr.on, changed), handlers.set_style, style, "style")
    connect(layout.runs.action, act, None, RunUpdates, layout, api_name="train_act", **SERIAL)
    connect(layout.manage.click, manage, None, ManageUpdates, layout, api_name="train_manage", **SERIAL)
    connect(layout.use.click, use, None, UseUpdates, layout, api_name="train_use", **SERIAL)
    connect(layout.evaluate.click, evaluate, None, UseUpdates, layout, api_name="train_evaluate", **SERIAL)
    wire_web_page(layout.web_page, web_page.write, shared)
    layout.confirm.input(
        lambda confirmed: gr.update(interactive=confirmed is True), layout.confirm, layout.delete, **SERIAL
    )


def _state(request: gr.Request) -> TrainState:
    return VISITORS.of(session_of(request)).state(TrainState)
