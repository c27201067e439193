"""The Ablations view of Evaluate: the paper's Table 2 for trained studies, and a wall of their masks."""

from functools import partial

import gradio as gr

from app.components.gradio_helpers import LIGHT, ONE_MODEL, PRIVATE
from app.components.page_context import PageContext
from app.components.saving import wire_web_page
from app.components.updates import connect
from app.evaluate.ablations import handlers, training, web_page
from app.evaluate.ablations.layout import AblationUpdates, build
from app.evaluate.layout import EvaluateLayout

LATEST = {"trigger_mode": "always_last", **PRIVATE}


def add(shared: PageContext, view: gr.Radio, reports: EvaluateLayout) -> None:
    """Build the view, and wire it."""
    layout = build(shared, view, reports)
    target = (AblationUpdates, layout)
    connect(view.input, handlers.choose_view, view, *target, **PRIVATE)
    connect(layout.tab.select, handlers.arrive, view, *target, **PRIVATE)
    connect(layout.study.input, handlers.choose_study, layout.study, *target, **PRIVATE)
    connect(layout.table.action, handlers.tick, None, *target, **PRIVATE)
    connect(layout.clips.input, handlers.choose_clips, layout.clips, *target, **PRIVATE)

    trained = (training.arrive, [view, *layout.form], *target)
    connect(view.input, *trained, **PRIVATE)
    connect(layout.tab.select, *trained, **PRIVATE)
    connect(layout.preset.input, training.choose_preset, layout.form, *target, **PRIVATE)
    edited = [field.input for field in layout.form[1:-1]] + [layout.name.change]
    connect(partial(gr.on, edited), training.fit_form, layout.form, *target, **LATEST)
    connect(layout.start.click, training.start, layout.form, *target, **PRIVATE)
    connect(layout.jobs.action, training.act, None, *target, **PRIVATE)
    connect(layout.timer.tick, training.poll, view, *target, **PRIVATE)

    on_model = ONE_MODEL | {"show_progress_on": shared.progress, "api_visibility": "private"}
    connect(layout.go.click, handlers.begin, None, *target, **LIGHT)
    shown = connect(layout.go.click, handlers.show_wall, None, *target, **on_model)
    connect(shown.then, handlers.finish, None, *target, **LIGHT)
    connect(layout.linked.change, handlers.show_linked, None, *target, **on_model)
    connect(layout.stop.click, handlers.stop, None, *target, **LIGHT)
    connect(layout.wall.action, handlers.click_cell, None, *target, **PRIVATE)
    wire_web_page(layout.web_page, web_page.write, shared)
    connect(layout.asked.change, handlers.open_cell, layout.asked, *target, **on_model)
