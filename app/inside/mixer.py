"""The mixer's view, Eq. (2) and Figure 6: what the sound does to every channel of the mask feature."""

import numpy as np

from app.inside.elements import Group, Tile, View, number, pick, signed
from app.inside.pictures import activation, cells, over, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import Mixing, mixing

NINE = 9
WIDTH, HEIGHT = 400, 116  # of the bar chart, units of its view box
LEFT, TOP, BOTTOM = 26, 8, 108
F_MASK, F_HAT = "F<sub>mask</sub>", "F\u0302"

SENTENCES = {
    "channel": "The sound turns channels of the mask feature up or down: one weight per channel, the same at "
    "every pixel.",
    "gated": "The sound opens or closes a gate per channel, the same at every pixel: 1 leaves the channel "
    "as it is, 0 shuts it.",
    "cross": "Every pixel attends to the sound. A frame has one audio token, so the attention is 1 "
    "everywhere and each pixel receives the same vector.",
    "none": "This model has no mixer: the mask feature goes on as it is, and the sound enters through the "
    "queries only.",
}
ROOT = "√(<i>D</i>/<i>n</i><sub>head</sub>)"
SOFT = (
    f"softmax(<i>F</i><sub>audio</sub> <i>F</i><sub>mask</sub><sup>⊤</sup> / {ROOT}) <i>F</i><sub>mask</sub>"
)
EQUATIONS = {
    "channel": f'<i>ω</i> = {SOFT}<br><i class="hat">F</i> = <i>F</i><sub>mask</sub> + '
    "<i>F</i><sub>mask</sub> ∗ <i>ω</i>",
    "gated": f'<i>ω</i> = {SOFT}<br><i class="hat">F</i> = <i>F</i><sub>mask</sub> ∗ σ(<i>ω</i>)',
    "cross": '<i class="hat">F</i> = <i>F</i><sub>mask</sub> + softmax(<i>F</i><sub>mask</sub> '
    f"<i>F</i><sub>audio</sub><sup>⊤</sup> / {ROOT}) <i>F</i><sub>audio</sub>",
    "none": '<i class="hat">F</i> = <i>F</i><sub>mask</sub>',
}
TAGS = {"channel": "(2)", "gated": "(2), gated as released", "cross": "Fig. 4 (a)", "none": "Table 2 (c)"}
QUANTITIES = {"channel": "ω, no unit", "gated": "σ(ω), 0 to 1", "cross": "added to every pixel", "none": ""}
ENDS = {
    "channel": ("Nine most amplified channels", "Nine most suppressed channels"),
    "gated": ("Nine channels let through most", "Nine channels shut most"),
    "cross": ("Nine channels raised most", "Nine channels lowered most"),
}


def mixer_view(seen: Inspection, choice: Choice) -> View:
    """The mixer of any kind; a model without one shows its mask feature and says so."""
    mix = mixing(seen)
    count = len(mix.weights)
    kind = mix.kind
    chosen = choice.channel - 1
    left = [_before_and_after(seen, choice)]
    if kind == "none":
        first = _ends(seen, mix.order[:NINE], "Channels that go on unchanged", choice, mix)
        right: tuple = (first, '<p class="lacks">No mixer, so no attention of the sound over pixels.</p>')
    else:
        left.insert(0, _chart(mix, chosen))
        raised, lowered = ENDS[kind]
        right = (
            _ends(seen, mix.order[:NINE], raised, choice, mix),
            _ends(seen, mix.order[::-1][:NINE], lowered, choice, mix),
            _heads(seen, kind),
        )
    vector = {"channel": "ω", "gated": "σ(ω)", "cross": "added vector", "none": ""}[kind]
    shapes = f"F_audio 1×{count} · F_mask {count}×{seen.mask_feature.shape[1]}×{seen.mask_feature.shape[2]}"
    return View(
        "Mixer",
        SENTENCES[kind],
        EQUATIONS[kind],
        TAGS[kind],
        shapes + (f" · {vector} {count}" if vector else ""),
        left=tuple(left),
        right=right,
        numbers={
            "mixer": kind,
            "weights": mix.weights.astype(float).round(5).tolist(),
            "order": (mix.order + 1).tolist(),
            "channel": choice.channel,
        },
    )


def _ends(seen: Inspection, chosen: np.ndarray, title: str, choice: Choice, mix: Mixing) -> Group:
    """Return channels before and after, all of them on the scale of both ends."""
    ends = np.unique([*mix.order[:NINE], *mix.order[::-1][:NINE]])
    both = np.concatenate([seen.mask_feature[ends], seen.mixed[ends]])
    scale = activation(both)
    tiles = tuple(
        Tile(
            f"c{index + 1}" + (f" <b>{_weight(mix, index)}</b>" if mix.kind != "none" else ""),
            (
                cells(seen, f"Channel {index + 1} before the mixer", seen.mask_feature[index], scale),
                cells(seen, f"Channel {index + 1} after the mixer", seen.mixed[index], scale),
            ),
            ("channel", int(index) + 1),
            index + 1 == choice.channel,
        )
        for index in chosen
    )
    return Group(title, tiles, scale, NINE, rows=(f"before {F_MASK}", f"after {F_HAT}"), note="same scale")


def _heads(seen: Inspection, kind: str) -> Group | str:
    """Return which pixels each head matches with the sound."""
    if kind == "cross":
        return (
            '<p class="lacks">Audio-to-pixel attention: 1 at every pixel and head. With one audio token the '
            "softmax has nothing to choose between.</p>"
        )
    scale = scale_of(seen.mixer_attention, "weight per pixel", percentile=99.5)
    tiles = tuple(
        Tile(f"head {i + 1}", (over(seen, f"Audio-to-pixel attention, head {i + 1}", head, scale),))
        for i, head in enumerate(seen.mixer_attention)
    )
    columns = max(4, len(tiles))
    return Group(
        "Which pixels each head matches with the sound", tiles, scale, columns, note="sum 1 per head"
    )


def _before_and_after(seen: Inspection, choice: Choice) -> Group:
    index = choice.channel - 1
    before, after = np.abs(seen.mask_feature[index]), np.abs(seen.mixed[index])
    scale = scale_of(np.stack([before, after]), "size of the activation")
    tiles = tuple(
        Tile(words, (over(seen, f"Channel {index + 1} over the frame, {words}", values, scale, 480),))
        for words, values in (("before", before), ("after", after))
    )
    return Group(f"Channel {index + 1} over the frame", tiles, scale, columns=2, small=True)


def _weight(mix: Mixing, index: int) -> str:
    value = float(mix.weights[index])
    return number(value) if mix.kind == "gated" else signed(value)


def _chart(mix: Mixing, chosen: int) -> str:
    """Return all weights as sorted bars; a click on one chooses its channel, the arrows its neighbour."""
    values = mix.weights[mix.order]
    count = len(values)
    high, low = max(float(values[0]), 1e-6 if mix.kind != "gated" else 1.0), min(float(values[-1]), 0.0)
    high = max(high, 0.05 * -low)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (BOTTOM - TOP)

    step = (WIDTH - LEFT) / count
    shapes = []
    for rank, (index, value) in enumerate(zip(mix.order, values)):
        up, down = sorted((y(float(value)), y(0.0)))
        ends = " end" if rank < NINE or rank >= count - NINE else ""
        sign = "up" if value > 0 else "down"
        here = " here" if index == chosen else ""
        shapes.append(
            f'<g class="{sign}{ends}{here}" data-set="channel" data-to="{index + 1}">'
            f"<title>c{index + 1}: {_weight(mix, index)}</title>"
            f'<rect class="hit" x="{LEFT + rank * step:.2f}" y="0" width="{step:.2f}" height="{HEIGHT}"/>'
            f'<rect x="{LEFT + rank * step + 0.12 * step:.2f}" y="{up:.2f}" width="{0.76 * step:.2f}" '
            f'height="{max(down - up, 0.6):.2f}"/></g>'
        )
    lines = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text x="{LEFT - 4}" y="{y(v) + 4:.1f}" text-anchor="end">{number(v)}</text>'
        for v in sorted({high, 0.0, low})
    )
    return _around(mix, chosen, f"{lines}{''.join(shapes)}", count)


def _around(mix: Mixing, chosen: int, inner: str, count: int) -> str:
    """Return the chart with its title, its sentence, and buttons for the neighbours by rank."""
    rank = int(np.flatnonzero(mix.order == chosen)[0])
    before, after = (int(mix.order[other % count]) + 1 for other in (rank - 1, rank + 1))
    top, last = int(mix.order[0]), int(mix.order[-1])
    if mix.kind == "gated":
        words = (
            f"c{top + 1} is let through most, {_weight(mix, top)}; c{last + 1} least, {_weight(mix, last)}."
        )
    else:
        raised = int((mix.weights > 0).sum())
        words = f"{raised} channels raised, {count - raised} lowered. Full colour: the nine at each end."
    return (
        f'<section class="chart"><div class="between"><h3>All {count} weights, sorted</h3>'
        f'<span class="note">{QUANTITIES[mix.kind]}</span></div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{inner}</svg>'
        f'<div class="between"><span class="note">{words}</span></div><div class="step">'
        f"{pick('channel', before, '‹', False, 'Higher weight')}"
        f"<span>c{chosen + 1} <b>{_weight(mix, chosen)}</b>, {rank + 1} of {count}</span>"
        f"{pick('channel', after, '›', False, 'Lower weight')}</div></section>"
    )
