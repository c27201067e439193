"""Trivial rules, against masks drawn by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from avseg.data.samples import VisibleClass
from avseg.evaluation.evaluate import evaluate
from avseg.evaluation.floors import centre_prior, largest_object
from avseg.evaluation.report import Floor, floors_line, summary
from avseg.synthavs.dataset import SynthAVS
from tests.support.oracles import FILLED, HERE, SHARES, SIZE, Blocks, Oracle, constant


def rows(*heights: int) -> np.ndarray:
    """Masks of the upper rows."""
    return np.broadcast_to(
        np.arange(SIZE)[:, None] < np.array(heights)[:, None, None], (len(heights), SIZE, SIZE)
    )


def test_the_largest_class_of_every_frame():
    large, small = VisibleClass(rows(9, 1), np.zeros(2, bool)), VisibleClass(rows(4, 3), np.ones(2, bool))
    assert np.array_equal(largest_object([large, small]), rows(9, 3))


class WithObjects(Blocks):
    """The upper half is a silent object, what sounds is another."""

    def off_screen_audio(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return self.waveform(index)

    def isolated_classes(self, index: int, rng: np.random.Generator) -> tuple:
        return ()

    def visible_classes(self, index: int, moments: Sequence[int] | None = None) -> tuple[VisibleClass, ...]:
        masks = self.read(index, moments).classes > 0
        silent = np.zeros(len(masks), bool)
        return VisibleClass(rows(16, 16, 16)[: len(masks)], silent), VisibleClass(masks, ~silent)


def test_floors_are_counted_on_the_frames_of_the_report():
    report = evaluate(Oracle(constant(8.0)), WithObjects(), options=HERE, training=Blocks()).report
    everything, largest = report.floors["everything"], report.floors["largest_object"]
    assert everything == Floor(pytest.approx(report.miou_with_ground_truth), 1)
    assert report.floors["nothing"] == Floor(pytest.approx(0, abs=1e-6), 0)
    assert largest == Floor(pytest.approx((SHARES[FILLED] / 0.5).mean()), 0.5)
    # First frames of the training split: 8, 16 and 4 rows. Marking 8 of them scores 1, 1/2 and 1/2.
    prior = report.floors["centre_prior"]
    ious = [min(share, 0.25) / max(share, 0.25) for share in SHARES[FILLED]]
    assert prior == Floor(pytest.approx(np.mean(ious)), 0.25)
    line = "Trivial rules (IoU of the foreground): everything 0.35, largest object 0.71, centre prior 0.67."
    assert floors_line(report).startswith(line) and floors_line(report) in summary(report)


def test_data_without_objects_or_training_split():
    report = evaluate(Oracle(constant(8.0)), Blocks(), options=HERE).report
    assert set(report.floors) == {"nothing", "everything"}


def test_a_prior_needs_ground_truth():
    assert centre_prior(Blocks(), SIZE, 1).sum() == 8 * SIZE  # of the first clip
    silent = Blocks()
    silent.real[:] = False
    assert centre_prior(silent, SIZE, 4) is None


def test_an_evaluation_is_cancelled_while_its_prior_is_fitted():
    told = []

    def cancel(done: int, total: int) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(Oracle(constant(8.0)), Blocks(), options=HERE, on_clips=cancel, training=Blocks())
    assert told == [(0, len(Blocks()))]  # before any clip was read


def test_classes_in_view_and_sounding_are_the_ground_truth():
    clips = SynthAVS("ms3", "test", 5, 4, (SIZE, SIZE))
    for index in range(len(clips)):
        visible = clips.visible_classes(index)
        sounding = np.any([item.mask & item.sounding[:, None, None] for item in visible], axis=0)
        assert np.array_equal(sounding, clips.read(index).classes > 0)
        assert np.array_equal(clips.visible_classes(index, (3,))[0].mask[0], visible[0].mask[3])
    prior = centre_prior(clips, SIZE, 4)
    assert prior.shape == (SIZE, SIZE) and prior.dtype == torch.bool and 0 < prior.float().mean() < 1
