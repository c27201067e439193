"""Sentences of Evaluate, made from the numbers of a report."""

from app.services.evaluation_data import data_title, is_synthetic
from app.services.reports import StoredReport
from app.services.wording import percent, plural
from avseg.evaluation.report import Report

EMPTY = "How good is a model, and does it listen?"
EMPTY_CAPTION = (
    "Evaluate a model or open a report to see its scores, its worst clips and its robustness tests."
)
GOOD, FAIR, WEAK = 0.7, 0.5, 0.25  # mean IoU over the frames with ground truth
FOLLOWS, REACTS = 0.7, 0.3  # swap sensitivity
FALSE_ALARM = 0.02  # share of the frame under a sound without a visible source
WEIGHTS = {
    "demo": "demo weights",
    "random": "random weights",
    "released": "the authors' weights",
    "trained": "trained weights",
}
TASKS = {"s4": "S4", "ms3": "MS3", "avss": "AVSS"}
OFFICIAL_CLIPS = {"s4": 740, "ms3": 64, "avss": 1554}  # of AVSBench's test splits
# Field of the report's robustness, name, explanation.
NEGATIVE_SOUNDS = (
    ("silence", "Silence", "Every clip is muted: nothing sounds, so any mask is wrong."),
    ("noise", "White noise", "Every clip gets white noise of RMS 0.1, which no visible object makes."),
    ("offscreen", "Off-screen sound", "Every clip gets the sound of a class that is not in view."),
)
SWAP = "Every clip gets the sound of another clip in which other classes sound."
SWITCH = (
    "Two visible classes are played alone in turn; the mask has to switch between them. A model that ignores "
    "the sound cannot exceed 0.5."
)
SENSITIVITY = "How much of the mask changes with a swapped sound: 0 none of it, 1 all of it."


def finding(report: Report) -> str:
    """Return the headline: how accurate the masks are, and whether they follow the sound."""
    rank = None
    if report.measured_as == "classes" and report.miou_present_classes is not None:
        score = report.miou_present_classes
        rank = sum(score < limit for limit in (GOOD, FAIR, WEAK))
        verb = ("Tells", "Mostly tells", "Partly tells", "Confuses most of")[rank]
        text = f"{verb} the {report.present_classes} sounding classes{' apart' if rank < 3 else ''}"
        singular = True
    elif (score := report.miou_with_ground_truth) is not None:
        rank = sum(score < limit for limit in (GOOD, FAIR, WEAK))
        text = (
            "Masks are accurate",
            "Masks are mostly accurate",
            "Masks are partly right",
            "Misses most sounding objects",
        )[rank]
        singular = rank == 3
    else:
        share = percent(report.false_positive_without_ground_truth or 0)
        return f"No visible object sounds in these clips, yet masks cover {share} of the frame."
    return f"{text} (IoU {score:.2f}){_response(report, rank, singular)}."


def _response(report: Report, rank: int, singular: bool) -> str:
    """Return how the masks respond to the sound, as the end of a sentence."""
    robustness, s = report.robustness, "s" if singular else ""
    if robustness.swap_sensitivity is None:
        return ""
    accurate = rank < 2
    if robustness.swap_sensitivity < REACTS:
        return f" {'but' if accurate else 'and'} barely react{s} to the sound"
    shares = {name: getattr(robustness, field) for field, name, _ in NEGATIVE_SOUNDS}
    measured = {name: share for name, share in shares.items() if share is not None}
    worst = max(measured, key=lambda name: measured[name], default="")
    if worst and measured[worst] >= FALSE_ALARM:
        sound = f"an {worst.lower()}" if worst.startswith("Off") else worst.lower()
        link = ", but" if accurate else ", and"
        return f"{link} {sound} still produces a mask of {percent(measured[worst])} of the frame"
    joint = "and" if accurate else "but"
    return f" {joint} {'' if robustness.swap_sensitivity >= FOLLOWS else 'partly '}follow{s} the sound"


def caption(report: StoredReport) -> str:
    """Return the line below the headline: model, data, and whether the numbers compare with AVSBench's."""
    numbers = report.evaluation.report
    size = f"{plural(numbers.clips, 'clip')}, {numbers.frames:,} labelled frames"
    empty = numbers.frames_without_ground_truth
    without = f" ({empty:,} with empty ground truth)" if empty else ""
    synthetic = " Synthetic data: not comparable with AVSBench." if is_synthetic(numbers) else ""
    weights = WEIGHTS[numbers.weights]
    return (
        f"{report.name} ({weights}) on {data_title(numbers)}: {size}{without}, "
        f"at {numbers.image_size} px.{synthetic}"
    )


def tiles(report: Report) -> list[tuple[str, str, str]]:
    """Return the main scores: value, name and note."""
    if report.measured_as == "classes":
        rows = [
            (report.miou, "mIoU, as the benchmark", "all 71 classes; absent ones score 0"),
            (report.f_score, "F-score, as the benchmark", "of the predicted class, all 71"),
            (report.miou_present_classes, f"mIoU of {report.present_classes} classes", "in the ground truth"),
            (report.dataset_miou_present_classes, "IoU of these, pooled", "all pixels of the split"),
        ]
    else:
        rows = [
            (report.miou, "mIoU, as the benchmark", "empty frames score the background"),
            (
                report.f_score,
                "F-score, best threshold",
                f"batches of {plural(report.f_batch_size or 0, 'clip')}",
            ),
            (
                report.miou_with_ground_truth,
                "mIoU, non-empty frames",
                plural(report.frames_with_ground_truth, "frame"),
            ),
            (report.dataset_iou, "IoU, pooled", "all pixels of the split"),
        ]
    scores = [("–" if value is None else f"{value:.3f}", name, note) for value, name, note in rows]
    share = report.false_positive_without_ground_truth
    empty = plural(report.frames_without_ground_truth, "frame")
    return [*scores, ("–" if share is None else percent(share), "mask on empty frames", f"mean of {empty}")]


def comparability(report: Report) -> str:
    """Return whether the measured rows can be compared with the published ones."""
    title = data_title(report)
    if is_synthetic(report):
        return f"{title}: a different data set, not comparable"
    if report.task == "avss" and report.measured_as == "foreground":
        return f"{title}, as foreground: a different metric, not comparable"
    if report.split == "test" and report.clips == OFFICIAL_CLIPS[report.task]:
        return f"{title}: as many clips as AVSBench's test split"
    return f"{title}: {plural(report.clips, 'clip')}, not AVSBench's whole test split"


def duration(seconds: float) -> str:
    """Return a rough duration: "45 s", "3 min", "1.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
