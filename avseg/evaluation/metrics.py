"""The metrics of AVSBench, exactly as it computes them, and stricter ones beside them (Zhou et al. 2022).

`truth` is boolean or 0/1. The quirks of the benchmark are kept and documented: an empty frame scores the IoU
of its background, and F is a maximum over thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from avseg.data.samples import IGNORED
from avseg.late import torch

Maps = TypeVar("Maps", np.ndarray, "torch.Tensor")
BETA2 = 0.3
F_THRESHOLDS = 255
EPSILON = 1e-7


def frame_iou(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the IoU of every frame [F] of boolean masks [F, H, W], as AVSBench's mask_iou defines it.

    A frame whose truth is empty scores the IoU of the background: 1 - share of false foreground.
    """
    prediction, truth = prediction.flatten(1).bool(), truth.flatten(1).bool()
    empty = ~truth.any(1, keepdim=True)
    prediction, truth = prediction ^ empty, truth ^ empty
    overlap = (prediction & truth).sum(1)
    union = (prediction | truth).sum(1)
    return (overlap / (union + EPSILON)).float()


def iou(one: Maps, other: Maps) -> Maps:
    """Return the IoU [F] of label maps [F, H, W], of NumPy or torch: pixels of one label in both, over pixels
    that are foreground in either.

    A boolean mask is a label map of one class. Two empty frames agree fully (1): unlike `frame_iou`, neither
    side is the ground truth, so an empty map is not replaced by its background.
    """
    both = ((one == other) & (one > 0)).sum((1, 2))
    either = ((one > 0) | (other > 0)).sum((1, 2))
    empty = either == 0
    return (both + empty) / (either + empty)


def miou(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Return AVSBench's mIoU of one batch of binary logits [F, H, W]: mean frame IoU at probability 0.5."""
    return frame_iou(logits.sigmoid() > 0.5, truth).mean().item()


def f_score(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Return AVSBench's F of one batch of binary logits [F, H, W]: its value depends on the batch's size.

    F with beta^2 = 0.3 at 255 thresholds, averaged over the frames that have ground truth, then the maximum
    over thresholds. A batch without ground truth scores 0.
    """
    filled = truth.flatten(1).bool().any(1)
    if not filled.any():
        return 0.0
    curves = f_curves(logits[filled], truth[filled])
    return (curves.sum(0) / len(curves)).max().item()


def f_curves(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return F [F, 255] of every frame of binary logits [F, H, W] at every threshold of AVSBench.

    Thresholds go from 0 to 1 - 1e-10; pixels at or above a threshold are foreground.
    """
    probability, truth = logits.float().sigmoid().flatten(1), truth.flatten(1).bool()
    thresholds = torch.linspace(0, 1 - 1e-10, F_THRESHOLDS, device=probability.device)
    # One histogram of how many thresholds each pixel passes replaces 255 passes over the frame.
    passed, bins = torch.bucketize(probability, thresholds, right=True), F_THRESHOLDS + 1
    row = 2 * torch.arange(len(truth), device=truth.device)[:, None] + truth
    counts = torch.bincount((row * bins + passed).flatten(), minlength=2 * len(truth) * bins)
    above = counts.view(-1, 2, bins).flip(-1).cumsum(-1).flip(-1)[..., 1:]  # [F, false or true, 255]
    hits, positives = above[:, 1].float(), above.sum(1).float()
    precision = hits / (positives + 1e-20)
    recall = hits / (truth.sum(1, keepdim=True) + 1e-20)
    return torch.nan_to_num((1 + BETA2) * precision * recall / (BETA2 * precision + recall), nan=0.0)


@dataclass(frozen=True)
class ClassScores:
    """Scores of every class in every frame; 0 where it is in neither ground truth nor prediction."""

    iou: torch.Tensor  # float [F, C]
    f_score: torch.Tensor  # float [F, C], of the most probable class: no thresholds here
    present: torch.Tensor  # bool [F, C], the class is in truth or prediction
    intersection: torch.Tensor  # int [F, C] pixels in truth and prediction
    union: torch.Tensor  # int [F, C] pixels in truth or prediction
    truth_pixels: torch.Tensor  # int [F, C] pixels in truth


def class_scores(predicted: torch.Tensor, truth: torch.Tensor, classes: int) -> ClassScores:
    """Return the scores of class maps [F, H, W] as AVSBench's AVSS metric does; indices from `classes` on are
    ignored."""
    truth = truth.long()
    predicted = torch.where(truth == IGNORED, truth, predicted.long())
    predicted_pixels, truth_pixels = (pixels_of_classes(x, classes) for x in (predicted, truth))
    intersection = pixels_of_classes(torch.where(predicted == truth, truth, classes), classes)
    union = predicted_pixels + truth_pixels - intersection
    iou = intersection / union.clamp(min=1)
    precision = intersection / predicted_pixels.clamp(min=1)
    recall = intersection / truth_pixels.clamp(min=1)
    f = (1 + BETA2) * precision * recall / (BETA2 * precision + recall).clamp(min=EPSILON)
    return ClassScores(iou, f, union > 0, intersection, union, truth_pixels)


def pixels_of_classes(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return the pixels of every class [F, C] in class maps [F, H, W]; indices from C on are ignored."""
    labels = labels.flatten(1).long().clamp(max=classes)
    row = (classes + 1) * torch.arange(len(labels), device=labels.device)[:, None]
    counts = torch.bincount((row + labels).flatten(), minlength=len(labels) * (classes + 1))
    return counts.view(-1, classes + 1)[:, :classes]


@dataclass(frozen=True)
class SemanticSums:
    """Per class sums over frames for AVSS; divide by `count` for the benchmark's per-class means."""

    iou: torch.Tensor  # [C]
    f_score: torch.Tensor  # [C]
    count: torch.Tensor  # [C] frames in which the class is in truth or prediction


def semantic_sums(logits: torch.Tensor, truth: torch.Tensor) -> SemanticSums:
    """Return AVSBench's per-class IoU and F sums of logits [F, C, H, W] and class indices [F, H, W]."""
    scores = class_scores(logits.argmax(1), truth, logits.shape[1])
    return SemanticSums(scores.iou.sum(0), scores.f_score.sum(0), scores.present.sum(0).float())
