"""The benchmark's metrics, exactly as AVSBench computes them, and honest ones beside them (Zhou et al. 2022).

`truth` is boolean or 0/1; predictions are logits or probabilities as said. The quirks of the benchmark are
kept and named: an empty frame scores the IoU of the background, and F is a maximum over thresholds.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

BETA2 = 0.3
F_THRESHOLDS = 255
EPSILON = 1e-7


def frame_iou(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the IoU of every frame [F] of boolean masks [F, H, W], as AVSBench's mask_iou defines it.

    A frame whose truth is empty scores the IoU of the background: 1 - share of falsely marked pixels.
    """
    prediction, truth = prediction.flatten(1).bool(), truth.flatten(1).bool()
    empty = ~truth.any(1, keepdim=True)
    prediction, truth = prediction ^ empty, truth ^ empty
    overlap = (prediction & truth).sum(1)
    union = (prediction | truth).sum(1)
    return (overlap / (union + EPSILON)).float()


def miou(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Return AVSBench's mIoU of one batch of binary logits [F, H, W]: mean frame IoU at probability 0.5."""
    return frame_iou(logits.sigmoid() > 0.5, truth).mean().item()


def f_score(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Return AVSBench's F of one batch of binary logits [F, H, W]: its value depends on the batch's size.

    F with beta^2 = 0.3 at 255 thresholds, averaged over the frames that have ground truth, then the maximum
    over thresholds. A batch without ground truth scores 0.
    """
    probability = logits.sigmoid()
    kept = truth.flatten(1).bool().any(1)
    if not kept.any():
        return 0.0
    curves = [_f_curve(p, t) for p, t in zip(probability[kept], truth[kept].bool(), strict=True)]
    return (torch.stack(curves).sum(0) / len(curves)).max().item()


def _f_curve(probability: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return F [255] of one frame at thresholds from 0 to 1 - 1e-10 (pixels at or above count)."""
    thresholds = torch.linspace(0, 1 - 1e-10, F_THRESHOLDS, device=probability.device)
    # Counting by sorted position replaces 255 passes over the frame.
    order = probability.flatten().sort()
    found = torch.searchsorted(order.values, thresholds)
    hits_below = F.pad(truth.flatten()[order.indices].cumsum(0).float(), (1, 0))
    positives = (truth.numel() - found).float()
    hits = hits_below[-1] - hits_below[found]
    precision = hits / (positives + 1e-20)
    recall = hits / (truth.sum() + 1e-20)
    score = (1 + BETA2) * precision * recall / (BETA2 * precision + recall)
    return torch.nan_to_num(score, nan=0.0)


@dataclass(frozen=True)
class SemanticSums:
    """Per class sums over frames for AVSS; divide by `count` for the benchmark's per-class means."""

    iou: torch.Tensor  # [C]
    f_score: torch.Tensor  # [C]
    count: torch.Tensor  # [C] frames in which the class is in truth or prediction


def semantic_sums(logits: torch.Tensor, truth: torch.Tensor) -> SemanticSums:
    """Return AVSBench's per-class IoU and F sums of logits [F, C, H, W] and class indices [F, H, W]."""
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    index = torch.arange(classes, device=logits.device).view(1, -1, 1, 1)
    p, t = predicted[:, None] == index, truth[:, None] == index  # [F, C, H, W]
    hits = (p & t).sum((2, 3)).float()
    marked, wanted = p.sum((2, 3)).float(), t.sum((2, 3)).float()
    union = marked + wanted - hits
    present = union > 0
    iou = hits / union.clamp(min=1)
    precision, recall = hits / marked.clamp(min=1), hits / wanted.clamp(min=1)
    f = (1 + BETA2) * precision * recall / (BETA2 * precision + recall).clamp(min=EPSILON)
    return SemanticSums((iou * present).sum(0), (f * present).sum(0), present.sum(0).float())
