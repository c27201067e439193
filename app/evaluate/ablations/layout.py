"""The components of the Ablations view: the studies at the left, the one in view and its wall beside them."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.saving import WebPageLayout, build_web_page
from app.components.updates import UNCHANGED, Updates
from app.evaluate.ablations.wall import MAX_CLIPS
from app.evaluate.layout import EvaluateLayout
from app.services.ablation_runs import (
    MAX_SEEDS,
    STARTED_WITH,
    data_choices,
    free_name,
    preset_names,
    row_choices,
)
from app.services.host import may_train
from avseg.loaders import SYNTH

SCRIPT = ACTIONS_SCRIPT + Path(__file__).with_name("script.js").read_text(encoding="utf-8")
POLL_EVERY = 2.0  # seconds
FIRST_PRESET = "classroom"
FIRST_SEEDS, FIRST_CLIPS = 2, 100
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
    jobs: gr.HTML
    preset: gr.Dropdown
    data: gr.Dropdown
    rows: gr.CheckboxGroup
    seeds: gr.Number
    test_clips: gr.Number
    name: gr.Textbox
    command: gr.HTML
    checks: gr.HTML
    start: gr.Button
    timer: gr.Timer

    notice: gr.HTML
    head: gr.HTML
    web_page: WebPageLayout
    table: gr.HTML
    charts: gr.HTML
    wall_box: gr.Column
    clips: gr.Dropdown
    go: gr.Button
    stop: gr.Button
    hint: gr.HTML
    wall: gr.HTML
    linked: gr.State  # changes when the wall of a link is to be computed
    asked: gr.State  # (count, clip, row, frame, tab) of a cell that was clicked, which runs a model

    @property
    def form(self) -> list[Component]:
        """The inputs of a new study."""
        return [self.preset, self.data, self.rows, self.seeds, self.test_clips, self.name]


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
    jobs: object = UNCHANGED
    data: object = UNCHANGED
    rows: object = UNCHANGED
    name: object = UNCHANGED
    command: object = UNCHANGED
    checks: object = UNCHANGED
    start: object = UNCHANGED
    timer: object = UNCHANGED
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
    linked: object = UNCHANGED
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
            web_page = build_web_page("ab", gr.HTML(visible=False))
            jobs = gr.HTML(elem_id="ab-jobs", **acting)
            with gr.Accordion("Train a study", open=False, elem_id="ab-form"):
                form = _form()
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
        jobs=jobs,
        **form,
        timer=gr.Timer(POLL_EVERY, active=False),
        notice=notice,
        head=head,
        web_page=web_page,
        table=table,
        charts=charts,
        wall_box=wall_box,
        clips=clips,
        go=go,
        stop=stop,
        hint=hint,
        wall=wall,
        linked=gr.State(0),
        asked=gr.State(),
    )


def _form() -> dict[str, Component]:
    """Build the form of a new study; its command is written when the view is opened."""
    whole = {"precision": 0, "minimum": 1, "min_width": 0}
    parts: dict[str, Component] = {
        "preset": gr.Dropdown(
            preset_names(),
            value=FIRST_PRESET,
            label="Preset of the default row",
            elem_id="ab-preset",
            filterable=False,
        ),
        "data": gr.Dropdown(data_choices(), value=SYNTH, label="Data", elem_id="ab-data", filterable=False),
        "rows": gr.CheckboxGroup(
            row_choices(FIRST_PRESET), value=list(STARTED_WITH), label="Rows to compare", elem_id="ab-rows"
        ),
    }
    with gr.Row(elem_classes="ev-split-row"):
        parts["seeds"] = gr.Number(FIRST_SEEDS, label="Seeds", maximum=MAX_SEEDS, elem_id="ab-seeds", **whole)
        parts["test_clips"] = gr.Number(FIRST_CLIPS, label="Test clips", elem_id="ab-test-clips", **whole)
    parts["name"] = gr.Textbox(
        free_name(FIRST_PRESET), label="Study name (folder in runs/)", max_lines=1, elem_id="ab-name"
    )
    parts["command"] = gr.HTML(elem_id="ab-command", js_on_load=SCRIPT)
    parts["checks"] = gr.HTML(elem_id="ab-checks")
    parts["start"] = gr.Button("Start", variant="primary", visible=may_train(), elem_id="ab-start")
    return parts
