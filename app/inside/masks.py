"""The views of masks: those of every layer, Eq. (3) taken apart, and the final one."""

import numpy as np

from app.inside.elements import Group, Scale, Tile, View
from app.inside.pictures import cells, mask_words, masked, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.interpret.maps import overlap

PROBABILITY = Scale(0.0, 1.0, "probability of foreground")
HOW = {"query": "query-mixed reformer (QR)", "attention": "attention reformer (AR)"}
HAT = '<i class="hat">F</i>'
PRODUCT = f"{HAT} · <i>Q</i><sub>output</sub>"


def layers_view(seen: Inspection) -> View:
    """The intermediate mask of every decoder layer, and the final one."""
    if not seen.layers:
        tile = _mask_tile(seen, "Final mask", seen.terms.both)
        lacks = (
            '<p class="lacks">This model has no intermediate masks: it was built without a mask reformer.</p>'
        )
        return View(
            "Layer masks",
            "A mask reformer would make a mask from the attention of every decoder layer.",
            shapes=f"M {seen.config.classes}×{seen.size}×{seen.size}, the final one only",
            number="Sec. 3.6",
            right=(lacks, Group("", (tile,), PROBABILITY, 4, ("probability", "mask"))),
            numbers={"layers": 0},
        )
    overlaps = [overlap(layer, seen.terms.both) for layer in seen.layers]
    tiles = [
        _mask_tile(seen, f"Layer {i + 1}", layer, f"IoU {iou:.2f}")
        for i, (layer, iou) in enumerate(zip(seen.layers, overlaps))
    ]
    final = _mask_tile(seen, "Final mask", seen.terms.both, mask_words(seen, seen.terms.both))
    columns = max(4, len(tiles) + 1)
    return View(
        "Layer masks",
        f"Each decoder layer's attention, read as a mask by the {HOW[seen.config.reformer]}; "
        "training asks every layer for the same answer.",
        "<i>L</i> = <i>L</i><sub>IoU</sub> + <i>λ</i> Σ<sub><i>i</i></sub> <i>L</i><sub>inter <i>i</i></sub>",
        "(4), Sec. 3.6",
        f"{len(seen.layers)} masks, {seen.config.classes}×{seen.size}×{seen.size} each",
        right=(
            Group(
                "Layer by layer",
                (*tiles, final),
                PROBABILITY,
                columns,
                ("probability", "mask"),
                "IoU with the final mask",
            ),
        ),
        numbers={"layers": len(tiles), "iou_with_final": [round(value, 4) for value in overlaps]},
    )


def head_view(seen: Inspection, choice: Choice) -> View:
    """Eq. (3): the mask of either term alone, and of both."""
    terms = seen.terms
    rows = (
        ("F\u0302 alone", "The mask feature alone", terms.feature),
        ("MLP(F\u0302 · Q<sub>output</sub>) alone", "The queries alone", terms.queries),
        ("<b>both</b>, the mask", "Both terms, the mask", terms.both),
    )
    tiles = tuple(
        Tile(label, _pictures(seen, name, mask), below=mask_words(seen, mask)) for label, name, mask in rows
    )
    queries, dim, side = seen.config.queries, seen.config.embed_dim, seen.mask_feature.shape[-1]
    words = (
        "The last layers are not linear (there is a ReLU between them) and have biases of their own: the "
        "first two pictures do not add up to the third. They show what either term would say by itself."
    )
    return View(
        "Mask head",
        "Two terms meet in the mask: the picture as the sound has weighed it, and what the queries say.",
        f"<i>M</i> = Linear({HAT} + MLP({PRODUCT}))",
        "(3)",
        f"product {queries}×{side}×{side} · MLP {dim}×{side}×{side} · "
        f"M {seen.config.classes}×{seen.size}×{seen.size}",
        left=(f'<p class="says">{words}</p>',),
        right=(
            Group("Each term alone, and together", tiles, PROBABILITY, 3, ("probability", "mask")),
            _products(seen, choice),
        ),
        numbers={
            "share_feature_alone": _share(terms.feature),
            "share_queries_alone": _share(terms.queries),
            "share_both": _share(terms.both),
            "iou_feature_alone": round(overlap(terms.feature, terms.both), 4),
            "iou_queries_alone": round(overlap(terms.queries, terms.both), 4),
        },
    )


def mask_view(seen: Inspection) -> View:
    """The mask of the frame."""
    final = seen.terms.both
    picture = Tile("", (masked(seen, "The mask over the frame", final, 720),), below=mask_words(seen, final))
    heat = Tile("", (cells(seen, "Probability of foreground", final.probability, PROBABILITY),))
    above = f"marked where it is above {seen.threshold:.2f}"
    cut = "the largest class wins" if seen.config.classes > 1 else above
    return View(
        "Mask",
        f"What the model says of this frame: {mask_words(seen, final)}; {cut}.",
        shapes=f"M {seen.config.classes}×{seen.size}×{seen.size}",
        number="(3)",
        right=(Group("Over the frame", (picture,), columns=1), Group("Probability", (heat,), PROBABILITY, 2)),
        numbers={"share": _share(final), "most": float(final.probability.max())},
    )


def _products(seen: Inspection, choice: Choice) -> Group:
    """Return the product maps of the queries that move the mask most."""
    shown = seen.product[:9]
    scale = scale_of(shown, "F\u0302 · Q", "diverging")
    tiles = tuple(
        Tile(
            f"Q{query + 1}",
            (cells(seen, f"Product of query {query + 1}", values, scale),),
            ("query", int(query) + 1),
            query + 1 == choice.query,
        )
        for query, values in zip(seen.kept, shown)
    )
    return Group("The queries that move the mask most, before the MLP", tiles, scale, 9)


def _mask_tile(seen: Inspection, label: str, mask: MaskMap, below: str = "") -> Tile:
    return Tile(label, _pictures(seen, label, mask), below=below)


def _pictures(seen: Inspection, name: str, mask: MaskMap) -> tuple:
    return (
        cells(seen, f"{name}: probability", mask.probability, PROBABILITY),
        masked(seen, f"{name}: over the frame", mask, 480),
    )


def _share(mask: MaskMap) -> float:
    return round(float(np.count_nonzero(mask.labels) / mask.labels.size), 5)
