"""What the Evaluate tab says, made from the numbers of a report."""

from app.components.text import clips_words, frames_words, share_words
from app.services.evaluation_data import is_synth, words
from app.services.reports import Shelved
from avseg.evaluation.report import Report

EMPTY = "How good is a model, and does it listen?"
EMPTY_LINE = (
    "Choose a model and clips, or open a report: its numbers, its worst clips and what it hears come here."
)
GOOD, FAIR, WEAK = 0.7, 0.5, 0.25  # mean IoU over the frames in which something sounds
DECIDES, MATTERS = 0.7, 0.3  # swap sensitivity
FALSE_ALARM = 0.02  # share of the frame under a sound that belongs to nothing in view
WEIGHTS = {
    "toy": "toy weights",
    "random": "random weights: nothing was learnt",
    "released": "the authors' weights",
    "trained": "trained weights",
}
TASK_WORDS = {"s4": "S4", "ms3": "MS3", "avss": "AVSS"}
OFFICIAL = {"s4": 740, "ms3": 64, "avss": 1554}  # clips of AVSBench's test splits
# Name, field of the report's robustness, what it is.
SHARES = (
    ("Silence", "silence", "Every clip is heard with digital silence: nothing sounds, so any mask is wrong."),
    ("White noise", "noise", "Every clip is heard with white noise of RMS 0.1: no object makes it."),
    ("Off-screen", "offscreen", "Every clip is heard with a class that is not in view."),
)
SWAP = "Every clip is heard with the sound of another clip in which other classes sound."
SWITCH = (
    "Two classes in view are each heard alone; the mask has to change over. A deaf model cannot pass 0.5."
)
SENSITIVITY = "How much of the mask changes under a swapped sound: 0 is deaf, 1 is a wholly different mask."


def finding(report: Report) -> str:
    """Return the sentence of the screen: how well what sounds is found, and whether the sound decides."""
    return f"{_found(report)}{_listens(report)}."


def _found(report: Report) -> str:
    if report.measured_as == "classes" and report.miou_present_classes is not None:
        score = report.miou_present_classes
        good = (
            "are told apart well",
            "are mostly told apart",
            "are told apart in part",
            "are mostly mistaken",
        )
        which = good[_rank(score)]
        return f"The {report.present_classes} classes that sound {which} (IoU {score:.2f})"
    score = report.miou_with_ground_truth
    if score is None:
        share = report.false_positive_without_ground_truth or 0
        return (
            f"Nothing visible sounds in these clips; {share_words(share)} of the frame is marked all the same"
        )
    good = ("is marked well", "is mostly marked", "is marked in part", "is mostly missed")
    return f"What sounds {good[_rank(score)]} (IoU {score:.2f})"


def _rank(score: float) -> int:
    return sum(score < limit for limit in (GOOD, FAIR, WEAK))


def _listens(report: Report) -> str:
    heard = report.robustness
    wrong = {name: getattr(heard, field) for name, field, _ in SHARES if getattr(heard, field) is not None}
    if heard.swap_sensitivity is None:
        return ""
    if heard.swap_sensitivity < MATTERS:
        return "; the mask hardly depends on the sound"
    alarm = max(wrong, key=wrong.get, default=None)
    if alarm and wrong[alarm] >= FALSE_ALARM:
        sound = {"Silence": "silence", "White noise": "white noise", "Off-screen": "an off-screen sound"}[
            alarm
        ]
        return f"; {sound} still gets a mask of {share_words(wrong[alarm])} of the frame"
    if heard.swap_sensitivity >= DECIDES:
        return "; the sound decides the mask"
    return "; the sound decides part of the mask"


def caption(one: Shelved) -> str:
    """Return the line below: who, on what, how much of it, and what it may be compared with."""
    report = one.evaluation.report
    size = f"{clips_words(report.clips)}, {report.frames:,} labelled frames"
    empty = report.frames_without_ground_truth
    without = f", {empty:,} of them with an empty ground truth" if empty else ""
    drawn = " Drawn data: not comparable with AVSBench." if is_synth(report) else ""
    kind = WEIGHTS[report.weights]
    return f"{one.name} ({kind}) on {words(report)}: {size}{without}, at {report.image_size} px.{drawn}"


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return the large numbers, each with what it is and what to know about it."""
    if report.measured_as == "classes":
        rows = [
            (report.miou, "mIoU, as the benchmark", "all 71 classes; absent ones score 0"),
            (report.f_score, "F, as the benchmark", "of the winning class, all 71"),
            (report.miou_present_classes, f"mIoU of {report.present_classes} classes", "those in the truth"),
            (report.dataset_miou_present_classes, "IoU of these, pooled", "pixels of the split together"),
        ]
    else:
        over = frames_words(report.frames_with_ground_truth)
        rows = [
            (report.miou, "mIoU, as the benchmark", "empty frames score the background"),
            (report.f_score, "F, best threshold", f"batches of {clips_words(report.f_batch_size)}"),
            (report.miou_with_ground_truth, "mIoU, sounding frames", over),
            (report.dataset_iou, "IoU over the data set", "all pixels pooled"),
        ]
    cells = [("–" if value is None else f"{value:.3f}", name, note) for value, name, note in rows]
    share = report.false_positive_without_ground_truth
    empty = frames_words(report.frames_without_ground_truth)
    return [
        *cells,
        ("–" if share is None else share_words(share), "mask on empty frames", f"mean of {empty}"),
    ]


def measured_line(report: Report) -> str:
    """Return what has to be known before the measured row is read beside the published ones."""
    if is_synth(report):
        return f"{words(report)}: another data set, read this block by itself"
    if report.task == "avss" and report.measured_as == "foreground":
        return f"{words(report)}, as foreground: another measure than the classes above"
    if report.split == "test" and report.clips == OFFICIAL[report.task]:
        return f"{words(report)}: as many clips as AVSBench's test split"
    return f"{words(report)}: {report.clips:,} clips, not AVSBench's whole test split"
