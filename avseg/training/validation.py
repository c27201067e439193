"""What a run looks at between epochs: two quick numbers, and the same few clips drawn again and again.

The report of a finished model comes from `avseg.evaluation.evaluate`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from avseg.data.labels import CLASSES, DISPLAY_COLOURS
from avseg.data.transforms import IMAGE_MEAN, IMAGE_STD, Batch
from avseg.evaluation.metrics import frame_iou, semantic_sums
from avseg.files import atomic_write
from avseg.media.draw import BINARY, overlay, truth_outline
from avseg.models.avsegformer import AVSegFormer
from avseg.models.masks import label_maps

_COLOURS = {index: DISPLAY_COLOURS[name] for index, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Validation:
    """The quick numbers."""

    miou: float
    """One channel: mean IoU over labelled frames with ground truth, probability 0.5. AVSS: mean over the
    classes present, without background, of the mean IoU over their frames."""
    silence: float
    """Share of pixels marked when the same frames are heard with digital silence."""


def predict_labels(model: AVSegFormer, batch: Batch) -> torch.Tensor:
    """Return the label maps uint8 [B*T, H, W] of a batch: 1 where probability is over 0.5, or the class."""
    logits = model(batch.frames, batch.log_mel, flags(model, batch)).logits
    return label_maps(logits)


def flags(model: AVSegFormer, batch: Batch) -> torch.Tensor | None:
    """Return the temporal flags [B*T] of AVSS, None for other tasks."""
    return batch.real.float() if model.config.task == "avss" else None


@torch.inference_mode()
def validate(
    model: AVSegFormer, batches: Iterable[Batch], accelerator: Accelerator, mute: bool = False
) -> Validation:
    """Return the quick numbers over the batches of all processes; `mute` takes the sound away."""
    model.eval()
    classes = model.config.classes
    scores = torch.zeros(
        3, classes, dtype=torch.float64
    )  # per class: sum of IoU, its frames, frames in truth
    false = torch.zeros(2, dtype=torch.float64)  # sum of shares of pixels, frames
    for batch in batches:
        batch = batch.to(accelerator.device)
        heard, kept = batch.muted() if mute else batch, batch.labelled
        logits = model(heard.frames, heard.log_mel, flags(model, heard)).logits[kept]
        scores += _scores(logits.float(), batch.classes[kept]).cpu()
        silent = predict_labels(model, batch.muted())[kept] > 0
        false += torch.tensor([silent.float().mean((1, 2)).sum(), len(silent)], dtype=torch.float64)
    scores, false = (accelerator.reduce(x.to(accelerator.device)).cpu() for x in (scores, false))
    present = scores[2] > 0
    means = scores[0, present] / scores[1, present].clamp(min=1)
    return Validation(
        means.mean().item() if present.any() else 0.0, (false[0] / false[1].clamp(min=1)).item()
    )


def _scores(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return per class [3, C]: sum of frame IoU, frames in that sum, frames whose truth has the class."""
    classes = logits.shape[1]
    if classes == 1:
        filled = (truth > 0).flatten(1).any(1)
        iou = frame_iou(label_maps(logits[filled]), truth[filled]).sum()
        return torch.stack([iou, filled.sum(), filled.sum()]).double()[:, None]
    sums = semantic_sums(logits, truth)
    index = torch.arange(classes, device=truth.device)
    in_truth = (truth.flatten(1)[:, :, None] == index).any(1).sum(0)
    in_truth[0] = 0  # background is left out of the mean
    return torch.stack([sums.iou, sums.count, in_truth]).double()


@torch.inference_mode()
def draw_samples(model: AVSegFormer, batch: Batch, row: int, path: Path, mute: bool = False) -> None:
    """Draw a batch with its predicted masks, ground truth outlined in white, `row` frames side by side."""
    model.eval()
    here = batch.to(next(model.parameters()).device)
    labels = predict_labels(model, here.muted() if mute else here).cpu().numpy()
    tiles = [
        truth_outline(overlay(picture, label, _colours(model)), truth)
        for picture, label, truth in zip(_pictures(batch), labels, batch.classes.numpy(), strict=True)
    ]
    rows = [np.concatenate(row, axis=1) for row in np.split(np.stack(tiles), range(row, len(tiles), row))]
    sheet = Image.fromarray(np.concatenate(rows))
    with atomic_write(path) as file:
        sheet.save(file, format="JPEG", quality=88)


def _colours(model: AVSegFormer) -> dict[int, tuple[int, int, int]]:
    return BINARY if model.config.classes == 1 else _COLOURS


def _pictures(batch: Batch) -> np.ndarray:
    """Return the frames as uint8 [B*T, H, W, 3] RGB."""
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGE_MEAN, IMAGE_STD))
    return ((batch.frames * std + mean) * 255).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
