"""The map of the model, after the paper's Figure 3: boxes are buttons with live pictures."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.inside.figures import Picture, Scale
from app.inside.pictures import cells, mask_words, masked, over, photo, scale_of
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import attention_of, density, principal
from avseg.media.draw import heat_map, spectrogram

# The drawing is 1000 wide; seven columns, two rows.
HEIGHT, BOX, STEP = 256, 93, 151.17
SIDE = 220  # pixels of a box's picture
ROW_1, ROW_2, BOTTOM_1, TOP_2 = 33, 177, 113, 143  # heights of arrows, end and start of the rows
TWICE = "Sound enters twice: as queries of the decoder and as channel weights in the mixer."
ONCE = "Sound enters once, as queries of the decoder: this model has no mixer."


@dataclass(frozen=True, eq=False)
class Box:
    """One box of the map."""

    column: int
    row: int
    view: str
    name: str
    shape: str
    picture: Picture
    number: str = ""


@dataclass(frozen=True)
class Arrow:
    """One arrow of the map; `path` in units of the drawing."""

    start: str
    end: str
    path: str
    label: str = ""
    at: tuple[float, float] = (0, 0)
    dashed: bool = False


def model_map(inspection: Inspection, view: str) -> Markup:
    """Return the map of a frame's forward pass; the box of the open view and its arrows are highlighted."""
    return render(
        "inside/templates/map.html",
        view=view,
        boxes=_boxes(inspection),
        arrows=_arrows(inspection),
        hint=ONCE if inspection.config.mixer == "none" else TWICE,
        height=HEIGHT,
        step=STEP,
        second_row=TOP_2,
    )


def _boxes(inspection: Inspection) -> list[Box]:
    """Return the upper row, through which the frame goes, and the lower one, of the sound."""
    c, final = inspection.config, inspection.terms.both
    image = f"{inspection.size}×{inspection.size}"
    feature, mixed = inspection.mask_feature.mean(0), inspection.mixed.mean(0)
    feature_scale = scale_of(np.stack([feature, mixed]), "")
    feature_shape = "×".join(map(str, inspection.mask_feature.shape))
    stage, encoded = inspection.stages[1].mean(0), principal(inspection.levels)[0]
    tokens = inspection.attention_mean.shape[-1]
    attention = density(attention_of(inspection, c.decoder_layers - 1), inspection.size)
    layers = inspection.layers

    def heat(values: np.ndarray, scale: Scale | None = None) -> Picture:
        return cells(inspection, "", values, scale or scale_of(values, ""))

    def vectors(values: np.ndarray) -> Picture:
        return Picture("", heat_map(np.abs(values)).picture, True, inspection.frame.shape[:2])

    log_mel = Picture("", spectrogram(inspection.log_mel), True, inspection.frame.shape[:2], ink=True)
    decoded = over(inspection, "", attention, scale_of(attention, ""), SIDE)
    layer_mask = masked(inspection, "", layers[-1], SIDE) if layers else photo(inspection, "", SIDE)
    encoder = f"Encoder ×{c.encoder_layers}" if c.encoder_layers else "Encoder"
    foreground = mask_words(inspection, final).removesuffix(" of the frame")
    equation = "" if c.mixer in ("none", "cross") else "Eq. (2)"
    upper = (
        ("frame", "Frame", f"3×{image}", photo(inspection, "", SIDE)),
        ("backbone", "Backbone", "strides 4 to 32", heat(stage)),
        ("encoder", encoder, f"{tokens}×{c.embed_dim}", heat(encoded, scale_of(encoded, "", "diverging"))),
        ("feature", "Mask feature", feature_shape, heat(feature, feature_scale)),
        ("mixer", "Mixer", feature_shape, heat(mixed, feature_scale), equation),
        ("head", "Mask head", f"{c.classes}×{image}", heat(final.probability, Scale(0, 1, "")), "Eq. (3)"),
        ("mask", "Mask", foreground, masked(inspection, "", final, SIDE)),
    )
    queries = f"{c.queries}×{c.embed_dim}"
    layer_title = f"Layer masks ×{len(layers)}" if layers else "Layer masks"
    lower = (
        ("sound", "Log-mel", "1×96×64", log_mel),
        ("audio", "Audio network", f"1×{c.embed_dim}", vectors(inspection.audio[None])),
        ("queries", "Queries", queries, vectors(inspection.queries)),
        ("decoder", f"Decoder ×{c.decoder_layers}", queries, decoded),
        ("layers", layer_title, f"{c.classes}×{image}" if layers else "none", layer_mask),
    )
    return [Box(i, row, *box) for row, boxes in ((1, upper), (2, lower)) for i, box in enumerate(boxes)]


def _arrows(inspection: Inspection) -> list[Arrow]:
    """Return the arrows: along the rows, and the three that cross them."""
    upper = ("frame", "backbone", "encoder", "feature", "mixer", "head", "mask")
    lower = ("sound", "audio", "queries", "decoder", "layers")
    arrows = []
    for row, height in ((upper, ROW_1), (lower, ROW_2)):
        for i, (start, end) in enumerate(pairwise(row)):
            path = f"M{i * STEP + BOX + 5:.1f} {height}H{(i + 1) * STEP - 5:.1f}"
            arrows.append(Arrow(start, end, path, dashed=end == "layers"))
    middle, gap = BOX / 2, BOX + 22
    if inspection.config.mixer != "none":
        path = f"M{STEP + gap:.1f} {ROW_2}V122H{4 * STEP + middle:.1f}V{BOTTOM_1 + 2}"
        label = f"audio, 1×{inspection.config.embed_dim}"
        arrows.append(Arrow("audio", "mixer", path, label, (2 * STEP + BOX + 3, 105)))
    path = f"M{2 * STEP + middle:.1f} {BOTTOM_1}V132H{3 * STEP + middle:.1f}V{TOP_2 - 2}"
    arrows.append(Arrow("encoder", "decoder", path))
    path = f"M{3 * STEP + gap:.1f} {ROW_2}V132H{5 * STEP + middle:.1f}V{BOTTOM_1 + 2}"
    label = f"queries, {inspection.config.queries}×{inspection.config.embed_dim}"
    return [*arrows, Arrow("decoder", "head", path, label, (4 * STEP + BOX + 3, 115))]
