"""What is counted per clip: numbers that add up, so that no mask needs to be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from avseg.data.labels import CLASSES
from avseg.data.samples import IGNORED, foreground
from avseg.evaluation.conditions import SWAPPED, SWITCHES, ConditionedClip
from avseg.evaluation.floors import EVERYTHING, NOTHING
from avseg.evaluation.metrics import (
    F_THRESHOLDS,
    class_scores,
    f_curves,
    frame_iou,
    iou,
    pixels_of_classes,
)
from avseg.models.masks import background_where, foreground_logit, label_maps


@dataclass(frozen=True, eq=False)
class ClipCounts:
    """Sums over the labelled frames of one clip, `foreground` over its real ones; shares are of pixels."""

    index: int
    name: str
    labels: tuple[str, ...]  # classes in its ground truth, empty when the data do not name them
    frames: int  # labelled
    filled: int  # labelled frames with non-empty ground truth
    iou: float  # sum over the frames with ground truth
    false_positive: float  # sum over the frames without: share of predicted foreground
    intersection: int  # pixels in ground truth and prediction
    union: int  # pixels in ground truth or prediction
    f_curve: np.ndarray  # float64 [255]: sum of F over the frames with ground truth, at every threshold
    real: int
    padded: int
    foreground: float  # sum over the real frames of the share of predicted foreground
    foreground_under: Mapping[str, float]  # the same under every other audio condition
    swapped: bool  # whether the audio was swapped; sums over the frames with ground truth follow
    swapped_iou: float
    swap_agreement: float  # IoU of the masks under both audio conditions
    switch_iou: float  # of both isolated classes, sum over the frames that show both
    switch_frames: int  # twice the number of these frames
    floors: Mapping[str, tuple[float, float]]  # by trivial rule: as `iou` and `false_positive` of its masks
    class_sums: np.ndarray  # float64 [6, 71] of a model with 71 channels, see ClassCounts.sums; else empty


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Sums per class over labelled frames, float64, of the 71 classes.

    A model with 71 channels: over the frames in which the class is in ground truth or prediction. One
    channel: of the whole foreground, over the frames whose ground truth contains the class.
    """

    frames: np.ndarray  # [71] frames that the sums run over
    in_truth: np.ndarray  # [71] frames whose ground truth contains the class
    iou: np.ndarray  # [71]
    f_score: np.ndarray  # [71, 1] of the most probable class, or [71, 255] at every threshold
    intersection: np.ndarray  # [71] pixels
    union: np.ndarray  # [71] pixels
    confusion: np.ndarray  # [71, 71] pixels by class in truth and in prediction; [0, 0] for one channel

    def sums(self) -> np.ndarray:
        """Return frames, in_truth, iou, f_score at its first threshold, intersection and union, [6, 71]."""
        rows = (self.frames, self.in_truth, self.iou, self.f_score[:, 0], self.intersection, self.union)
        return np.stack(rows)

    def __add__(self, other: "ClassCounts") -> "ClassCounts":
        return ClassCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count_clip(
    clip: ConditionedClip, logits: torch.Tensor, other_masks: Mapping[str, torch.Tensor], by_class: bool
) -> tuple[ClipCounts, ClassCounts]:
    """Count a clip: logits [F, C, H, W] with its own audio, masks bool [F, H, W] under the other conditions.

    by_class: F is that of the model's own classes, at the most probable class; else of the foreground, at
    every threshold.
    """
    labelled, ignored = clip.batch.labelled, clip.batch.classes == IGNORED
    if ignored.any():
        logits = background_where(logits, ignored)
        other_masks = {name: mask & ~ignored for name, mask in other_masks.items()}
    if by_class:
        no_curves = torch.zeros(0, F_THRESHOLDS)
        counts, classes = (
            _clip_counts(clip, logits, other_masks, no_curves),
            _by_class(clip, logits[labelled]),
        )
        return replace(counts, class_sums=classes.sums()), classes
    truth = foreground(clip.batch.classes[labelled])
    curves = f_curves(foreground_logit(logits)[labelled], truth).cpu().double()  # 0 where truth is empty
    class_counts = _foreground_by_class(clip, (label_maps(logits) > 0)[labelled], curves)
    return _clip_counts(clip, logits, other_masks, curves), class_counts


def _clip_counts(
    clip: ConditionedClip, logits: torch.Tensor, other_masks: Mapping[str, torch.Tensor], curves: torch.Tensor
) -> ClipCounts:
    labelled, mask = clip.batch.labelled, label_maps(logits) > 0
    truth = foreground(clip.batch.classes)
    filled = labelled & truth.flatten(1).any(1)
    classes = clip.batch.classes[labelled].unique().tolist()
    swapped = other_masks.get(SWAPPED)
    switch_iou, switch_frames = _switch(other_masks, clip.targets)
    counted = clip.batch.classes != IGNORED
    rules = {NOTHING: torch.zeros_like(mask), EVERYTHING: counted, **clip.rules}
    return ClipCounts(
        index=clip.index,
        name=clip.name,
        labels=tuple(CLASSES[k] for k in classes if 0 < k < len(CLASSES)),
        frames=int(labelled.sum()),
        filled=int(filled.sum()),
        iou=_sum(frame_iou(mask[filled], truth[filled])),
        false_positive=_sum_of_shares(mask[labelled & ~filled]),
        intersection=int((mask & truth)[labelled].sum()),
        union=int((mask | truth)[labelled].sum()),
        f_curve=curves.double().sum(0).numpy(),
        real=len(mask),
        padded=clip.padded,
        foreground=_sum_of_shares(mask),
        foreground_under={name: _sum_of_shares(other) for name, other in other_masks.items()},
        swapped=swapped is not None,
        swapped_iou=0.0 if swapped is None else _sum(frame_iou(swapped[filled], truth[filled])),
        swap_agreement=0.0 if swapped is None else _sum(iou(mask[filled], swapped[filled])),
        switch_iou=switch_iou,
        switch_frames=switch_frames,
        floors={rule: _floor(masks & counted, truth, labelled) for rule, masks in rules.items()},
        class_sums=np.zeros((0, 0)),
    )


def _by_class(clip: ConditionedClip, logits: torch.Tensor) -> ClassCounts:
    """Count the 71 classes of labelled frames' logits [F, 71, H, W]."""
    predicted, truth = logits.argmax(1), clip.batch.classes[clip.batch.labelled]
    scores = class_scores(predicted, truth, len(CLASSES))
    counted = (scores.present, scores.truth_pixels > 0, scores.iou, scores.f_score)
    pixels = (scores.intersection, scores.union)
    sums = [values.cpu().double().sum(0).numpy() for values in (*counted, *pixels)]
    frames, in_truth, iou_sum, f, intersection, union = sums
    return ClassCounts(
        frames, in_truth, iou_sum, f[:, None], intersection, union, _confusion(predicted, truth)
    )


def _confusion(predicted: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    """Return the pixels [71, 71] by class in ground truth and in prediction of class maps [F, H, W]."""
    count = len(CLASSES)
    named = truth < count
    pairs = count * truth[named].long() + predicted[named].long()
    return torch.bincount(pairs, minlength=count**2).view(count, count).cpu().double().numpy()


def _foreground_by_class(clip: ConditionedClip, mask: torch.Tensor, curves: torch.Tensor) -> ClassCounts:
    """Count the foreground of labelled frames, masks [F, H, W], for every class in their ground truth."""
    classes = clip.batch.classes[clip.batch.labelled]
    in_truth = (pixels_of_classes(classes, len(CLASSES)) > 0).cpu().double().T.numpy()  # [71, F]
    in_truth[0] = 0
    frames, truth = in_truth.sum(1), foreground(classes)
    intersection, union = (mask & truth).flatten(1).sum(1), (mask | truth).flatten(1).sum(1)
    frame_values = (frame_iou(mask, truth), curves, intersection, union)
    iou_sum, f, intersection_sum, union_sum = (in_truth @ v.cpu().double().numpy() for v in frame_values)
    return ClassCounts(frames, frames, iou_sum, f, intersection_sum, union_sum, np.zeros((0, 0)))


def empty_class_counts(by_class: bool) -> ClassCounts:
    """Return the counts of no clip."""
    zero, count = np.zeros(len(CLASSES)), len(CLASSES)
    curves, pairs = (1, count) if by_class else (F_THRESHOLDS, 0)
    return ClassCounts(zero, zero, zero, np.zeros((count, curves)), zero, zero, np.zeros((pairs, pairs)))


def _floor(mask: torch.Tensor, truth: torch.Tensor, labelled: torch.Tensor) -> tuple[float, float]:
    """Return the sums of IoU and of false foreground of masks [F, H, W] over labelled frames [F]."""
    filled = labelled & truth.flatten(1).any(1)
    return _sum(frame_iou(mask[filled], truth[filled])), _sum_of_shares(mask[labelled & ~filled])


def _switch(masks: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]) -> tuple[float, int]:
    """Return the sum of the IoU of both switches over the frames that show both targets, and the summands."""
    if not targets:
        return 0.0, 0
    visible = torch.stack([target.flatten(1).any(1) for target in targets.values()]).all(0)
    scores = [frame_iou(masks[which][visible], targets[which][visible]) for which in SWITCHES]
    return sum(map(_sum, scores)), len(SWITCHES) * int(visible.sum())


def _sum_of_shares(mask: torch.Tensor) -> float:
    return _sum(mask.flatten(1).float().mean(1))


def _sum(values: torch.Tensor) -> float:
    return values.cpu().double().sum().item()
