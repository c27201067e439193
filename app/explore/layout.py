"""What stands in the Explore tab: filters at the left, clips in the middle, the opened clip at the right."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components.player.player import Player
from app.explore import clip_html as clip_page
from app.explore.filters import SORTS, Filter
from app.services.datasets import LIBRARY, NOT_HERE
from app.services.host import may_train
from app.services.models import available_models

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
TICK = 1.2  # seconds between two looks at work in the background
TABS = {"segment": "Segment", "inside": "Inside", "whatif": "What if"}  # where a clip can be sent


@dataclass(frozen=True)
class Parts:
    """The components of the tab."""

    context: gr.HTML  # in the header
    data: gr.Dropdown
    search: gr.Textbox
    sort: gr.Dropdown
    notice: gr.HTML
    rail: gr.HTML
    charts: gr.HTML
    line: gr.HTML
    export: gr.Button
    file: gr.DownloadButton  # not seen; a script presses it
    grid: gr.HTML
    report: gr.HTML
    head: gr.HTML
    place: gr.Column  # of the player; seen while a clip is open
    player: Player
    model: gr.Dropdown
    predict: gr.Button
    score: gr.Button
    stop: gr.Button
    errors: gr.HTML
    clip: gr.Column  # what is known of the opened clip
    send: dict[str, gr.Button]
    about: gr.HTML
    folder: gr.Textbox
    add: gr.Button
    found: gr.HTML
    timer: gr.Timer

    @property
    def clickable(self) -> tuple[gr.HTML, ...]:
        """The HTML in which things can be clicked."""
        return self.rail, self.charts, self.line, self.grid, self.report, self.head, self.about


def build_parts() -> Parts:
    """Put the tab's components where we are in the page."""
    context = gr.HTML(elem_id="ex-context")
    with gr.Row(elem_classes="page", elem_id="explore", equal_height=False):
        with gr.Column(scale=0, min_width=204, elem_classes=["sidebar", "ex-left"]):
            left = _left()
        with gr.Column(elem_classes=["content", "ex-stage"], min_width=0):
            middle = _middle()
        with gr.Column(scale=0, min_width=380, elem_classes="ex-side", elem_id="ex-side"):
            right = _right()
    return Parts(context=context, **left, **middle, **right, timer=gr.Timer(TICK, active=False))


def _left() -> dict[str, object]:
    rail = gr.HTML(js_on_load=SCRIPT, elem_id="ex-rail")
    allowed = may_train()
    with gr.Accordion("Add a folder", open=False, elem_classes="ex-add"):
        folder = gr.Textbox(
            placeholder="/data/AVSBench",
            label="Folder",
            show_label=False,
            container=False,
            max_lines=1,
            visible=allowed,
            elem_id="ex-folder",
        )
        add = gr.Button("Add this folder", size="sm", visible=allowed, elem_id="ex-add")
        found = gr.HTML("" if allowed else figures.small(NOT_HERE), elem_id="ex-found")
    return {"rail": rail, "folder": folder, "add": add, "found": found}


def _middle() -> dict[str, object]:
    bare = {"show_label": False, "container": False}
    with gr.Row(elem_classes="ex-top"):
        titles = [(one.title, key) for key, one in LIBRARY.all().items()]
        data = gr.Dropdown(
            titles,
            value=titles[0][1],
            label="Data set",
            filterable=False,
            min_width=190,
            elem_id="ex-data",
            **bare,
        )
        search = gr.Textbox(
            placeholder="Search name, class or note",
            label="Search",
            max_lines=1,
            min_width=120,
            elem_id="ex-search",
            **bare,
        )
        orders = [(words, name) for name, words in SORTS.items()]
        sort = gr.Dropdown(
            orders,
            value=Filter().sort,
            label="Order",
            filterable=False,
            min_width=150,
            elem_id="ex-sort",
            **bare,
        )
    parts = {"data": data, "search": search, "sort": sort}
    parts["notice"] = gr.HTML(visible=False, elem_id="ex-notice")
    parts["charts"] = gr.HTML(js_on_load=SCRIPT, elem_id="ex-charts")
    with gr.Row(elem_classes="ex-bar"):
        parts["line"] = gr.HTML(js_on_load=SCRIPT, elem_id="ex-line")
        parts["export"] = gr.Button("Export csv", size="sm", scale=0, min_width=90, elem_id="ex-export")
        parts["file"] = gr.DownloadButton("csv", visible="hidden", elem_id="ex-file")
    parts["grid"] = gr.HTML(js_on_load=SCRIPT, elem_id="ex-grid")
    parts["report"] = gr.HTML(js_on_load=SCRIPT, elem_id="ex-report")
    return parts


def _right() -> dict[str, object]:
    models = list(available_models())
    parts: dict[str, object] = {
        "head": gr.HTML(clip_page.nothing_open(), js_on_load=SCRIPT, elem_id="ex-head")
    }
    with gr.Column(visible=False, elem_classes="ex-part") as parts["place"]:
        parts["player"] = Player(label="Clip", elem_id="ex-player", min_width=0)
    with gr.Row(elem_classes="ex-model"):
        parts["model"] = gr.Dropdown(
            models,
            value=next(iter(models), None),
            label="Model",
            filterable=False,
            min_width=120,
            elem_id="ex-model",
        )
        parts["predict"] = gr.Button(
            "Predict this clip",
            variant="primary",
            size="sm",
            min_width=150,
            visible=False,
            elem_id="ex-predict",
        )
    parts["score"] = gr.Button("Score", size="sm", visible=False, elem_id="ex-score")
    parts["stop"] = gr.Button("Stop", variant="stop", size="sm", visible=False, elem_id="ex-stop")
    parts["errors"] = gr.HTML(visible=False, elem_id="ex-errors")
    with gr.Column(visible=False, elem_classes="ex-part") as parts["clip"]:
        with gr.Row(elem_classes="ex-send"):
            parts["send"] = {
                name: gr.Button(words, size="sm", min_width=0, elem_id=f"ex-to-{name}")
                for name, words in TABS.items()
            }
        parts["about"] = gr.HTML(js_on_load=SCRIPT, elem_id="ex-about")
    return parts
