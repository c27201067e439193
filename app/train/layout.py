"""What stands in the Train tab beside the form: the run that is watched, its course, its buttons."""

from dataclasses import dataclass, fields

import gradio as gr

from app.services.host import may_train
from app.train.curves import METRICS
from app.train.form_handlers import SCRIPT
from app.train.html import nothing

SMOOTHING = {"none": 0.0, "2 %": 0.02, "10 %": 0.1}
AXES = ("linear", "log")
PUBLIC = (
    "<h1>Training is off on this host.</h1><p class='caption'>Set up a run here, copy its command, and run "
    "it on a machine of your own: it is the same trainer. The owner of this host can allow training with "
    "AVSEG_ALLOW_TRAINING=1.</p>"
)


@dataclass(frozen=True)
class Stage:
    """What follows from the run that is watched, in the order of the page's updates."""

    context: gr.HTML  # in the header
    notice: gr.HTML
    head: gr.HTML
    stop: gr.Button
    end: gr.Button
    epochs: gr.Number
    resume: gr.Button
    use: gr.Button
    manage: gr.Button
    box: gr.Column  # of what `manage` asks
    loss: gr.HTML
    metric: gr.HTML
    number: gr.Slider
    sample: gr.HTML
    runs: gr.HTML
    log: gr.HTML

    def parts(self) -> list[gr.components.Component]:
        """Return the components in their order."""
        return [getattr(self, one.name) for one in fields(self)]


@dataclass(frozen=True)
class Style:
    """How the curves are drawn."""

    smoothing: gr.Radio
    axis: gr.Radio
    metric: gr.Radio


@dataclass(frozen=True)
class Manage:
    """Rename and delete, each with a question first."""

    name: gr.Textbox
    rename: gr.Button
    sure: gr.Checkbox
    delete: gr.Button


def stage_parts(context: gr.HTML) -> tuple[Stage, Style, Manage]:
    """Put the stage where we are in the page; without training on this host only words stand there."""
    here = may_train()
    parts = {"context": context, "notice": gr.HTML(visible=False, elem_id="tr-notice")}
    with gr.Column(elem_classes=["card", "tr-card", "tr-run"]):
        parts["head"] = gr.HTML(nothing() if here else PUBLIC, elem_id="tr-head", js_on_load=SCRIPT)
        parts |= _buttons()
        with gr.Column(visible=False, elem_classes="tr-manage") as parts["box"]:
            manage = _manage()
    with gr.Column(visible=here, elem_id="tr-course", elem_classes="tr-course", min_width=0):
        with gr.Row(elem_classes="tr-look"):
            seg = {"elem_classes": "seg", "min_width": 0}
            style = Style(
                gr.Radio(list(SMOOTHING), value="2 %", label="Smoothing, of the run", **seg),
                gr.Radio(list(AXES), value="log", label="Loss axis", **seg),
                gr.Radio(list(METRICS), value="mIoU", label="Beside it", **seg),
            )
        with gr.Row(elem_classes="tr-two", equal_height=True):
            parts["loss"], parts["metric"] = _card("tr-loss"), _card("tr-metric")
        with gr.Column(elem_classes=["card", "tr-card"]):
            parts["sample"] = gr.HTML(elem_id="tr-sample", js_on_load=SCRIPT)
            parts["number"] = gr.Slider(
                1, 2, value=1, step=1, label="Evaluation", visible=False, elem_id="tr-number", buttons=[]
            )
        with gr.Row(elem_classes="tr-two", equal_height=True):
            parts["runs"], parts["log"] = _card("tr-runs", SCRIPT), _card("tr-log")
    return Stage(**parts), style, manage


def _card(name: str, script: str | None = None) -> gr.HTML:
    with gr.Column(elem_classes=["card", "tr-card"], min_width=0):
        return gr.HTML(elem_id=name, js_on_load=script)


def _buttons() -> dict[str, gr.components.Component]:
    """Put the buttons below the head; which of them are seen depends on the run."""
    hidden = {"visible": False, "scale": 0}
    small = {**hidden, "size": "sm", "min_width": 0}
    ends = "End at once, without a checkpoint"
    with gr.Row(elem_classes="tr-buttons"):
        return {
            "stop": gr.Button("Stop, save checkpoint", variant="stop", elem_id="tr-stop", **small),
            "end": gr.Button(ends, variant="stop", elem_id="tr-end", **small),
            "resume": gr.Button("Resume", elem_id="tr-resume", **small),
            "epochs": gr.Number(
                1, label="up to epoch", precision=0, minimum=1, min_width=90, elem_id="tr-epochs", **hidden
            ),
            "use": gr.Button("Use in Segment", elem_id="tr-use", **small),
            "manage": gr.Button("Rename or delete", elem_id="tr-manage", **small),
        }


def _manage() -> Manage:
    small = {"size": "sm", "scale": 0, "min_width": 90}
    with gr.Row():
        name = gr.Textbox(label="New name", max_lines=1, min_width=120, elem_id="tr-new-name")
        rename = gr.Button("Rename", elem_id="tr-rename", **small)
    with gr.Row():
        sure = gr.Checkbox(False, label="Delete it with all its files", min_width=120, elem_id="tr-sure")
        delete = gr.Button("Delete", variant="stop", interactive=False, elem_id="tr-delete", **small)
    return Manage(name, rename, sure, delete)
