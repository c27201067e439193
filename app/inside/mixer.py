"""The mixer's view, Eq. (2) and Figure 6: how the sound weights every channel of the mask feature."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import TEXTS, Group, Parts, Tile, View, number, part, signed, view, whole_percent
from app.inside.pictures import activation_scale, cells, over, scale_of
from app.inside.state import Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import mask_cells, mixing

NINE = 9
ROWS = (Markup("before F<sub>mask</sub>"), "after F\u0302")
NO_MIXER = "Without a mixer the sound does not attend to pixels."
SORTS = ((0, "by effect"), (1, "by weight"))
CROSS = "Audio-to-pixel attention is 1 at every pixel and head: the softmax is over a single audio token."


def mixer_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the mixer of any kind; a model without one shows its mask feature and says so."""
    mix = mixing(inspection)
    texts = TEXTS["mixer"][mix.kind]
    written = number if mix.kind == "gated" else signed
    values, order = (mix.weights, mix.order) if choice.by_weight else (mix.effects, mix.effect_order)
    weights = ["" if mix.kind == "none" else written(float(value)) for value in values]
    first, last = order[:NINE], order[::-1][:NINE]
    ends = np.union1d(first, last)
    scale = activation_scale(np.concatenate([inspection.mask_feature[ends], inspection.mixed[ends]]))

    def channels(title: str, indices: np.ndarray) -> Group:
        tiles = []
        for index in map(int, indices):
            name, selected = f"Channel {index + 1}", index + 1 == choice.channel
            before = cells(inspection, f"{name} before the mixer", inspection.mask_feature[index], scale)
            after = cells(inspection, f"{name} after the mixer", inspection.mixed[index], scale)
            label = Markup("c{} <b>{}</b>").format(index + 1, weights[index])
            tiles.append(Tile(label, (before, after), "channel", index + 1, selected))
        return Group(title, tuple(tiles), scale, NINE, ROWS, "same scale")

    left: Parts = (_over_frame(inspection, choice.channel),)
    if mix.kind == "none":
        right: Parts = (channels("Channels, unchanged", first), part("text", NO_MIXER))
    else:
        attention = part("text", CROSS) if mix.kind == "cross" else _attention(inspection)
        titles = texts["first"], texts["last"]
        if not choice.by_weight:
            titles = tuple(f"{title}, by effect on the mask" for title in titles)
        right = (channels(titles[0], first), channels(titles[1], last), attention)
        if mix.kind == "gated":
            most, least = (f"c{order[i] + 1}, {weights[order[i]]}" for i in (0, -1))
            caption = f"Largest: {most}; smallest: {least}."
        else:
            (up, down), positive = texts["effects"], int((mix.weights > 0).sum())
            caption = f"{positive} channels {up}, {len(weights) - positive} {down}."
            caption += " Full colour: nine at each end."
        bars = [(int(i) + 1, f"c{i + 1}: {weights[i]}", float(values[i])) for i in order]
        top = 1.0 if mix.kind == "gated" and choice.by_weight else 0.0
        title = f"All {len(weights)} {'weights' if choice.by_weight else 'effects on the mask'}, sorted"
        unit = texts["unit"] if choice.by_weight else "weight × mean activation in the mask"
        chart = part("weights", title, "channel", bars, choice.channel, NINE, caption, number, unit, top)
        sort = part("control", "Sort channels", "by_weight", SORTS, choice.by_weight)
        drops = [(f"channels={choice.channel}", f"Drop channel {choice.channel}"), ("mixer-off", "Mixer off")]
        leads = part("leads", "Without it", drops)
        left = (part("text", _gain(inspection), "says"), sort, chart, leads, *left)
    return view(
        texts,
        inspection,
        left=left,
        right=right,
        numbers={
            "mixer": mix.kind,
            "weights": mix.weights.astype(float).round(5).tolist(),
            "order": (mix.order + 1).tolist(),
            "effects": mix.effects.astype(float).round(5).tolist(),
            "effect_order": (mix.effect_order + 1).tolist(),
            "channel": choice.channel,
        },
    )


def _gain(inspection: Inspection) -> str:
    """Return how much the mixer changes the mean absolute activation inside and outside the mask."""
    inside = mask_cells(inspection)
    changes = []
    for region in (inside,) if inside.all() else (inside, ~inside):
        maps = inspection.mask_feature, inspection.mixed
        before, after = (float(np.abs(values[:, region]).mean()) for values in maps)
        change = after / before - 1 if before else 0.0
        changes.append(("+" if change >= 0 else "\u2212") + whole_percent(abs(change)))
    if len(changes) == 1:
        return f"The mixer changes the mean activation of the frame by {changes[0]}."
    return f"The mixer changes the mean activation inside the mask by {changes[0]}, outside by {changes[1]}."


def _attention(inspection: Inspection) -> Group:
    """Return which pixels the audio condition of each head attends to."""
    scale = scale_of(inspection.mixer_attention, "weight per pixel", percentile=99.5)
    tiles = tuple(
        Tile(f"head {i}", (over(inspection, f"Audio-to-pixel attention, head {i}", head, scale),))
        for i, head in enumerate(inspection.mixer_attention, start=1)
    )
    return Group("Audio-to-pixel attention", tiles, scale, max(4, len(tiles)), note="sums to 1 per head")


def _over_frame(inspection: Inspection, channel: int) -> Group:
    """Return one channel before and after the mixer."""
    values = np.abs(np.stack([inspection.mask_feature[channel - 1], inspection.mixed[channel - 1]]))
    scale, title = scale_of(values, "absolute activation"), f"Channel {channel} over the frame"
    tiles = tuple(
        Tile(name, (over(inspection, f"{title}, {name}", channel_map, scale, 480),))
        for name, channel_map in zip(("before", "after"), values)
    )
    return Group(title, tiles, scale, columns=2, small=True)
