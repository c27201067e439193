import numpy as np
import pytest
import torch

from avseg.interventions.run import Change, intervene
from avseg.runtime import runner as module
from avseg.runtime.runner import Runner
from tests.support.small_model import small_predictor


@pytest.fixture
def runner() -> Runner:
    return Runner(small_predictor().model, "exact")


def counted(frames: np.ndarray, asked: list[int]):
    """Return the function that makes the tensor, and counts."""

    def tensor() -> torch.Tensor:
        asked.append(1)
        return torch.zeros(len(frames), 3, 64, 64)

    return tensor


@torch.inference_mode()
def test_features_of_the_last_clip_are_kept(runner):
    asked, frames, other = [], np.zeros((2, 64, 64, 3), np.uint8), np.zeros((2, 64, 64, 3), np.uint8)
    first = runner.features(frames, 0, counted(frames, asked))
    assert runner.features(frames, 0, counted(frames, asked)) is first and len(asked) == 1
    runner.features(frames, 8, counted(frames, asked))
    assert len(asked) == 2  # another batch of the clip
    runner.features(other, 0, counted(other, asked))
    runner.features(frames, 0, counted(frames, asked))
    assert len(asked) == 4  # only the clip seen last


@torch.inference_mode()
def test_long_clips_are_not_kept(runner, monkeypatch):
    asked, frames = [], np.zeros((2, 64, 64, 3), np.uint8)
    monkeypatch.setattr(module, "KEPT_BYTES", 10)
    for _ in range(2):
        runner.features(frames, 0, counted(frames, asked))
    assert len(asked) == 2


@torch.inference_mode()
def test_nothing_is_kept_while_the_visual_part_is_changed(runner):
    asked, frames = [], np.zeros((2, 64, 64, 3), np.uint8)
    plain = runner.features(frames, 0, counted(frames, asked))
    with intervene(runner.model, [Change("encoder-off")]):
        changed = runner.features(frames, 0, counted(frames, asked))
    assert not torch.equal(plain.tokens, changed.tokens)
    assert runner.features(frames, 0, counted(frames, asked)) is plain


def test_a_change_of_the_weights_is_seen(runner):
    asked, frames = [], np.zeros((1, 64, 64, 3), np.uint8)
    twin = runner.twin
    assert runner.twin is twin
    with torch.inference_mode():
        before = runner.features(frames, 0, counted(frames, asked))
    with torch.no_grad():
        runner.model.mask_feature.smooth[1].bias.add_(1.0)
    with torch.inference_mode():
        after = runner.features(frames, 0, counted(frames, asked))
    assert runner.twin is not twin and not torch.equal(before.mask_feature, after.mask_feature)
