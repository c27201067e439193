"""The numbers of an evaluation: each is defined once, here, beside its field.

A number is null where it is undefined, for example without a frame that has ground truth.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path

import numpy as np

from avseg.data.samples import DataReference
from avseg.files import write_texts

REPORT, CLIPS, CLASSES, SUMMARY = "report.json", "clips.csv", "classes.csv", "summary.md"
CONFUSION = "confusion.csv"
TRUTH = "truth"  # head of the first column of confusion.csv


@dataclass(frozen=True)
class ReportHeader:
    """What was evaluated, and how."""

    command: str
    """Reproduces the report."""
    model: str
    weights: str
    """demo, released, trained or random; see the model's card."""
    measured_as: str
    """`classes`: a model of 71 channels on avss. `foreground`: all else; whether pixels sound, not what."""
    data: DataReference
    seed: int
    """Of noise, of the clips sampled from a longer split and of the choice of swapped audio."""
    image_size: int
    """px: frames and ground truth are squashed to a square of this side, and metrics are counted at it."""
    f_batch_size: int | None
    """Clips per batch of `f_score` below, whose value depends on it; the released tests take 4 clips, which
    are 4 x 5 frames, and 2 clips in aug2023. Null for `classes`: there F has no batches."""
    muted: bool
    """Whether every clip was evaluated with digital silence as its audio."""
    notes: tuple[str, ...]

    @property
    def task(self) -> str:
        """Task of the data: s4, ms3 or avss."""
        return self.data.task

    @property
    def split(self) -> str:
        """Split of the data."""
        return self.data.split


@dataclass(frozen=True)
class Robustness:
    """How far the masks depend on the audio. Shares are of the pixels, mean over real frames.

    Negative audio as in AVSBench-Robust (arXiv 2502.00358), whose false positive rate the first three are;
    swap sensitivity and target switch are this project's.
    """

    silence: float | None
    """Share of predicted foreground with digital silence."""
    noise: float | None
    """Share of predicted foreground with white noise, RMS 0.1."""
    offscreen: float | None
    """Share of predicted foreground with the audio of an invisible source. SynthAVS: one class that is not in
    the scene. Data on disk: the audio of another clip that shares no class with this one."""
    swap_sensitivity: float | None
    """Mean of 1 - IoU(mask(v, a), mask(v, a')) over frames with ground truth; a' is the audio of another clip
    in which other classes sound. Two empty masks have IoU 1. 0: the audio makes no difference."""
    swapped_miou: float | None
    """Mean IoU of mask(v, a') with the clip's own ground truth, over frames with ground truth."""
    swap_fall: float | None
    """Decrease of the mean IoU from a to a' over those frames; 0 for a model that ignores the audio."""
    target_switch_iou: float | None
    """Two visible classes, drawn per scene; each sounds alone through the clip. Mean IoU with that class's
    visible pixels, both ways, over the frames that show both. A model that ignores the audio cannot exceed
    0.5: the two masks share no pixel. Null for data on disk, whose audio cannot be remixed."""


@dataclass(frozen=True)
class Floor:
    """What the masks of a trivial rule score on the same frames, as foreground."""

    miou_with_ground_truth: float | None
    false_positive_without_ground_truth: float | None


@dataclass(frozen=True)
class Report(ReportHeader):
    """The numbers of one model on one split. Frames are real, labelled ones, but for avss' `miou`."""

    clips: int
    frames: int
    frames_with_ground_truth: int
    frames_without_ground_truth: int
    miou: float | None
    """As AVSBench. `foreground` (its mask_iou): mean over frames of the IoU at probability 0.5, where a frame
    without ground truth scores the IoU of its background. AVSBench takes the mean of means over batches of 4
    clips, which is the same number whenever batches are equally long, as in the test splits of S4 (740) and
    MS3 (64). `classes` (its compute_color_metrics.py): mean over all 71 classes, background too, of the mean
    IoU over the frames in which the class is in truth or prediction; a class that is in neither scores 0, and
    the padding of short clips counts as frames of background, IoU 1."""
    f_score: float | None
    """As AVSBench, beta^2 = 0.3. `foreground` (its Eval_Fmeasure): in a batch of clips, the F curve over 255
    thresholds, mean over frames with ground truth, then the maximum; mean over batches, 0 for one without
    ground truth. `classes`: as `miou`, with the F of the most probable class; no threshold, no batch."""
    miou_with_ground_truth: float | None
    """Mean foreground IoU over the frames in which a visible object sounds."""
    false_positive_without_ground_truth: float | None
    """Share of predicted foreground in the frames in which no visible object sounds."""
    dataset_iou: float | None
    """Intersection over union of the foreground pixels of the whole split together."""
    miou_no_background: float | None
    """`miou` of `classes` over the 70 classes other than background; absent ones score 0. (AVSBench's own
    miou_noBg leaves out class 70, woman, in its place.)"""
    miou_present_classes: float | None
    """`miou` of `classes` over the classes in the ground truth, without background."""
    f_present_classes: float | None
    """`f_score` of `classes` over the same classes."""
    dataset_miou_present_classes: float | None
    """Mean over the same classes of the IoU of each one's pixels of the whole split together."""
    present_classes: int | None
    """Number of these classes."""
    robustness: Robustness
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % confidence interval by name of a number above or of `robustness`; see avseg.evaluation.intervals.
    Empty in reports of earlier versions and of few clips."""
    floors: Mapping[str, Floor] = field(default_factory=dict)
    """Trivial rules: `nothing` and `everything` are marked; `largest_object`, the true mask of the largest
    class in view whether it sounds or not, which requires data that know it; `centre_prior`, where things
    sound in the training split. See avseg.evaluation.floors."""

    @property
    def headline_iou(self) -> float | None:
        """The strictest mean IoU: of the classes in the ground truth, or of the non-empty frames."""
        return self.miou_present_classes if self.measured_as == "classes" else self.miou_with_ground_truth

    def number(self, name: str) -> float | None:
        """Return a number of the report or of its robustness by name."""
        return getattr(self.robustness if hasattr(self.robustness, name) else self, name)


@dataclass(frozen=True)
class ClipRow:
    """One clip of clips.csv."""

    name: str
    labels: str
    """Classes in the ground truth, joined by a space; empty where the data do not name them."""
    frames: int
    frames_with_ground_truth: int
    iou: float | None
    """Mean foreground IoU over the frames with ground truth."""
    false_positive_share: float | None
    """Share of predicted foreground in the frames without."""
    foreground_share: float | None
    """Share of predicted foreground in all frames."""


@dataclass(frozen=True)
class ClassRow:
    """One class of classes.csv that is in ground truth or prediction.

    `classes`: IoU and F of the class, mean over the frames in which it is in truth or prediction; dataset_iou
    of its pixels together. `foreground`: the same of the whole foreground over the frames whose ground
    truth contains the class, F at its best threshold.
    """

    name: str
    frames: int
    """Over which iou and f are means."""
    frames_with_ground_truth: int
    iou: float
    f: float
    dataset_iou: float


@dataclass(frozen=True)
class Confusion:
    """confusion.csv: pixels of the labelled frames by their class in truth (row) and prediction (column)."""

    names: tuple[str, ...]
    """The classes in truth or prediction, background first, in the order of the 71."""
    pixels: tuple[tuple[int, ...], ...]
    """A row per class of the truth. Counted at `image_size`."""

    def shares(self) -> np.ndarray:
        """Return the pixels as shares of their row, float64 [classes, classes]."""
        pixels = np.array(self.pixels, float)
        return pixels / np.maximum(pixels.sum(1, keepdims=True), 1)

    def largest_classes(self, count: int) -> np.ndarray:
        """Return the indices of the classes with most pixels in truth and prediction, in their order."""
        pixels = np.array(self.pixels)
        return np.sort(np.argsort(-(pixels.sum(0) + pixels.sum(1)))[:count])

    def worst(self, count: int, least: float) -> list[tuple[float, str, str]]:
        """Return share, true and predicted class of the largest confusions of two classes of objects.

        least: share of the true class's pixels from which a confusion counts. Pixels that become background
        are misses, not confusions.
        """
        pairs = [
            (float(share), self.names[i], self.names[j])
            for (i, j), share in np.ndenumerate(self.shares())
            if i != j and share >= least and "background" not in (self.names[i], self.names[j])
        ]
        return sorted(pairs, reverse=True)[:count]


@dataclass(frozen=True)
class Evaluation:
    """A report and its tables."""

    report: Report
    clips: tuple[ClipRow, ...]
    """Worst first: by IoU, or by the share of background for a clip without ground truth."""
    classes: tuple[ClassRow, ...]
    confusion: Confusion | None = None
    """Of a model with a channel per class."""


def report_values(report: Report) -> dict[str, object]:
    """Return the content of report.json."""
    values = asdict(report)
    values["data"]["description"] = report.data.description  # for readers; not read back
    return values


def write_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Write report.json, clips.csv, classes.csv and summary.md into `folder`; return report.json's path.

    Of classes also confusion.csv; otherwise one left by an earlier report is deleted.
    """
    folder = Path(folder)
    texts = {
        CLIPS: _table(ClipRow, evaluation.clips),
        CLASSES: _table(ClassRow, evaluation.classes),
        SUMMARY: summary(evaluation.report),
    }
    if evaluation.confusion is not None:
        texts[CONFUSION] = _matrix(evaluation.confusion)
    # Last: whoever reads a new report.json finds the tables that belong to it.
    texts[REPORT] = json.dumps(report_values(evaluation.report), indent=2, allow_nan=False) + "\n"
    write_texts(folder, texts)
    if evaluation.confusion is None:
        (folder / CONFUSION).unlink(missing_ok=True)
    return folder / REPORT


def _table(kind: type, rows: Sequence[ClipRow] | Sequence[ClassRow]) -> str:
    return _csv([[f.name for f in fields(kind)], *map(astuple, rows)])


def _matrix(confusion: Confusion) -> str:
    rows = ([name, *row] for name, row in zip(confusion.names, confusion.pixels, strict=True))
    return _csv([[TRUTH, *confusion.names], *rows])


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def measures(report: Report) -> list[tuple[str, float, tuple[float, float] | None]]:
    """Return the numbers of a report in words, with their intervals; undefined ones are left out."""
    r, of_classes = report, report.measured_as == "classes"
    batches = "" if of_classes else f", batches of {r.f_batch_size} clips"
    names = {
        "miou": "mIoU as AVSBench computes it",
        "f_score": f"F as AVSBench computes it{batches}",
        "miou_no_background": "mIoU without background",
        "miou_present_classes": f"mIoU of the {r.present_classes} classes in the ground truth",
        "f_present_classes": "F of these classes",
        "dataset_miou_present_classes": "mean IoU of these classes, pixels of the split pooled",
        "miou_with_ground_truth": "foreground: mean IoU of the frames with ground truth",
        "dataset_iou": "foreground: IoU of the whole split",
        "false_positive_without_ground_truth": "predicted foreground in frames without ground truth",
        "silence": "predicted foreground with silence",
        "noise": "predicted foreground with white noise",
        "offscreen": "predicted foreground with off-screen audio",
        "swap_sensitivity": "swap sensitivity (0: ignores the audio)",
        "swapped_miou": "foreground: mean IoU with another clip's audio",
        "target_switch_iou": "target switch IoU (at most 0.5 if the audio is ignored)",
    }
    rows = []
    for name, words in names.items():
        if (value := r.number(name)) is not None:
            rows.append((words, value, r.intervals.get(name)))
    return rows


def summary(report: Report) -> str:
    """Return the report as Markdown, without undefined numbers."""
    r, rows = report, []
    for words, value, interval in measures(report):
        text = f" (95 % {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        rows.append(f"| {words} | {value:.4f}{text} |")
    bootstrap = "Intervals: 95 %, percentile bootstrap over clips."
    lines = [
        f"# {r.model} on {r.data.description}",
        "",
        f"Weights: {r.weights}. {r.clips} clips, {r.frames} labelled frames, {r.frames_with_ground_truth} of "
        f"them with ground truth; evaluated at {r.image_size} px.",
        "",
        *(f"- {note}" for note in r.notes),
        *([""] if r.notes else []),
        *([line, ""] if (line := floors_line(r)) else []),
        "| measure | value |",
        "|---|---|",
        *rows,
        "",
        *([bootstrap, ""] if r.intervals else []),
        f"`{r.command}`",
    ]
    return "\n".join(lines) + "\n"


def floors_line(report: Report) -> str:
    """Return the scores of the trivial rules in a line; "" for a report without them.

    The IoU of marking nothing is 0, the share of marking everything 1, whatever the data.
    """

    def listed(number: str, without: str) -> str:
        values = {rule: getattr(floor, number) for rule, floor in report.floors.items() if rule != without}
        texts = [f"{rule.replace('_', ' ')} {v:.2f}" for rule, v in values.items() if v is not None]
        return ", ".join(texts)

    iou = listed("miou_with_ground_truth", "nothing")
    shares = listed("false_positive_without_ground_truth", "everything")
    text = f"Trivial rules (IoU of the foreground): {iou}." if iou else ""
    return f"{text} Share of empty frames that they mark: {shares}.".strip() if shares else text
