"""Validation between epochs: two quick metrics, and the predictions for a fixed set of clips as images.

Finished models are evaluated by `avseg.evaluation.evaluate`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from avseg.data.labels import CLASSES, DISPLAY_COLOURS
from avseg.data.samples import IGNORED, foreground, without_ignored
from avseg.data.transforms import IMAGE_MEAN, IMAGE_STD, Batch
from avseg.evaluation.metrics import frame_iou, semantic_sums
from avseg.files import atomic_write
from avseg.media.draw import BINARY, overlay, truth_outline
from avseg.models.build import FrameFeatures, SegmentationModel
from avseg.models.masks import background_where, label_maps
from avseg.runtime.runner import running

_CLASS_COLOURS = {index: DISPLAY_COLOURS[name] for index, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Validation:
    """Metrics of one validation."""

    miou: float
    """One channel: mean IoU over labelled frames with ground truth, probability 0.5. AVSS: mean over the
    classes present, without background, of the mean IoU over their frames."""
    benchmark: float
    """As AVSBench. One channel: mean over all labelled frames, where an empty one scores its background.
    AVSS: mean over all 71 classes, of which absent ones score 0."""
    silence: float
    """Share of predicted foreground for the same frames with digital silence as audio."""


def predict_labels(model: SegmentationModel, batch: Batch) -> torch.Tensor:
    """Return the label maps uint8 [B*T, H, W] of a batch of whole clips."""
    return label_maps(_decode(model, model.encode_frames(batch.frames), batch))


def _decode(model: SegmentationModel, features: FrameFeatures, batch: Batch) -> torch.Tensor:
    """Return the logits [B*T, C, H, W] of the encoded frames of whole clips, with the batch's sounds."""
    clip = {"clip_frames": model.config.frames} if model.config.window > 1 else {}
    return model.decode(features, batch.log_mel, temporal_flags(model, batch), **clip).logits


def temporal_flags(model: SegmentationModel, batch: Batch) -> torch.Tensor | None:
    """Return the temporal flags [B*T] of AVSS, None for other tasks."""
    return batch.real.float() if model.config.task == "avss" else None


@torch.inference_mode()
def validate(
    model: SegmentationModel, batches: Iterable[Batch], accelerator: Accelerator, mute: bool = False
) -> Validation:
    """Return the metrics over the batches of all processes; mute: replace the audio by silence."""
    model = running(model.eval())
    classes = model.config.classes
    # Per class: sum of IoU, number of its summands, frames with the class in the ground truth; of empty
    # frames, which only one channel has: sum of the background's IoU, their number.
    scores = torch.zeros(5, classes, dtype=torch.float64)
    silence = torch.zeros(2, dtype=torch.float64)  # sum of foreground shares, frames
    for batch in batches:
        batch = batch.to(accelerator.device)
        inputs, labelled = batch.muted() if mute else batch, batch.labelled
        features = model.encode_frames(batch.frames)  # for both sounds
        logits = _decode(model, features, inputs)[labelled]
        scores += _scores(logits.float(), batch.classes[labelled])
        muted = label_maps(_decode(model, features, batch.muted()))[labelled] > 0
        silence += torch.tensor([muted.float().mean((1, 2)).sum(), len(muted)], dtype=torch.float64)
    if accelerator.num_processes > 1:
        scores, silence = (accelerator.reduce(x.to(accelerator.device)).cpu() for x in (scores, silence))
    present = scores[2] > 0
    means = scores[0] / scores[1].clamp(min=1)
    frames = (scores[1] + scores[4]).clamp(min=1)
    return Validation(
        miou=means[present].mean().item() if present.any() else 0.0,
        benchmark=((scores[0] + scores[3]) / frames).mean().item(),
        silence=(silence[0] / silence[1].clamp(min=1)).item(),
    )


def _scores(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return per class [5, C], float64 on the CPU, since MPS has no float64: sum of frame IoU, its summands,
    frames with the class in the ground truth; of empty frames: sum of the background's IoU, their number.
    """
    classes = logits.shape[1]
    if classes == 1:
        logits, truth = background_where(logits, truth == IGNORED), foreground(truth)
        filled = truth.flatten(1).any(1)
        labels = label_maps(logits)
        iou = frame_iou(labels[filled], truth[filled]).sum()
        background = 1 - (labels[~filled] > 0).flatten(1).float().mean(1)
        sums = [iou, filled.sum(), filled.sum(), background.sum(), (~filled).sum()]
        return torch.stack(sums).cpu().double()[:, None]
    sums = semantic_sums(logits, truth)
    index = torch.arange(classes, device=truth.device)
    in_truth = (truth.flatten(1)[:, :, None] == index).any(1).sum(0)
    in_truth[0] = 0  # the mean excludes background
    nothing = torch.zeros_like(sums.iou)
    return torch.stack([sums.iou, sums.count, in_truth, nothing, nothing]).cpu().double()


@torch.inference_mode()
def draw_samples(model: SegmentationModel, batch: Batch, row: int, path: Path, mute: bool = False) -> None:
    """Draw a batch with its predicted masks and white outlines of the ground truth, `row` frames per row."""
    model.eval()
    inputs = batch.to(next(model.parameters()).device)
    labels = predict_labels(model, inputs.muted() if mute else inputs).cpu().numpy()
    colours = BINARY if model.config.classes == 1 else _CLASS_COLOURS
    tiles = [
        truth_outline(overlay(image, label, colours), truth)
        for image, label, truth in zip(
            _images(batch), labels, without_ignored(batch.classes.numpy()), strict=True
        )
    ]
    rows = [np.concatenate(row, axis=1) for row in np.split(np.stack(tiles), range(row, len(tiles), row))]
    sheet = Image.fromarray(np.concatenate(rows))
    with atomic_write(path) as file:
        sheet.save(file, format="JPEG", quality=88)


def _images(batch: Batch) -> np.ndarray:
    """Return the frames as uint8 [B*T, H, W, 3] RGB."""
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGE_MEAN, IMAGE_STD))
    return ((batch.frames * std + mean) * 255).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
