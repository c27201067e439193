"""The mixer's view, Eq. (2) and Figure 6: how the sound weights every channel of the mask feature."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from app.inside.figures import Group, Part, Text, Tile, View, Weights, number, signed
from app.inside.pictures import activation, cells, over, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import Mixing, mixing

NINE = 9
ROWS = (Markup("before F<sub>mask</sub>"), "after F\u0302")
ROOT = Markup("√(<i>D</i>/<i>n</i><sub>head</sub>)")
OMEGA = Markup(
    "<i>ω</i> = softmax(<i>F</i><sub>audio</sub> <i>F</i><sub>mask</sub><sup>⊤</sup> / {}) "
    "<i>F</i><sub>mask</sub><br>"
).format(ROOT)
HAT = Markup('<i class="hat">F</i> = <i>F</i><sub>mask</sub>')


@dataclass(frozen=True)
class Kind:
    """What is written about one kind of mixer."""

    sentence: str
    equation: Markup
    number: str
    vector: str = ""  # what the weights are
    unit: str = ""
    ends: tuple[str, str] = ("", "")  # titles of the first and the last nine channels


KINDS = {
    "channel": Kind(
        "The sound amplifies or suppresses channels of the mask feature: one weight per channel, the same at "
        "every pixel.",
        OMEGA + HAT + Markup(" + <i>F</i><sub>mask</sub> ∗ <i>ω</i>"),
        "(2)",
        "ω",
        "ω, no unit",
        ("Nine most amplified channels", "Nine most suppressed channels"),
    ),
    "gated": Kind(
        "The sound opens or closes a gate per channel, the same at every pixel: 1 keeps the channel, 0 "
        "removes it.",
        OMEGA + HAT + Markup(" ∗ σ(<i>ω</i>)"),
        "(2), gated as released",
        "σ(ω)",
        "σ(ω), 0 to 1",
        ("Nine most open channels", "Nine most closed channels"),
    ),
    "cross": Kind(
        "Every pixel attends to the sound. A frame has one audio token, so the attention is 1 everywhere and "
        "every pixel receives the same vector.",
        HAT
        + Markup(
            " + softmax(<i>F</i><sub>mask</sub> <i>F</i><sub>audio</sub><sup>⊤</sup> / {}) "
            "<i>F</i><sub>audio</sub>"
        ).format(ROOT),
        "Fig. 4 (a)",
        "added vector",
        "added to every pixel",
        ("Nine most increased channels", "Nine most decreased channels"),
    ),
    "none": Kind(
        "This model has no mixer: the mask feature passes unchanged, and the sound enters only through the "
        "queries.",
        HAT,
        "Table 2 (c)",
    ),
}


def mixer_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the mixer of any kind; a model without one shows its mask feature and says so."""
    mix = mixing(inspection)
    kind, count = KINDS[mix.kind], len(mix.weights)
    first, last = mix.order[:NINE], mix.order[::-1][:NINE]
    left: list[Part] = [_before_and_after(inspection, choice)]
    if mix.kind == "none":
        right: tuple[Part, ...] = (
            _channels(inspection, first, "Channels, unchanged", choice, mix),
            Text("Without a mixer the sound does not attend to pixels."),
        )
    else:
        left.insert(0, _chart(mix, choice))
        right = (
            _channels(inspection, first, kind.ends[0], choice, mix),
            _channels(inspection, last, kind.ends[1], choice, mix),
            _heads(inspection, mix.kind),
        )
    side = "×".join(map(str, inspection.mask_feature.shape[1:]))
    return View(
        "Mixer",
        kind.sentence,
        kind.equation,
        kind.number,
        f"F_audio 1×{count} · F_mask {count}×{side}" + (f" · {kind.vector} {count}" if kind.vector else ""),
        left=tuple(left),
        right=right,
        numbers={
            "mixer": mix.kind,
            "weights": mix.weights.astype(float).round(5).tolist(),
            "order": (mix.order + 1).tolist(),
            "channel": choice.channel,
        },
    )


def _channels(inspection: Inspection, indices: np.ndarray, title: str, choice: Choice, mix: Mixing) -> Group:
    """Return channels before and after the mixer, on one scale for both ends of the ranking."""
    ends = np.unique([*mix.order[:NINE], *mix.order[::-1][:NINE]])
    scale = activation(np.concatenate([inspection.mask_feature[ends], inspection.mixed[ends]]))
    tiles = tuple(
        Tile(
            Markup("c{} <b>{}</b>").format(index + 1, "" if mix.kind == "none" else _weight(mix, index)),
            (
                cells(
                    inspection, f"Channel {index + 1} before the mixer", inspection.mask_feature[index], scale
                ),
                cells(inspection, f"Channel {index + 1} after the mixer", inspection.mixed[index], scale),
            ),
            "channel",
            int(index) + 1,
            index + 1 == choice.channel,
        )
        for index in indices
    )
    return Group(title, tiles, scale, NINE, ROWS, "same scale")


def _heads(inspection: Inspection, kind: str) -> Part:
    """Return which pixels the audio condition of each head attends to."""
    if kind == "cross":
        return Text(
            "Audio-to-pixel attention is 1 at every pixel and head: the softmax is over a single audio token."
        )
    scale = scale_of(inspection.mixer_attention, "weight per pixel", percentile=99.5)
    tiles = tuple(
        Tile(f"head {i}", (over(inspection, f"Audio-to-pixel attention, head {i}", head, scale),))
        for i, head in enumerate(inspection.mixer_attention, start=1)
    )
    return Group("Audio-to-pixel attention", tiles, scale, max(4, len(tiles)), note="sums to 1 per head")


def _before_and_after(inspection: Inspection, choice: Choice) -> Group:
    index = choice.channel - 1
    before, after = np.abs(inspection.mask_feature[index]), np.abs(inspection.mixed[index])
    scale = scale_of(np.stack([before, after]), "absolute activation")
    tiles = tuple(
        Tile(name, (over(inspection, f"Channel {index + 1} over the frame, {name}", values, scale, 480),))
        for name, values in (("before", before), ("after", after))
    )
    return Group(f"Channel {index + 1} over the frame", tiles, scale, columns=2, small=True)


def _chart(mix: Mixing, choice: Choice) -> Weights:
    """Return all weights as sorted bars."""
    top, last = int(mix.order[0]), int(mix.order[-1])
    count, amplified = len(mix.weights), int((mix.weights > 0).sum())
    if mix.kind == "gated":
        caption = f"Most open: c{top + 1}, {_weight(mix, top)}; least: c{last + 1}, {_weight(mix, last)}."
    else:
        up, down = ("increased", "decreased") if mix.kind == "cross" else ("amplified", "suppressed")
        caption = f"{amplified} channels {up}, {count - amplified} {down}. Full colour: nine at each end."
    bars = tuple(
        (int(index) + 1, f"c{index + 1}: {_weight(mix, index)}", float(mix.weights[index]))
        for index in mix.order
    )
    high = 1.0 if mix.kind == "gated" else 0.0
    title = f"All {count} weights, sorted"
    return Weights(title, "channel", bars, choice.channel, NINE, caption, KINDS[mix.kind].unit, high)


def _weight(mix: Mixing, index: int) -> str:
    value = float(mix.weights[index])
    return number(value) if mix.kind == "gated" else signed(value)
