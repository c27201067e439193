"""The decoder's view: what a layer, head and query attend to, and which queries make the mask."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import Bars, Beside, Control, Group, Part, Text, Tile, View, signed, whole_percent
from app.inside.pictures import cells, masked, over, scale_of
from app.inside.state import MEAN, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, attention_of, density, level_maps, overlap, share_on

RELATIVE = "attention relative to uniform (1 = uniform)"
NO_LAYER_MASKS = "This model has no mask reformer, so there are no intermediate masks."
EQUATION = Markup("<i>A</i> = softmax(<i>Q K</i><sup>⊤</sup> / √(<i>D</i>/<i>n</i><sub>head</sub>))")


def decoder_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the attention of one layer, head and query, all queries by contribution, and all layers."""
    config = inspection.config
    attention = _attention(inspection, choice.layer, choice.head, choice.query)
    count, tokens = config.queries, inspection.attention_mean.shape[-1]
    heads = ((MEAN, "mean"), *((i, str(i)) for i in range(1, config.heads + 1)))
    mask = inspection.terms.both.labels > 0
    sentence = "Each query attends to some image tokens and pools them."
    if mask.any():
        share, area = (whole_percent(float(x)) for x in (share_on(attention, mask), mask.mean()))
        sentence += f" {share} of this attention lies on the mask, which covers {area} of the frame."
        rows = []
        for head in (*range(1, config.heads + 1), MEAN):
            values = _attention(inspection, choice.layer, head, choice.query)
            share = float(share_on(values, mask))
            rows.append((head, "mean" if head == MEAN else f"head {head}", share, whole_percent(share)))
        on_mask: Part = Bars(
            "Attention on the mask", "head", tuple(rows), choice.head, f"mask: {area} of the frame"
        )
    else:
        on_mask = Text("The mask of this frame is empty, so no attention lies on it.")
    return View(
        "Decoder",
        sentence,
        EQUATION,
        "Sec. 3.5, 3.6",
        f"A {config.heads}×{count}×{tokens} per layer · queries {count}×{config.embed_dim}",
        left=(
            Control(
                "Layer",
                "layer",
                tuple((i, str(i)) for i in range(1, config.decoder_layers + 1)),
                choice.layer,
            ),
            Control("Head", "head", heads, choice.head),
            *_queries(inspection, choice),
            on_mask,
        ),
        right=(_attention_maps(inspection, choice, attention), *_layers(inspection, choice, mask)),
        numbers={
            "layer": choice.layer,
            "head": choice.head,
            "query": choice.query,
            "contributions": [
                None if np.isnan(drop) else round(float(drop), 5) for drop in inspection.contributions.drop
            ],
            "share_of_attention_on_mask": float(share_on(attention, mask)),
        },
    )


def _attention(inspection: Inspection, layer: int, head: int, query: int) -> np.ndarray:
    """Return attention over all tokens; numbers as on the page, MEAN for all heads or queries."""
    head_index, query_index = (None if number == MEAN else number - 1 for number in (head, query))
    return attention_of(inspection, layer - 1, head_index, query_index)


def _whose(choice: Choice, heads: int) -> str:
    """Return "mean of 8 heads, query 17"."""
    head = f"mean of {heads} heads" if choice.head == MEAN else f"head {choice.head}"
    return f"{head}, {'mean of all queries' if choice.query == MEAN else f'query {choice.query}'}"


def _attention_maps(inspection: Inspection, choice: Choice, attention: np.ndarray) -> Beside:
    title = f"Layer {choice.layer}, {_whose(choice, inspection.config.heads)}"
    relative = density(attention, inspection.size)
    scale, shared = scale_of(relative, RELATIVE), scale_of(attention, "per token")
    levels = tuple(
        Tile(
            f"stride {stride}, {values.shape[0]}×{values.shape[1]}",
            (cells(inspection, f"{title}, stride {stride}", values, shared),),
            below=f"{whole_percent(float(values.sum()))} of the attention",
        )
        for stride, values in zip(STRIDES, level_maps(attention, inspection.size))
    )
    large = Group(title, (Tile("", (over(inspection, title, relative, scale, 720),)),), scale, 1)
    return Beside(large, Group("", levels, shared, 1))


def _queries(inspection: Inspection, choice: Choice) -> tuple[Part, ...]:
    """Return the queries by how much the mask loses without them, and the mean of all."""
    effects = inspection.contributions
    largest = float(np.abs(effects.drop[effects.order]).max()) or 1.0
    rows = [
        (int(q) + 1, f"Q{q + 1}", abs(float(effects.drop[q])) / largest, signed(float(effects.drop[q])))
        for q in inspection.kept
    ]
    rows.append((MEAN, "mean of all", 0.0, ""))
    where = "over the mask" if effects.inside else "over the frame, since the mask is empty"
    text = (
        f"How much the foreground logit drops when this query is removed from Eq. (3), {where}; "
        "negative: the query works against the mask."
    )
    if effects.side != inspection.mask_feature.shape[-1]:
        text += f" Measured on {effects.side}×{effects.side} cells."
    note = f"{len(inspection.kept)} of {inspection.config.queries}, logits"
    return (
        Bars("Queries by contribution", "query", tuple(rows), choice.query, note),
        Text(text, "small"),
    )


def _layers(inspection: Inspection, choice: Choice, mask: np.ndarray) -> tuple[Part, ...]:
    """Return attention and intermediate mask of every layer, and the final mask."""
    config, final = inspection.config, inspection.terms.both
    layers = range(1, config.decoder_layers + 1)
    attentions = [_attention(inspection, layer, choice.head, choice.query) for layer in layers]
    relative = [density(attention, inspection.size) for attention in attentions]
    scale = scale_of(np.stack(relative), RELATIVE)
    tiles = []
    for layer, attention, values in zip(layers, attentions, relative):
        pictures = [over(inspection, f"Layer {layer}, {_whose(choice, config.heads)}", values, scale)]
        below = [f"{whole_percent(float(share_on(attention, mask)))} on the mask"] if mask.any() else []
        if inspection.layers:
            intermediate = inspection.layers[layer - 1]
            pictures.append(masked(inspection, f"Intermediate mask of layer {layer}", intermediate))
            below.append(f"IoU {overlap(intermediate, final):.2f}")
        here = layer == choice.layer
        tiles.append(Tile(f"Layer {layer}", tuple(pictures), "layer", layer, here, ", ".join(below)))
    last = masked(inspection, "Final mask", final)
    tiles.append(Tile("Final mask", ("no attention", last) if inspection.layers else (last,)))
    group = Group(
        "Layer by layer",
        tuple(tiles),
        scale,
        max(3, len(tiles)),
        ("attention", "mask") if inspection.layers else ("attention",),
        "IoU with the final mask" if inspection.layers else "",
    )
    return (group,) if inspection.layers else (group, Text(NO_LAYER_MASKS))
