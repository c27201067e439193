from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from avseg.config import TrainConfig
from avseg.data.samples import IGNORED
from avseg.models.avsegformer import AVSegOutput
from avseg.training.losses import dice_loss, mask_loss, mixing_loss, training_loss
from tests.support.reference_fill import REFERENCE

APART = 1e-5
FIRST_OF_FIVE = torch.arange(10) % 5 == 0
ALL = torch.ones(10, dtype=torch.bool)
INTERMEDIATE = TrainConfig()
MIXING = TrainConfig(auxiliary="mixing")
seeds = st.integers(0, 2**32 - 1)
quiet = settings(deadline=None, derandomize=True, max_examples=30)


@pytest.fixture(scope="module")
def stored() -> dict[str, torch.Tensor]:
    """The reference's inputs and losses."""
    with np.load(REFERENCE / "metrics_and_losses.npz") as file:
        return {name: torch.from_numpy(np.asarray(file[name])) for name in file}


def made(seed: int, frames: int = 4, classes: int = 1, size: int = 16) -> tuple[AVSegOutput, torch.Tensor]:
    """Random logits, three intermediate masks and a mask feature that want gradients, and random classes."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random).requires_grad_()

    masks = tuple(draw(frames, classes, size, size) for _ in range(3))
    output = AVSegOutput(draw(frames, classes, size, size), draw(frames, 8, size // 4, size // 4), masks)
    return output, torch.randint(0, max(2, classes), (frames, size, size), generator=random)


@pytest.mark.parametrize(
    ("name", "config", "labelled"),
    [
        ("loss_v1_s4", INTERMEDIATE, FIRST_OF_FIVE),
        ("loss_v1_ms3", INTERMEDIATE, ALL),
        ("loss_v2_s4", MIXING, FIRST_OF_FIVE),
        ("loss_v2_ms3", MIXING, ALL),
    ],
)
def test_binary_losses_agree_with_the_released_code(stored, name, config, labelled):
    output = AVSegOutput(stored["logits"][:, None], stored["mask_feature"], tuple(stored["aux_logits"]))
    loss = training_loss(output, stored["gt"], labelled, config)
    assert loss.total.item() == pytest.approx(stored[name].item(), abs=APART)


def test_the_semantic_loss_agrees_with_the_released_code(stored):
    output = AVSegOutput(stored["sem_logits"], stored["mask_feature"], ())
    config = replace(MIXING, loss="cross_entropy")
    loss = training_loss(output, stored["sem_gt"], stored["gt_flag"].bool(), config)
    assert loss.total.item() == pytest.approx(stored["loss_v2_avss"].item(), abs=APART)


def test_the_parts_are_weighted_and_add_up():
    output, classes = made(0)
    labelled = torch.ones(4, dtype=torch.bool)
    config = TrainConfig(auxiliary_weight=0.3, bce_weight=0.7)
    parts = training_loss(output, classes, labelled, config)
    assert parts.total == parts.mask + parts.auxiliary + parts.bce
    expected = 0.3 * sum(dice_loss(mask, classes[:, None]) for mask in output.intermediate)
    torch.testing.assert_close(parts.auxiliary, expected)
    bce = F.binary_cross_entropy_with_logits(output.logits, classes[:, None].float())
    torch.testing.assert_close(parts.bce, 0.7 * bce)
    mixing = training_loss(output, classes, labelled, replace(config, auxiliary="mixing")).auxiliary
    torch.testing.assert_close(mixing, 0.3 * mixing_loss(output.mixed_feature, classes))
    without = training_loss(output, classes, labelled, replace(config, auxiliary="none", bce_weight=0.0))
    assert without.auxiliary == without.bce == 0 and without.total == parts.mask


def test_dice_by_hand():
    # Two sure pixels marked, one of them right, two wanted: 1 - 2 * 1 / (2 + 2) but for the smoothing.
    logits = torch.tensor([40.0, 40.0, -40.0, -40.0]).view(1, 1, 2, 2)
    truth = torch.tensor([1, 0, 1, 0]).view(1, 1, 2, 2)
    assert dice_loss(logits, truth).item() == pytest.approx(1 - 2 / 4.002, abs=1e-6)


@quiet
@given(seeds)
def test_dice_lies_between_zero_and_one_and_is_best_for_the_truth(seed: int):
    output, classes = made(seed)
    truth = classes[:, None]
    perfect = dice_loss(torch.where(truth > 0, 40.0, -40.0), truth).item()
    assert -1e-6 <= perfect < 1e-3
    assert perfect < dice_loss(output.logits, truth).item() <= 1


@quiet
@given(seeds)
def test_dice_is_blind_to_empty_truth(seed: int):
    output, _ = made(seed)
    loss = dice_loss(output.logits, torch.zeros(4, 1, 16, 16))
    loss.backward()
    assert loss == 1 and not output.logits.grad.any()


@quiet
@given(seeds)
def test_cross_entropy_weight_pushes_down_on_empty_truth(seed: int):
    output, _ = made(seed)
    nothing = torch.zeros(4, 16, 16, dtype=torch.uint8)
    config = TrainConfig(auxiliary="none", bce_weight=1.0)
    training_loss(output, nothing, torch.ones(4, dtype=torch.bool), config).total.backward()
    assert (output.logits.grad > 0).all()


def test_cross_entropy_weight_sees_foreground_of_many_classes():
    output, _ = made(3, classes=5)
    nothing = torch.zeros(4, 16, 16, dtype=torch.uint8)
    config = TrainConfig(loss="cross_entropy", auxiliary="none", bce_weight=1.0)
    parts = training_loss(output, nothing, torch.ones(4, dtype=torch.bool), config)
    torch.testing.assert_close(parts.bce, -output.logits.softmax(1)[:, 0].log().mean())


@pytest.mark.parametrize("auxiliary", ["intermediate", "mixing"])
@pytest.mark.parametrize(("loss", "channels"), [("dice", 1), ("dice", 5), ("cross_entropy", 5)])
def test_unlabelled_frames_have_no_influence(loss: str, channels: int, auxiliary: str):
    config = TrainConfig(loss, auxiliary, bce_weight=1.0)
    output, classes = made(5, classes=channels)
    labelled = torch.tensor([True, False, False, True])
    loss = training_loss(output, classes, labelled, config).total
    loss.backward()
    for tensor in (output.logits, output.mixed_feature, *output.intermediate):
        if tensor.grad is not None:
            assert not tensor.grad[~labelled].any() and tensor.grad[labelled].any()
    other, unused = made(6, classes=channels)
    keep = labelled.view(-1, 1, 1, 1)
    changed = AVSegOutput(
        torch.where(keep, output.logits, other.logits),
        torch.where(keep, output.mixed_feature, other.mixed_feature),
        tuple(torch.where(keep, a, b) for a, b in zip(output.intermediate, other.intermediate)),
    )
    relabelled = torch.where(keep[:, 0], classes, unused)
    assert training_loss(changed, relabelled, labelled, config).total == loss


@quiet
@given(seeds, st.sampled_from(["dice", "cross_entropy"]))
def test_the_names_of_the_classes_do_not_matter(seed: int, kind: str):
    output, classes = made(seed, classes=6)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    places = order.argsort()  # class c is now called places[c]
    torch.testing.assert_close(
        mask_loss(output.logits[:, order], places[classes], kind), mask_loss(output.logits, classes, kind)
    )


def test_dice_of_many_classes_counts_only_those_present():
    output, classes = made(1, classes=6)
    few = classes.clamp(max=2)
    torch.testing.assert_close(
        mask_loss(torch.where(few[:, None] == torch.arange(6).view(1, -1, 1, 1), 40.0, -40.0), few, "dice"),
        torch.tensor(0.0),
        atol=1e-3,
        rtol=0,
    )
    mask_loss(output.logits, few, "dice").backward()
    assert output.logits.grad.abs().sum((0, 2, 3))[:3].all()


def test_one_channel_takes_every_class_as_foreground():
    output, classes = made(2)
    torch.testing.assert_close(
        mask_loss(output.logits, 30 * classes, "dice"), mask_loss(output.logits, classes, "dice")
    )


@pytest.mark.parametrize(("channels", "kind"), [(1, "dice"), (71, "dice"), (71, "cross_entropy")])
def test_ignored_pixels_have_no_gradient(channels: int, kind: str):
    torch.manual_seed(0)
    logits = torch.randn(2, channels, 8, 8, requires_grad=True)
    classes = torch.randint(0, 2 if channels == 1 else 71, (2, 8, 8), dtype=torch.uint8)
    classes[:, :3] = IGNORED
    loss = mask_loss(logits, classes, kind)
    loss.backward()
    assert loss.isfinite() and not logits.grad[:, :, :3].any() and logits.grad[:, :, 3:].any()
    other = logits.detach().clone()
    other[:, :, :3] = 7
    assert mask_loss(other, classes, kind) == loss
    if channels == 1:  # exactly the loss of the other pixels
        assert mask_loss(logits[:, :, 3:], classes[:, 3:], kind).item() == pytest.approx(loss.item())
