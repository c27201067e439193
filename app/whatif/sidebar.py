"""The list of changes: a row of the table each, with what it takes; its form read back as changes."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from app.components import html as figures
from app.services.clips import bundled
from app.services.models import available_models
from app.services.session import ClipResult
from app.whatif import text as words
from avseg.checkpoints import read_card
from avseg.config import ModelConfig
from avseg.errors import AvsegError
from avseg.interventions.run import INTERVENTIONS, Change, Intervention, Parameter, Value


@dataclass(frozen=True)
class Rail:
    """The list of changes, left of the result."""

    clip: gr.Dropdown  # only while the visitor has no result yet
    ticks: dict[str, gr.Checkbox]  # by row
    values: dict[str, tuple[Component, ...]]  # by row
    go: gr.Button
    stop: gr.Button

    def inputs(self) -> set[Component]:
        """Return everything that `read` needs."""
        return {self.clip, *self.ticks.values(), *(one for row in self.values.values() for one in row)}

    def read(self, form: dict[Component, object]) -> list[Change]:
        """Return the changes that are ticked."""
        return [self.change(name, form) for name, tick in self.ticks.items() if form[tick]]

    def change(self, name: str, form: dict[Component, object]) -> Change:
        """Return one change as its row stands, ticked or not."""
        return Change(name, tuple(_plain(form[one]) for one in self.values[name]))


def build_rail() -> Rail:
    titles = [(clip.title, name) for name, clip in bundled().items()]
    clip = gr.Dropdown(titles, value=titles[0][1], label="Clip", filterable=False, elem_id="wi-clip")
    ticks, values, config, kind = {}, {}, config_of(None), None
    for row in INTERVENTIONS:
        if row.kind != kind:
            kind = row.kind
            gr.HTML(f'<p class="wi-kind">{words.KINDS[kind]}</p>')
        with gr.Column(elem_classes="wi-row", elem_id=f"wi-{row.name}", min_width=0):
            ticks[row.name] = gr.Checkbox(
                label=row.title, container=False, elem_classes="wi-tick", **offer(row, config)
            )
            if row.table:
                gr.HTML(row.table, elem_classes="wi-table")
            if row.parameters:
                with gr.Row(elem_classes="wi-values"):
                    values[row.name] = tuple(_component_of(row, one, config) for one in row.parameters)
            else:
                values[row.name] = ()
    with gr.Column(elem_classes="wi-go"):
        go = gr.Button(words.GO, variant="primary", elem_id="wi-go")
        stopping = gr.Button("Stop", variant="stop", visible=False)
    gr.HTML(figures.small(words.ORDER))
    return Rail(clip, ticks, values, go, stopping)


def _component_of(row: Intervention, parameter: Parameter, config: ModelConfig) -> Component:
    """Return the component of a parameter; its kind decides which."""
    label = f"{parameter.label}, {parameter.unit}" if parameter.unit else parameter.label
    same = {"label": label, "min_width": 200, "elem_id": f"wi-{row.name}-{parameter.name}"}
    if parameter.numeric:
        low, high = parameter.range_in(config)
        return gr.Slider(low, high, parameter.default, step=parameter.step, buttons=[], **same)
    if parameter.kind == "text":
        return gr.Textbox(str(parameter.default), max_lines=1, **same)
    if parameter.kind == "clip":
        choices = [(clip.title, name) for name, clip in bundled().items()]
        return gr.Dropdown(choices, value=choices[1][1], filterable=False, **same)
    choices = list(available_models()) if parameter.kind == "model" else list(parameter.choices)
    return gr.Dropdown(choices, value=next(reversed(choices), None), filterable=False, **same)


def offer(row: Intervention, config: ModelConfig) -> dict[str, object]:
    """Return what a row's tick says under a model and whether it can be made; where not, it says why."""
    lacks = row.lacks(config)
    return {"info": lacks or row.sentence, "interactive": not lacks}


def config_of(shown: ClipResult | None, other: str | None = None) -> ModelConfig:
    """Return the config of the model that will run: `other`, or the result's; the first one before any."""
    name = other or (shown.model if shown else None)
    models = available_models()
    path = models.get(name) or next(iter(models.values()), None)
    try:
        return read_card(path)[0] if path else ModelConfig()
    except AvsegError:
        return ModelConfig()


def _plain(value: object) -> Value:
    return "" if value is None else value
