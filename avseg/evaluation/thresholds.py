"""The benchmark's metrics of a single clip at every threshold. NumPy in, NumPy out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avseg.evaluation.metrics import F_THRESHOLDS, f_curves, f_score, frame_iou
from avseg.late import torch
from avseg.media.draw import resize
from avseg.predict import Prediction

PROBABILITY_MARGIN = 1e-7  # probabilities are clamped to this distance from 0 and 1 before the logit


@dataclass(frozen=True, eq=False)
class ThresholdCurves:
    """AVSBench's metrics of one binary clip of T frames, at each of its 255 thresholds."""

    thresholds: np.ndarray  # float64 [255], 0 to 1
    iou: np.ndarray  # float32 [255, T]; IoU of the background in a frame without ground truth
    f: np.ndarray  # float32 [255, T]; 0 in a frame without ground truth
    f_score: float  # as the benchmark takes it: the best threshold of the mean over frames with ground truth
    f_score_by_frame: float  # the same with every frame as a batch of its own, each with its best threshold
    miou_of_empty_masks: float  # of a model that never predicts foreground
    empty: np.ndarray  # bool [T], frames without ground truth

    @property
    def at_half(self) -> int:
        """Index of the threshold closest to 0.5, at which mIoU is taken."""
        return int(np.abs(self.thresholds - 0.5).argmin())

    @property
    def mean_f(self) -> np.ndarray:
        """F [255], mean over the frames with ground truth; zeros without such a frame."""
        return self.f[:, ~self.empty].mean(1) if not self.empty.all() else np.zeros(len(self.f))

    @property
    def best(self) -> int:
        """Index of the threshold with the largest mean F."""
        return int(self.mean_f.argmax())

    @property
    def miou(self) -> np.ndarray:
        """Mean IoU [255] over all frames, as the benchmark averages it."""
        return self.iou.mean(1)

    @property
    def miou_with_truth(self) -> np.ndarray:
        """Mean IoU [255] over the frames with ground truth; NaN without such a frame."""
        return self.iou[:, ~self.empty].mean(1)


def ground_truth_masks(prediction: Prediction, classes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return class maps of any size as masks bool [T, s, s] at the model's resolution."""
    size = prediction.probability.shape[1:]
    return np.stack([resize(labels, size, smooth=False) > 0 for labels in classes])


def metrics_by_threshold(prediction: Prediction, truth: np.ndarray) -> ThresholdCurves:
    """Return IoU and F of every frame at every threshold; truth: bool [T, s, s]."""
    probability, mask = torch.from_numpy(prediction.probability), torch.from_numpy(truth)
    logits = torch.logit(probability.double(), eps=PROBABILITY_MARGIN).float()
    thresholds = np.linspace(0, 1 - 1e-10, F_THRESHOLDS)
    f = f_curves(logits, mask)
    empty = np.logical_not(truth.any(axis=(1, 2)))
    f[torch.from_numpy(empty)] = 0
    by_frame = [f_score(logits[i : i + 1], mask[i : i + 1]) for i in np.flatnonzero(~empty)]
    return ThresholdCurves(
        thresholds=thresholds,
        iou=np.stack([frame_iou(probability > threshold, mask).numpy() for threshold in thresholds]),
        f=f.T.numpy(),
        f_score=f_score(logits, mask),
        f_score_by_frame=sum(by_frame) / len(by_frame) if by_frame else 0.0,
        miou_of_empty_masks=frame_iou(torch.zeros_like(mask), mask).mean().item(),
        empty=empty,
    )
