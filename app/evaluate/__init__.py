"""The Evaluate tab: evaluate models on a split, read reports, find the worst clips, compare two models."""

import gradio as gr

from app.components.add_model.panel import offer
from app.components.gradio_helpers import ONE_MODEL, PRIVATE, SCROLL_TO
from app.components.page_context import PageContext
from app.components.saving import wire_web_page
from app.components.updates import connect
from app.evaluate import ablations, handlers, report_handlers, web_page
from app.evaluate.ablations.layout import view_switch
from app.evaluate.api import evaluate, evaluation
from app.evaluate.layout import EvaluateUpdates, build, model_choices

TO_CLIP = "() => document.querySelector('#ev-opened')?.scrollIntoView({block: 'nearest'})"


def add(shared: PageContext) -> None:
    """Build the tab, and wire it."""
    view = view_switch()
    layout = build(shared)
    ablations.add(shared, view, layout)
    target = (EvaluateUpdates, layout)

    for field in layout.form:
        connect(field.input, handlers.fit_form, layout.form, *target, trigger_mode="always_last", **PRIVATE)
    added = offer(layout.models, "evaluate", shared.add_model, model_choices)
    connect(added.then, handlers.fit_form, layout.form, *target, **PRIVATE)
    connect(layout.go.click, handlers.start, layout.form, *target, **PRIVATE)
    connect(layout.timer.tick, handlers.poll, None, *target, **PRIVATE)
    for part in (layout.jobs, layout.reports):
        connect(part.action, handlers.act, None, *target, **PRIVATE)
    layout.reports.action(None, js=SCROLL_TO % "#ev-head")
    connect(layout.upload.upload, handlers.upload, layout.upload, *target, **PRIVATE)
    connect(layout.compare.input, handlers.compare, layout.compare, *target, **PRIVATE)
    connect(layout.tab.select, handlers.arrive, layout.form[1:], *target, **PRIVATE)

    for part in (layout.body, layout.clip_grid, layout.about):
        part.action(report_handlers.stop_pictures, None, None, queue=False, **PRIVATE)
        connect(part.action, report_handlers.act, None, *target, **PRIVATE)
    progress = {"show_progress_on": shared.progress, "api_visibility": "private"}
    opened = connect(
        layout.opening.change, report_handlers.open_asked, layout.opening, *target, **progress, **ONE_MODEL
    )
    opened.then(None, js=TO_CLIP)
    layout.revision.change(report_handlers.pictures, None, layout.clip_grid, **ONE_MODEL, **PRIVATE)

    wire_web_page(layout.web_page, web_page.write_report, shared)
    gr.api(evaluate, api_name="evaluate", concurrency_limit=2)
    gr.api(evaluation, api_name="evaluation", concurrency_limit=2)
