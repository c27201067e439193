"""What a visitor has open in Inside, in the numbers of the page: all of them count from 1."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

from app.components.events import Action
from app.inside.inspections import Inspections
from app.services.handoff import InsideRequest
from app.services.permalink import address
from avseg.interpret.attribution import METHODS
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import mixing, most_on_mask, strongest
from avseg.interpret.sites import SITES

MEAN = 0  # as head or query: the mean of all
GRID = 100  # a cell of the decoder's grid is GRID * layer + head
REGIONS = {"mask": "Whole mask", "object": "Largest object"}  # of an attribution
POSITIONS = 1000  # a clicked position is in thousandths of the frame


@dataclass(frozen=True)
class Choice:
    """The open view and what is selected in it; None: the default for the frame."""

    view: str = "mixer"
    stage: int | None = None  # backbone, 1 to 4
    unit: int | None = None  # channel of that stage
    level: int | None = None  # encoder, strides 8, 16 and 32
    encoder_layer: int | None = None
    encoder_head: int | None = None  # or MEAN
    x: int | None = None  # selected position, thousandths of the frame's width
    y: int | None = None
    channel: int | None = None  # of mask feature and mixer
    layer: int | None = None  # of the decoder
    head: int | None = None  # of the decoder, or MEAN
    query: int | None = None  # of the decoder, or MEAN
    site: str = SITES[0].name  # of the recorded activations
    site_layer: int | None = None
    page: int = 0  # of the channels of a site, from 0
    method: str = "ig"  # of the attribution
    region: str = "mask"  # that is attributed
    by_weight: int = 0  # 1: the mixer's channels are sorted by weight, otherwise by their effect on the mask


# What the address says of a view.
LINKED = {
    "backbone": ("stage", "unit"),
    "encoder": ("level", "encoder_layer", "encoder_head", "x", "y"),
    "feature": ("channel",),
    "mixer": ("channel", "by_weight"),
    "decoder": ("layer", "head", "query"),
    "activations": ("site", "site_layer", "page"),
    "attribution": ("method", "region"),
}
NUMBERS = frozenset(f.name for f in fields(Choice)) - {"view", "site", "method", "region"}


@dataclass(eq=False)
class InsideState:
    """The selection, and what the model recorded for it."""

    SURVIVES_RELOAD: ClassVar[bool] = True  # the tab is drawn from it whenever it is opened

    choice: Choice = Choice()
    inspections: Inspections = field(default_factory=Inspections)
    asked: int = 0  # views that needed the model; makes each one an event of its own

    def release(self) -> None:
        """Forget what was recorded."""
        self.inspections.clear()


def changed(choice: Choice, action: Action, views: Collection[str]) -> Choice:
    """Return the choice after a click; an action or value that the page does not have changes nothing."""
    name, value = action.name, action.value
    if name == "query" and isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)  # typed into a field
    if name == "view" and value in views:
        return replace(choice, view=str(value))
    if name == "site" and value in [site.name for site in SITES]:
        return replace(choice, site=str(value), site_layer=None, page=0)
    if (name == "method" and value in METHODS) or (name == "region" and value in REGIONS):
        return replace(choice, **{name: str(value)})
    if name == "position" and isinstance(value, dict) and all(map(_is_whole, map(value.get, "xy"))):
        return replace(choice, x=value["x"], y=value["y"])
    if name == "attention" and _is_whole(value):  # a cell of the grid of layers and heads
        layer, head = divmod(value, GRID)
        return replace(choice, layer=layer, head=head)
    return replace(choice, **{name: value}) if name in NUMBERS and _is_whole(value) else choice


def requested(choice: Choice, request: InsideRequest, views: Collection[str]) -> Choice:
    """Return the choice that another tab asks for."""
    numbers = {name: getattr(request, name) for name in ("layer", "head", "query", "channel")}
    choice = replace(choice, **{name: number for name, number in numbers.items() if number})
    for name, value in request.selection:
        choice = changed(choice, Action(name, value), views)
    return replace(choice, view=request.view) if request.view in views else choice


def choice_address(choice: Choice) -> str:
    """Return the address of the open view and of what is selected in it."""
    selected = {name: getattr(choice, name) for name in LINKED.get(choice.view, ())}
    return address(part=choice.view, **selected)


def query_of(choice: Choice) -> int:
    """Return the query that the open view shows, from 1; 0 for none in particular."""
    return choice.query or 0 if choice.view == "decoder" else 0


def settled(choice: Choice, inspection: Inspection) -> Choice:
    """Return the choice with every number possible for this frame and model."""
    config = inspection.config
    stage = _within(choice.stage, 1, 4, 2)
    maps = inspection.stages[stage - 1]
    x, y = choice.x, choice.y
    if x is None or y is None:  # where the mask is most certain
        probability = inspection.terms.both.probability
        row, column = divmod(int(probability.argmax()), probability.shape[1])
        x, y = (round(POSITIONS * (cell + 0.5) / inspection.size) for cell in (column, row))
    queries = {MEAN, *(int(query) + 1 for query in inspection.kept)}
    layer = _within(choice.layer, 1, config.decoder_layers, config.decoder_layers)
    on_mask = most_on_mask(inspection, layer - 1)
    head, query = (number + 1 for number in on_mask) if on_mask else (MEAN, int(inspection.kept[0]) + 1)
    mix = mixing(inspection)
    first = (mix.order if choice.by_weight else mix.effect_order)[0]
    return replace(
        choice,
        stage=stage,
        unit=_within(choice.unit, 1, len(maps), int(strongest(maps, 1)[0]) + 1),
        level=_within(choice.level, 1, 3, 1),
        encoder_layer=_within(choice.encoder_layer, 1, config.encoder_layers, config.encoder_layers),
        encoder_head=_within(choice.encoder_head, MEAN, config.heads, MEAN),
        x=min(max(x, 0), POSITIONS),
        y=min(max(y, 0), POSITIONS),
        channel=_within(choice.channel, 1, config.embed_dim, int(first) + 1),
        by_weight=_within(choice.by_weight, 0, 1, 0),
        layer=layer,
        head=_within(choice.head, MEAN, config.heads, head),
        query=choice.query if choice.query in queries else query,
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(value: int | None, least: int, most: int, default: int) -> int:
    return value if value is not None and least <= value <= most else default
