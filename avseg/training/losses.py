"""Training losses: Dice, cross-entropy, and the two auxiliary losses (paper Sec. 3.6, Eq. 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avseg.config import TrainConfig
from avseg.data.samples import IGNORED
from avseg.late import F, torch
from avseg.models.masks import background_where

if TYPE_CHECKING:
    from avseg.models.avsegformer import AVSegOutput
    from avseg.models.tpavi import TPAVIOutput

DICE_SMOOTHING = 1e-3
PROBABILITY_MARGIN = 1e-7  # `loss_gradients` clamps probabilities to this distance from 0 and 1


@dataclass(frozen=True)
class LossParts:
    """The parts of the loss, each a scalar tensor, already weighted; `total` is their sum."""

    mask: torch.Tensor
    auxiliary: torch.Tensor
    bce: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        return self.mask + self.auxiliary + self.bce


def dice_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice, mean over frames, of logits and truth (0 or 1) [B*T, 1, H, W].

    Squared denominators and a smoothing in the denominator alone, as released. For empty ground truth it is 1
    with gradient 0, whatever the prediction: silent frames need `bce_weight`.
    """
    probability, truth = logits.sigmoid().flatten(1), truth.to(logits).flatten(1)
    overlap = (probability * truth).sum(1)
    size = (probability.square().sum(1) + DICE_SMOOTHING) + (truth.square().sum(1) + DICE_SMOOTHING)
    return (1 - 2 * overlap / size).mean()


def mixing_loss(mask_feature: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return the Dice loss of the mask feature's channel mean [B*T, D, h, w], upsampled (aug2023 code)."""
    mean = mask_feature.mean(1, keepdim=True)
    logits = F.interpolate(mean, size=classes.shape[-2:], mode="bilinear", align_corners=False)
    return mask_loss(logits, classes, "dice")


def matching_loss(output: TPAVIOutput, rows: torch.Tensor) -> torch.Tensor:
    """Return AVSBench's audio-visual matching (its Loss_AVM_AV), mean over the frames `rows` and stages.

    The Kullback-Leibler divergence from the sound to what the stage has under the predicted mask, both as
    softmax over the D channels. One channel: the mask is the sigmoid of the logits averaged in each cell.
    Several: the cell's share of predicted foreground, without a gradient (AVSBench takes class 70, not 0, for
    background there).
    """
    logits = output.logits[rows].float()
    classes = logits.shape[1]
    mask = logits if classes == 1 else (logits.argmax(1, keepdim=True) > 0).float()
    divergences = []
    for stage, audio in zip(output.stages, output.audio, strict=True):
        cells = F.adaptive_avg_pool2d(mask, stage.shape[-2:])
        cells = cells.sigmoid() if classes == 1 else cells
        seen = (stage[rows].float() * cells).mean((2, 3)).log_softmax(1)  # [n, D]
        heard = audio[rows].float().log_softmax(1)
        divergences.append(F.kl_div(seen, heard, reduction="batchmean", log_target=True))
    return torch.stack(divergences).mean()


def mask_loss(logits: torch.Tensor, classes: torch.Tensor, kind: str) -> torch.Tensor:
    """Return the loss of a mask: logits [B*T, C, H, W] against class indices [B*T, H, W] (0 is background).

    With one channel, both kinds compare with all foreground; with more, `dice` is the mean over background
    and the classes in the ground truth of the batch (the paper names Dice for AVSS too, without a formula).
    """
    logits, classes = _without_ignored(logits, classes)
    if kind == "cross_entropy":
        return _cross_entropy(logits, classes)
    if logits.shape[1] == 1:
        return dice_loss(logits, (classes > 0)[:, None])
    present = classes.unique().long()
    # Only the softmax of those classes: 71 channels at full size are the largest tensors of a step.
    normaliser = logits.logsumexp(1, keepdim=True)
    probability = (logits[:, present] - normaliser).exp().flatten(2)  # [B*T, present, H*W]
    truth = (classes[:, None] == present.view(1, -1, 1, 1)).to(logits).flatten(2)
    overlap = (probability * truth).sum((0, 2))
    size = probability.square().sum((0, 2)) + truth.square().sum((0, 2)) + 2 * DICE_SMOOTHING
    return (1 - 2 * overlap / size).mean()


def _without_ignored(logits: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits and classes in which ignored pixels are background, predicted without a doubt."""
    ignored = classes == IGNORED
    if not ignored.any():
        return logits, classes
    return background_where(logits, ignored), classes.masked_fill(ignored, 0)


def training_loss(
    output: AVSegOutput | TPAVIOutput, classes: torch.Tensor, labelled: torch.Tensor, config: TrainConfig
) -> LossParts:
    """Return Eq. (4): the loss over the labelled frames of a batch.

    classes [B*T, H, W] are class indices (any foreground counts as 1 for one-channel models); labelled
    [B*T] is true where a frame has ground truth, for example the first of five in S4 training.
    """
    from avseg.models.tpavi import TPAVIOutput

    if not labelled.any():
        nothing = output.logits.sum() * 0.0  # part of the graph, as other processes wait for its gradients
        return LossParts(nothing, nothing, nothing)
    # Losses are computed in float32 whatever the precision of the forward pass.
    logits, classes = output.logits[labelled].float(), classes[labelled]
    zero = logits.new_zeros(())
    auxiliary = bce = zero
    if isinstance(output, TPAVIOutput):
        if config.auxiliary == "matching":
            auxiliary = config.auxiliary_weight * matching_loss(output, labelled)
    elif config.auxiliary == "intermediate":
        parts = [mask_loss(mask[labelled].float(), classes, config.loss) for mask in output.intermediate]
        auxiliary = config.auxiliary_weight * torch.stack(parts).sum()
    elif config.auxiliary == "mixing":
        auxiliary = config.auxiliary_weight * mixing_loss(output.mixed_feature[labelled].float(), classes)
    if config.bce_weight:
        bce = config.bce_weight * _cross_entropy(logits, classes)
    return LossParts(mask_loss(logits, classes, config.loss), auxiliary, bce)


def _cross_entropy(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return binary cross-entropy of one channel, or cross-entropy over the classes of several."""
    logits, classes = _without_ignored(logits, classes)
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], (classes > 0).to(logits))
    return F.cross_entropy(logits, classes.long())


@dataclass(frozen=True)
class LossGradient:
    """A loss of one frame and its gradient with respect to the logits."""

    loss: float
    magnitude: float  # sum over the pixels of the absolute gradient
    direction: float  # sum of the gradient: positive asks for a smaller mask, negative for a larger one


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "Dice": dice_loss,
    "cross-entropy": lambda logits, truth: F.binary_cross_entropy_with_logits(logits, truth),
}


def loss_gradients(probability: np.ndarray, truth: np.ndarray) -> dict[str, LossGradient]:
    """Return the gradient of each of LOSSES for one frame; probability float32 [s, s], truth bool [s, s]."""
    mask = torch.from_numpy(truth)[None, None].float()
    gradients = {}
    for name, loss_function in LOSSES.items():
        logits = torch.logit(torch.from_numpy(probability).double(), eps=PROBABILITY_MARGIN).float()
        logits = logits[None, None].requires_grad_()
        loss = loss_function(logits, mask)
        (gradient,) = torch.autograd.grad(loss, logits)
        gradients[name] = LossGradient(loss.item(), gradient.abs().sum().item(), gradient.sum().item())
    return gradients
