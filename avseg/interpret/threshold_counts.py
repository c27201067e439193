"""Pixels of each class at 101 thresholds, predicted and correct: enough for area and IoU at any of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.interpret.mask_statistics import LEAST_SHARE
from avseg.media.clip import Clip
from avseg.media.draw import resize
from avseg.predict import Prediction

LEVELS = 101  # thresholds 0.00, 0.01 ... 1.00
MOST_CLASSES = 12

Truth = Sequence[np.ndarray | None]
"""Ground truth of every frame, uint8 [h, w] of any size; None for a frame that has no label."""


@dataclass(frozen=True, eq=False)
class ThresholdCounts:
    """Counts of T frames and K classes, little-endian uint32; None where there is nothing to count."""

    marked: np.ndarray | None  # [T, K, 101] pixels of a class whose probability is above a threshold
    hits: np.ndarray | None  # [T, K, 101] those of them that are so in the ground truth
    area: np.ndarray | None  # [T, K] pixels of a class in the ground truth


def count_pixels(
    clip: Clip, prediction: Prediction | None, truth: Truth | None, indices: tuple[int, ...]
) -> ThresholdCounts:
    """Count the classes `indices` at the size of `clip.frames`; truth is 0 or 1 for the binary tasks."""
    size, shape = clip.frames.shape[1:3], (len(clip.frames), len(indices))
    labels = prediction.labels if prediction and prediction.task == "avss" else None
    marked = np.zeros((*shape, LEVELS), "<u4") if prediction else None
    area = np.zeros(shape, "<u4") if truth is not None else None
    hits = np.zeros((*shape, LEVELS), "<u4") if prediction and truth is not None else None
    for frame in range(len(clip.frames)):
        level = _levels(resize(prediction.probability[frame], size)) if prediction else None
        label = None if labels is None else resize(labels[frame], size, smooth=False)
        real = truth[frame] if truth is not None else None
        real = None if real is None else resize(real, size, smooth=False)
        for k, index in enumerate(indices):
            if level is not None:
                marked[frame, k] = _above(level if label is None else level[label == index])
            if real is None:
                continue
            inside = real == index
            area[frame, k] = inside.sum()
            if level is not None:
                hits[frame, k] = _above(level[inside if label is None else inside & (label == index)])
    return ThresholdCounts(marked, hits, area)


def class_order(prediction: Prediction | None, truth: Truth | None) -> tuple[int, ...]:
    """Return the classes of an AVSS clip, 1 to 12 of them: those with foreground in most frames first."""
    frames = np.zeros(256)
    for maps, worth in ((prediction.labels if prediction else (), 1.0), (truth or (), 1.01)):
        for picture in maps:
            if picture is not None:
                share = np.bincount(picture.ravel(), minlength=256) / picture.size
                frames += worth * (share >= LEAST_SHARE) + share / 1000
    frames[0] = 0
    order = [int(index) for index in np.argsort(-frames, kind="stable") if frames[index] >= 1]
    return tuple(order[:MOST_CLASSES]) or (1,)


def _levels(probability: np.ndarray) -> np.ndarray:
    """Return how many of the thresholds lie below each probability, 0 to 100."""
    return np.ceil(probability * np.float32(100)).astype(np.uint8)


def _above(levels: np.ndarray) -> np.ndarray:
    """Return how many pixels are above each threshold, [101]; threshold k is passed by levels above k."""
    return levels.size - np.cumsum(np.bincount(levels.ravel(), minlength=LEVELS))
