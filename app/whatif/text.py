"""The captions and tiles of the What if tab, made from numbers."""

from app.services.wording import plural
from app.whatif.effect import ClipEffect, SweepResult
from avseg.interpret.mask_statistics import LEAST_SHARE, mean_where, percent
from avseg.interventions.compare import label_maps
from avseg.interventions.effect import SAME, in_words
from avseg.interventions.run import INTERVENTION


def caption(effect: ClipEffect) -> str:
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
    model = f"{effect.after.model}, {effect.after.precision}"
    return f"{effect.result.title}, {model}. {line} Inference took {effect.seconds:.1f} s."


def stats(effect: ClipEffect) -> list[tuple[str, str, str]]:
    """Return the tiles: number, name, over which frames."""
    c = effect.comparison
    either = int(((c.before >= LEAST_SHARE) | (c.after >= LEAST_SHARE)).sum())
    over = f"mean of {plural(either, 'frame')} with a mask" if either else "no mask before or after"
    size = f"{100 * c.before.mean():.1f} → {percent(c.after.mean())}"
    tiles = [
        (f"{c.mean_iou:.2f}", "IoU before vs. after", over),
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


def sweep_title(swept: SweepResult) -> str:
    """Return the heading of a sweep: its row and parameter, and the changes that apply at every value."""
    parameter = swept.sweep.parameter
    unit = f" in {parameter.unit}" if parameter.unit else ""
    title = f"{INTERVENTION[swept.sweep.change].title}: {parameter.label}{unit}"
    return f"{title}, {in_words(swept.others)}" if swept.others else title


def sweep_caption(swept: SweepResult) -> str:
    """Return the line under a sweep: where the mask stays the same, and how long the runs took."""
    same = [v for v, iou in zip(swept.sweep.values, swept.unchanged_iou) if round(iou, 2) >= SAME]
    runs = len(swept.unchanged_iou)
    if not same:
        where = "The mask changes at every value"
    elif len(same) == runs:
        where = "The mask stays the same at every value"
    else:
        unit = f" {swept.sweep.parameter.unit}".rstrip()
        where = f"The mask stays the same at {', '.join(map(_number, same))}{unit}"
    least = int(swept.unchanged_iou.argmin())
    most = f"; it changes most at {_number(swept.sweep.values[least])} (IoU {swept.unchanged_iou[least]:.2f})"
    most = most if len(same) < runs else ""
    return f"{where} (IoU {SAME} or more){most}. {runs} runs in {swept.seconds:.1f} s."


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
