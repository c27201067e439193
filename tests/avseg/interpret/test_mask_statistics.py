"""Statistics of predicted masks, and the sentence that sums them up."""

from pathlib import Path

import numpy as np
import pytest

from avseg.interpret.mask_statistics import ClassStatistics, MaskStatistics, finding, mean_where, measure
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


def prediction_of(path: Path, task: str):
    return Predictor(BrightAndLoud(task), "cpu").predict(read_clip(path, fps=1))


def test_the_mean_is_over_frames_with_a_mask():
    iou, before, after = np.array([0.5, 1, 0]), np.array([0.1, 0, 0]), np.array([0.2, 0, 0.3])
    assert mean_where(iou, before, after) == pytest.approx(0.25)
    assert mean_where(iou, np.zeros(3), np.zeros(3)) == 1


def test_findings_are_counted_on_the_masks(tmp_path):
    prediction = prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), "ms3")
    statistics = measure(prediction)
    assert statistics.shares == pytest.approx(prediction.foreground)
    sentence = finding(statistics)
    assert f"{statistics.nonempty} of 5 frames" in sentence and f"{100 * statistics.mean:.1f}" in sentence


def test_classes_are_named_with_their_frames_and_shares(tmp_path):
    statistics = measure(prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), "avss"))
    names = {count.name for count in statistics.classes}
    assert names == {"airplane", "dog"} and all(0 < count.frames < 5 for count in statistics.classes)
    first = statistics.classes[0]
    assert finding(statistics).startswith(f"{first.name.capitalize()} found in {first.frames} of 5 frames")


def test_findings_read_well_for_any_number_of_frames_and_classes():
    def sentence(shares, *classes):
        nonempty = sum(share > 0 for share in shares)
        counts = tuple(ClassStatistics(name, 1, frames, 0.059) for name, frames in classes)
        mean = sum(shares) / max(1, nonempty)
        return finding(MaskStatistics(np.array(shares), counts, nonempty, mean)).replace("\xa0", " ")

    assert sentence([0.0]) == "No sounding object found in this frame."
    assert sentence([0.0, 0.0]) == "No sounding object found in these 2 frames."
    assert sentence([0.1]) == "Sounding pixels found in this frame (10.0 % of it)."
    assert sentence([0.1, 0]) == "Sounding pixels found in 1 of 2 frames (10.0 % of the frame)."
    assert sentence([0.1, 0.2]) == "Sounding pixels found in both frames (15.0 % of the frame on average)."
    piano = sentence([0.1] * 5, ("piano", 5), ("violin", 3))
    assert piano == "Piano found in all 5 frames (5.9 % of the frame), violin in 3 (5.9 %)."
    assert sentence([0.1] * 5, *((name, 5) for name in "abcde")).endswith("c in all (5.9 %), and 2 more.")
