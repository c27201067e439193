"""The sentences of the What if tab, made from numbers."""

from collections.abc import Sequence

import numpy as np

from app.services.wording import percent, plural
from app.whatif.effect import Effect, SweepResult
from avseg.interpret.mask_statistics import LEAST_SHARE, mean_where
from avseg.interventions.compare import label_maps
from avseg.interventions.run import Change

TITLE = "What if one thing were different?"
FIRST_LINE = "Tick a change on the left and run the same frames again to compare the masks."
EMPTY = (
    "Before and after will appear here",
    "Both masks side by side, under a draggable divider or as a difference map, with the IoU of each frame. "
    "Below, a sweep runs one setting over its whole range.",
)
GO = "See what changes"
PLAY = "Play both with sound"
ORDER = "Ticked changes are applied together, from top to bottom."
KINDS = {"sound": "Sound", "model": "Model", "weights": "Weights"}
SWEEP = "Sweep one setting"
VIEWS = (("beside", "Side by side"), ("split", "Divider"), ("change", "Difference map"))
SAME = 0.95  # IoU from which a mask counts as unchanged, as printed
LITTLE = 0.2  # share of the mask that is left
FRAMES_NAMED = 4


def lead(changes: Sequence[Change]) -> str:
    """Return the beginning of a sentence: "Without sound and without the mixer"."""
    words = _joined(changes)
    return words[0].upper() + words[1:]


def finding(effect: Effect) -> str:
    """Return the headline: what the changes did to the mask."""
    c, words = effect.comparison, lead(effect.changes)
    was, now = c.before >= LEAST_SHARE, c.after >= LEAST_SHARE
    truth = effect.truth
    before, after = (
        truth.main_class(label_maps(p)) if truth else None for p in (effect.before, effect.after)
    )
    if not was.any() and not now.any():
        return f"{words}, there is still no mask."
    if not was.any():
        return f"{words}, a mask appears in {now.sum()} of {plural(len(now), 'frame')}."
    if not now.any():
        return f"{words}, {f'the {before} is no longer segmented' if before else 'the mask disappears'}."
    if before and after and before != after:
        return f"{words}, the mask moves from the {before} to the {after}."
    agreed = mean_where(c.iou, c.before, c.after)
    if round(agreed, 2) >= SAME:
        return f"{words}, the mask stays the same (IoU {agreed:.2f})."
    if c.after.mean() < LITTLE * c.before.mean():
        left, had = percent(c.after.mean()), percent(c.before.mean())
        return f"{words}, little of the mask is left: {left} of the frame instead of {had}."
    if (was != now).any():
        return f"{words}, the mask {moves(was, now)}."
    return f"{words}, the mask {_grows(c.before.mean(), c.after.mean())}."


def caption(effect: Effect) -> str:
    """Return the line under the headline: what is the same, what differs, how long the run took."""
    kinds = {change.row.kind for change in effect.changes}
    frames = plural(len(effect.comparison.times), "frame")
    if kinds == {"sound"}:
        line = f"Same {frames} and weights; only the sound differs."
    elif "sound" in kinds:
        line = f"Same {frames}; sound and model differ."
    else:
        changed = "checkpoint differs" if "weights" in kinds else "model is modified"
        line = f"Same {frames} and sound; only the {changed}."
    if effect.before.task != "avss" and effect.before.threshold != 0.5:
        line += f" Threshold {effect.before.threshold:.2f} for both."
    return f"{effect.result.title}, {effect.after.model}. {line} Inference took {effect.seconds:.1f} s."


def stats(effect: Effect) -> list[tuple[str, str, str]]:
    """Return the tiles: number, name, over which frames."""
    c = effect.comparison
    either = int(((c.before >= LEAST_SHARE) | (c.after >= LEAST_SHARE)).sum())
    over = f"mean of {plural(either, 'frame')} with a mask" if either else "no mask before or after"
    size = f"{100 * c.before.mean():.1f} → {percent(c.after.mean())}"
    tiles = [
        (f"{mean_where(c.iou, c.before, c.after):.2f}", "IoU before vs. after", over),
        (size, "of the frame is foreground", f"mean of {plural(len(c.before), 'frame')}"),
    ]
    if effect.truth is None:
        return [*tiles, ("none", "IoU with ground truth", "not available for this clip")]
    pairs = ((c.truth_before, c.before), (c.truth_after, c.after))
    real = " → ".join(f"{mean_where(iou, c.truth, share):.2f}" for iou, share in pairs)
    tiles.append((real, "IoU with ground truth", "mean of non-empty frames"))
    before, after = (effect.truth.coverage(label_maps(p)) for p in (effect.before, effect.after))
    if before:
        name = max(before, key=lambda name: abs(after[name] - before[name]))
        number = f"{100 * before[name]:.0f} → {100 * after[name]:.0f}\N{NO-BREAK SPACE}%"
        over = f"of its pixels in {plural(len(c.times), 'frame')}, sounding or not"
        tiles.append((number, f"of the {name} is segmented", over))
    return tiles


def frame_label(effect: Effect, index: int) -> str:
    """Return the accessible name of a frame's bars."""
    c = effect.comparison
    return (
        f"Frame {index + 1} at {c.times[index]:.2f} s: {percent(c.before[index])} before, "
        f"{percent(c.after[index])} after, IoU {c.iou[index]:.2f}"
    )


def sweep_title(swept: SweepResult) -> str:
    """Return the heading of a sweep: its row and parameter, and the changes that apply at every value."""
    parameter = swept.sweep.parameter
    title = f"{swept.change.row.title}: {parameter.label}{f' in {parameter.unit}' if parameter.unit else ''}"
    return f"{title}, {_joined(swept.others)}" if swept.others else title


def sweep_caption(swept: SweepResult) -> str:
    """Return the line under a sweep: where the mask stays the same, and how long the runs took."""
    same = [v for v, iou in zip(swept.sweep.values, swept.unchanged_iou) if round(iou, 2) >= SAME]
    unit = f" {swept.sweep.parameter.unit}".rstrip()
    runs = len(swept.unchanged_iou)
    if not same:
        where = "The mask changes at every value"
    elif len(same) == runs:
        where = "The mask stays the same at every value"
    else:
        where = f"The mask stays the same at {', '.join(f'{value:g}' for value in same)}{unit}"
    return f"{where} (IoU {SAME} or more). {runs} runs in {swept.seconds:.1f} s."


def sweep_button(count: int) -> str:
    """Return the label of the sweep's button."""
    return f"Run {count} values"


def moves(was: np.ndarray, now: np.ndarray) -> str:
    """Return "leaves frame 1 and appears in frames 3 and 4" for masks bool [T] before and after."""
    left, came = np.flatnonzero(was & ~now) + 1, np.flatnonzero(now & ~was) + 1
    parts = [f"leaves {_frames(left)}"] if len(left) else []
    return " and ".join([*parts, f"appears in {_frames(came)}"] if len(came) else parts)


def _joined(changes: Sequence[Change]) -> str:
    parts = [change.words for change in changes]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _frames(numbers: np.ndarray) -> str:
    if len(numbers) == 1:
        return f"frame {numbers[0]}"
    if len(numbers) > FRAMES_NAMED:
        return plural(len(numbers), "frame")
    return f"frames {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _grows(before: float, after: float) -> str:
    if 0.9 < after / before < 1.1:
        return f"changes shape but not size ({percent(after)} of the frame)"
    verb = "grows" if after > before else "shrinks"
    return f"{verb} from {100 * before:.1f} to {percent(after)} of the frame"
