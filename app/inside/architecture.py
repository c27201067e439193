"""The map of the model, the paper's Figure 3 in our own drawing: boxes are buttons with live pictures."""

from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from app.inside.elements import Picture, Scale, pick, png_uri
from app.inside.pictures import cells, mask_words, masked, over, photo, scale_of
from app.services.clips import jpeg_uri
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import attention_of, density, principal
from avseg.media.draw import heat_map, spectrogram

# The drawing is 1000 wide; seven columns, two rows.
HIGH, BOX, STEP = 256, 93, 151.17
SIDE = 220  # pixels of a box's picture
ROW_1, ROW_2, BOTTOM_1, TOP_2 = 33, 177, 113, 143  # heights of arrows, end and start of the rows
TWICE = (
    "Sound enters twice: as queries for the decoder and as weights in the mixer. Choose a part to open it."
)
ONCE = "Sound enters once, as queries for the decoder: this model has no mixer. Choose a part to open it."


@dataclass(frozen=True, eq=False)
class Box:
    """One box of the map."""

    view: str
    column: int
    row: int
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
    words: str = ""
    at: tuple[float, float] = (0, 0)
    dashed: bool = False


def architecture(seen: Inspection, chosen: str) -> str:
    """Return the map of a frame's forward pass as HTML, the chosen box and its arrows in accent."""
    boxes = "".join(_box(box, box.view == chosen) for box in _boxes(seen))
    drawn, words = [], []
    for arrow in _arrows(seen):
        here = chosen in (arrow.start, arrow.end)
        if arrow.words:
            left, top = arrow.at
            words.append(f'<span class="via" style="left:{left / 10:.2f}%;top:{top}px">{arrow.words}</span>')
        kind = " ".join([*(["here"] if here else []), *(["dashed"] if arrow.dashed else [])])
        tip = "tip-here" if here else "tip"
        drawn.append((here, f'<path class="halo" d="{arrow.path}"/>'))
        drawn.append((here, f'<path class="{kind}" d="{arrow.path}" marker-end="url(#{tip})"/>'))
    lines = "".join(line for _, line in sorted(drawn, key=lambda pair: pair[0]))
    sound = ONCE if seen.config.mixer == "none" else TWICE
    return (
        f'<div class="map"><div class="plan" style="height:{HIGH}px">'
        f'<svg viewBox="0 0 1000 {HIGH}" preserveAspectRatio="none" aria-hidden="true"><defs>'
        f"{_tip('tip')}{_tip('tip-here')}</defs>{lines}</svg>{''.join(words)}{boxes}"
        f'<p class="hint">{sound}</p></div></div>'
    )


def _tip(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 .8 7.4 4 0 7.2z"/></marker>'
    )


def _box(box: Box, chosen: bool) -> str:
    uri = png_uri(box.picture.image) if box.picture.cells else jpeg_uri(box.picture.image)
    height, width = box.picture.shape
    number = f"<small>{box.number}</small>" if box.number else ""
    inner = (
        f'<span class="pane"><img class="{box.picture.css}" src="{uri}" alt="" '
        f'style="aspect-ratio:{width}/{height}"></span>'
        f"<b>{box.name}</b>{number}<code>{escape(box.shape)}</code>"
    )
    button = pick("view", box.view, inner, chosen, kind="box")
    top = 0 if box.row == 1 else TOP_2
    return f'<div class="at" style="left:{box.column * STEP / 10:.2f}%;top:{top}px">{button}</div>'


def _boxes(seen: Inspection) -> list[Box]:
    return [*_upper(seen), *_lower(seen)]


def _upper(seen: Inspection) -> list[Box]:
    """Return the boxes that the picture goes through."""
    c, final = seen.config, seen.terms.both
    tokens = seen.attention_mean.shape[-1]
    feature, mixed = seen.mask_feature.mean(0), seen.mixed.mean(0)
    scale = scale_of(np.stack([feature, mixed]), "")
    shape = "×".join(map(str, seen.mask_feature.shape))
    encoded = principal(seen.levels)[0]
    stage = seen.stages[1].mean(0)
    number = "" if c.mixer in ("none", "cross") else "Eq. (2)"
    layers = f" ×{c.encoder_layers}" if c.encoder_layers else ""
    words = mask_words(seen, final).removesuffix(" of the frame")
    heat = cells(seen, "", final.probability, Scale(0, 1, ""))
    return [
        Box("frame", 0, 1, "Frame", f"3×{seen.size}×{seen.size}", photo(seen, "", SIDE)),
        Box("backbone", 1, 1, "Backbone", "strides 4 to 32", cells(seen, "", stage, scale_of(stage, ""))),
        Box(
            "encoder",
            2,
            1,
            f"Encoder{layers}",
            f"{tokens}×{c.embed_dim}",
            cells(seen, "", encoded, scale_of(encoded, "", "diverging")),
        ),
        Box("feature", 3, 1, "Mask feature", shape, cells(seen, "", feature, scale)),
        Box("mixer", 4, 1, "Mixer", shape, cells(seen, "", mixed, scale), number),
        Box("head", 5, 1, "Mask head", f"{c.classes}×{seen.size}×{seen.size}", heat, "Eq. (3)"),
        Box("mask", 6, 1, "Mask", words, masked(seen, "", final, SIDE)),
    ]


def _lower(seen: Inspection) -> list[Box]:
    """Return the boxes that the sound goes through."""
    c, dim = seen.config, seen.config.embed_dim
    shape = seen.frame.shape[:2]
    spread = heat_map(np.abs(seen.audio)[None]).picture
    queries = heat_map(np.abs(seen.queries)).picture
    attention = density(attention_of(seen, c.decoder_layers - 1), seen.size)
    looks = over(seen, "", attention, scale_of(attention, ""), SIDE)
    if seen.layers:
        masks = masked(seen, "", seen.layers[-1], SIDE)
        layers = Box(
            "layers", 4, 2, f"Layer masks ×{len(seen.layers)}", f"{c.classes}×{seen.size}×{seen.size}", masks
        )
    else:
        layers = Box("layers", 4, 2, "Layer masks", "none", photo(seen, "", SIDE))
    return [
        Box("sound", 0, 2, "Log-mel", "1×96×64", Picture("", spectrogram(seen.log_mel), True, shape, True)),
        Box("audio", 1, 2, "Audio network", f"1×{dim}", Picture("", spread, True, shape)),
        Box("queries", 2, 2, "Queries", f"{c.queries}×{dim}", Picture("", queries, True, shape)),
        Box("decoder", 3, 2, f"Decoder ×{c.decoder_layers}", f"{c.queries}×{dim}", looks),
        layers,
    ]


def _arrows(seen: Inspection) -> list[Arrow]:
    """Return the arrows: along the rows, and the three that cross them."""
    upper = ("frame", "backbone", "encoder", "feature", "mixer", "head", "mask")
    lower = ("sound", "audio", "queries", "decoder", "layers")
    arrows = []
    for row, height in ((upper, ROW_1), (lower, ROW_2)):
        for i, (start, end) in enumerate(pairwise(row)):
            path = f"M{i * STEP + BOX + 5:.1f} {height}H{(i + 1) * STEP - 5:.1f}"
            arrows.append(Arrow(start, end, path, dashed=end == "layers"))
    middle, gap = BOX / 2, BOX + 22
    if seen.config.mixer != "none":
        path = f"M{STEP + gap:.1f} {ROW_2}V122H{4 * STEP + middle:.1f}V{BOTTOM_1 + 2}"
        words = f"audio, 1×{seen.config.embed_dim}"
        arrows.append(Arrow("audio", "mixer", path, words, (2 * STEP + BOX + 3, 105)))
    path = f"M{2 * STEP + middle:.1f} {BOTTOM_1}V132H{3 * STEP + middle:.1f}V{TOP_2 - 2}"
    arrows.append(Arrow("encoder", "decoder", path))
    path = f"M{3 * STEP + gap:.1f} {ROW_2}V132H{5 * STEP + middle:.1f}V{BOTTOM_1 + 2}"
    words = f"queries, {seen.config.queries}×{seen.config.embed_dim}"
    return [*arrows, Arrow("decoder", "head", path, words, (4 * STEP + BOX + 3, 115))]
