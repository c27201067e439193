"""What a visitor chose to look at, in the numbers of the page: all of them count from 1."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import mixing, strongest

MEAN = 0  # as head or query: the mean of all
PLACES = 1000  # a clicked place is counted in thousandths of the frame


@dataclass(frozen=True)
class Choice:
    """One state of the Inside tab; None stands for what the frame suggests."""

    view: str = "mixer"
    stage: int | None = None  # backbone, 1 to 4
    unit: int | None = None  # channel of that stage
    level: int | None = None  # encoder, strides 8, 16 and 32
    reading: int | None = None  # layer of the encoder
    reader: int | None = None  # head of the encoder, or MEAN for all
    x: int | None = None  # clicked place, thousandths of the frame's width
    y: int | None = None
    channel: int | None = None  # of mask feature and mixer
    layer: int | None = None  # of the decoder
    head: int | None = None  # of the decoder, or MEAN
    query: int | None = None  # of the decoder, or MEAN


NUMBERS = frozenset(field.name for field in fields(Choice)) - {"view"}


def changed(choice: Choice, data: Mapping[str, object], views: Mapping[str, object]) -> Choice:
    """Return the choice after what the page sent; whatever is no choice is left out."""
    wanted: dict[str, str | int] = {}
    for name, value in data.items():
        if name == "view" and value in views:
            wanted["view"] = str(value)
        elif name in NUMBERS and isinstance(value, int) and not isinstance(value, bool):
            wanted[name] = value
    return replace(choice, **wanted)


def settled(choice: Choice, seen: Inspection) -> Choice:
    """Return the choice with every number possible for this frame and model."""
    config = seen.config
    stage = _within(choice.stage, 1, 4, 2)
    maps = seen.stages[stage - 1]
    busiest = _busiest(choice, seen)
    queries = {MEAN, *(int(query) + 1 for query in seen.kept)}
    return replace(
        choice,
        stage=stage,
        unit=_within(choice.unit, 1, len(maps), int(strongest(maps, 1)[0]) + 1),
        level=_within(choice.level, 1, 3, 1),
        reading=_within(choice.reading, 1, config.encoder_layers, config.encoder_layers),
        reader=_within(choice.reader, MEAN, config.heads, MEAN),
        x=_within(choice.x, 0, PLACES, busiest[0]),
        y=_within(choice.y, 0, PLACES, busiest[1]),
        channel=_within(choice.channel, 1, config.embed_dim, int(mixing(seen).order[0]) + 1),
        layer=_within(choice.layer, 1, config.decoder_layers, config.decoder_layers),
        head=_within(choice.head, MEAN, config.heads, MEAN),
        query=choice.query if choice.query in queries else int(seen.kept[0]) + 1,
    )


def _within(value: int | None, least: int, most: int, default: int) -> int:
    return value if value is not None and least <= value <= most else default


def _busiest(choice: Choice, seen: Inspection) -> tuple[int, int]:
    """Return the place where the mask is surest, in thousandths."""
    if choice.x is not None and choice.y is not None:
        return choice.x, choice.y
    probability = seen.terms.both.probability
    row, column = divmod(int(probability.argmax()), probability.shape[1])
    return tuple(round(PLACES * (place + 0.5) / seen.size) for place in (column, row))
