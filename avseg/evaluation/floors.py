"""Trivial rules: masks without a model, whose scores are the floor of every other score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from avseg.data.samples import Clips, RemixableClips, VisibleClass, foreground
from avseg.data.transforms import resize_classes
from avseg.errors import AvsegError
from avseg.evaluation.metrics import frame_iou
from avseg.late import torch

NOTHING, EVERYTHING = "nothing", "everything"
LARGEST = "largest_object"  # an oracle of shape that ignores the sound: true mask of what is largest in view
CENTRE = "centre_prior"  # where things sound in the training split
RULES = (NOTHING, EVERYTHING, LARGEST, CENTRE)

PRIOR_CLIPS, PRIOR_CLIPS_PER_CLIP = 200, 5  # at most, and per evaluated clip: a short evaluation stays short
THRESHOLDS = 20


def largest_object(visible: Sequence[VisibleClass]) -> np.ndarray:
    """Return the mask of the class with the most visible pixels in every frame, bool [F, H, W]."""
    masks = np.stack([item.mask for item in visible])
    return masks[masks.sum((2, 3)).argmax(0), np.arange(masks.shape[1])]


def centre_prior(
    training: Clips, size: int, count: int, on_clip: Callable[[], object] = lambda: None
) -> torch.Tensor | None:
    """Return the pixels in which things sound most often in the training split, bool [size, size].

    The mean ground truth of the first frames of `count` clips, spread over the split, thresholded where the
    mean IoU on these frames is best. None if none of them has ground truth that can be read. on_clip: called
    before each clip; may raise to cancel.
    """
    truths = []
    for index in np.linspace(0, len(training) - 1, min(count, len(training))).round().astype(int):
        on_clip()
        with suppress(AvsegError):
            truth = torch.from_numpy(_first_truth(training, int(index)))
            truths.append(resize_classes(truth, size)[0])
    truths = [truth for truth in truths if truth.any()]
    if not truths:
        return None
    frames = torch.stack(truths)
    mean = frames.float().mean(0)
    masks = [mean >= mean.max() * (step + 1) / THRESHOLDS for step in range(THRESHOLDS)]
    return max(masks, key=lambda mask: frame_iou(mask.expand_as(frames), frames).mean().item())


def _first_truth(clips: Clips, index: int) -> np.ndarray:
    """Return the foreground of a clip's first frame, bool [1, H, W]; without audio where it can be had so."""
    if not isinstance(clips, RemixableClips):
        return foreground(clips.read(index, (0,)).classes)
    sounding = [item.mask for item in clips.visible_classes(index, (0,)) if item.sounding[0]]
    return np.any(sounding, axis=0) if sounding else np.zeros((1, 1, 1), bool)
