"""Two evaluations clip by clip."""

from dataclasses import replace
from pathlib import Path

import pytest

from avseg.errors import ReportError
from avseg.evaluation.pairs import clip_pairs
from avseg.evaluation.report import Confusion
from avseg.evaluation.report_files import read_evaluation


def test_clips_that_only_share_a_name_are_refused(root: Path):
    evaluation = read_evaluation(root / "assets" / "results" / "tiny-ms3")
    rows = tuple(replace(row, frames_with_ground_truth=1) for row in evaluation.clips)
    for clips, message in ((rows, "different ground truth"), ((), "without its clips.csv")):
        with pytest.raises(ReportError, match=message):
            clip_pairs(evaluation, replace(evaluation, clips=clips))


def test_the_largest_confusions_leave_out_misses():
    confusion = Confusion(("background", "car", "dog"), ((900, 10, 0), (50, 100, 50), (0, 0, 80)))
    assert confusion.worst(4, 0.01) == [(0.25, "car", "dog")]
    assert confusion.largest_classes(2).tolist() == [0, 1]
    assert confusion.shares()[1].tolist() == [0.25, 0.5, 0.25]
