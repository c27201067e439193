"""What stands in the Train tab: the form of a new run, and the stage of the run that is watched."""

from dataclasses import dataclass, fields
from pathlib import Path

import gradio as gr

from app import runner
from app.training.curves import METRICS
from app.training.form import Field, form_fields, groups, values_of
from app.training.order import DEVICES, MOST_WORKERS, data_choices, free_name, model_choices
from app.training.screen import nothing
from avseg.config import PRESETS
from avseg.data.loaders import SYNTH

SCRIPT = (Path(__file__).parent.parent / "training" / "train.js").read_text(encoding="utf-8")
FIRST_PRESET = "tiny"
SMOOTHING = {"none": 0.0, "2 %": 0.02, "10 %": 0.1}
PUBLIC = (
    "<h1>Training is off on this host.</h1><p class='caption'>Set up a run here, copy its command, and run "
    "it on a machine of your own: it is the same trainer. The owner of this host can allow training with "
    "AVSEG_ALLOW_TRAINING=1.</p>"
)


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
    measure: gr.Button
    leave: gr.Button  # ends the measurement
    start: gr.Button

    @property
    def inputs(self) -> dict[str, gr.components.Component]:
        """Every control by the name that `read_order` knows."""
        own = ("preset", "data", "start_from", "name", "device", "workers")
        return {name: getattr(self, name) for name in own} | self.config


@dataclass(frozen=True)
class Stage:
    """The run that is watched."""

    notice: gr.HTML
    head: gr.HTML
    stop: gr.Button
    end: gr.Button
    epochs: gr.Number
    resume: gr.Button
    use: gr.Button
    manage: gr.Button
    loss: gr.HTML
    metric_plot: gr.HTML
    number: gr.Slider
    sample: gr.HTML
    runs: gr.HTML
    log: gr.HTML

    def parts(self) -> list[gr.components.Component]:
        """Return what `refresh` draws, in its order."""
        return [getattr(self, one.name) for one in fields(self)]


@dataclass(frozen=True)
class Look:
    """How the curves are drawn."""

    smoothing: gr.Radio
    scale: gr.Radio
    metric: gr.Radio


@dataclass(frozen=True)
class Manage:
    """Rename and delete, each with a question first."""

    box: gr.Column
    name: gr.Textbox
    rename: gr.Button
    sure: gr.Checkbox
    delete: gr.Button


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
    here = runner.may_train()
    measure = gr.Button("Measure 5 steps", size="sm", visible=here, elem_id="tr-measure")
    leave = gr.Button("Stop measuring", size="sm", variant="stop", visible=False, elem_id="tr-leave")
    start = gr.Button("Start training", variant="primary", visible=here, elem_id="tr-start")
    return Form(
        *(preset, data, start_from, name, device, workers),
        *(config, command, checks, measure, leave, start),
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


def stage_parts() -> tuple[Stage, Look, Manage]:
    """Put the stage where we are in the page; without training on this host only words stand there."""
    here = runner.may_train()
    notice = gr.HTML(visible=False, elem_id="tr-notice")
    with gr.Column(elem_classes=["card", "tr-card", "tr-run"]):
        head = gr.HTML(nothing() if here else PUBLIC, elem_id="tr-head", js_on_load=SCRIPT)
        buttons, manage = _controls()
    with gr.Column(visible=here, elem_id="tr-course", elem_classes="tr-course", min_width=0):
        with gr.Row(elem_classes="tr-look"):
            look = Look(
                gr.Radio(
                    list(SMOOTHING),
                    value="2 %",
                    label="Smoothing, of the run",
                    elem_classes="seg",
                    min_width=0,
                ),
                gr.Radio(["linear", "log"], value="log", label="Loss axis", elem_classes="seg", min_width=0),
                gr.Radio(list(METRICS), value="mIoU", label="Beside it", elem_classes="seg", min_width=0),
            )
        with gr.Row(elem_classes="tr-two", equal_height=True):
            loss, metric = _card("tr-loss"), _card("tr-metric")
        with gr.Column(elem_classes=["card", "tr-card"]):
            gr.HTML('<div class="tr-top"><h2>The same validation clips at every evaluation</h2></div>')
            number = gr.Slider(
                1, 2, value=1, step=1, label="Evaluation", visible=False, elem_id="tr-number", buttons=[]
            )
            sample = gr.HTML(elem_id="tr-sample")
        with gr.Row(elem_classes="tr-two", equal_height=True):
            runs, log = _card("tr-runs", SCRIPT), _card("tr-log")
    return Stage(notice, head, *buttons, loss, metric, number, sample, runs, log), look, manage


def _card(name: str, script: str | None = None) -> gr.HTML:
    with gr.Column(elem_classes=["card", "tr-card"], min_width=0):
        return gr.HTML(elem_id=name, js_on_load=script)


def _controls() -> tuple[tuple[gr.components.Component, ...], Manage]:
    """Put the buttons below the head; which of them are seen depends on the run."""
    hidden = {"visible": False, "size": "sm", "scale": 0, "min_width": 0}
    with gr.Row(elem_classes="tr-buttons"):
        stop = gr.Button("Stop, save checkpoint", variant="stop", elem_id="tr-stop", **hidden)
        end = gr.Button("End at once, without a checkpoint", variant="stop", elem_id="tr-end", **hidden)
        resume = gr.Button("Resume", elem_id="tr-resume", **hidden)
        epochs = gr.Number(
            1,
            label="up to epoch",
            precision=0,
            minimum=1,
            visible=False,
            scale=0,
            min_width=90,
            elem_id="tr-epochs",
        )
        use = gr.Button("Use in Segment", elem_id="tr-use", **hidden)
        manage = gr.Button("Rename or delete", elem_id="tr-manage", **hidden)
    with gr.Column(visible=False, elem_classes="tr-manage") as box:
        with gr.Row():
            name = gr.Textbox(label="New name", max_lines=1, min_width=120, elem_id="tr-new-name")
            rename = gr.Button("Rename", size="sm", scale=0, min_width=90, elem_id="tr-rename")
        with gr.Row():
            sure = gr.Checkbox(False, label="Delete it with all its files", min_width=120, elem_id="tr-sure")
            delete = gr.Button(
                "Delete",
                size="sm",
                variant="stop",
                scale=0,
                min_width=90,
                interactive=False,
                elem_id="tr-delete",
            )
    return (stop, end, epochs, resume, use, manage), Manage(box, name, rename, sure, delete)
