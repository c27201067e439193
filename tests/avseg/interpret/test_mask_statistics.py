"""Statistics of predicted masks."""

import numpy as np
import pytest

from avseg.interpret.mask_statistics import mean_where


def test_the_mean_is_over_frames_with_a_mask():
    iou, before, after = np.array([0.5, 1, 0]), np.array([0.1, 0, 0]), np.array([0.2, 0, 0.3])
    assert mean_where(iou, before, after) == pytest.approx(0.25)
    assert mean_where(iou, np.zeros(3), np.zeros(3)) == 1
