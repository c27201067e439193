"""Sentences of Evaluate, made from the numbers of a report."""

from collections.abc import Callable

from app.services.evaluation_data import data_title, is_synthetic
from app.services.reports import StoredReport
from app.services.wording import plural
from avseg.evaluation.report import Report
from avseg.interpret.mask_statistics import percent

LIMITS = (0.7, 0.5, 0.25)  # of the mean IoU over the frames with ground truth: good, fair, weak
FOLLOWS, REACTS = 0.7, 0.3  # swap sensitivity
FALSE_ALARM = 0.02  # share of the frame under a sound without a visible source
WEIGHTS = {
    "demo": "demo weights",
    "composed": "weights trained on compositions",
    "random": "random weights",
    "released": "the authors' weights",
    "trained": "trained weights",
}
OFFICIAL_CLIPS = {"s4": 740, "ms3": 64, "avss": 1554}  # of AVSBench's test splits


def finding(report: Report) -> str:
    """Return the headline: how accurate the masks are, and whether they follow the sound."""
    score = report.headline_iou
    if score is None:
        share = percent(report.false_positive_without_ground_truth or 0)
        return f"No visible object sounds in these clips, yet masks cover {share} of the frame."
    rank = sum(score < limit for limit in LIMITS)
    if by_class := report.measured_as == "classes":
        verb = ("Tells", "Mostly tells", "Partly tells", "Confuses most of")[rank]
        text = f"{verb} the {report.present_classes} sounding classes{' apart' if rank < 3 else ''}"
    else:
        text = (
            "Masks are accurate",
            "Masks are mostly accurate",
            "Masks are partly right",
            "Misses most sounding objects",
        )[rank]
    text = f"{text} (IoU {score:.2f})"

    # How the masks respond to the sound, as the end of the sentence.
    robustness, s, accurate = report.robustness, "s" if by_class or rank == 3 else "", rank < 2
    if robustness.swap_sensitivity is None:
        return f"{text}."
    if robustness.swap_sensitivity < REACTS:
        return f"{text} {'but' if accurate else 'and'} barely react{s} to the sound."
    sounds = {
        "silence": robustness.silence,
        "white noise": robustness.noise,
        "an off-screen sound": robustness.offscreen,
    }
    worst, share = max(((name, share or 0.0) for name, share in sounds.items()), key=lambda pair: pair[1])
    if share >= FALSE_ALARM:
        link = "but" if accurate else "and"
        return f"{text}, {link} {worst} still produces a mask of {percent(share)} of the frame."
    partly = "" if robustness.swap_sensitivity >= FOLLOWS else "partly "
    return f"{text} {'and' if accurate else 'but'} {partly}follow{s} the sound."


def caption(report: StoredReport) -> str:
    """Return the line below the headline: model, data, and whether the numbers compare with AVSBench's."""
    numbers = report.evaluation.report
    empty = numbers.frames_without_ground_truth
    without = f" ({empty:,} with empty ground truth)" if empty else ""
    synthetic = " Synthetic data: not comparable with AVSBench." if is_synthetic(numbers) else ""
    return (
        f"{report.name} ({WEIGHTS[numbers.weights]}) on {report.data}: {plural(numbers.clips, 'clip')}, "
        f"{numbers.frames:,} labelled frames{without}, at {numbers.image_size} px.{synthetic}"
    )


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


def interval(ends: tuple[float, float], write: Callable[[float], str] = "{:.2f}".format) -> str:
    """Return a confidence interval: "95 % 0.84 to 0.86"."""
    return f"95\N{NO-BREAK SPACE}% {write(ends[0])} to {write(ends[1])}"


def signed(value: float, digits: int = 2) -> str:
    """Return a difference with its sign: "+0.05", "−0.10"."""
    return f"{'+' if value >= 0 else '−'}{abs(value):.{digits}f}"
