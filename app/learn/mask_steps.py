"""Steps 3 to 5, how the mask comes about: attention of the queries, the mixer, the two terms of Eq. (3)."""

from dataclasses import replace

import numpy as np

from app.inside.decoder import decoder_view
from app.inside.elements import Beside, Control, Group, number, percent, render_parts, signed, table
from app.inside.masks import head_view
from app.inside.mixer import mixer_view
from app.inside.state import Choice, settled
from app.learn.elements import Live, Question, Verdict
from app.learn.measurements import Runs
from app.learn.state import Place
from app.services.mask_statistics import LEAST_SHARE
from app.whatif.effect import Effect, mean_where
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import attention_of, mixing, overlap, share_on
from avseg.interventions.run import Change

NAMES = ("Raised or let through most", "Lowered or shut most")
EVEN = 0.2  # how far from the mask's area attention may lie and still count as even
SAME = 0.9  # IoU from which a mask counts as almost the same
ENDS = 4  # channels shown of either end
ALMOST = 1  # the answer "almost the same" to what happens without the mixer


def ask_live(runs: Runs, place: Place) -> Live:
    """The attention of the chosen layer, head and query, and that of every layer."""
    seen = runs.seen()
    choice = _choice(place, seen, "decoder")
    view = decoder_view(seen, choice)
    pictures = [part for part in view.right if not isinstance(part, str)]
    if place.answer is None:  # the shares would give the answer away
        pictures = [part if isinstance(part, Beside) else _without_words(part) for part in pictures]
    controls = [part for part in view.left if isinstance(part, Control)]
    queries = next(part for part in view.left if isinstance(part, str))
    tokens = seen.attention_mean.shape[-1]
    said = (
        f"{seen.config.queries} queries look at {tokens} tokens of frame {seen.index + 1}, through "
        f"{seen.config.heads} heads in each of {seen.config.decoder_layers} layers. Chosen: Q{choice.query}."
        if choice.query
        else f"The mean of {seen.config.queries} queries over {tokens} tokens of frame {seen.index + 1}."
    )
    return Live(said, _beside(render_parts([*controls, queries]), render_parts(pictures)))


def mix_live(runs: Runs, place: Place) -> Live:
    """The weights of all channels, Eq. (2) in numbers at one place, and channels before and after."""
    seen = runs.seen()
    choice = _choice(place, seen, "mixer")
    view = mixer_view(seen, choice)
    chart = next(part for part in view.left if isinstance(part, str))
    ends = [part for part in view.right if isinstance(part, Group)][:2]
    ends = [
        replace(part, title=name, tiles=part.tiles[:ENDS], columns=ENDS) for part, name in zip(ends, NAMES)
    ]
    mix = mixing(seen)
    raised = int((mix.weights > 0).sum())
    top, last = (int(mix.order[i]) for i in (0, -1))
    said = (
        f"In frame {seen.index + 1} the sound raises {raised} of {len(mix.weights)} channels; c{top + 1} "
        f"most ({signed(float(mix.weights[top]))}), c{last + 1} least ({signed(float(mix.weights[last]))})."
    )
    left = f"{chart}{_at_one_place(seen, choice.channel - 1)}"
    return Live(said, _beside(left, render_parts(ends)))


def mask_live(runs: Runs, place: Place) -> Live:
    """The mask of either term of Eq. (3), of both, and the maps of the queries that move it most."""
    seen = runs.seen()
    view = head_view(seen, _choice(place, seen, "head"))
    groups = [part for part in view.right if isinstance(part, Group)]
    said = (
        f"Frame {seen.index + 1}: each term alone through the same last layers, and the sum as the model has "
        "it. The pictures do not add up, since a ReLU stands between the last layers."
    )
    return Live(said, render_parts(groups))


def _at_one_place(seen: Inspection, chosen: int) -> str:
    """Return Eq. (2) in numbers, for both ends and the chosen channel, each where it is largest."""
    mix = mixing(seen)
    if mix.kind not in ("channel", "gated"):
        return ""
    before, after = seen.mask_feature, seen.mixed
    rows = []
    for channel in dict.fromkeys((int(mix.order[0]), int(mix.order[-1]), chosen)):
        cell = np.unravel_index(int(before[channel].argmax()), before[channel].shape)
        value, weight = float(before[channel][cell]), float(mix.weights[channel])
        cells = (value, weight, value * weight, float(after[channel][cell]))
        rows.append((f"c{channel + 1}", *map(number, cells)))
    whole = before * mix.weights[:, None, None] + (before if mix.kind == "channel" else 0)
    error = float(np.abs(whole - after).max())
    weight = "ω" if mix.kind == "channel" else "σ(ω)"
    head = ("channel", "F_mask", weight, f"F_mask · {weight}", "F̂")
    agree = f"differ by {error:.0e} at most" if error else "agree to the last digit"
    note = (
        f"Each channel in the one of its {before.shape[1]} × {before.shape[2]} cells where it is largest. "
        f"Over all channels and cells, the equation and what the model did {agree}."
    )
    return f'<h3>Eq. (2) in numbers</h3>{table(head, rows)}<p class="small">{note}</p>'


def _choice(place: Place, seen: Inspection, view: str) -> Choice:
    return settled(replace(place.choice, view=view), seen)


def _beside(left: str, right: str) -> str:
    return f'<div class="ln-split"><div>{left}</div><div>{right}</div></div>'


def _without_words(group: Group) -> Group:
    return replace(group, tiles=tuple(replace(tile, below="") for tile in group.tiles), note="")


def _check_ask(runs: Runs, _place: Place) -> Verdict:
    """Compare the attention on the mask with the mask's area."""
    seen = runs.seen()
    mask = seen.terms.both.labels > 0
    if not mask.any():
        return Verdict(1, "The mask is empty in every frame: nothing is there to look at.")
    last = seen.config.decoder_layers - 1
    shares = [float(share_on(attention_of(seen, layer), mask)) for layer in range(last + 1)]
    area = float(mask.mean())
    ratio = shares[last] / area
    right = 0 if ratio > 1 + EVEN else 2 if ratio < 1 - EVEN else 1
    each = ", ".join(f"layer {i + 1}: {percent(share)}" for i, share in enumerate(shares))
    return Verdict(
        right,
        f"The mask fills {percent(area)} of the frame; of the attention there lies on it, mean of heads and "
        f"queries, {each}. Attention says what a query reads, not what is marked.",
    )


def _check_mix(runs: Runs, _place: Place) -> Verdict:
    """Switch the mixer off; where little changes, drop the audio queries instead, to see where sound acts."""
    without = runs.under(Change("mixer-off"))
    said = f"Without the mixer: IoU {_iou(without):.2f} with the masks as they were."
    if _outcome(without) == ALMOST:
        deaf = _iou(runs.under(Change("audio-off")))
        where = "through the queries" if deaf < SAME else "through neither alone"
        said += (
            f" Without the audio queries instead: IoU {deaf:.2f}. In these weights the sound acts {where}."
        )
    said += " Table 2 (c) of the paper compares models trained with and without a mixer: another question."
    return Verdict(_outcome(without), said)


def _check_mask(runs: Runs, _place: Place) -> Verdict:
    """Compare the mask of either term with the final one."""
    terms = runs.seen().terms
    feature, queries = overlap(terms.feature, terms.both), overlap(terms.queries, terms.both)
    right = 2 if max(feature, queries) < 0.5 else int(queries > feature)
    words = f"IoU with the final mask: F̂ alone {feature:.2f}, the queries' term alone {queries:.2f}."
    return Verdict(right, words)


def _iou(effect: Effect) -> float:
    return mean_where(effect.comparison.iou, effect.comparison.before, effect.comparison.after)


def _outcome(effect: Effect) -> int:
    """Return 0 where nothing is marked any more, ALMOST for almost the same masks, 2 for others."""
    if not (effect.comparison.after >= LEAST_SHARE).any():
        return 0
    return ALMOST if _iou(effect) >= SAME else 2


ASK_QUESTION = Question(
    "Take the last layer, the mean of all heads and queries. How much of the attention lies on the mask?",
    (
        "More than the mask's share of the frame",
        f"About that share (within {percent(EVEN)})",
        "Less than that share",
    ),
    _check_ask,
)
MIX_QUESTION = Question(
    "The mixer is switched off for this clip, F̂ = F_mask, with the weights as they are. What happens to the "
    "masks?",
    (
        "Nothing is marked any more",
        f"They stay almost the same (IoU {SAME} or more)",
        f"Something else is marked (IoU below {SAME})",
    ),
    _check_mix,
)
MASK_QUESTION = Question(
    "Which of the two terms, alone, gives the mask closer to the final one?",
    ("The mask feature F̂", "The queries, MLP(F̂ · Q_output)", "Neither: both stay below IoU 0.5"),
    _check_mask,
)
