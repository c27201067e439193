"""The Evaluate tab: measure models on a split, read reports, find the worst clips, compare two models."""

import gradio as gr

from app.components.gradio_helpers import PRIVATE, TO_RESULT, TO_TAB
from app.components.page_context import PageContext
from app.evaluate import report_handlers as evaluate_report
from app.evaluate import sidebar_handlers as evaluate_rail
from app.evaluate.api import evaluate, evaluation
from app.evaluate.clips import View
from app.evaluate.layout import TICK, Chosen, Rail, Stage, States, line_of, rail_parts, stage_parts
from app.services import reports as shelf
from app.services.session import MODEL_QUEUE

TO_CLIP = "() => document.querySelector('#ev-opened')?.scrollIntoView({block: 'nearest'})"


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    top = gr.HTML(line_of(shelf.first()), elem_id="ev-context")
    with gr.Row(elem_classes="page", equal_height=False) as row:
        with gr.Column(scale=0, min_width=272, elem_classes=["sidebar", "ev-rail"]):
            rail = rail_parts()
        with gr.Column(elem_classes="content", min_width=0):
            stage = stage_parts(top)
    states = States(
        gr.State(Chosen()), gr.State(), gr.State(View()), gr.State(()), gr.Timer(TICK, active=False)
    )
    _wire_form(rail, stage, states)
    _wire_report(rail, stage, states, row.parent, context)
    gr.api(evaluate, api_name="evaluate", concurrency_limit=2)
    gr.api(evaluation, api_name="evaluation", concurrency_limit=2)


def _wire_form(rail: Rail, stage: Stage, states: States) -> None:
    fitted = [rail.split, rail.clips, rail.go, rail.command]
    for part in (rail.models, rail.data, rail.split, rail.clips, rail.robustness):
        part.input(evaluate_rail.choose_form, rail.form, fitted, trigger_mode="always_last", **PRIVATE)
    rail.go.click(
        evaluate_rail.begin,
        [*rail.form, states.mine],
        [stage.notice, rail.jobs, states.mine, states.timer],
        **PRIVATE,
    )
    states.timer.tick(
        evaluate_rail.poll,
        [states.mine, states.chosen, states.own],
        [rail.jobs, states.timer, states.mine, states.chosen, rail.reports],
        **PRIVATE,
    )
    done = [stage.notice, rail.jobs, states.mine, states.chosen, rail.reports]
    for part in (rail.jobs, rail.reports):
        part.select(evaluate_rail.acted, [states.mine, states.chosen, states.own], done, **PRIVATE)
    rail.reports.select(None, js=TO_RESULT % "#ev-head")
    rail.upload.upload(
        evaluate_rail.upload, rail.upload, [stage.notice, states.own, states.chosen, rail.reports], **PRIVATE
    )
    rail.beside.input(evaluate_rail.put_beside, [rail.beside, states.chosen], states.chosen, **PRIVATE)


def _wire_report(rail: Rail, stage: Stage, states: States, tab: gr.Tab, context: gr.HTML) -> None:
    looking = [states.chosen, states.own, states.view]
    model = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE}
    painted = {"fn": evaluate_report.pictures, "inputs": looking, "outputs": stage.clips, **model, **PRIVATE}
    shown = states.chosen.change(
        evaluate_report.show,
        [states.chosen, states.own],
        [
            *(stage.notice, stage.head, stage.body, states.view, stage.clips, stage.opened, stage.player),
            *(rail.beside, rail.reports, stage.context),
        ],
        **PRIVATE,
    )
    shown.then(**painted, js=None)
    for part in (stage.body, stage.clips, stage.about):
        clicked = part.select(
            evaluate_report.choose,
            looking,
            [*(context, stage.notice, states.view, stage.clips), *(stage.opened, stage.about, stage.player)],
            show_progress="minimal",
            show_progress_on=stage.clips,
            api_visibility="private",
            **model,
        )
        clicked.then(None, js=TO_CLIP).then(**painted)
    leaving = stage.about.explore(evaluate_report.explore, looking[:2], None, **PRIVATE)
    leaving.success(None, js=TO_TAB % "explore")
    came = tab.select(
        evaluate_rail.arrive,
        [states.mine, states.chosen, states.own],
        [rail.models, rail.data, rail.jobs, rail.reports, rail.beside, states.timer, states.mine],
        **PRIVATE,
    )
    came.then(**painted)
