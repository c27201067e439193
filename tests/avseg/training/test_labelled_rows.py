"""Training computes only what the loss sees, and its loss and gradients are those of the whole batch."""

from dataclasses import replace

import pytest
import torch

from avseg.config import TrainConfig
from avseg.data.transforms import Batch
from avseg.models.avsegformer import AVSegFormer
from avseg.training.losses import training_loss
from avseg.training.trainer import labelled_rows
from tests.support.small_model import SMALL

FRAMES = 10  # two clips of five
FIRST = torch.arange(FRAMES) % 5 == 0


def made(labelled: torch.Tensor) -> Batch:
    """A batch of noise with ground truth for some frames."""
    random = torch.Generator().manual_seed(2)
    return Batch(
        frames=torch.randn(FRAMES, 3, 64, 64, generator=random),
        log_mel=torch.randn(FRAMES, 1, 96, 64, generator=random),
        classes=torch.randint(0, 2, (FRAMES, 64, 64), generator=random).byte(),
        labelled=labelled,
        real=torch.arange(FRAMES) < 7,
    )


def learned(
    model: AVSegFormer, batch: Batch, rows: torch.Tensor | None, flagged: bool, **more: torch.Tensor
) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients after a pass in training mode."""
    model.zero_grad()
    flags = batch.real.float() if flagged else None
    output = model(batch.frames, batch.log_mel, flags, intermediate=True, rows=rows, **more)
    classes, labelled = batch.classes, batch.labelled
    if rows is not None:
        classes, labelled = classes[rows], labelled[rows]
    loss = training_loss(output, classes, labelled, TrainConfig(bce_weight=1.0)).total
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return loss.item(), gradients


@pytest.mark.parametrize("flagged", [False, True])
@pytest.mark.parametrize("backbone", ["pvt_v2_b0", "resnet10t"])
def test_loss_and_gradients_are_those_of_all_frames(backbone: str, flagged: bool):
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, backbone=backbone, backbone_channels=())).train()  # without dropout
    batch = made(FIRST)
    rows = labelled_rows(batch)
    assert rows.tolist() == [0, 5]
    loss, gradients = learned(model, batch, None, flagged)
    ours, found = learned(model, batch, rows, flagged)
    assert ours == pytest.approx(loss, rel=1e-5)
    assert set(found) == set(gradients)
    scale = max(gradient.abs().max() for gradient in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4 * float(scale), rtol=1e-3, msg=name)


def test_unlabelled_frames_pass_through_a_batchnorm_and_nothing_else():
    seen: list[int] = []

    def note(_module, inputs: tuple) -> None:
        seen.append(len(inputs[0]))

    for backbone in ("pvt_v2_b0", "resnet10t"):
        model = AVSegFormer(replace(SMALL, backbone=backbone, backbone_channels=())).train()
        for part in (model.visual_backbone, model.audio_backbone, model.mask_feature, model.audio_projection):
            part.register_forward_pre_hook(note)
        model.audio_backbone.eval()  # frozen
        batch = made(FIRST)
        model(batch.frames, batch.log_mel, rows=labelled_rows(batch))
    assert seen == [2, 2, 2, 2, 10, 2, 2, 2]


def test_all_frames_are_computed_where_all_have_a_label_or_none_has():
    assert labelled_rows(made(torch.ones(FRAMES, dtype=torch.bool))) is None
    assert labelled_rows(made(torch.zeros(FRAMES, dtype=torch.bool))) is None
    several = replace(made(FIRST), frames=torch.zeros(5, 3, 64, 64))  # two sounds per frame
    assert labelled_rows(several) is None
