"""Evaluates one clip with its masks, to inspect what an evaluation has counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.samples import IGNORED, Clips, foreground, without_ignored
from avseg.data.transforms import ClipTensors
from avseg.evaluation.metrics import frame_iou
from avseg.evaluation.metrics import iou as label_iou
from avseg.late import torch
from avseg.media.clip import Clip, fit_sound, frame_times
from avseg.media.draw import resize
from avseg.models.build import FrameFeatures, SegmentationModel
from avseg.models.masks import background_where, foreground_probability, label_maps
from avseg.predict import Prediction, Timing


@dataclass(frozen=True, eq=False)
class EvaluatedClip:
    """A model's prediction for a clip of a data set at the rate of its frames, with the ground truth."""

    prediction: Prediction  # its clip has the frames at display size, and the clip's own audio
    truth: tuple[np.ndarray | None, ...]  # [T] uint8 [H, W] at the size of the frames; None without label
    iou: tuple[float | None, ...]  # [T] of the foreground; None without ground truth
    false_positive: tuple[float | None, ...]  # [T] share of foreground where the truth is empty; else None

    @property
    def mean_iou(self) -> float | None:
        """The clip's IoU in clips.csv."""
        values = [value for value in self.iou if value is not None]
        return float(np.mean(values)) if values else None

    @property
    def worst(self) -> int:
        """Index of the worst frame: by IoU, or by false foreground where the ground truth is empty."""
        errors = [
            1 - iou if iou is not None else (share or 0.0)
            for iou, share in zip(self.iou, self.false_positive, strict=True)
        ]
        return int(np.argmax(errors))


def frame_ious(prediction: Prediction, truth: Sequence[np.ndarray | None]) -> list[float | None]:
    """Return the foreground IoU of every frame at the size of its ground truth.

    None for a frame without a label, and where neither predicted mask nor ground truth has foreground.
    """
    ious: list[float | None] = []
    for frame, labels in enumerate(truth):
        if labels is None:
            ious.append(None)
            continue
        predicted, foreground = prediction.mask(frame, labels.shape[:2]) > 0, labels > 0
        empty = not (predicted.any() or foreground.any())
        ious.append(None if empty else float(label_iou(predicted[None], foreground[None])[0]))
    return ious


def clip_iou(ious: Sequence[float | None], truth: Sequence[np.ndarray | None]) -> float | None:
    """Return the mean IoU over the frames with foreground in the ground truth, as `avseg evaluate` does."""
    pairs = zip(ious, truth, strict=True)
    counted = [iou for iou, labels in pairs if iou is not None and labels is not None and labels.any()]
    return float(np.mean(counted)) if counted else None


def evaluate_clip(
    model: SegmentationModel, clips: Clips, index: int, display: Clips | None = None, mute: bool = False
) -> EvaluatedClip:
    """Return the clip `index` exactly as `avseg.evaluation.evaluate` counts it.

    model, mute: as for `evaluate`. display: the same clips at another size, whose frames and ground truth
    the result contains; by default `clips`. Raises DatasetError for a clip that cannot be read.
    """
    from avseg.runtime.runner import running

    size = model.config.image_size
    batch = ClipTensors(clips, size)[index]
    batch = batch.muted() if mute else batch
    real = batch.real
    device = next(model.parameters(), torch.empty(0)).device
    frames, patches = batch.frames[real].to(device), batch.log_mel[real].to(device)
    with torch.inference_mode():
        model = running(model)
        features: FrameFeatures = model.encode_frames(frames)
        logits = model.decode(features, patches).logits.float().cpu()
    classes = batch.classes[real]
    labels = label_maps(background_where(logits, classes == IGNORED))
    truth = foreground(classes)
    labelled, filled = batch.labelled[real].tolist(), truth.flatten(1).any(1).tolist()
    iou, shares = frame_iou(labels, truth).tolist(), (labels > 0).flatten(1).float().mean(1).tolist()
    sample = (display or clips).read(index, tuple(np.flatnonzero(real.numpy()).tolist()))
    prediction = Prediction(
        clip=_clip(sample.name, sample.frames, sample.waveform * (not mute), clips.rate),
        task="avss" if logits.shape[1] > 1 else "ms3",
        probability=foreground_probability(logits).numpy(),
        labels=labels.numpy(),
        threshold=0.5,
        model=model.card.name,
        weights=model.card.weights,
        device=str(device),
        seconds=Timing(),
        audio="mute" if mute else "original",
    )
    times = range(len(labelled))
    height, width = sample.frames.shape[1:3]
    return EvaluatedClip(
        prediction=prediction,
        truth=tuple(
            resize(without_ignored(sample.classes[t]), (height, width), smooth=False) if labelled[t] else None
            for t in times
        ),
        iou=tuple(iou[t] if labelled[t] and filled[t] else None for t in times),
        false_positive=tuple(shares[t] if labelled[t] and not filled[t] else None for t in times),
    )


def _clip(name: str, frames: np.ndarray, waveform: np.ndarray, rate: float) -> Clip:
    seconds = len(frames) / rate
    return Clip(
        name=name,
        path=None,
        frames=frames,
        waveform=fit_sound(waveform, seconds),
        times=frame_times(seconds, rate),
        fps=rate,
        size=(frames.shape[1], frames.shape[2]),
        duration=seconds,
        start=0.0,
        has_sound=True,
    )
