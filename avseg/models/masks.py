"""From logits to probabilities and masks: the only definition of what a model predicts."""

from __future__ import annotations

from avseg.errors import CheckpointError
from avseg.late import torch

CERTAIN = 1e4  # a logit whose probability is 1 in float32, and whose loss is 0 rather than inf - inf


def foreground_logit(logits: torch.Tensor) -> torch.Tensor:
    """Return the logit of "anything sounds here" [F, H, W] of logits [F, C, H, W].

    With several classes: the log-odds of all classes together against the background, class 0.
    """
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1:].logsumexp(1) - logits[:, 0]


def background_where(logits: torch.Tensor, ignored: torch.Tensor) -> torch.Tensor:
    """Return logits [F, C, H, W] that are sure of background, without a gradient, at `ignored` [F, H, W]."""
    filled = logits.masked_fill(ignored[:, None], -CERTAIN)
    if logits.shape[1] > 1:
        filled[:, 0] = filled[:, 0].masked_fill(ignored, CERTAIN)
    return filled


def foreground_probability(logits: torch.Tensor) -> torch.Tensor:
    """Return the probability of foreground [F, H, W] of logits [F, C, H, W]: sigmoid, or 1 - background."""
    if logits.shape[1] == 1:
        return torch.sigmoid(logits[:, 0])
    return 1 - torch.exp(logits[:, 0] - torch.logsumexp(logits, dim=1))


def label_maps(logits: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """Return the label maps uint8 [F, H, W] of logits [F, C, H, W].

    One channel: 1 where the foreground probability is above the threshold. Several: the largest class. Raises
    CheckpointError for logits that are not finite, which metrics would count as a mask.
    """
    if not torch.isfinite(logits).all():
        raise CheckpointError(
            "The model's output is not a finite number (NaN or infinite): its weights are damaged, or its "
            "training diverged. Use another checkpoint."
        )
    if logits.shape[1] == 1:
        return (foreground_probability(logits) > threshold).to(torch.uint8)
    return logits.argmax(dim=1).to(torch.uint8)
