"""The views of masks: those of every layer, Eq. (3) taken apart, and the final one."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import Group, Scale, Text, Tile, View
from app.inside.pictures import cells, mask_words, masked, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.interpret.maps import overlap

PROBABILITY = Scale(0.0, 1.0, "foreground probability")
BOTH = ("probability", "mask")  # the pictures of a tile
REFORMER = {"query": "query-mixed reformer (QR)", "attention": "attention reformer (AR)"}
LOSS = Markup(
    "<i>L</i> = <i>L</i><sub>IoU</sub> + <i>λ</i> Σ<sub><i>i</i></sub> <i>L</i><sub>inter <i>i</i></sub>"
)
MASK = Markup(
    '<i>M</i> = Linear(<i class="hat">F</i> + MLP(<i class="hat">F</i> · <i>Q</i><sub>output</sub>))'
)
NOT_ADDITIVE = (
    "The final layers include a ReLU and biases, so the first two masks do not add up to the third; they "
    "show what each term predicts on its own."
)


def layers_view(inspection: Inspection) -> View:
    """Draw the intermediate mask of every decoder layer, and the final one."""
    final, config = inspection.terms.both, inspection.config
    last = _mask_tile(inspection, "Final mask", final, mask_words(inspection, final))
    size = f"{config.classes}×{inspection.size}×{inspection.size}"
    if not inspection.layers:
        return View(
            "Layer masks",
            "A mask reformer would turn the attention of every decoder layer into a mask.",
            shapes=f"M {size}, the final mask only",
            number="Sec. 3.6",
            right=(
                Text("This model has no intermediate masks: it was built without a mask reformer."),
                Group("", (last,), PROBABILITY, 4, BOTH),
            ),
            numbers={"layers": 0},
        )
    overlaps = [overlap(layer, final) for layer in inspection.layers]
    tiles = [
        _mask_tile(inspection, f"Layer {i}", layer, f"IoU {iou:.2f}")
        for i, (layer, iou) in enumerate(zip(inspection.layers, overlaps), start=1)
    ]
    group = Group(
        "Layer by layer", (*tiles, last), PROBABILITY, max(4, len(tiles) + 1), BOTH, "IoU with the final mask"
    )
    return View(
        "Layer masks",
        f"The {REFORMER[config.reformer]} turns each decoder layer's attention into a mask; training applies "
        "the same ground truth to every layer.",
        LOSS,
        "(4), Sec. 3.6",
        f"{len(tiles)} masks, {size} each",
        right=(group,),
        numbers={"layers": len(tiles), "iou_with_final": [round(iou, 4) for iou in overlaps]},
    )


def head_view(inspection: Inspection, choice: Choice) -> View:
    """Draw Eq. (3): the mask of either term alone, and of both."""
    terms = inspection.terms
    rows = (
        ("F\u0302 alone", "The mask feature alone", terms.feature),
        (Markup("MLP(F\u0302 · Q<sub>output</sub>) alone"), "The queries alone", terms.queries),
        (Markup("<b>both</b>, the mask"), "Both terms, the mask", terms.both),
    )
    tiles = tuple(
        Tile(label, _pictures(inspection, name, mask), below=mask_words(inspection, mask))
        for label, name, mask in rows
    )
    products = inspection.product[:9]
    scale = scale_of(products, "F\u0302 · Q", "diverging")
    product_tiles = tuple(
        Tile(
            f"Q{query + 1}",
            (cells(inspection, f"Product of query {query + 1}", values, scale),),
            "query",
            int(query) + 1,
            query + 1 == choice.query,
        )
        for query, values in zip(inspection.kept, products)
    )
    config, side = inspection.config, inspection.mask_feature.shape[-1]
    return View(
        "Mask head",
        "The mask is the sum of two terms: the mixed mask feature, and what the queries add to it.",
        MASK,
        "(3)",
        f"product {config.queries}×{side}×{side} · MLP {config.embed_dim}×{side}×{side} · "
        f"M {config.classes}×{inspection.size}×{inspection.size}",
        left=(Text(NOT_ADDITIVE, "says"),),
        right=(
            Group("Each term alone, and both", tiles, PROBABILITY, 3, BOTH),
            Group("Queries with the largest effect, before the MLP", product_tiles, scale, 9),
        ),
        numbers={
            "share_feature_alone": _share(terms.feature),
            "share_queries_alone": _share(terms.queries),
            "share_both": _share(terms.both),
            "iou_feature_alone": round(overlap(terms.feature, terms.both), 4),
            "iou_queries_alone": round(overlap(terms.queries, terms.both), 4),
        },
    )


def mask_view(inspection: Inspection) -> View:
    """Draw the mask of the frame."""
    final, words = inspection.terms.both, mask_words(inspection, inspection.terms.both)
    picture = Tile("", (masked(inspection, "The mask over the frame", final, 720),), below=words)
    heat = Tile("", (cells(inspection, "Foreground probability", final.probability, PROBABILITY),))
    binary = f"foreground where the probability is above {inspection.threshold:.2f}"
    rule = "the largest class wins" if inspection.config.classes > 1 else binary
    return View(
        "Mask",
        f"The predicted mask of this frame: {words}; {rule}.",
        shapes=f"M {inspection.config.classes}×{inspection.size}×{inspection.size}",
        number="(3)",
        right=(Group("Over the frame", (picture,), columns=1), Group("Probability", (heat,), PROBABILITY, 2)),
        numbers={"share": _share(final), "most": float(final.probability.max())},
    )


def _mask_tile(inspection: Inspection, label: str, mask: MaskMap, below: str = "") -> Tile:
    return Tile(label, _pictures(inspection, label, mask), below=below)


def _pictures(inspection: Inspection, name: str, mask: MaskMap) -> tuple:
    return (
        cells(inspection, f"{name}: probability", mask.probability, PROBABILITY),
        masked(inspection, f"{name}: over the frame", mask, 480),
    )


def _share(mask: MaskMap) -> float:
    return round(float(np.count_nonzero(mask.labels) / mask.labels.size), 5)
