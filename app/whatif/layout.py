"""The components of What if: a row per intervention of the table at the left, the result at the right."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.components import saving
from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.components.render import macro
from app.components.saving import SaveLayout
from app.services.clips import bundled
from app.services.models import available_models, model_choices
from app.whatif import html
from app.whatif.effect import config_of
from avseg.config import ModelConfig
from avseg.interventions.run import INTERVENTION, INTERVENTIONS, Change, Intervention, Parameter

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
FIRST_SWEEP = "shift"
KINDS = {"sound": "Sound", "model": "Model", "weights": "Weights"}
HEADING = (
    "What if one thing were different?",
    "One click changes the sound or the model; tick changes on the left to combine them.",
)
TOUR = ("robustness", "Or take the tour: predict what mute, another sound and a shift do, then measure it")
EMPTY = (
    "Before and after will appear here",
    "Both masks side by side, under a draggable divider or as a difference map, with the IoU of each frame.",
)
NO_SWEEP = "The mask and its IoU appear here for every value of one setting."


@dataclass(frozen=True)
class WhatIfLayout:
    """Every component that a handler reads or changes."""

    tab: gr.Tab
    header: gr.HTML
    threshold: gr.Number  # of Segment's player, when the tab is opened
    requested: gr.State  # (number, changes) of a run that another tab, a preset or a link asked for
    requested_sweep: gr.State  # (number, change) of a sweep, likewise
    presets: gr.HTML

    clip: gr.Dropdown  # only while the visitor has no result yet
    ticks: dict[str, gr.Checkbox]  # by row
    values: dict[tuple[str, str], Component]  # by row and parameter
    go: gr.Button
    stop: gr.Button

    notice: gr.HTML
    finding: gr.HTML
    stats: gr.HTML
    pairs: gr.HTML
    save_row: gr.Row
    save: SaveLayout
    play: gr.Button
    players: gr.Row
    before: Player
    after: Player

    swept_row: gr.Dropdown
    run_sweep: gr.Button
    stop_sweep: gr.Button
    sweep: gr.HTML

    def form(self) -> set[Component]:
        """Return the inputs that `changes` and `change` read."""
        return {self.clip, self.swept_row, *self.ticks.values(), *self.values.values()}

    def changes(self, form: Mapping[Component, object]) -> list[Change]:
        """Return the ticked changes."""
        return [self.change(name, form) for name, tick in self.ticks.items() if form[tick]]

    def change(self, name: str, form: Mapping[Component, object]) -> Change:
        """Return one change with the values of its row, ticked or not."""
        values = [form[field] for (row, _), field in self.values.items() if row == name]
        return Change(name, tuple("" if value is None else value for value in values))


def build(shared: PageContext) -> WhatIfLayout:
    """Add the components to the current tab."""
    config = config_of(None)
    with gr.Row(elem_classes="page", equal_height=False) as page:
        with gr.Column(scale=0, min_width=296, elem_classes=["sidebar", "wi-sidebar"]):
            titles = [(clip.title, name) for name, clip in bundled().items()]
            clip = gr.Dropdown(titles, value=titles[0][1], label="Clip", filterable=False, elem_id="wi-clip")
            ticks, values = _rows(config)
            with gr.Column(elem_classes="wi-go"):
                go = gr.Button("See what changes", variant="primary", elem_id="wi-go")
                stop = gr.Button("Stop", variant="stop", visible=False)
            gr.HTML("Ticked changes are applied together, from top to bottom.", elem_classes="wi-kind")
        with gr.Column(elem_classes="content", min_width=0):
            notice = gr.HTML(visible=False, elem_id="wi-notice")
            heading = macro("heading", *HEADING) + macro("tour", *TOUR)
            finding = gr.HTML(heading, elem_id="wi-finding")
            presets = gr.HTML(html.presets_bar(config, None), elem_id="wi-presets", js_on_load=ACTIONS_SCRIPT)
            with gr.Column(elem_classes=["card", "wi-card"], elem_id="wi-sweep"):
                with gr.Row(elem_classes="wi-sweep-form"):
                    choices = {"choices": swept_rows(config), "value": FIRST_SWEEP, "filterable": False}
                    swept_row = gr.Dropdown(label="Sweep one setting", min_width=180, **choices)
                    size = {"scale": 0, "min_width": 130}
                    run_sweep = gr.Button(sweep_label(FIRST_SWEEP, config), elem_id="wi-run-sweep", **size)
                    stop_sweep = gr.Button("Stop", variant="stop", visible=False, **size)
                sweep = gr.HTML(macro("hint", NO_SWEEP), elem_id="wi-range")
            with gr.Column(elem_classes=["card", "wi-card"]):
                pairs = gr.HTML(macro("empty_state", *EMPTY), elem_id="wi-pairs", js_on_load=SCRIPT)
                save = saving.build("wi", notice)
            stats = gr.HTML(visible=False, elem_id="wi-stats")
            play = gr.Button("Play both with sound", visible=False, elem_id="wi-play", size="sm")
            with gr.Row(visible=False, elem_id="wi-players", equal_height=False) as players:
                before, after = (
                    Player(label=k, min_width=0, together="what-if") for k in ("Before", "After")
                )
    return WhatIfLayout(
        tab=page.parent,
        header=shared.header,
        threshold=gr.Number(visible=False),
        requested=gr.State(),
        requested_sweep=gr.State(),
        presets=presets,
        clip=clip,
        ticks=ticks,
        values=values,
        go=go,
        stop=stop,
        notice=notice,
        finding=finding,
        stats=stats,
        pairs=pairs,
        save_row=save.row,
        save=save,
        play=play,
        players=players,
        before=before,
        after=after,
        swept_row=swept_row,
        run_sweep=run_sweep,
        stop_sweep=stop_sweep,
        sweep=sweep,
    )


def availability(row: Intervention, config: ModelConfig) -> dict[str, object]:
    """Return the properties of a row's checkbox for a model; a row that it lacks says why."""
    return {"info": row.lacks(config) or row.sentence, "interactive": not row.lacks(config)}


def swept_rows(config: ModelConfig) -> list[tuple[str, str]]:
    """Return the choices of the sweep: rows with a range that a model does not lack."""
    return [(row.title, row.name) for row in INTERVENTIONS if row.swept and not row.lacks(config)]


def sweep_label(name: str, config: ModelConfig) -> str:
    """Return the label of the sweep's button: how many values a row has for a model."""
    return f"Run {len(INTERVENTION[name].swept.values_in(config))} values"


def _rows(config: ModelConfig) -> tuple[dict[str, gr.Checkbox], dict[tuple[str, str], Component]]:
    ticks, values, kind = {}, {}, None
    for row in INTERVENTIONS:
        if row.kind != kind:
            kind = row.kind
            gr.HTML(KINDS[kind], elem_classes="wi-kind")
        with gr.Column(elem_classes="wi-row", elem_id=f"wi-{row.name}", min_width=0):
            ticks[row.name] = gr.Checkbox(
                label=row.title, container=False, elem_classes="wi-tick", **availability(row, config)
            )
            if row.table:
                gr.HTML(row.table, elem_classes="wi-table")
            if row.parameters:
                with gr.Row(elem_classes="wi-values"):
                    for parameter in row.parameters:
                        values[row.name, parameter.name] = _field(row, parameter, config)
    return ticks, values


def _field(row: Intervention, parameter: Parameter, config: ModelConfig) -> Component:
    """Return the component of a parameter; its kind decides which."""
    label = f"{parameter.label}, {parameter.unit}" if parameter.unit else parameter.label
    options = {"label": label, "min_width": 200, "elem_id": f"wi-{row.name}-{parameter.name}"}
    if parameter.numeric:
        low, high = parameter.range_in(config)
        if any(other.kind == "clip" for other in row.parameters):  # a moment of one of the offered clips
            high = min(high, max(clip.seconds for clip in bundled().values()))
        return gr.Slider(low, high, parameter.default, step=parameter.step, buttons=[], **options)
    if parameter.kind == "numbers":
        return gr.Textbox(str(parameter.default), max_lines=1, **options)
    if parameter.kind == "clip":
        choices = [(clip.title, name) for name, clip in bundled().items()]
        return gr.Dropdown(choices, value=choices[1][1], filterable=False, **options)
    if parameter.kind == "model":
        last = next(reversed(available_models()), None)
        return gr.Dropdown(model_choices(), value=last, filterable=False, **options)
    choices = list(parameter.choices)
    return gr.Dropdown(choices, value=next(reversed(choices), None), filterable=False, **options)
