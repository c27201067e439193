"""The words of the What if tab, made from numbers."""

from collections.abc import Sequence

import numpy as np

from app.components.text import frames_words, share_words
from app.services.mask_statistics import LEAST_SHARE
from app.whatif.effect import Effect, Trial, mean_where
from avseg.interventions.compare import label_maps
from avseg.interventions.run import Change

TITLE = "What if one thing were different?"
FIRST_LINE = "Tick a change on the left: the same frames run again, before and after beside each other."
EMPTY = (
    (
        "Before and after",
        "the same frame with both masks: side by side, under a drag split, or their difference",
    ),
    ("The numbers", "IoU of before and after, share of frame, IoU with the ground truth where there is one"),
    ("A whole range", "one change at every value it can take: a strip of masks and a curve"),
)
GO = "See what changes"
LISTEN = "Watch both, each with its sound"
ORDER = "Several changes combine, from top to bottom."
KINDS = {"sound": "Sound", "model": "Model", "weights": "Weights"}
SAME = 0.95  # IoU from which a mask counts as unchanged
LITTLE = 0.2  # share of the mask that is left
FRAMES_NAMED = 4


def lead(changes: Sequence[Change]) -> str:
    """Return the beginning of a sentence: "Without sound and without the mixer"."""
    parts = [change.words for change in changes]
    joined = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return joined[0].upper() + joined[1:]


def finding(effect: Effect) -> str:
    """Return the sentence of the screen: what the changes did to the mask."""
    c, words = effect.comparison, lead(effect.changes)
    was, now = c.before >= LEAST_SHARE, c.after >= LEAST_SHARE
    before, after = _main(effect)
    if not was.any():
        news = f"something is marked in {now.sum()} of {frames_words(len(now))}; before, nothing was"
        return f"{words}, {news if now.any() else 'nothing is marked, as before'}."
    if not now.any():
        what = f"the {before}" if before else "what was marked"
        return f"{words}, {what} is no longer marked."
    if before and after and before != after:
        return f"{words}, the mask moves from the {before} to the {after}."
    agreed = mean_where(c.iou, c.before, c.after)
    if agreed >= SAME:
        return f"{words}, the mask stays as it is (IoU {agreed:.2f})."
    if c.after.mean() < LITTLE * c.before.mean():
        left, had = share_words(c.after.mean()), share_words(c.before.mean())
        return f"{words}, little of the mask is left: {left} of the picture, where it had {had}."
    if (was != now).any():
        return f"{words}, the mask {_moves(was, now)}."
    return f"{words}, the mask {_grows(c.before.mean(), c.after.mean())}."


def caption(effect: Effect) -> str:
    """Return the line under the sentence: what stayed the same, what was changed, how long it took."""
    kinds = {change.row.kind for change in effect.changes}
    frames = frames_words(len(effect.comparison.times))
    kept, changed = {
        (True, False): ("same weights", "only the sound is another one"),
        (False, True): ("same sound", "the weights" if "weights" in kinds else "the model as it runs"),
    }.get(("sound" in kinds, bool(kinds - {"sound"})), ("", "sound and model are changed"))
    if kept == "same sound":
        changed = f"only {changed} {'are others' if 'weights' in kinds else 'is changed'}"
    same = f"Same {frames}, {kept}: {changed}." if kept else f"Same {frames}; {changed}."
    binary, cut = effect.before.task != "avss", effect.before.threshold
    same += f" Both are cut at {cut:.2f}." if binary and cut != 0.5 else ""
    return f"{effect.shown.title}, {effect.after.model}. {same} It took {effect.seconds:.1f} s."


def stats(effect: Effect) -> list[tuple[str, str, str]]:
    """Return the figures: number, what it is, over what."""
    c = effect.comparison
    either = int(((c.before >= LEAST_SHARE) | (c.after >= LEAST_SHARE)).sum())
    over = f"over the {frames_words(either)} marked in either" if either else "nothing is marked in either"
    agreed = mean_where(c.iou, c.before, c.after)
    shares = f"{100 * c.before.mean():.1f} → {share_words(c.after.mean())}"
    rows = [
        (f"{agreed:.2f}", "IoU of before and after", over),
        (shares, "share of frame", f"mean of {frames_words(len(c.before))}"),
    ]
    if effect.known is None:
        return [*rows, ("none", "IoU with ground truth", "it is not known for this clip")]
    real = [
        mean_where(iou, c.truth, share)
        for iou, share in ((c.truth_before, c.before), (c.truth_after, c.after))
    ]
    rows.append((f"{real[0]:.2f} → {real[1]:.2f}", "IoU with ground truth", "over frames marked in either"))
    return rows + _coverage(effect)


def frame_words(effect: Effect, index: int) -> str:
    """Return what a screen reader says of a frame's bars."""
    c = effect.comparison
    return (
        f"Frame {index + 1} at {c.times[index]:.2f} s: {share_words(c.before[index])} before, "
        f"{share_words(c.after[index])} after, IoU {c.iou[index]:.2f}"
    )


def range_title(trial: Trial) -> str:
    """Return what a sweep is of."""
    parameter = trial.sweep.parameter
    what = f"{trial.change.row.title}: {parameter.label}{f' in {parameter.unit}' if parameter.unit else ''}"
    return f"{what}, {lead(trial.rest).lower()}" if trial.rest else what


def range_line(trial: Trial) -> str:
    """Return what a curve says: where the mask stays, and how long it took."""
    same = [value for value, iou in zip(trial.sweep.values, trial.same) if iou >= SAME]
    unit = f" {trial.sweep.parameter.unit}".rstrip()
    if not same:
        where = "At no value does the mask stay as it is"
    elif len(same) == len(trial.same):
        where = "The mask stays as it is at every value"
    else:
        where = f"The mask stays as it is at {', '.join(f'{value:g}' for value in same)}{unit}"
    return f"{where} (IoU {SAME} or more). {len(trial.same)} runs, {trial.seconds:.1f} s."


def range_button(count: int) -> str:
    """Return what the button of the sweep will do."""
    return f"Try {count} values"


def _main(effect: Effect) -> tuple[str | None, str | None]:
    """Return what the mask lies on before and after, where the objects in view are known."""
    if effect.known is None:
        return None, None
    return effect.known.main(label_maps(effect.before)), effect.known.main(label_maps(effect.after))


def _coverage(effect: Effect) -> list[tuple[str, str, str]]:
    """Return the object in view whose marked share changes most."""
    before, after = (effect.known.covered(label_maps(p)) for p in (effect.before, effect.after))
    if not before:
        return []
    name = max(before, key=lambda name: abs(after[name] - before[name]))
    number = f"{100 * before[name]:.0f} → {100 * after[name]:.0f}\N{NO-BREAK SPACE}%"
    frames = frames_words(len(effect.comparison.times))
    return [(number, f"of the {name} is marked", f"of its pixels in {frames}, sounding or not")]


def _moves(was: np.ndarray, now: np.ndarray) -> str:
    left, came = np.flatnonzero(was & ~now) + 1, np.flatnonzero(now & ~was) + 1
    parts = [f"leaves {_frames(left)}"] if len(left) else []
    return " and ".join([*parts, f"appears in {_frames(came)}"] if len(came) else parts)


def _frames(numbers: np.ndarray) -> str:
    if len(numbers) == 1:
        return f"frame {numbers[0]}"
    if len(numbers) > FRAMES_NAMED:
        return frames_words(len(numbers))
    return f"frames {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _grows(before: float, after: float) -> str:
    if 0.9 < after / before < 1.1:
        return f"changes its shape, not its size ({share_words(after)} of the picture)"
    verb = "grows" if after > before else "shrinks"
    return f"{verb} from {100 * before:.1f} to {share_words(after)} of the picture"
