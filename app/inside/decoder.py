"""The decoder's view: what a layer, head and query attend to, and which queries make the mask."""

import numpy as np

from app.inside.elements import Beside, Control, Group, Tile, View, bars, percent, signed
from app.inside.pictures import cells, masked, over, scale_of
from app.inside.state import MEAN, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, attention_of, density, level_maps, overlap, share_on

NO_LAYER_MASKS = "This model has no intermediate masks (no mask reformer), so a row is missing here."


def decoder_view(seen: Inspection, choice: Choice) -> View:
    """Attention of the chosen layer, head and query; queries by contribution; the row of layers."""
    attention = attention_of(seen, choice.layer - 1, _index(choice.head), _index(choice.query))
    count, tokens = seen.config.queries, seen.attention_mean.shape[-1]
    options = tuple((i, str(i)) for i in range(1, seen.config.decoder_layers + 1))
    heads = ((MEAN, "mean"), *((i, str(i)) for i in range(1, seen.config.heads + 1)))
    mask = seen.terms.both.labels > 0
    return View(
        "Decoder",
        f"Each query gathers the image tokens that it attends to.{_found(attention, mask)}",
        "<i>A</i> = softmax(<i>Q K</i><sup>⊤</sup> / √(<i>D</i>/<i>n</i><sub>head</sub>))",
        "Sec. 3.5, 3.6",
        f"A {seen.config.heads}×{count}×{tokens} per layer · queries {count}×{seen.config.embed_dim}",
        left=(
            Control("Layer", "layer", options, choice.layer),
            Control("Head", "head", heads, choice.head),
            _queries(seen, choice),
            _heads_on_mask(seen, choice, mask),
        ),
        right=(_attention(seen, choice, attention), *_layers(seen, choice, mask)),
        numbers={
            "layer": choice.layer,
            "head": choice.head,
            "query": choice.query,
            "contributions": _plain(seen.contributions.drop),
            "share_of_attention_on_mask": float(share_on(attention, mask)),
        },
    )


def _found(attention: np.ndarray, mask: np.ndarray) -> str:
    """Return how much of the chosen attention lies on the mask."""
    if not mask.any():
        return ""
    share, fills = percent(float(share_on(attention, mask))), percent(float(mask.mean()))
    return f" Of the attention chosen here {share} lies on the mask, which fills {fills} of the frame."


def who(choice: Choice, heads: int) -> str:
    """Return "mean of 8 heads, query 17"."""
    head = f"mean of {heads} heads" if choice.head == MEAN else f"head {choice.head}"
    return f"{head}, {'mean of all queries' if choice.query == MEAN else f'query {choice.query}'}"


def _attention(seen: Inspection, choice: Choice, attention: np.ndarray) -> Beside:
    words = f"Layer {choice.layer}, {who(choice, seen.config.heads)}"
    dense = density(attention, seen.size)
    scale = scale_of(dense, "attention, 1 is even")
    maps = level_maps(attention, seen.size)
    shared = scale_of(attention, "per token")
    levels = tuple(
        Tile(
            f"stride {stride}, {part.shape[0]}×{part.shape[1]}",
            (cells(seen, f"{words}, stride {stride}", part, shared),),
            below=f"{percent(float(part.sum()))} of it",
        )
        for stride, part in zip(STRIDES, maps)
    )
    main = Group(words, (Tile("", (over(seen, words, dense, scale, 720),)),), scale, 1)
    return Beside(main, Group("", levels, shared, 1))


def _queries(seen: Inspection, choice: Choice) -> str:
    """Return the queries by what the mask loses without them, and the mean of all."""
    effects = seen.contributions
    most = float(np.abs(effects.drop[effects.order]).max()) or 1.0
    rows = [
        (int(q) + 1, f"Q{q + 1}", abs(float(effects.drop[q])) / most, signed(float(effects.drop[q])))
        for q in seen.kept
    ]
    rows.append((MEAN, "mean of all", 0.0, ""))
    where = "the mask" if effects.inside else "the picture (the mask is empty)"
    small = (
        ""
        if effects.side == seen.mask_feature.shape[-1]
        else f" Measured on {effects.side}×{effects.side} cells."
    )
    words = (
        f"Drop of the foreground logit over {where} when the query's channel of F̂ · Q is set to zero in "
        f"Eq. (3); below 0 the query works against it.{small}"
    )
    note = f"{len(seen.kept)} of {seen.config.queries}, logits"
    return bars("Query, by contribution", "query", rows, choice.query, note) + f'<p class="small">{words}</p>'


def _heads_on_mask(seen: Inspection, choice: Choice, mask: np.ndarray) -> str:
    """Return how much of every head's attention lies on the mask."""
    if not mask.any():
        return '<p class="lacks">The mask of this frame is empty, so no attention can lie on it.</p>'
    rows = []
    for head in (*range(1, seen.config.heads + 1), MEAN):
        share = float(
            share_on(attention_of(seen, choice.layer - 1, _index(head), _index(choice.query)), mask)
        )
        rows.append((head, "mean" if head == MEAN else f"head {head}", share, percent(share)))
    fills = f"the mask fills {percent(float(mask.mean()))}"
    return bars("Attention on the mask", "head", rows, choice.head, fills)


def _layers(seen: Inspection, choice: Choice, mask: np.ndarray) -> tuple[Group | str, ...]:
    """Return attention and intermediate mask of every layer, and the final mask beside them."""
    each = [
        attention_of(seen, layer, _index(choice.head), _index(choice.query))
        for layer in range(seen.config.decoder_layers)
    ]
    dense = [density(attention, seen.size) for attention in each]
    scale = scale_of(np.stack(dense), "attention, 1 is even")
    tiles = []
    for layer, (attention, values) in enumerate(zip(each, dense)):
        pictures = [over(seen, f"Layer {layer + 1}, {who(choice, seen.config.heads)}", values, scale)]
        below = f"{percent(float(share_on(attention, mask)))} on the mask" if mask.any() else ""
        if seen.layers:
            pictures.append(masked(seen, f"Intermediate mask of layer {layer + 1}", seen.layers[layer]))
            below += f"{', ' if below else ''}IoU {overlap(seen.layers[layer], seen.terms.both):.2f}"
        here = layer + 1 == choice.layer
        tiles.append(Tile(f"Layer {layer + 1}", tuple(pictures), ("layer", layer + 1), here, below))
    rows = ("attention", "mask") if seen.layers else ("attention",)
    note = "IoU with the final mask" if seen.layers else ""
    columns = max(3, len(tiles) + 1)
    mask_tile = masked(seen, "Final mask", seen.terms.both)
    final = Tile("<b>Final mask</b>", ("no attention of its own", mask_tile) if seen.layers else (mask_tile,))
    group = Group("From layer to layer", (*tiles, final), scale, columns, rows, note)
    return (group,) if seen.layers else (group, f'<p class="lacks">{NO_LAYER_MASKS}</p>')


def _index(chosen: int) -> int | None:
    """Return a number of the page as an index; None for the mean."""
    return None if chosen == MEAN else chosen - 1


def _plain(drop: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 5) for value in drop]
