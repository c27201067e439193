import pytest
import torch
import torch.nn.functional as F

from avseg.errors import CheckpointError
from avseg.models.masks import foreground_logit, foreground_probability, label_maps

LOGITS = 3 * torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))


def test_several_classes_agree_with_softmax():
    torch.testing.assert_close(foreground_probability(LOGITS), 1 - F.softmax(LOGITS, dim=1)[:, 0])
    torch.testing.assert_close(label_maps(LOGITS).long(), LOGITS.argmax(1))
    assert label_maps(LOGITS).dtype == torch.uint8


def test_one_channel_is_cut_at_the_threshold():
    torch.testing.assert_close(label_maps(LOGITS[:, :1], 0.7).bool(), torch.sigmoid(LOGITS[:, 0]) > 0.7)
    assert torch.equal(label_maps(LOGITS[:, :1]).bool(), LOGITS[:, 0] > 0)


def test_the_foreground_logit_is_that_of_the_probability():
    for logits in (LOGITS, LOGITS[:, :1]):
        torch.testing.assert_close(foreground_logit(logits).sigmoid(), foreground_probability(logits))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_logits_that_are_not_finite_are_refused(value):
    for channels in (1, 5):
        logits = LOGITS[:, :channels].clone()
        logits[1, 0, 2, 3] = value
        with pytest.raises(CheckpointError, match="not a finite number"):
            label_maps(logits)
