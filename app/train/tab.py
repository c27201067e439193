"""The Train tab: set up a run, start it as a process of its own, and watch it from its folder."""

import gradio as gr

from app.components.gradio_helpers import PRIVATE, TO_RESULT, TO_TAB
from app.services.host import may_train
from app.train import run_handlers as watch
from app.train.form_handlers import Form, form_parts, wire_form
from app.train.layout import Manage, Stage, Style, stage_parts
from app.train.run_handlers import View

QUIET = {
    **PRIVATE,
    "concurrency_id": "train",  # one at a time, so that a tick never undoes a choice
    "concurrency_limit": 1,
}


def add(_: gr.HTML) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = gr.HTML(elem_id="tr-context")
    with gr.Row(elem_classes=["page", "tr-page"], equal_height=False) as page:
        with gr.Column(scale=0, min_width=316, elem_classes=["sidebar", "tr-rail"]):
            form = form_parts()
        with gr.Column(elem_classes="content", min_width=0):
            stage, style, manage = stage_parts(context)
    view = gr.State(View())
    wire_form(form, page.parent)
    _wire_start(form, stage, view)
    _wire_stage(stage, style, view, page.parent)
    _wire_manage(manage, stage, view)


def _wire_start(form: Form, stage: Stage, view: gr.State) -> None:
    def train_start(given: dict) -> tuple:
        return watch.start(form.values(given), given[view])

    outputs = [form.name, form.command, form.checks, form.start, view, *stage.parts()]
    started = form.start.click(train_start, {*form.inputs.values(), view}, outputs, **QUIET)
    started.then(None, None, None, js=TO_RESULT % "#tr-head")


def _wire_stage(stage: Stage, style: Style, view: gr.State, tab: gr.Tab) -> None:
    drawn = [view, *stage.parts()]

    def train_choose(seen: View, event: gr.EventData) -> tuple:
        return watch.choose(seen, _said(event).get("run"))

    def train_compare(seen: View, event: gr.EventData) -> tuple:
        return watch.compare(seen, _said(event).get("run"), _said(event).get("on"))

    stage.stop.click(watch.stop, view, drawn, api_name="train_stop", **QUIET)
    stage.end.click(watch.end, view, drawn, api_name="train_end", **QUIET)
    stage.resume.click(watch.resume, [view, stage.epochs], drawn, api_name="train_resume", **QUIET)
    stage.use.click(watch.use, view, None, api_name="train_use", **QUIET).success(None, js=TO_TAB % "segment")
    stage.head.tick(watch.refresh, view, drawn, api_name="train_tick", **QUIET)
    if may_train():
        tab.select(watch.arrive, view, drawn, api_name="train_watch", **QUIET)
    stage.runs.choose(train_choose, view, drawn, **QUIET)
    stage.runs.compare(train_compare, view, drawn, **QUIET)
    stage.number.input(
        watch.show_number,
        [view, stage.number],
        drawn,
        trigger_mode="always_last",
        api_name="train_number",
        **QUIET,
    )
    styles = [style.smoothing, style.axis, style.metric]
    inputs = [one.input for one in styles]
    gr.on(inputs, watch.restyle, [view, *styles], drawn, api_name="train_style", **QUIET)


def _said(event: gr.EventData) -> dict:
    return event._data if isinstance(event._data, dict) else {}


def _wire_manage(manage: Manage, stage: Stage, view: gr.State) -> None:
    drawn = [view, *stage.parts()]

    def ask(seen: View) -> tuple:
        """Open the question about the watched run; returns updates of box, name, sure and Delete."""
        delete = gr.update(value=f"Delete {seen.run}", interactive=False)
        return gr.update(visible=True), seen.run, False, delete

    asked = [stage.box, manage.name, manage.sure, manage.delete]
    stage.manage.click(ask, view, asked, api_name="train_manage", **QUIET)
    manage.sure.input(lambda sure: gr.update(interactive=sure is True), manage.sure, manage.delete, **QUIET)
    manage.rename.click(watch.rename, [view, manage.name], drawn, api_name="train_rename", **QUIET)
    manage.delete.click(watch.delete, [view, manage.sure], drawn, api_name="train_delete", **QUIET)
