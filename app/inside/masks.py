"""The views of masks: those of every layer, Eq. (3) taken apart, and the final one."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import TEXTS, Group, Parts, Scale, Tile, View, part, single, view
from app.inside.pictures import WIDE, cells, mask_words, masked, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.interpret.maps import overlap

PROBABILITY = Scale(0.0, 1.0, "foreground probability")
BOTH = ("probability", "mask")  # the pictures of a tile
NO_LAYER_MASKS = "This model has no intermediate masks: it was built without a mask reformer."


def layers_view(inspection: Inspection) -> View:
    """Draw the intermediate mask of every decoder layer, and the final one."""
    final = inspection.terms.both
    last = _tile(inspection, "Final mask", final, mask_words(inspection, final))
    overlaps = [overlap(layer, final) for layer in inspection.layers]
    right: Parts = (part("text", NO_LAYER_MASKS), Group("", (last,), PROBABILITY, 4, BOTH))
    if overlaps:
        tiles = [
            _tile(inspection, f"Layer {i}", layer, f"IoU {iou:.2f}")
            for i, (layer, iou) in enumerate(zip(inspection.layers, overlaps), start=1)
        ]
        columns, note = max(4, len(tiles) + 1), "IoU with the final mask"
        right = (Group("Layer by layer", (*tiles, last), PROBABILITY, columns, BOTH, note),)
    return view(
        TEXTS["layers"][inspection.config.reformer],
        inspection,
        right=right,
        numbers={"layers": len(overlaps)}
        | ({"iou_with_final": [round(iou, 4) for iou in overlaps]} if overlaps else {}),
    )


def head_view(inspection: Inspection, choice: Choice) -> View:
    """Draw Eq. (3): the mask of either term alone, and of both."""
    terms, texts = inspection.terms, TEXTS["head"]
    rows = (
        ("F\u0302 alone", "The mask feature alone", terms.feature),
        (Markup("MLP(F\u0302 · Q<sub>output</sub>) alone"), "The queries alone", terms.queries),
        (Markup("<b>both</b>, the mask"), "Both terms, the mask", terms.both),
    )
    tiles = [_tile(inspection, label, mask, mask_words(inspection, mask), name) for label, name, mask in rows]
    scale = scale_of(inspection.product[:9], "F\u0302 · Q", "diverging")
    products = []
    for index, values in zip(inspection.kept, inspection.product[:9]):
        query = int(index) + 1
        picture = cells(inspection, f"Product of query {query}", values, scale)
        products.append(Tile(f"Q{query}", (picture,), "query", query, query == choice.query))
    return view(
        texts,
        inspection,
        left=(part("text", texts["note"], "says"),),
        right=(
            Group("Each term alone, and both", tuple(tiles), PROBABILITY, 3, BOTH),
            Group("Queries with the largest effect, before the MLP", tuple(products), scale, 9),
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
    final, words = inspection.final, mask_words(inspection, inspection.final)
    binary = f"foreground where the probability is above {inspection.threshold:.2f}"
    heat = cells(inspection, "Foreground probability", final.probability, PROBABILITY)
    return view(
        TEXTS["mask"],
        inspection,
        words=words,
        rule="the largest class wins" if inspection.config.classes > 1 else binary,
        right=(
            single("Over the frame", masked(inspection, "The mask over the frame", final, WIDE), below=words),
            single("Probability", heat, PROBABILITY, 2),
        ),
        numbers={"share": _share(final), "most": float(final.probability.max())},
    )


def _tile(inspection: Inspection, label: str, mask: MaskMap, below: str, name: str = "") -> Tile:
    """Return probability and mask; name: of the pictures, where it is not the label."""
    name = name or label
    heat = cells(inspection, f"{name}: probability", mask.probability, PROBABILITY)
    return Tile(label, (heat, masked(inspection, f"{name}: over the frame", mask, 480)), below=below)


def _share(mask: MaskMap) -> float:
    return round(float(np.count_nonzero(mask.labels) / mask.labels.size), 5)
