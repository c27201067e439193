"""The components of the Explore tab: filters, clips, and the opened clip, from left to right."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.html import small
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.explore.filters import SORTS, Filter
from app.explore.html import no_clip
from app.services.datasets import LIBRARY, NOT_HERE
from app.services.host import may_train
from app.services.models import available_models

SCRIPT = ACTIONS_SCRIPT + Path(__file__).with_name("script.js").read_text(encoding="utf-8")
TICK_SECONDS = 1.2  # between updates of background work
TARGETS = {"segment": "Segment", "inside": "Inside", "whatif": "What if"}  # tabs that a clip can be sent to
PLAIN = {"show_label": False, "container": False}


@dataclass(frozen=True)
class ExploreLayout:
    """The components of the tab, and the parts of the page that it changes."""

    header: gr.HTML  # of the page
    tabs: gr.Tabs
    context: gr.HTML  # this tab's line in the header
    data: gr.Dropdown
    search: gr.Textbox
    sort: gr.Dropdown
    notice: gr.HTML
    filters: gr.HTML
    charts: gr.HTML
    summary: gr.HTML
    export: gr.Button
    file: gr.DownloadButton  # hidden; holds the exported file
    clips: gr.HTML
    report: gr.HTML
    clip_head: gr.HTML
    player_column: gr.Column
    player: Player
    model: gr.Dropdown
    predict: gr.Button
    score: gr.Button
    stop: gr.Button
    errors: gr.HTML
    clip_column: gr.Column
    send: dict[str, gr.Button]
    clip_facts: gr.HTML
    folder: gr.Textbox
    add: gr.Button
    folder_summary: gr.HTML
    timer: gr.Timer

    @property
    def clickable(self) -> tuple[gr.HTML, ...]:
        """The HTML components with actions."""
        return (
            self.filters,
            self.charts,
            self.summary,
            self.clips,
            self.report,
            self.clip_head,
            self.clip_facts,
        )


def build_layout(shared: PageContext) -> ExploreLayout:
    """Create the components at the current place of the page."""
    context = gr.HTML(elem_id="ex-context")
    with gr.Row(elem_classes="page", elem_id="explore", equal_height=False):
        with gr.Column(scale=0, min_width=204, elem_classes=["sidebar", "ex-filters"]):
            left = _left()
        with gr.Column(elem_classes=["content", "ex-clips"], min_width=0):
            middle = _middle()
        with gr.Column(scale=0, min_width=380, elem_classes="ex-side", elem_id="ex-side"):
            right = _right()
    timer = gr.Timer(TICK_SECONDS, active=False)
    parts = left | middle | right
    return ExploreLayout(header=shared.header, tabs=shared.tabs, context=context, timer=timer, **parts)


def _html(elem_id: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, js_on_load=SCRIPT, elem_id=elem_id)


def _left() -> dict[str, object]:
    allowed = may_train()
    filters = _html("ex-filters")
    with gr.Accordion("Add a folder", open=False, elem_classes="ex-add"):
        folder = gr.Textbox(
            placeholder="/data/AVSBench",
            label="Folder",
            max_lines=1,
            visible=allowed,
            elem_id="ex-folder",
            **PLAIN,
        )
        add = gr.Button("Add this folder", size="sm", visible=allowed, elem_id="ex-add")
        folder_summary = gr.HTML("" if allowed else small(NOT_HERE), elem_id="ex-found")
    return {"filters": filters, "folder": folder, "add": add, "folder_summary": folder_summary}


def _middle() -> dict[str, object]:
    datasets = [(dataset.title, key) for key, dataset in LIBRARY.all().items()]
    sorts = [(title, name) for name, (title, _, _) in SORTS.items()]
    menu = {"filterable": False, **PLAIN}
    with gr.Row(elem_classes="ex-top"):
        data = gr.Dropdown(
            datasets, value=datasets[0][1], label="Data set", min_width=190, elem_id="ex-data", **menu
        )
        search = gr.Textbox(
            placeholder="Search name, class or note",
            label="Search",
            max_lines=1,
            min_width=120,
            elem_id="ex-search",
            **PLAIN,
        )
        sort = gr.Dropdown(
            sorts, value=Filter().sort, label="Order", min_width=150, elem_id="ex-sort", **menu
        )
    notice = gr.HTML(visible=False, elem_id="ex-notice")
    charts = _html("ex-charts")
    with gr.Row(elem_classes="ex-bar"):
        summary = _html("ex-line")
        export = gr.Button("Export csv", size="sm", scale=0, min_width=90, elem_id="ex-export")
        file = gr.DownloadButton("csv", visible="hidden", elem_id="ex-file")
    clips, report = _html("ex-grid"), _html("ex-report")
    return {
        "data": data,
        "search": search,
        "sort": sort,
        "notice": notice,
        "charts": charts,
        "summary": summary,
        "export": export,
        "file": file,
        "clips": clips,
        "report": report,
    }


def _right() -> dict[str, object]:
    models = list(available_models())
    hidden = {"size": "sm", "visible": False}
    clip_head = _html("ex-head", no_clip())
    with gr.Column(visible=False, elem_classes="ex-part") as player_column:
        player = Player(label="Clip", elem_id="ex-player", min_width=0)
    with gr.Row(elem_classes="ex-model"):
        model = gr.Dropdown(
            models,
            value=next(iter(models), None),
            label="Model",
            filterable=False,
            min_width=120,
            elem_id="ex-model",
        )
        predict = gr.Button(
            "Run on this clip", variant="primary", min_width=150, elem_id="ex-predict", **hidden
        )
    score = gr.Button("Score", elem_id="ex-score", **hidden)
    stop = gr.Button("Stop", variant="stop", elem_id="ex-stop", **hidden)
    errors = gr.HTML(visible=False, elem_id="ex-errors")
    with gr.Column(visible=False, elem_classes="ex-part") as clip_column:
        with gr.Row(elem_classes="ex-send"):
            send = {
                name: gr.Button(title, size="sm", min_width=0, elem_id=f"ex-to-{name}")
                for name, title in TARGETS.items()
            }
        clip_facts = _html("ex-about")
    return {
        "clip_head": clip_head,
        "player_column": player_column,
        "player": player,
        "model": model,
        "predict": predict,
        "score": score,
        "stop": stop,
        "errors": errors,
        "clip_column": clip_column,
        "send": send,
        "clip_facts": clip_facts,
    }
