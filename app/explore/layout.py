"""The components of the Explore tab: filters, clips, and the opened clip, from left to right."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.components.render import macro
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
    parts: dict[str, object] = {"header": shared.header, "tabs": shared.tabs}
    parts["context"] = gr.HTML(elem_id="ex-context")
    with gr.Row(elem_classes="page", elem_id="explore", equal_height=False):
        with gr.Column(scale=0, min_width=204, elem_classes=["sidebar", "ex-filters"]):
            _add_filters(parts)
        with gr.Column(elem_classes=["content", "ex-clips"], min_width=0):
            _add_clips(parts)
        with gr.Column(scale=0, min_width=380, elem_classes="ex-side", elem_id="ex-side"):
            _add_opened_clip(parts)
    return ExploreLayout(timer=gr.Timer(TICK_SECONDS, active=False), **parts)


def _html(elem_id: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, js_on_load=SCRIPT, elem_id=elem_id)


def _button(text: str, elem_id: str, **options: object) -> gr.Button:
    return gr.Button(text, size="sm", elem_id=elem_id, **options)


def _dropdown(label: str, choices: list, value: object, elem_id: str, **options: object) -> gr.Dropdown:
    return gr.Dropdown(choices, value=value, label=label, filterable=False, elem_id=elem_id, **options)


def _text(label: str, placeholder: str, elem_id: str, **options: object) -> gr.Textbox:
    return gr.Textbox(label=label, placeholder=placeholder, max_lines=1, elem_id=elem_id, **PLAIN, **options)


def _add_filters(parts: dict[str, object]) -> None:
    allowed = may_train()
    parts["filters"] = _html("ex-filters")
    with gr.Accordion("Add a folder", open=False, elem_classes="ex-add"):
        parts["folder"] = _text("Folder", "/data/AVSBench", "ex-folder", visible=allowed)
        parts["add"] = _button("Add this folder", "ex-add", visible=allowed)
        parts["folder_summary"] = gr.HTML("" if allowed else macro("hint", NOT_HERE), elem_id="ex-found")


def _add_clips(parts: dict[str, object]) -> None:
    datasets = [(dataset.title, key) for key, dataset in LIBRARY.all().items()]
    sorts = [(title, name) for name, (title, _, _) in SORTS.items()]
    with gr.Row(elem_classes="ex-top"):
        parts["data"] = _dropdown("Data set", datasets, datasets[0][1], "ex-data", min_width=190, **PLAIN)
        parts["search"] = _text("Search", "Search name, class or note", "ex-search", min_width=120)
        parts["sort"] = _dropdown("Order", sorts, Filter().sort, "ex-sort", min_width=150, **PLAIN)
    parts["notice"] = gr.HTML(visible=False, elem_id="ex-notice")
    parts["charts"] = _html("ex-charts")
    with gr.Row(elem_classes="ex-bar"):
        parts["summary"] = _html("ex-line")
        parts["export"] = _button("Export csv", "ex-export", scale=0, min_width=90)
        parts["file"] = gr.DownloadButton("csv", visible="hidden", elem_id="ex-file")
    parts["clips"] = _html("ex-grid")
    parts["report"] = _html("ex-report")


def _add_opened_clip(parts: dict[str, object]) -> None:
    models = list(available_models())
    parts["clip_head"] = _html("ex-head", no_clip())
    with gr.Column(visible=False, elem_classes="ex-part") as parts["player_column"]:
        parts["player"] = Player(label="Clip", elem_id="ex-player", elem_classes="pl-compact", min_width=0)
    with gr.Row(elem_classes="ex-model"):
        parts["model"] = _dropdown("Model", models, next(iter(models), None), "ex-model", min_width=120)
        parts["predict"] = _button(
            "Run on this clip", "ex-predict", variant="primary", min_width=150, visible=False
        )
    parts["score"] = _button("Score", "ex-score", visible=False)
    parts["stop"] = _button("Stop", "ex-stop", variant="stop", visible=False)
    parts["errors"] = gr.HTML(visible=False, elem_id="ex-errors")
    with gr.Column(visible=False, elem_classes="ex-part") as parts["clip_column"]:
        with gr.Row(elem_classes="ex-send"):
            parts["send"] = {
                name: _button(title, f"ex-to-{name}", min_width=0) for name, title in TARGETS.items()
            }
        parts["clip_facts"] = _html("ex-about")
