"""The sentences of What if."""

import numpy as np
import pytest

from app.whatif import text


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 1], "leaves frame 1 and appears in frames 3 and 4"),
        ([1, 1, 1, 1], [1, 0, 1, 1], "leaves frame 2"),
        ([0] * 9, [1] * 6 + [0] * 3, "appears in 6 frames"),
    ],
)
def test_frames_in_words(was, now, words):
    assert text.moves(np.array(was, bool), np.array(now, bool)) == words
