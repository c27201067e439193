"""The components of the Explore tab: filters, clips, and the opened clip, from left to right."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.components.render import macro, render
from app.components.translation import html_by_language
from app.explore.filters import SORTS
from app.explore.html import no_clip
from app.services.datasets import LIBRARY, NOT_HERE
from app.services.host import may_train
from app.services.models import model_choices
from avseg.data.sources import SOURCES

HERE = Path(__file__).parent
SCRIPT = ACTIONS_SCRIPT + HERE.joinpath("script.js").read_text(encoding="utf-8")
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
    mode: gr.HTML
    marks: gr.HTML
    import_marks: gr.UploadButton
    export_marks: gr.Button
    map_bar: gr.HTML
    map_column: gr.Column
    map: gr.HTML
    map_lists: gr.HTML
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
    check: gr.Button
    folder_summary: gr.HTML
    timer: gr.Timer
    clickable: list[gr.HTML]  # components with actions


def map_script() -> str:
    """Return the script of the map, with its HTML as TEMPLATE."""
    template = html_by_language(render("explore/templates/map.html"))
    return f"const TEMPLATE = {template};\n" + HERE.joinpath("map.js").read_text(encoding="utf-8")


def build_layout(shared: PageContext) -> ExploreLayout:
    """Create the components at the current place of the page."""

    def html(elem_id: str, value: str = "", **props: bool) -> gr.HTML:
        part.clickable.append(gr.HTML(value, js_on_load=SCRIPT, elem_id=elem_id, **props))
        return part.clickable[-1]

    part = SimpleNamespace(header=shared.header, tabs=shared.tabs, clickable=[])
    small, allowed = {"size": "sm"}, may_train()
    menu, line = {"filterable": False, **PLAIN}, {"max_lines": 1, **PLAIN}
    part.context = gr.HTML(elem_id="ex-context")
    with gr.Row(elem_classes="page", elem_id="explore", equal_height=False):
        with gr.Column(scale=0, min_width=204, elem_classes=["sidebar", "ex-filters"]):
            part.filters = html("ex-filters")
            part.marks = html("ex-marks")
            with gr.Row(elem_classes="ex-add-row ex-files"):
                part.export_marks = gr.Button("Export tags", elem_id="ex-tags-out", min_width=0, **small)
                part.import_marks = gr.UploadButton(
                    "Import", file_types=[".csv", ".json"], elem_id="ex-tags-in", min_width=0, **small
                )
            # Where nothing but the drawn sample is there, the way to one's own data is in view.
            only_sample = all(dataset.origin == "sample" for dataset in LIBRARY.all().values())
            with gr.Accordion("Add a folder", open=allowed and only_sample, elem_classes="ex-add"):
                part.folder = gr.Textbox(
                    label="Folder", placeholder="/data/AVSBench", elem_id="ex-folder", visible=allowed, **line
                )
                with gr.Row(visible=allowed, elem_classes="ex-add-row"):
                    part.add = gr.Button("Add", elem_id="ex-add", min_width=0, scale=0, **small)
                    part.check = gr.Button("Add and check", elem_id="ex-check", min_width=0, **small)
                gr.HTML(render("explore/templates/sources.html", sources=SOURCES), elem_id="ex-sources")
                part.folder_summary = gr.HTML("" if allowed else macro("hint", NOT_HERE), elem_id="ex-found")
        with gr.Column(elem_classes=["content", "ex-clips"], min_width=0):
            with gr.Row(elem_classes="ex-top"):
                titles = [(dataset.title, key) for key, dataset in LIBRARY.all().items()]
                part.data = gr.Dropdown(
                    titles, label="Data set", elem_id="ex-data", scale=0, min_width=210, **menu
                )
                part.search = gr.Textbox(
                    label="Search",
                    placeholder="Search name, class or note",
                    elem_id="ex-search",
                    min_width=120,
                    **line,
                )
                titles = [(title, name) for name, (title, _, _) in SORTS.items()]
                part.sort = gr.Dropdown(
                    titles, label="Order", elem_id="ex-sort", scale=0, min_width=186, **menu
                )
            part.notice = gr.HTML(visible=False, elem_id="ex-notice")
            part.charts = html("ex-charts")
            with gr.Row(elem_classes="ex-bar"):
                part.summary = html("ex-line")
                part.mode = html("ex-mode")
                part.export = gr.Button("Export csv", elem_id="ex-export", scale=0, min_width=90, **small)
                part.file = gr.DownloadButton("csv", visible="hidden", elem_id="ex-file")
            part.map_bar = html("ex-map-bar", visible=False)
            with gr.Column(visible=False, elem_classes="ex-part") as part.map_column:
                part.map = gr.HTML(
                    html_template='<div class="map-place"></div>',
                    js_on_load=map_script(),
                    apply_default_css=False,
                    elem_id="ex-map",
                    points="",
                    paint="",
                    peeked="",
                )
            part.map_lists = html("ex-map-lists", visible=False)
            part.clips = html("ex-grid")
            part.report = html("ex-report")
        with gr.Column(scale=0, min_width=380, elem_classes="ex-side", elem_id="ex-side"):
            part.clip_head = html("ex-head", no_clip())
            with gr.Row(elem_classes="ex-model"):
                part.model = gr.Dropdown(
                    model_choices(),
                    label="Model",
                    filterable=False,
                    elem_id="ex-model",
                    min_width=120,
                )
                part.predict = gr.Button(
                    "Run on this clip",
                    variant="primary",
                    elem_id="ex-predict",
                    scale=0,
                    min_width=150,
                    visible=False,
                    **small,
                )
            with gr.Column(visible=False, elem_classes="ex-part") as part.player_column:
                part.player = Player(
                    label="Clip", elem_id="ex-player", elem_classes="pl-compact", min_width=0
                )
            part.score = gr.Button("Score", elem_id="ex-score", visible=False, **small)
            part.stop = gr.Button("Stop", variant="stop", elem_id="ex-stop", visible=False, **small)
            part.errors = gr.HTML(visible=False, elem_id="ex-errors")
            with gr.Column(visible=False, elem_classes="ex-part") as part.clip_column:
                with gr.Row(elem_classes="ex-send"):
                    part.send = {
                        name: gr.Button(title, elem_id=f"ex-to-{name}", min_width=0, **small)
                        for name, title in TARGETS.items()
                    }
                part.clip_facts = html("ex-about")
    return ExploreLayout(timer=gr.Timer(TICK_SECONDS, active=False), **vars(part))
