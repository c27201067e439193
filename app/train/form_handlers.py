"""The form of a new run in the Train tab: its controls, and what is said of the order that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.gradio_helpers import PRIVATE
from app.services.host import may_train
from app.train import estimate
from app.train import html as page
from app.train.form import Field, form_fields, groups, values_of
from app.train.order import (
    DEVICES,
    MOST_WORKERS,
    checks,
    data_choices,
    free_name,
    model_choices,
    preset_of,
    size_of,
    unused_name,
)
from avseg.data.loaders import SYNTH
from avseg.errors import AvsegError
from avseg.presets import PRESETS

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
FIRST_PRESET = "tiny"

Values = Mapping[str, object]
"""What the controls hold, by the names that `read_order` knows."""


@dataclass(frozen=True)
class Form:
    """The choices of a new run."""

    preset: gr.Dropdown
    data: gr.Dropdown
    start_from: gr.Dropdown
    name: gr.Textbox
    device: gr.Radio
    workers: gr.Number
    config: dict[str, gr.components.Component]  # by the key of the field
    command: gr.HTML
    checks: gr.HTML
    start: gr.Button

    @property
    def inputs(self) -> dict[str, gr.components.Component]:
        """Every control by the name that `read_order` knows."""
        own = ("preset", "data", "start_from", "name", "device", "workers")
        return {name: getattr(self, name) for name in own} | self.config

    def values(self, given: Mapping[gr.components.Component, object]) -> Values:
        """Return what the controls hold by name."""
        return {name: given[component] for name, component in self.inputs.items()}


def preview(values: Values) -> tuple[str, str, dict]:
    """Return the command and what is to be said about an order; updates of command, checks and Start."""
    order, found = checks(values)
    command = page.command_box(order.shown()) if order else ""
    bad = any(one.kind == "bad" for one in found)
    if order and not bad and may_train():
        found = [*found, *estimate.checks(order, size_of(order).steps)]
        bad = any(one.kind == "bad" for one in found)
    return command, page.check_list(found), gr.update(interactive=not bad)


def choose_preset(values: Values) -> tuple:
    """Fill the form with a preset; returns updates of name, all fields, command, checks and Start."""
    try:
        fields = values_of(preset_of(values.get("preset")))
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    name = free_name(values["preset"])
    return name, *fields.values(), *preview({**values, **fields, "name": name})


def arrive(values: Values) -> tuple:
    """Look at what there is now; returns updates of data, begin with, name, command, checks and Start."""
    values = {**values, "name": unused_name(values.get("preset"), values.get("name"))}
    lists = gr.update(choices=data_choices()), gr.update(choices=model_choices())
    return *lists, values["name"], *preview(values)


def form_parts() -> Form:
    """Put the form where we are in the page."""
    chosen = values_of(PRESETS[FIRST_PRESET])
    preset = gr.Dropdown(
        _presets(), value=FIRST_PRESET, label="Preset", filterable=False, elem_id="tr-preset"
    )
    data = gr.Dropdown(data_choices(), value=SYNTH, label="Data", filterable=False, elem_id="tr-data")
    start_from = gr.Dropdown(
        model_choices(), value="", label="Begin with the weights of", filterable=False, elem_id="tr-from"
    )
    name = gr.Textbox(
        free_name(FIRST_PRESET), label="Name, also of its folder below runs/", max_lines=1, elem_id="tr-name"
    )
    config: dict[str, gr.components.Component] = {}
    for title, listed in groups():
        with gr.Accordion(title, open=False, elem_classes="tr-group"):
            for field in listed:
                config[field.key] = _control(field, chosen[field.key])
    with gr.Accordion("Device and workers", open=False, elem_classes="tr-group"):
        device = gr.Radio(
            list(DEVICES), value="auto", label="Device", elem_classes="seg", elem_id="tr-device"
        )
        workers = gr.Number(
            1,
            label="Workers",
            info="Processes that prepare clips.",
            precision=0,
            minimum=0,
            maximum=MOST_WORKERS,
            elem_id="tr-workers",
        )
    config = {key: config[key] for key in form_fields()}  # in the order of `values_of`
    command = gr.HTML(elem_id="tr-command", js_on_load=SCRIPT)
    checks = gr.HTML(elem_id="tr-checks")
    here = may_train()
    start = gr.Button("Start training", variant="primary", visible=here, elem_id="tr-start")
    return Form(
        *(preset, data, start_from, name, device, workers),
        *(config, command, checks, start),
    )


def _presets() -> list[tuple[str, str]]:
    toys = [name for name in PRESETS if name.startswith("tiny")]
    return [(name, name) for name in (*toys, *(name for name in PRESETS if name not in toys))]


def _control(field: Field, value: object) -> gr.components.Component:
    common = {"label": field.label, "info": field.help, "elem_id": f"tr-{field.key.replace('.', '-')}"}
    if field.kind == "choice":
        return gr.Dropdown(list(field.choices), value=value, filterable=False, **common)
    if field.kind == "switch":
        return gr.Checkbox(value, **common)
    if field.kind == "whole":
        return gr.Number(value, precision=0, **common)
    if field.kind == "number":
        return gr.Number(value, step=0.1, **common)
    return gr.Textbox(value, max_lines=1, **common)


def wire_form(form: Form, tab: gr.Tab) -> None:
    """Let every control say what it changes."""
    said = [form.command, form.checks, form.start]
    given = set(form.inputs.values())

    def of_values(handler):
        """Return a handler that is given the controls' values by name."""
        return lambda given: handler(form.values(given))

    # A text box tells its new value only afterwards.
    typed = [
        component.change if isinstance(component, gr.Textbox) else component.input
        for name, component in form.inputs.items()
        if name != "preset"
    ]
    shown = of_values(preview)
    gr.on(typed, shown, given, said, trigger_mode="always_last", api_name="train_preview", **PRIVATE)
    filled = [form.name, *form.config.values(), *said]
    form.preset.input(of_values(choose_preset), given, filled, api_name="train_preset", **PRIVATE)
    there = [form.data, form.start_from, form.name, *said]
    tab.select(of_values(arrive), given, there, api_name="train_arrive", **PRIVATE)
