"""Counts of pixels at every threshold, at known probabilities."""

from dataclasses import replace

import numpy as np

from avseg.interpret.threshold_counts import count_pixels
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


def test_pixels_above_a_threshold_and_those_that_are_right(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1, rate=20), fps=2)
    prediction = Predictor(BrightAndLoud(), "cpu").predict(clip)
    prediction = replace(prediction, probability=np.full_like(prediction.probability, 0.6))
    truth = [np.ones((8, 8), np.uint8), None]
    truth[0][:4] = 0
    pixels = clip.frames.shape[1] * clip.frames.shape[2]
    counts = count_pixels(clip, prediction, truth, (1,))
    assert counts.marked[:, 0, 59].tolist() == [pixels, pixels] and not counts.marked[:, 0, 61:].any()
    assert counts.area[:, 0].tolist() == counts.hits[:, 0, 59].tolist() == [pixels // 2, 0]
    assert count_pixels(clip, prediction, None, (1,)).area is None
    assert count_pixels(clip, None, truth, (1,)).marked is None
