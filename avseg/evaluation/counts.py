"""What is counted of a clip: numbers that add up, so that no mask has to be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch

from avseg.data.labels import CLASSES
from avseg.evaluation.conditions import SWAPPED, SWITCHES, Trial
from avseg.evaluation.metrics import (
    F_THRESHOLDS,
    class_scores,
    f_curves,
    frame_iou,
    iou,
    pixels_of_classes,
)
from avseg.models.masks import foreground_logit, label_maps


@dataclass(frozen=True, eq=False)
class ClipTally:
    """One clip. Sums are over its labelled frames, `marked` over its real ones; a share is of the pixels."""

    index: int
    name: str
    labels: tuple[str, ...]  # classes in its ground truth, empty when the data do not name them
    frames: int  # labelled
    filled: int  # of these, frames with ground truth
    iou: float  # sum over the frames with ground truth
    false_share: float  # sum over the frames without
    hits: int  # pixels in truth and prediction
    union: int  # pixels in truth or prediction
    curve: np.ndarray  # float64 [255]: sum of F over the frames with ground truth, at every threshold
    real: int
    padded: int
    foreground: float  # sum over the real frames of the share marked
    marked: Mapping[str, float]  # the same under every other sound
    swapped: bool  # another clip's sound was heard; sums over the frames with ground truth follow
    swapped_iou: float
    swap_agreement: float  # IoU of the masks under both sounds
    switch_iou: float  # of both classes that are heard alone, sum over the frames that show both
    switch_frames: int  # twice the number of these frames


@dataclass(frozen=True, eq=False)
class ClassTally:
    """Sums per class over labelled frames, float64, of the 71 classes.

    A model with 71 channels: over the frames in which the class is in truth or prediction. One channel: of
    the whole foreground, over the frames whose truth holds the class.
    """

    frames: np.ndarray  # [71] frames that the sums run over
    in_truth: np.ndarray  # [71] frames whose truth holds the class
    iou: np.ndarray  # [71]
    f_score: np.ndarray  # [71, 1] of the winning class, or [71, 255] at every threshold
    hits: np.ndarray  # [71] pixels
    union: np.ndarray  # [71] pixels
    confusion: np.ndarray  # [71, 71] pixels by class in truth and in prediction; [0, 0] for one channel

    def __add__(self, other: "ClassTally") -> "ClassTally":
        return ClassTally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def tally(
    trial: Trial, logits: torch.Tensor, others: Mapping[str, torch.Tensor], by_class: bool
) -> tuple[ClipTally, ClassTally]:
    """Count a clip: logits [F, C, H, W] under its own sound, masks bool [F, H, W] under the others.

    by_class: F is that of the model's own classes, at the winning class; else of the foreground, at every
    threshold.
    """
    kept = trial.batch.labelled
    if by_class:
        return _clip(trial, logits, others, torch.zeros(0, F_THRESHOLDS)), _own_classes(trial, logits[kept])
    truth = trial.batch.classes[kept] > 0
    curves = f_curves(foreground_logit(logits)[kept], truth).cpu().double()  # 0 where truth is empty
    return _clip(trial, logits, others, curves), _classes_in_view(
        trial, (label_maps(logits) > 0)[kept], curves
    )


def _clip(
    trial: Trial, logits: torch.Tensor, others: Mapping[str, torch.Tensor], curves: torch.Tensor
) -> ClipTally:
    kept, mask = trial.batch.labelled, label_maps(logits) > 0
    truth = trial.batch.classes > 0
    filled = kept & truth.flatten(1).any(1)
    named = trial.batch.classes[kept].unique().tolist()
    swapped = others.get(SWAPPED)
    switch_iou, switch_frames = _switch(others, trial.targets)
    return ClipTally(
        index=trial.index,
        name=trial.name,
        labels=tuple(CLASSES[k] for k in named if 0 < k < len(CLASSES)),
        frames=int(kept.sum()),
        filled=int(filled.sum()),
        iou=_sum(frame_iou(mask[filled], truth[filled])),
        false_share=_shares(mask[kept & ~filled]),
        hits=int((mask & truth)[kept].sum()),
        union=int((mask | truth)[kept].sum()),
        curve=curves.double().sum(0).numpy(),
        real=len(mask),
        padded=trial.padded,
        foreground=_shares(mask),
        marked={name: _shares(other) for name, other in others.items()},
        swapped=swapped is not None,
        swapped_iou=0.0 if swapped is None else _sum(frame_iou(swapped[filled], truth[filled])),
        swap_agreement=0.0 if swapped is None else _sum(iou(mask[filled], swapped[filled])),
        switch_iou=switch_iou,
        switch_frames=switch_frames,
    )


def _own_classes(trial: Trial, logits: torch.Tensor) -> ClassTally:
    """Count the 71 classes of labelled frames' logits [F, 71, H, W]."""
    predicted, truth = logits.argmax(1), trial.batch.classes[trial.batch.labelled]
    scores = class_scores(predicted, truth, len(CLASSES))
    sums = (scores.seen, scores.wanted > 0, scores.iou, scores.f_score, scores.hits, scores.union)
    frames, in_truth, iou, f, hits, union = (s.cpu().double().sum(0).numpy() for s in sums)
    return ClassTally(frames, in_truth, iou, f[:, None], hits, union, _confusion(predicted, truth))


def _confusion(predicted: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    """Return the pixels [71, 71] by class in truth and in prediction of class maps [F, H, W]."""
    count = len(CLASSES)
    named = truth < count
    pairs = count * truth[named].long() + predicted[named].long()
    return torch.bincount(pairs, minlength=count**2).view(count, count).cpu().double().numpy()


def _classes_in_view(trial: Trial, mask: torch.Tensor, curves: torch.Tensor) -> ClassTally:
    """Count the foreground of labelled frames, masks [F, H, W], under every class that their truth holds."""
    classes = trial.batch.classes[trial.batch.labelled]
    holds = (pixels_of_classes(classes, len(CLASSES)) > 0).cpu().double().T.numpy()  # [71, F]
    holds[0] = 0
    frames, truth = holds.sum(1), classes > 0
    hits, union = (mask & truth).flatten(1).sum(1), (mask | truth).flatten(1).sum(1)
    sums = (frame_iou(mask, truth), curves, hits, union)
    return ClassTally(frames, frames, *(holds @ s.cpu().double().numpy() for s in sums), np.zeros((0, 0)))


def no_classes(by_class: bool) -> ClassTally:
    """Return the tally of no clip."""
    zero, count = np.zeros(len(CLASSES)), len(CLASSES)
    curves, pairs = (1, count) if by_class else (F_THRESHOLDS, 0)
    return ClassTally(zero, zero, zero, np.zeros((count, curves)), zero, zero, np.zeros((pairs, pairs)))


def _switch(others: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]) -> tuple[float, int]:
    """Return the sum of the IoU of both switches over the frames that show both targets, and the summands."""
    if not targets:
        return 0.0, 0
    shown = torch.stack([target.flatten(1).any(1) for target in targets.values()]).all(0)
    scores = [frame_iou(others[which][shown], targets[which][shown]) for which in SWITCHES]
    return sum(map(_sum, scores)), len(SWITCHES) * int(shown.sum())


def _shares(mask: torch.Tensor) -> float:
    return _sum(mask.flatten(1).float().mean(1))


def _sum(values: torch.Tensor) -> float:
    return values.cpu().double().sum().item()
