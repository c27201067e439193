"""The components of the Train tab: the form of a new run in the sidebar, the selected run beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.render import render
from app.components.saving import WebPageLayout, build_web_page
from app.services.host import may_train
from app.train.curves import LOSS_AXES, METRICS, SMOOTHING
from app.train.form import groups, values_of
from app.train.order import DEVICES, MAX_WORKERS, data_choices, free_name, model_choices, start_of
from app.train.state import TrainState
from avseg.config_fields import ConfigField, config_fields
from avseg.loaders import SYNTH
from avseg.presets import PRESETS

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
FIRST_PRESET = "classroom"
CLOSED = {"filterable": False}  # a dropdown in which nobody types
SEGMENTED = {"elem_classes": "seg", "min_width": 0}


DATA_GROUP = "Length and data"
MORE_DATA_HELP = "Data sets of the same task, with clips of the same length; an epoch has the clips of all."


@dataclass(frozen=True)
class TrainLayout:
    """The components that events read or change."""

    tab: gr.Tab
    tabs: gr.Tabs  # of the page
    header: gr.HTML
    # The form
    preset: gr.Dropdown
    data: gr.Dropdown
    more_data: gr.Dropdown
    start_from: gr.Dropdown
    name: gr.Textbox
    config: dict[str, Component]  # by the key of the field, in the order of `config_fields`
    device: gr.Radio
    workers: gr.Number
    command: gr.HTML
    checks: gr.HTML
    start: gr.Button
    # The selected run
    notice: gr.HTML
    head: gr.HTML
    stop: gr.Button
    stop_now: gr.Button
    resume: gr.Button
    epochs: gr.Number
    use: gr.Button
    evaluate: gr.Button
    manage: gr.Button
    manage_box: gr.Column
    new_name: gr.Textbox
    rename: gr.Button
    confirm: gr.Checkbox
    delete: gr.Button
    web_page: WebPageLayout
    details: gr.Column  # everything below the head
    smoothing: gr.Radio
    loss_axis: gr.Radio
    metric: gr.Radio
    loss_chart: gr.HTML
    metric_chart: gr.HTML
    samples: gr.HTML
    validation: gr.Slider
    runs: gr.HTML
    log: gr.HTML

    @property
    def form(self) -> dict[str, Component]:
        """The controls of the form by the names that `read_order` expects."""
        names = ("preset", "data", "more_data", "start_from", "name", "device", "workers")
        return {name: getattr(self, name) for name in names} | self.config

    def form_values(self, data: Mapping[Component, object]) -> dict[str, object]:
        """Return the values of the form by name, from an event with all its controls as inputs."""
        return {name: data[component] for name, component in self.form.items()}


def build_layout(shared: PageContext) -> TrainLayout:
    """Put the components of the tab at the current place of the page."""
    parts: dict[str, object] = {
        "tab": shared.tab,
        "tabs": shared.tabs,
        "header": gr.HTML(elem_id="tr-context"),
    }
    with gr.Row(elem_classes=["page", "tr-page"], equal_height=False):
        with gr.Column(scale=0, min_width=316, elem_classes=["sidebar", "tr-sidebar"]):
            parts |= _form()
        with gr.Column(elem_classes="content", min_width=0):
            parts |= _run_card()
            with gr.Column(visible=False, elem_classes="tr-details", min_width=0) as parts["details"]:
                parts |= _details()
    return TrainLayout(**parts)


def _form() -> dict[str, object]:
    initial = values_of(PRESETS[FIRST_PRESET])
    name = free_name(FIRST_PRESET)
    presets = sorted(PRESETS, key=lambda name: (name != FIRST_PRESET, not name.startswith("tiny")))
    parts: dict[str, object] = {
        "preset": gr.Dropdown(presets, value=FIRST_PRESET, label="Preset", elem_id="tr-preset", **CLOSED),
        "data": gr.Dropdown(data_choices(), value=SYNTH, label="Data", elem_id="tr-data", **CLOSED),
        "start_from": gr.Dropdown(
            model_choices(), value=start_of(FIRST_PRESET), label="Start from", elem_id="tr-from", **CLOSED
        ),
        "name": gr.Textbox(name, label="Run name (folder in runs/)", max_lines=1, elem_id="tr-name"),
    }
    config = {}
    for title, group in groups().items():
        with gr.Accordion(title, open=False, elem_classes="tr-group"):
            config |= {f.key: _control(label, f, initial[f.key]) for label, f in group.items()}
            if title == DATA_GROUP:
                more = {"label": "Also train on", "info": MORE_DATA_HELP, "elem_id": "tr-more-data"}
                parts["more_data"] = gr.Dropdown(data_choices(), value=[], multiselect=True, **more)
    parts["config"] = {key: config[key] for key in config_fields()}
    with gr.Accordion("Device and workers", open=False, elem_classes="tr-group"):
        device = {"label": "Device", "elem_classes": "seg", "elem_id": "tr-device"}
        parts["device"] = gr.Radio(list(DEVICES), value="auto", **device)
        workers = {"label": "Workers", "info": "Processes that load clips.", "elem_id": "tr-workers"}
        parts["workers"] = gr.Number(1, precision=0, minimum=0, maximum=MAX_WORKERS, **workers)
    parts["command"] = gr.HTML(elem_id="tr-command", js_on_load=ACTIONS_SCRIPT)
    parts["checks"] = gr.HTML(elem_id="tr-checks")
    parts["start"] = gr.Button("Start training", variant="primary", visible=may_train(), elem_id="tr-start")
    return parts


def _control(label: str, field: ConfigField, value: object) -> Component:
    common = {"label": label, "info": field.help, "elem_id": f"tr-{field.key.replace('.', '-')}"}
    if field.kind == "choice":
        return gr.Dropdown(list(field.choices), value=value, **CLOSED, **common)
    if field.kind == "switch":
        return gr.Checkbox(value, **common)
    if field.kind == "whole":
        return gr.Number(value, precision=0, **common)
    if field.kind == "number":
        return gr.Number(value, step=0.1, **common)
    return gr.Textbox(value, max_lines=1, **common)


def _run_card() -> dict[str, object]:
    """Put the head of the selected run and its buttons; which of them are visible depends on the run."""
    parts: dict[str, object] = {"notice": gr.HTML(visible=False, elem_id="tr-notice")}
    epochs = {"label": "up to epoch", "scale": 0, "min_width": 170, "elem_id": "tr-epochs"}
    red = {"variant": "stop"}
    button = {"visible": False, "scale": 0, "size": "sm", "min_width": 0}
    with gr.Column(elem_classes=["card", "tr-run"]):
        head = "no_run" if may_train() else "training_off"
        parts["head"] = gr.HTML(render(f"train/templates/{head}.html"), elem_id="tr-head", js_on_load=SCRIPT)
        with gr.Row(elem_classes="tr-buttons"):
            parts |= {
                "stop": gr.Button("Stop and save checkpoint", elem_id="tr-stop", **red, **button),
                "stop_now": gr.Button(
                    "Stop now, without a checkpoint", elem_id="tr-stop-now", **red, **button
                ),
                "resume": gr.Button("Resume", elem_id="tr-resume", **button),
                "epochs": gr.Number(1, precision=0, minimum=1, visible=False, **epochs),
                "use": gr.Button("Use in Segment", elem_id="tr-use", **button),
                "evaluate": gr.Button("Evaluate", elem_id="tr-evaluate", **button),
                "manage": gr.Button("Rename or delete", elem_id="tr-manage", **button),
                "web_page": build_web_page("tr", parts["notice"], scale=0, min_width=0),
            }
        with gr.Column(visible=False, elem_classes="tr-manage") as parts["manage_box"]:
            small = {"size": "sm", "scale": 0, "min_width": 90}
            with gr.Row():
                parts["new_name"] = gr.Textbox(
                    label="New name", max_lines=1, min_width=120, elem_id="tr-new-name"
                )
                parts["rename"] = gr.Button("Rename", elem_id="tr-rename", **small)
            with gr.Row():
                confirm = "Delete this run and all its files"
                parts["confirm"] = gr.Checkbox(False, label=confirm, min_width=120, elem_id="tr-confirm")
                parts["delete"] = gr.Button("Delete", interactive=False, elem_id="tr-delete", **red, **small)
    return parts


def _details() -> dict[str, object]:
    state, parts = TrainState(), {}
    with gr.Row(elem_classes="tr-options"):
        parts["smoothing"] = gr.Radio(list(SMOOTHING), value=state.smoothing, label="Smoothing", **SEGMENTED)
        parts["loss_axis"] = gr.Radio(list(LOSS_AXES), value=state.loss_axis, label="Loss axis", **SEGMENTED)
        parts["metric"] = gr.Radio(list(METRICS), value=state.metric, label="Right-hand chart", **SEGMENTED)
    with gr.Row(elem_classes="tr-pair", equal_height=True):
        parts["loss_chart"] = gr.HTML(elem_id="tr-loss")
        parts["metric_chart"] = gr.HTML(elem_id="tr-metric")
    with gr.Column(elem_classes="card"):
        parts["samples"] = gr.HTML(elem_id="tr-samples", js_on_load=SCRIPT)
        parts["validation"] = gr.Slider(
            1, 2, value=1, step=1, label="Validation", visible=False, elem_id="tr-validation", buttons=[]
        )
    with gr.Row(elem_classes="tr-pair", equal_height=True):
        parts["runs"] = gr.HTML(elem_id="tr-runs", js_on_load=ACTIONS_SCRIPT)
        parts["log"] = gr.HTML(elem_id="tr-log")
    return parts
