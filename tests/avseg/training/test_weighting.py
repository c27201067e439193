"""A step whose micro-batches or processes have unequal numbers of labelled frames trains their joint loss."""

from types import SimpleNamespace

import pytest
import torch

from avseg.config import TrainConfig
from avseg.models.avsegformer import AVSegOutput
from avseg.training.losses import training_loss
from avseg.training.trainer import Training

CONFIG = TrainConfig(loss="cross_entropy", auxiliary="none")


def weights_of(batches: list[SimpleNamespace], everywhere: float | None = None) -> list[float]:
    """Return the weights of one process; everywhere: labelled frames of both of two processes."""
    accelerator = SimpleNamespace(num_processes=1)
    if everywhere is not None:
        device = torch.device("cpu")
        accelerator = SimpleNamespace(
            num_processes=2, device=device, reduce=lambda _total: torch.tensor(everywhere)
        )
    return Training.weights(SimpleNamespace(accelerator=accelerator), batches)


def labelled(*counts: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(labelled=torch.arange(10) < count) for count in counts]


def gradient(logits: torch.Tensor, classes: torch.Tensor, parts: list[SimpleNamespace], weights: list[float]):
    """Return the gradient of the weighted losses of ten frames each, and their weighted sum."""
    leaf = logits.clone().requires_grad_()
    total = 0.0
    for k, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        rows = slice(10 * k, 10 * k + 10)
        output = AVSegOutput(leaf[rows], leaf[rows], ())
        loss = training_loss(output, classes[rows], part.labelled, CONFIG).total * weight
        loss.backward()
        total += loss.item()
    return leaf.grad, total


def test_one_label_beside_ten_weighs_as_one_of_eleven():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 5, 4, 4, generator=generator)
    classes = torch.randint(0, 5, (20, 4, 4), generator=generator)
    parts = labelled(1, 10)
    whole = [SimpleNamespace(labelled=torch.cat([part.labelled for part in parts]))]
    split, split_loss = gradient(logits, classes, parts, weights_of(parts))
    leaf = logits.clone().requires_grad_()
    joint = training_loss(AVSegOutput(leaf, leaf, ()), classes, whole[0].labelled, CONFIG).total
    joint.backward()
    torch.testing.assert_close(split, leaf.grad)
    assert split_loss == pytest.approx(joint.item(), rel=1e-5)


def test_processes_make_up_for_the_mean_over_them():
    assert weights_of(labelled(1), everywhere=11.0) == pytest.approx([2 / 11])
    assert weights_of(labelled(4, 6), everywhere=11.0) == pytest.approx([8 / 11, 12 / 11])


def test_equal_counts_weigh_as_before():
    assert weights_of(labelled(5, 5)) == [0.5, 0.5] and weights_of(labelled(0, 0)) == [0, 0]


def test_a_part_without_labels_has_a_loss_of_zero_and_a_gradient():
    logits = torch.randn(10, 1, 4, 4, requires_grad=True)
    truth, none = torch.zeros(10, 4, 4), labelled(0)[0].labelled
    loss = training_loss(AVSegOutput(logits, logits, ()), truth, none, CONFIG)
    loss.total.backward()
    assert loss.total.item() == 0 and not logits.grad.any()
