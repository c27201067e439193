"""Two evaluations clip by clip: the same clips, each with the IoU under both models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.samples import FOLDER
from avseg.errors import ReportError
from avseg.evaluation.intervals import Interval, bootstrap, ratios
from avseg.evaluation.report import Evaluation


@dataclass(frozen=True)
class ClipPair:
    """The IoU of a clip in two reports."""

    name: str
    labels: str
    first: float
    second: float
    frames: int  # with ground truth

    @property
    def change(self) -> float:
        """How much better the first report is."""
        return self.first - self.second


def clip_pairs(
    first: Evaluation, second: Evaluation, titles: tuple[str, str] | None = None
) -> list[ClipPair]:
    """Return the clips with ground truth in both evaluations, largest improvement first.

    titles: how an error calls the data of both; their descriptions by default. Raises ReportError if the
    evaluations are of different data, or came without their clips.
    """
    a, b = first.report.data, second.report.data
    title, other_title = titles or (a.description, b.description)
    different = (
        f"These reports are of different data: {title} and {other_title}. Only reports of the same clips can "
        "be compared."
    )
    if (a.task, a.split, a.kind) != (b.task, b.split, b.kind):
        raise ReportError(different)
    if a.kind != FOLDER and a.seed != b.seed:
        raise ReportError(f"{different} Their seeds are {a.seed} and {b.seed}.")
    if not first.clips or not second.clips:
        raise ReportError(
            "One of the two reports was opened without its clips.csv; open both files together."
        )
    others = {row.name: row for row in second.clips}
    common = [(row, others[row.name]) for row in first.clips if row.name in others]
    if not common:
        raise ReportError(f"{different} They have no clip in common.")
    for row, other in common:
        if (row.frames, row.frames_with_ground_truth) != (other.frames, other.frames_with_ground_truth):
            raise ReportError(f"{different} Clips of the same name have different ground truth.")
    pairs = [
        ClipPair(row.name, row.labels, row.iou, other.iou, row.frames_with_ground_truth)
        for row, other in common
        if row.iou is not None and other.iou is not None
    ]
    if not pairs:
        raise ReportError("None of the clips in both reports has ground truth.")
    return sorted(pairs, key=lambda pair: -pair.change)


def miou_change(pairs: Sequence[ClipPair]) -> tuple[float, Interval | None]:
    """Return how much the mean IoU over the frames of the pairs is better in the first report.

    With it the 95 % interval of the paired bootstrap, which resamples the clips of both reports together;
    None for few clips.
    """
    frames = np.array([[pair.frames] for pair in pairs], float)
    changes = frames * np.array([[pair.change] for pair in pairs])
    intervals = bootstrap(len(pairs), lambda drawn: {"change": ratios(changes, frames, drawn)[:, 0]})
    return float(changes.sum() / frames.sum()), intervals.get("change")
