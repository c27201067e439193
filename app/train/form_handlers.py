"""What the form of a new run answers: its command, and what there is to say about it."""

from dataclasses import dataclass

import gradio as gr

from app.components.render import render
from app.components.updates import UNCHANGED, Updates
from app.services.handoff import TrainRequest
from app.services.host import may_train
from app.services.models import ADD_MODEL
from app.services.permalink import address
from app.services.runs import all_runs, run_state
from app.train.form import values_of
from app.train.order import (
    Order,
    Values,
    checks,
    current_name,
    data_choices,
    free_name,
    model_choices,
    preset_of,
    start_of,
)
from avseg.errors import AvsegError
from avseg.loaders import SYNTH


@dataclass(frozen=True)
class FormUpdates(Updates):
    """Changes of the form."""

    name: object = UNCHANGED
    command: object = UNCHANGED
    checks: object = UNCHANGED
    start: object = UNCHANGED


@dataclass(frozen=True)
class PresetUpdates(FormUpdates):
    """Changes of the form when a preset fills it."""

    config: object = UNCHANGED  # by the key of the field
    start_from: object = UNCHANGED


@dataclass(frozen=True)
class ChoicesUpdates(PresetUpdates):
    """Changes of the form when the tab is opened."""

    preset: object = UNCHANGED
    data: object = UNCHANGED
    more_data: object = UNCHANGED


def preview(values: Values) -> FormUpdates:
    """Write the command and what there is to say about the run."""
    if values.get("start_from") == ADD_MODEL:  # it opens the panel, and the list goes back to its model
        return FormUpdates()
    order, lines = checks(values)
    valid = not any(line.kind == "bad" for line in lines)
    busy = may_train() and any(run_state(run).alive for run in all_runs())
    # While a run is going on, nothing invites to a second one, which would slow both.
    label, variant = ("Start another run", "secondary") if busy else ("Start training", "primary")
    return FormUpdates(
        command=_command(order) if order else "",
        checks=render("train/templates/checks.html", checks=lines),
        start=gr.update(value=label, variant=variant, interactive=valid),
    )


def _command(order: Order) -> str:
    where = address(preset=order.preset)
    return render("train/templates/command.html", command=order.command(), address=where)


def choose_preset(values: Values) -> PresetUpdates:
    """Fill the form with a preset."""
    try:
        config = values_of(preset_of(values.get("preset")))
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    name, start = free_name(values["preset"]), start_of(values["preset"])
    filled = {**values, **config, "name": name, "start_from": start}
    return PresetUpdates(name=name, config=config, start_from=start) | preview(filled)


def arrive(values: Values, wanted: TrainRequest | None = None) -> ChoicesUpdates:
    """Offer the data and models that exist now, and a free name; take the preset that a tab asks for."""
    filled = ChoicesUpdates()
    if wanted is not None:
        start = start_of(wanted.preset)
        values = {**values, "preset": wanted.preset, "data": SYNTH, "more_data": [], "start_from": start}
        config = values_of(preset_of(wanted.preset))
        filled = ChoicesUpdates(preset=wanted.preset, config=config)
        values = {**values, **config, "name": free_name(wanted.preset)}
    name = current_name(values.get("preset"), values.get("name"))
    lists = ChoicesUpdates(
        name=name,
        data=gr.update(choices=data_choices(), value=values.get("data")),
        more_data=gr.update(choices=data_choices(), value=values.get("more_data")),
        start_from=gr.update(choices=model_choices(), value=values.get("start_from")),
    )
    return filled | lists | preview({**values, "name": name})
