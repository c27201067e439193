"""The Inside tab: one frame of the result, followed through the model of the paper's Figure 3."""

import gradio as gr

from app.components.gradio_helpers import ONE_MODEL, PRIVATE
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD
from app.components.updates import connect
from app.inside import api, handlers, paper_figures, patching, saving
from app.inside.handlers import InsideUpdates
from app.inside.layout import build, build_endpoint


def add(shared: PageContext) -> None:
    """Build the tab, and wire it."""
    layout = build(shared)
    target = (InsideUpdates, layout)
    # In a queue of their own: only there can a handler change a state to which another event listens.
    light = {"trigger_mode": "always_last", **PRIVATE}
    progress = {"show_progress_on": shared.progress}
    on_model = ONE_MODEL | progress | {"api_visibility": "private", "trigger_mode": "always_last"}
    connect(layout.tab.select, handlers.arrive, layout.threshold, *target, js=WITH_THRESHOLD, **light)
    for part in (layout.map, layout.view):
        connect(part.action, handlers.choose, None, *target, **light)
    connect(layout.asked.change, handlers.show_asked, None, *target, **on_model)
    connect(layout.head.action, handlers.choose_source, None, *target, **on_model)
    saving.add(layout, shared)
    patching.add(shared)
    paper_figures.add(shared)
    gr.api(api.attribute, api_name="attribute", **ONE_MODEL)
    endpoint = build_endpoint()
    inspecting = {"api_name": "inspect", **ONE_MODEL}
    endpoint.button.click(handlers.inspect_clip, endpoint.inputs, endpoint.outputs, **inspecting)
