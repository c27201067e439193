"""avseg/evaluation/frame_mistakes.py: every kind of mistake, planted."""

import numpy as np
import pytest

from avseg.data.samples import IGNORED, UNNAMED
from avseg.evaluation.frame_mistakes import Mistakes, clip_mistakes


def square(top: int, left: int, side: int = 10, value: int = 1) -> np.ndarray:
    picture = np.zeros((40, 40), np.uint8)
    picture[top : top + side, left : left + side] = value
    return picture


NOTHING, DOG, ELSEWHERE = square(0, 0, 0), square(2, 2, value=UNNAMED), square(25, 25)


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [
        (DOG, DOG, Mistakes()),
        (NOTHING, NOTHING, Mistakes()),
        (NOTHING, DOG, Mistakes(missed=1)),
        (ELSEWHERE, DOG, Mistakes(missed=1)),
        (square(2, 2, 3), DOG, Mistakes(missed=1)),  # 9 of its 100 pixels
        (square(2, 2, 4), DOG, Mistakes()),  # 16 of 100
        (ELSEWHERE, NOTHING, Mistakes(false_alarm=1)),
        (square(25, 25, 2), NOTHING, Mistakes()),  # 4 of 1600 pixels: too few
        (DOG, NOTHING, Mistakes(false_alarm=1, wrong_time=1)),
        (square(2, 6), NOTHING, Mistakes(false_alarm=1, wrong_time=1)),  # 60 of its 100 pixels are on the dog
        (square(2, 8), NOTHING, Mistakes(false_alarm=1)),  # 40 of 100
        (ELSEWHERE, None, Mistakes()),
        (ELSEWHERE, square(25, 25, value=IGNORED), Mistakes(false_alarm=1)),
    ],
)
def test_a_planted_mistake_is_of_its_kind(mask, truth, expected):
    """The dog sounds in the other frame of the clip, where it is marked."""
    assert clip_mistakes([DOG, mask], [DOG, truth]) == expected


def test_nothing_is_in_the_right_place_where_nothing_ever_sounds():
    assert clip_mistakes([DOG, DOG], [NOTHING, NOTHING]) == Mistakes(false_alarm=2)
