"""The sentence that sums up an effect."""

import numpy as np
import pytest

from avseg.data.labels import CLASSES
from avseg.interventions.effect import FrameTruth, in_words, moves
from avseg.interventions.run import Change


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 1], "leaves frame 1 and appears in frames 3 and 4"),
        ([1, 1, 1, 1], [1, 0, 1, 1], "leaves frame 2"),
        ([0] * 9, [1] * 6 + [0] * 3, "appears in 6 frames"),
    ],
)
def test_frames_in_words(was, now, words):
    assert moves(np.array(was, bool), np.array(now, bool)) == words


def test_several_changes_in_words():
    changes = [Change("mute"), Change("mixer-off"), Change("encoder-off")]
    assert in_words(changes[:1]) == "without sound"
    assert in_words(changes) == "without sound, without the mixer and without the encoder"
    assert in_words(changes[:2], capital=True) == "Without sound and without the mixer"


def test_the_main_class_covers_half_of_the_foreground():
    in_view = np.array([[[1, 1, 2, 0]]], np.uint8)
    truth = FrameTruth(np.zeros_like(in_view), in_view)
    first, half = np.array([[[1, 1, 1, 0]]], np.uint8), np.array([[[1, 0, 1, 0]]], np.uint8)
    assert truth.main_class(first) == CLASSES[1]
    assert truth.main_class(half) is None and truth.main_class(0 * first) is None
    assert truth.coverage(half) == {CLASSES[1]: 0.5, CLASSES[2]: 1.0}
    unknown = FrameTruth(in_view)
    assert unknown.main_class(first) is None and unknown.coverage(first) == {}
