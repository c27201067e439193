"""What stands in the Evaluate tab: the rail of choices and reports, the stage of the report in view."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.html import header, small
from app.components.player.player import Player
from app.evaluate import html as page
from app.evaluate.clips import View, grid
from app.services import reports as shelf
from app.services.evaluation_data import all_data
from app.services.evaluation_requests import MOST_MODELS, Request, command_of, rules
from app.services.models import available_models
from app.services.reports import Shelved
from avseg.checkpoints import bundled_models

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
TICK = 1.0  # seconds between two looks at what is under way
FIRST_MODEL, FIRST_CLIPS = "tiny-ms3", 40
NOTHING = "Nothing beside it"


@dataclass(frozen=True)
class Chosen:
    """What a visitor looks at."""

    key: str | None = None
    beside: str | None = None
    version: float = 0.0  # another one where the same key holds another report

    def report(self, own: Shelved | None) -> Shelved | None:
        """Return the report in view, the tab's first before one was chosen; raises ReportError when it went.

        own: the report that the visitor opened.
        """
        return shelf.taken(self.key, own) if self.key else shelf.first()

    def other(self, own: Shelved | None) -> Shelved | None:
        """Return the report beside it, None without one; raises ReportError when it went."""
        return shelf.taken(self.beside, own) if self.beside else None


@dataclass(frozen=True)
class Rail:
    """The choices, left of the report."""

    models: gr.Dropdown
    data: gr.Dropdown
    split: gr.Dropdown
    clips: gr.Number
    robustness: gr.Checkbox
    go: gr.Button
    jobs: gr.HTML
    command: gr.HTML
    reports: gr.HTML
    beside: gr.Dropdown
    upload: gr.UploadButton

    @property
    def form(self) -> list:
        """What makes a request."""
        return [self.models, self.data, self.split, self.clips, self.robustness]


@dataclass(frozen=True)
class Stage:
    """The report."""

    context: gr.HTML  # in the header
    notice: gr.HTML
    head: gr.HTML
    body: gr.HTML
    opened: gr.Column
    about: gr.HTML
    player: Player
    clips: gr.HTML


@dataclass(frozen=True)
class States:
    """What the page remembers."""

    chosen: gr.State
    own: gr.State  # the report that the visitor opened
    view: gr.State
    mine: gr.State  # keys of evaluations whose end is waited for
    timer: gr.Timer


def rail_parts() -> Rail:
    models = model_choices()
    first, most = [FIRST_MODEL] if FIRST_MODEL in models else models[:1], rules().clips
    chosen = gr.Dropdown(
        models,
        value=first,
        multiselect=True,
        max_choices=MOST_MODELS,
        label="Models, up to 2",
        elem_id="ev-models",
    )
    data = gr.Dropdown(data_choices(), value="synth-ms3", label="Data", filterable=False, elem_id="ev-data")
    with gr.Row(elem_classes="ev-pair-row"):
        split = gr.Dropdown(
            ["test", "val", "train"],
            value="test",
            label="Split",
            filterable=False,
            min_width=0,
            elem_id="ev-split",
        )
        clips = gr.Number(FIRST_CLIPS, label="Clips", minimum=1, precision=0, min_width=0, elem_id="ev-clips")
    robustness = gr.Checkbox(
        True,
        label="Other sounds too",
        info="Up to seven passes instead of one.",
        container=False,
        elem_id="ev-other",
    )
    go = gr.Button(go_words(FIRST_CLIPS, 1), variant="primary", elem_id="ev-go", interactive=bool(models))
    if most:
        gr.HTML(small(f"On this host: bundled models, up to {most} clips, one evaluation at a time."))
    jobs = gr.HTML(elem_id="ev-jobs", js_on_load=SCRIPT)
    wanted = [command_of(Request(name, "synth-ms3", clips=FIRST_CLIPS)) for name in first]
    command = gr.HTML(page.command(wanted), elem_id="ev-command", js_on_load=SCRIPT)
    start = shelf.first()
    reports = gr.HTML(reports_html(None, start and start.key), elem_id="ev-reports", js_on_load=SCRIPT)
    beside = gr.Dropdown(
        [(NOTHING, "")], value="", label="Beside it, clip by clip", filterable=False, elem_id="ev-beside"
    )
    opening = gr.UploadButton(
        "Open a report.json",
        file_count="multiple",
        file_types=[".json", ".csv"],
        elem_id="ev-upload",
        size="sm",
    )
    gr.HTML(small("Choose clips.csv and classes.csv with it. Only you see what you open."))
    return Rail(chosen, data, split, clips, robustness, go, jobs, command, reports, beside, opening)


def stage_parts(top: gr.HTML) -> Stage:
    one = shelf.first()
    notice = gr.HTML(visible=False, elem_id="ev-notice")
    head = gr.HTML(page.head(one), elem_id="ev-head")
    body = gr.HTML(page.body(one), elem_id="ev-body", js_on_load=SCRIPT)
    with gr.Column(visible=False, elem_id="ev-opened", elem_classes=["card", "ev-card"]) as opened:
        about = gr.HTML(elem_id="ev-about", js_on_load=SCRIPT)
        player = Player(elem_id="ev-player", label="Clip")
    clips = gr.HTML(
        grid(one, View()) if one else "",
        visible=one is not None,
        elem_id="ev-clips-in-view",
        js_on_load=SCRIPT,
    )
    return Stage(top, notice, head, body, opened, about, player, clips)


def line_of(one: Shelved | None) -> str:
    """Return what the header says of a report."""
    return header({"Model": one.name, "Data": one.data}, one.evaluation.report.weights) if one else ""


def model_choices() -> list[str]:
    return list(bundled_models() if rules().bundled_only else available_models())


def data_choices() -> list[tuple[str, str]]:
    return [(one.title, key) for key, one in all_data().items()]


def go_words(clips: int, models: int) -> str:
    count = f"Evaluate {clips} clip{'' if clips == 1 else 's'}" if clips else "Evaluate all clips"
    return f"{count}, {models} models" if models > 1 else count


def first_key() -> str | None:
    """Return the key of the report that is shown before anybody chose one."""
    one = shelf.first()
    return one and one.key


def reports_html(own: Shelved | None, chosen: str | None) -> str:
    found = [*([own] if own else []), *shelf.shelf().values()]
    return page.listed(found, chosen, rules().may_delete)


def beside_choices(one: Shelved | None, chosen: str | None, own: Shelved | None) -> dict:
    found = [*([own] if own else []), *shelf.shelf().values()]
    others = [(other.label, other.key) for other in found if one is None or other.key != one.key]
    keys = [key for _, key in others]
    return gr.update(choices=[(NOTHING, ""), *others], value=chosen if chosen in keys else "")
