"""The components of the Ablations view: the studies at the left, the one in view and its wall beside them."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.updates import UNCHANGED, Updates
from app.evaluate.ablations.wall import MAX_CLIPS
from app.evaluate.layout import EvaluateLayout

SCRIPT = ACTIONS_SCRIPT + Path(__file__).with_name("script.js").read_text(encoding="utf-8")
REPORTS, ABLATIONS = "Reports", "Ablations"  # the views of the tab


@dataclass(frozen=True)
class AblationLayout:
    """Every component that a handler reads or changes."""

    tab: gr.Tab
    tabs: gr.Tabs
    header: gr.HTML  # of the page
    report_header: gr.HTML  # in place of it while the tab is open
    view: gr.Radio
    reports_page: gr.Row
    page: gr.Row

    study: gr.Dropdown
    notice: gr.HTML
    head: gr.HTML
    table: gr.HTML
    charts: gr.HTML
    wall_box: gr.Column
    clips: gr.Dropdown
    go: gr.Button
    stop: gr.Button
    hint: gr.HTML
    wall: gr.HTML
    asked: gr.State  # (count, clip, row, frame, tab) of a cell that was clicked, which runs a model


@dataclass(frozen=True)
class AblationUpdates(Updates):
    """What a handler changes; see AblationLayout."""

    tabs: object = UNCHANGED
    header: object = UNCHANGED
    report_header: object = UNCHANGED
    view: object = UNCHANGED
    reports_page: object = UNCHANGED
    page: object = UNCHANGED
    study: object = UNCHANGED
    notice: object = UNCHANGED
    head: object = UNCHANGED
    table: object = UNCHANGED
    charts: object = UNCHANGED
    wall_box: object = UNCHANGED
    clips: object = UNCHANGED
    go: object = UNCHANGED
    stop: object = UNCHANGED
    hint: object = UNCHANGED
    wall: object = UNCHANGED
    asked: object = UNCHANGED


def view_switch() -> gr.Radio:
    """Return the switch between the views of the tab, at the current place of the page."""
    return gr.Radio([REPORTS, ABLATIONS], value=REPORTS, label="View", elem_id="ev-view", elem_classes="seg")


def build(shared: PageContext, view: gr.Radio, reports: EvaluateLayout) -> AblationLayout:
    """Build the view, hidden and empty until it is chosen in place of the reports."""
    acting, plain = {"js_on_load": SCRIPT}, {"filterable": False}
    with gr.Row(elem_classes="page", equal_height=False, visible=False) as page:
        with gr.Column(scale=0, min_width=272, elem_classes=["sidebar", "ev-sidebar", "ab-sidebar"]):
            study = gr.Dropdown([], label="Study", elem_id="ab-study", **plain)
        with gr.Column(elem_classes="content", min_width=0):
            notice = gr.HTML(visible=False, elem_id="ab-notice")
            head = gr.HTML(elem_id="ab-head", **acting)
            table = gr.HTML(elem_id="ab-table", **acting)
            charts = gr.HTML(elem_id="ab-charts")
            with gr.Column(elem_classes=["card", "ab-wall-box"], elem_id="ab-wall-box") as wall_box:
                gr.HTML("<h2>Wall of masks</h2>")
                with gr.Row(elem_classes="ab-run"):
                    clips = gr.Dropdown(
                        [],
                        label=f"Clips, up to {MAX_CLIPS}",
                        multiselect=True,
                        max_choices=MAX_CLIPS,
                        elem_id="ab-clips",
                        min_width=200,
                    )
                    small = {"scale": 0, "min_width": 130}
                    go = gr.Button("Show masks", variant="primary", elem_id="ab-go", **small)
                    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="ab-stop", **small)
                hint = gr.HTML(elem_id="ab-hint")
                wall = gr.HTML(elem_id="ab-wall", **acting)
    return AblationLayout(
        tab=shared.tab,
        tabs=shared.tabs,
        header=shared.header,
        report_header=reports.report_header,
        view=view,
        reports_page=reports.page,
        page=page,
        study=study,
        notice=notice,
        head=head,
        table=table,
        charts=charts,
        wall_box=wall_box,
        clips=clips,
        go=go,
        stop=stop,
        hint=hint,
        wall=wall,
        asked=gr.State(),
    )
