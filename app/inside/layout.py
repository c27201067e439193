"""The components of Inside: frames, the map of the model, the open view, and an enlarged picture."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components import saving
from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.render import macro, render
from app.components.saving import SaveLayout
from app.inside import html
from app.inside.views import VIEWS
from app.services.clips import bundled
from app.services.models import available_models

SCRIPT = ACTIONS_SCRIPT + Path(__file__).with_name("script.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class InsideLayout:
    """Every component that a handler reads or changes."""

    tab: gr.Tab
    header: gr.HTML
    tabs: gr.Tabs
    threshold: gr.Number  # of Segment's player, when the tab is opened
    asked: gr.State  # number of a view that needs the model
    notice: gr.HTML
    head: gr.HTML
    map: gr.HTML
    view: gr.HTML
    save_row: gr.Row
    save: SaveLayout


@dataclass(frozen=True)
class EndpointLayout:
    """The hidden components of /inspect: their labels are the names of its arguments."""

    inputs: list[gr.components.Component]
    outputs: list[gr.components.Component]
    button: gr.Button


def build(shared: PageContext) -> InsideLayout:
    """Add the components to the current tab."""
    notice = gr.HTML(visible=False, elem_id="inside-notice")
    head = gr.HTML(macro("heading", html.TITLE, html.LINE), elem_id="inside-head", js_on_load=SCRIPT)
    model_map = gr.HTML(visible=False, elem_id="inside-map", js_on_load=SCRIPT)
    view = gr.HTML(visible=False, elem_id="inside-view", js_on_load=SCRIPT)
    save = saving.build("inside", notice)
    gr.HTML(render("inside/templates/enlarged.html"), elem_id="inside-zoom")
    return InsideLayout(
        tab=head.parent,
        header=shared.header,
        tabs=shared.tabs,
        threshold=gr.Number(visible=False),
        asked=gr.State(0),
        notice=notice,
        head=head,
        map=model_map,
        view=view,
        save_row=save.row,
        save=save,
    )


def build_endpoint() -> EndpointLayout:
    """Add the hidden components of /inspect."""
    inputs = [
        gr.Textbox(label="clip", info=f"A bundled clip: {', '.join(bundled())}", visible=False),
        gr.File(label="upload", visible=False),
        gr.Textbox(label="model", value=next(iter(available_models()), ""), visible=False),
        gr.Number(label="frame", value=1, visible=False),
        gr.Textbox(label="view", info=f"One of {', '.join(VIEWS)}.", value="mixer", visible=False),
        gr.Number(label="fps", value=1, visible=False),
    ]
    outputs = [
        gr.JSON(label="numbers", visible=False),
        gr.File(label="pictures", file_count="multiple", visible=False),
    ]
    return EndpointLayout(inputs, outputs, gr.Button(visible=False))
