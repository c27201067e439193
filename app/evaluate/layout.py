"""The components of Evaluate: form, queue and reports at the left, the report in view at the right."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from app.components.events import ACTIONS_SCRIPT
from app.components.html import header_html
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.components.render import macro
from app.components.saving import WebPageLayout, build_web_page
from app.components.updates import UNCHANGED, Updates
from app.evaluate import html
from app.evaluate.clips import grid
from app.evaluate.state import ClipsView
from app.services.evaluation_data import SYNTH_SPLITS, list_data
from app.services.evaluations import MAX_MODELS, EvaluationRequest, command_line, host_rules
from app.services.models import ADD_MODEL
from app.services.models import model_choices as all_models
from app.services.permalink import report_address
from app.services.reports import StoredReport, default_report, list_reports
from avseg.checkpoints import bundled_models

POLL_EVERY = 1.0  # seconds
FIRST_MODEL, FIRST_DATA, FIRST_CLIPS = "tiny-ms3", "synth-ms3", 40


@dataclass(frozen=True)
class EvaluateLayout:
    """Every component that a handler reads or changes."""

    tab: gr.Tab
    header: gr.HTML
    tabs: gr.Tabs
    report_header: gr.HTML  # in place of the header while this tab is open
    page: gr.Row  # all below, hidden while the Ablations view is open

    models: gr.Dropdown
    data: gr.Dropdown
    split: gr.Dropdown
    clips: gr.Number
    robustness: gr.Checkbox
    go: gr.Button
    jobs: gr.HTML
    command: gr.HTML
    reports: gr.HTML
    compare: gr.Dropdown
    upload: gr.UploadButton

    notice: gr.HTML
    head: gr.HTML
    web_page: WebPageLayout
    body: gr.HTML
    opened: gr.Column
    about: gr.HTML
    player: Player
    clip_grid: gr.HTML

    revision: gr.State  # a change makes the pictures of the clips
    opening: gr.State  # (revision, name) of a clip to open, which runs a model
    timer: gr.Timer

    @property
    def form(self) -> list[Component]:
        """The inputs of a request."""
        return [self.models, self.data, self.split, self.clips, self.robustness]


@dataclass(frozen=True)
class EvaluateUpdates(Updates):
    """What a handler changes; see EvaluateLayout."""

    header: object = UNCHANGED
    tabs: object = UNCHANGED
    report_header: object = UNCHANGED
    models: object = UNCHANGED
    data: object = UNCHANGED
    split: object = UNCHANGED
    clips: object = UNCHANGED
    go: object = UNCHANGED
    jobs: object = UNCHANGED
    command: object = UNCHANGED
    reports: object = UNCHANGED
    compare: object = UNCHANGED
    notice: object = UNCHANGED
    head: object = UNCHANGED
    body: object = UNCHANGED
    opened: object = UNCHANGED
    about: object = UNCHANGED
    player: object = UNCHANGED
    clip_grid: object = UNCHANGED
    revision: object = UNCHANGED
    opening: object = UNCHANGED
    timer: object = UNCHANGED


def build(shared: PageContext) -> EvaluateLayout:
    """Build the tab inside the current `gr.Tab`."""
    report = default_report()
    acting, plain = {"js_on_load": ACTIONS_SCRIPT}, {"filterable": False}
    report_header = gr.HTML(header_of(report), elem_id="ev-context")
    with gr.Row(elem_classes="page", equal_height=False) as page:
        with gr.Column(scale=0, min_width=272, elem_classes=["sidebar", "ev-sidebar"]):
            models = model_choices()
            first = [FIRST_MODEL] if FIRST_MODEL in models else models[:-1][:1]
            upto = {"multiselect": True, "max_choices": MAX_MODELS, "label": f"Models, up to {MAX_MODELS}"}
            model = gr.Dropdown(models, value=first, elem_id="ev-models", **upto)
            data = gr.Dropdown(data_choices(), value=FIRST_DATA, label="Data", elem_id="ev-data", **plain)
            with gr.Row(elem_classes="ev-split-row"):
                split = gr.Dropdown(
                    SYNTH_SPLITS, value="test", label="Split", min_width=0, elem_id="ev-split", **plain
                )
                whole = {"minimum": 1, "precision": 0, "min_width": 0}
                clips = gr.Number(FIRST_CLIPS, label="Clips", elem_id="ev-clips", **whole)
            info = "Also runs silence, noise and swapped sound (up to 7x slower)."
            robustness = gr.Checkbox(
                True, label="Robustness tests", info=info, container=False, elem_id="ev-robustness"
            )
            go = gr.Button(
                go_label(FIRST_CLIPS, 1), variant="primary", elem_id="ev-go", interactive=bool(first)
            )
            if limit := host_rules().clips:
                rules = f"This host: bundled models, up to {limit} clips, one evaluation at a time."
                gr.HTML(macro("hint", rules))
            jobs = gr.HTML(elem_id="ev-jobs", **acting)
            requests = [EvaluationRequest(name, FIRST_DATA, clips=FIRST_CLIPS) for name in first]
            command = gr.HTML(html.command(map(command_line, requests)), elem_id="ev-command", **acting)
            stored = html.report_list(list_reports().values(), report, host_rules().may_delete)
            reports = gr.HTML(stored, elem_id="ev-reports", **acting)
            none = [("No comparison", "")]
            compare = gr.Dropdown(none, value="", label="Compare with", elem_id="ev-compare", **plain)
            web_page = build_web_page("ev", gr.HTML(visible=False))
            files = {"file_count": "multiple", "file_types": [".json", ".csv"]}
            upload = gr.UploadButton("Open a report.json", elem_id="ev-upload", size="sm", **files)
            gr.HTML(macro("hint", "Select its clips.csv and classes.csv too. Only you see what you open."))
        with gr.Column(elem_classes="content", min_width=0):
            notice = gr.HTML(visible=False, elem_id="ev-notice")
            head = gr.HTML(html.head(report), elem_id="ev-head")
            body = gr.HTML(html.body(report), elem_id="ev-body", **acting)
            with gr.Column(visible=False, elem_id="ev-opened", elem_classes="card") as opened:
                about = gr.HTML(elem_id="ev-about", **acting)
                player = Player(elem_id="ev-player", label="Clip")
            tiles = grid(report, ClipsView()) if report else ""
            clip_grid = gr.HTML(tiles, visible=bool(tiles), elem_id="ev-clip-grid", **acting)
    return EvaluateLayout(
        tab=shared.tab,
        header=shared.header,
        tabs=shared.tabs,
        report_header=report_header,
        page=page,
        models=model,
        data=data,
        split=split,
        clips=clips,
        robustness=robustness,
        go=go,
        jobs=jobs,
        command=command,
        reports=reports,
        compare=compare,
        upload=upload,
        notice=notice,
        head=head,
        web_page=web_page,
        body=body,
        opened=opened,
        about=about,
        player=player,
        clip_grid=clip_grid,
        revision=gr.State(0),
        opening=gr.State(),
        timer=gr.Timer(POLL_EVERY, active=False),
    )


def header_of(report: StoredReport | None, compared: StoredReport | None = None) -> str:
    """Return the header while a report is in view, with its address."""
    if report is None:
        return ""
    items, weights = {"Model": report.name, "Data": report.data}, report.evaluation.report.weights
    return header_html(items, weights, report_address(report, compared))


def model_choices() -> list[str]:
    """Return the models that this host evaluates."""
    return [*bundled_models(), ADD_MODEL] if host_rules().bundled_only else all_models()


def data_choices() -> list[tuple[str, str]]:
    """Return title and key of the data sets."""
    return [(item.title, key) for key, item in list_data().items()]


def go_label(clips: int, models: int) -> str:
    """Return the text of the button for a number of clips, 0 for all."""
    text = f"Evaluate {clips} clip{'' if clips == 1 else 's'}" if clips else "Evaluate all clips"
    return f"{text}, {models} models" if models > 1 else text
