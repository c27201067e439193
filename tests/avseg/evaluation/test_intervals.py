"""Confidence intervals: a case by hand, coverage, and that resampled numbers are those of the report."""

from dataclasses import replace

import numpy as np
import pytest

from avseg.evaluation.evaluate import evaluate
from avseg.evaluation.intervals import FEWEST_CLIPS, bootstrap, ratios
from avseg.evaluation.pairs import ClipPair, miou_change
from tests.avseg.evaluation.test_evaluate import classes_oracle
from tests.support.oracles import DOG, HERE, Blocks, Oracle, constant


def interval(parts: np.ndarray, wholes: np.ndarray) -> tuple[float, float] | None:
    statistic = lambda drawn: {"x": ratios(parts[:, None], wholes[:, None], drawn)[:, 0]}  # noqa: E731
    return bootstrap(len(parts), statistic).get("x")


def test_ten_clips_by_hand():
    # Half of the clips score 1: a resample scores k / 10 with k from the binomial distribution of 10 and 1/2,
    # which has 1.1 % of its mass up to 1, and 5.5 % up to 2.
    half, ones = np.array([1.0, 0.0] * 5), np.ones(10)
    assert interval(half, ones) == pytest.approx((0.2, 0.8))
    assert interval(half[: FEWEST_CLIPS - 1], ones[: FEWEST_CLIPS - 1]) is None
    # Two clips with frames are missing from one resample in nine.
    assert interval(np.array([2.0, 0] + [0] * 8), np.array([2.0, 1] + [0] * 8)) is None


def test_intervals_cover_the_mean_of_the_population():
    rng, clips, covered = np.random.default_rng(1), 60, 0
    for _ in range(120):
        frames = rng.integers(1, 6, clips)
        low, high = interval(frames * rng.beta(4, 1, clips), frames)
        covered += low <= 0.8 <= high
    assert 0.89 < covered / 120 <= 0.99


def test_every_headline_number_has_an_interval_around_it():
    indices = [0, 1, 2, 3] * 10
    report = evaluate(Oracle(constant(8.0)), Blocks(), indices, replace(HERE, f_batch=2)).report
    heard = {"silence", "noise", "offscreen", "swap_sensitivity", "swapped_miou", "swap_fall"}
    foreground = {"miou_with_ground_truth", "false_positive_without_ground_truth", "dataset_iou"}
    assert set(report.intervals) == heard | foreground | {"miou", "f_score"}
    for name, (low, high) in report.intervals.items():
        assert low - 1e-9 <= report.number(name) <= high + 1e-9, name
    few = evaluate(Oracle(constant(8.0)), Blocks(), indices[:12], replace(HERE, robustness=False)).report
    assert "f_score" not in few.intervals and "miou" in few.intervals  # three batches, twelve clips
    assert report.intervals["silence"] == (1, 1) and np.ptp(report.intervals["miou"]) > 0.05


def test_a_model_of_classes_has_intervals_of_its_classes():
    clips = Blocks("avss")
    model = classes_oracle(clips, (DOG,) * 4)
    assert evaluate(model, clips, options=HERE).report.intervals == {}  # four clips
    report = evaluate(model, clips, [0, 1, 2, 3] * 4, HERE).report
    low, high = report.intervals["miou_present_classes"]
    assert low < report.miou_present_classes < high
    assert {"f_present_classes", "dataset_miou_present_classes", "miou", "f_score"} <= set(report.intervals)


def test_the_change_between_two_models_is_paired():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.2, 0.8, 40)  # far apart from clip to clip, not from model to model
    pairs = [ClipPair(str(k), "", score + 0.02, score, 1 + k % 5) for k, score in enumerate(scores)]
    change, ends = miou_change(pairs)
    assert change == pytest.approx(0.02) and ends == pytest.approx((0.02, 0.02))
    assert miou_change([replace(pairs[0], first=1.0, second=0.5), *pairs[1:5]])[1] is None
    one, two = ClipPair("a", "", 0.5, 0.1, 1), ClipPair("b", "", 0.6, 0.6, 3)
    assert miou_change([one, two])[0] == pytest.approx(0.1)  # over frames, as the reports' mean IoU
