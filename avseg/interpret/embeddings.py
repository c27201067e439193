"""Embeddings of clips: what the model hears, and its visual feature under a mask, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avseg.data.avsbench.clip import DatasetClip
from avseg.data.samples import foreground
from avseg.errors import ConfigError
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.evaluation.frame_mistakes import Mistakes, clip_mistakes
from avseg.interpret.sites import record
from avseg.late import F, torch
from avseg.media.audio import patches_for
from avseg.predict import Prediction, Predictor

FEATURES = {  # name: title, what it is
    "audio": ("Sound", "the model's audio feature"),
    "mask": ("Predicted mask", "the model's mask feature, averaged under the predicted mask"),
    "truth": ("Ground truth", "the model's mask feature, averaged under the ground truth"),
}


@dataclass(frozen=True, eq=False)
class ClipEmbedding:
    """A model's embeddings of the T frames of a clip, and how right its masks are."""

    audio: np.ndarray  # float16 [T, A]
    mask: np.ndarray  # float16 [T, D]; NaN for a frame whose mask is empty
    truth: np.ndarray  # float16 [T, D]; NaN for a frame without foreground, or without a label
    iou: float | None  # as `avseg evaluate` counts it; None without ground truth
    mistakes: Mistakes


def embed(predictor: Predictor, content: DatasetClip) -> ClipEmbedding:
    """Run a model on a clip of a data set and return its embeddings.

    The audio feature is F_audio of Sec. 3.2 (of TPAVI: the output of the audio backbone). The mask feature is
    F_mask of Sec. 3.3 (of TPAVI: its finest stage before the sound), on which the sound has no effect. A cell
    counts by how much of it the mask covers. Raises ConfigError for another architecture.
    """
    from avseg.models.avsegformer import AVSegFormer
    from avseg.models.tpavi import TPAVI

    model, clip = predictor.model, content.clip
    if not isinstance(model, AVSegFormer | TPAVI):
        raise ConfigError(f"{type(model).__name__} is not AVSegFormer or TPAVI: it has no features to pool.")
    site = "mask_feature" if isinstance(model, AVSegFormer) else "tpavi.context"
    with record(model, ["audio", site]) as recording:
        prediction = predictor.predict(clip)
    if isinstance(model, AVSegFormer):
        heard = torch.cat(recording["audio"]).flatten(1)  # [T, D]
    else:
        patches = patches_for(clip.waveform, clip.times, clip.fps).to(predictor.device)
        with torch.inference_mode():
            heard = model.audio_backbone(patches).flatten(1).cpu()
    stages = recording[site]
    feature = torch.cat([stage.float() for stage in stages if stage.shape[-1] == stages[0].shape[-1]])
    truth = [None if labels is None else foreground(labels) for labels in content.truth]
    masks = [mask > 0 for mask in prediction.labels]
    ious = frame_ious(prediction, content.truth)
    return ClipEmbedding(
        audio=_half(heard.float().numpy()),
        mask=_half(pooled(feature, masks)),
        truth=_half(pooled(feature, truth)),
        iou=clip_iou(ious, content.truth),
        mistakes=mistakes_of(prediction, content),
    )


def mistakes_of(prediction: Prediction, content: DatasetClip) -> Mistakes:
    """Count the mistakes of a prediction at the size of the ground truth."""
    pairs = [
        (np.zeros((1, 1), np.uint8) if labels is None else prediction.mask(frame, labels.shape[:2]), labels)
        for frame, labels in enumerate(content.truth)
    ]
    return clip_mistakes(*zip(*pairs, strict=True)) if pairs else Mistakes()


def pooled(feature: torch.Tensor, masks: list[np.ndarray | None]) -> np.ndarray:
    """Return the mean of a feature [T, D, h, w] under a mask per frame, float32 [T, D].

    masks: bool [H, W] of any size; a cell counts by the share of it that is covered. Where a mask is empty or
    None, the values are NaN.
    """
    values = np.full(feature.shape[:2], np.nan, np.float32)
    for frame, mask in enumerate(masks):
        if mask is None or not mask.any():
            continue
        whole = torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]
        share = F.interpolate(whole, feature.shape[-2:], mode="area")[0, 0]
        values[frame] = ((feature[frame] * share).sum((1, 2)) / share.sum()).numpy()
    return values


def _half(values: np.ndarray) -> np.ndarray:
    largest = float(np.finfo(np.float16).max)
    return values.clip(-largest, largest).astype(np.float16)
