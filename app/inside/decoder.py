"""The decoder's view: what a layer, head and query attend to, and which queries make the mask."""

import numpy as np

from app.inside.figures import TEXTS, Group, Parts, Tile, View, part, signed, view, whole_percent
from app.inside.pictures import WIDE, cells, masked, over, scale_of
from app.inside.state import GRID, MEAN, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, attention_of, density, level_maps, overlap, share_on

RELATIVE = "attention relative to uniform (1 = uniform)"
NO_LAYER_MASKS = "This model has no mask reformer, so there are no intermediate masks."
EMPTY = "The mask of this frame is empty, so no attention lies on it."


def decoder_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the attention of one layer, head and query, all queries by contribution, and all layers."""
    config, mask = inspection.config, inspection.terms.both.labels > 0
    attention = _attention(inspection, choice.layer, choice.head, choice.query)
    on_mask, bars = "", part("text", EMPTY)
    if mask.any():
        share, area = whole_percent(share_on(attention, mask)), whole_percent(mask.mean())
        on_mask = f" {share} of this attention lies on the mask, which covers {area} of the frame."
        rows = []
        for head in (*range(1, config.heads + 1), MEAN):
            of_head = float(share_on(_attention(inspection, choice.layer, head, choice.query), mask))
            rows.append((head, "mean" if head == MEAN else f"head {head}", of_head, whole_percent(of_head)))
        note = f"mask: {area} of the frame"
        bars = part("bars", "Attention on the mask", "head", rows, choice.head, note)
    whose = f"mean of {config.heads} heads" if choice.head == MEAN else f"head {choice.head}"
    whose += ", mean of all queries" if choice.query == MEAN else f", query {choice.query}"
    drops = inspection.contributions.drop
    return view(
        TEXTS["decoder"],
        inspection,
        tokens=attention.size,
        on_mask=on_mask,
        left=(
            part("numbered", "Layer", "layer", config.decoder_layers, choice.layer),
            part("numbered", "Head", "head", config.heads, choice.head, "mean"),
            *_queries(inspection, choice),
            bars,
            part("leads", "Without it", _drops(choice)),
        ),
        right=(
            _attention_maps(inspection, f"Layer {choice.layer}, {whose}", attention),
            _grid(inspection, choice, mask),
            *_layers(inspection, choice, whose, mask),
        ),
        numbers={
            "layer": choice.layer,
            "head": choice.head,
            "query": choice.query,
            "contributions": [None if np.isnan(drop) else round(float(drop), 5) for drop in drops],
            "share_of_attention_on_mask": float(share_on(attention, mask)),
        },
    )


def _attention(inspection: Inspection, layer: int, head: int, query: int) -> np.ndarray:
    """Return attention over all tokens; numbers as on the page, MEAN for all heads or queries."""
    head_index, query_index = (None if number == MEAN else number - 1 for number in (head, query))
    return attention_of(inspection, layer - 1, head_index, query_index)


def _attention_maps(inspection: Inspection, title: str, attention: np.ndarray) -> Group:
    """Return attention over the frame, and beside it the map of every stride."""
    relative = density(attention, inspection.size)
    scale, shared = scale_of(relative, RELATIVE), scale_of(attention, "per token")
    levels = tuple(
        Tile(
            f"stride {stride}, {values.shape[0]}×{values.shape[1]}",
            (cells(inspection, f"{title}, stride {stride}", values, shared),),
            below=f"{whole_percent(values.sum())} of the attention",
        )
        for stride, values in zip(STRIDES, level_maps(attention, inspection.size))
    )
    large = Tile("", (over(inspection, title, relative, scale, WIDE),))
    return Group(title, (large,), scale, 1, beside=Group("", levels, shared, 1))


def _grid(inspection: Inspection, choice: Choice, mask: np.ndarray) -> Group:
    """Return the attention of the selected query in every layer and head."""
    layers, heads = range(1, inspection.config.decoder_layers + 1), range(1, inspection.config.heads + 1)
    cases = {
        (layer, head): _attention(inspection, layer, head, choice.query) for layer in layers for head in heads
    }
    maps = {case: density(attention, inspection.size) for case, attention in cases.items()}
    scale = scale_of(np.stack(list(maps.values())), RELATIVE, percentile=99.5)
    tiles = tuple(
        Tile(
            f"{layer}.{head}",
            (cells(inspection, f"Layer {layer}, head {head}", maps[layer, head], scale),),
            "attention",
            GRID * layer + head,
            (layer, head) == (choice.layer, choice.head),
            whole_percent(share_on(cases[layer, head], mask)) if mask.any() else "",
        )
        for layer, head in cases
    )
    query = "mean of all queries" if choice.query == MEAN else f"query {choice.query}"
    note = "share of the attention on the mask below" if mask.any() else ""
    return Group(f"Every layer and head, {query}", tiles, scale, len(heads), note=note, small=True)


def _queries(inspection: Inspection, choice: Choice) -> Parts:
    """Return the queries by how much the mask loses without them, and the mean of all."""
    effects, kept = inspection.contributions, inspection.kept
    largest = float(np.abs(effects.drop[effects.order]).max()) or 1.0
    drops = [(int(query) + 1, float(effects.drop[query])) for query in kept]
    rows = [
        (query, f"Q{query}", 0.0, "not measured")
        if np.isnan(drop)
        else (query, f"Q{query}", abs(drop) / largest, signed(drop))
        for query, drop in drops
    ]
    rows.append((MEAN, "mean of all", 0.0, ""))
    where = "over the mask" if effects.inside else "over the frame, since the mask is empty"
    text = (
        f"How much the foreground logit drops when this query is removed from Eq. (3), {where}; "
        "negative: the query works against the mask."
    )
    if effects.side != inspection.mask_feature.shape[-1]:
        text += f" Measured on {effects.side}×{effects.side} cells."
    note = f"{len(kept)} of {inspection.config.queries}, logits"
    return (
        part("bars", "Queries by contribution", "query", rows, choice.query, note),
        part("by_number", "Query by number", "query", inspection.config.queries, choice.query),
        part("text", text, "small"),
    )


def _drops(choice: Choice) -> list[tuple[str, str]]:
    """Return the changes of What if that drop what is selected, with the text of their buttons."""
    drops = [] if choice.query == MEAN else [(f"drop-queries={choice.query}", f"Drop query {choice.query}")]
    if choice.head != MEAN:
        head = f"Drop head {choice.head} of layer {choice.layer}"
        drops.append((f"decoder-head={choice.head},{choice.layer}", head))
    return drops or [("keep-queries=1", "Keep one query")]


def _layers(inspection: Inspection, choice: Choice, whose: str, mask: np.ndarray) -> Parts:
    """Return attention and intermediate mask of every layer, and the final mask."""
    final, layers = inspection.terms.both, range(1, inspection.config.decoder_layers + 1)
    attentions = [_attention(inspection, layer, choice.head, choice.query) for layer in layers]
    relative = [density(attention, inspection.size) for attention in attentions]
    scale = scale_of(np.stack(relative), RELATIVE)
    tiles = []
    for layer, attention, values in zip(layers, attentions, relative):
        pictures = [over(inspection, f"Layer {layer}, {whose}", values, scale)]
        below = [f"{whole_percent(share_on(attention, mask))} on the mask"] if mask.any() else []
        if inspection.layers:
            intermediate = inspection.layers[layer - 1]
            pictures.append(masked(inspection, f"Intermediate mask of layer {layer}", intermediate))
            below.append(f"IoU {overlap(intermediate, final):.2f}")
        selected = layer == choice.layer
        tiles.append(Tile(f"Layer {layer}", tuple(pictures), "layer", layer, selected, ", ".join(below)))
    last = masked(inspection, "Final mask", final)
    tiles.append(Tile("Final mask", ("no attention", last) if inspection.layers else (last,)))
    rows, note = ("attention",), ""
    if inspection.layers:
        rows, note = ("attention", "mask"), "IoU with the final mask"
    group = Group("Layer by layer", tuple(tiles), scale, max(3, len(tiles)), rows, note)
    return (group,) if inspection.layers else (group, part("text", NO_LAYER_MASKS))
