"""One clip of an evaluation again: the masks that were measured, to be looked at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from avseg.data.samples import Clips
from avseg.data.transforms import ClipTensors
from avseg.evaluation.metrics import frame_iou
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import Clip, fit_sound, frame_times
from avseg.media.draw import resize
from avseg.models.masks import foreground_probability, label_maps
from avseg.predict import Prediction, Timing


@dataclass(frozen=True, eq=False)
class MeasuredClip:
    """What a model says about a clip of a data set at one frame per second, beside the ground truth."""

    prediction: Prediction  # its clip holds the frames as they are shown, and the clip's own sound
    truth: tuple[np.ndarray | None, ...]  # [T] uint8 [H, W] as the frames; None without label
    iou: tuple[float | None, ...]  # [T] foreground, as measured; None without ground truth
    false_share: tuple[float | None, ...]  # [T] share marked where the label is empty; None elsewhere

    @property
    def mean_iou(self) -> float | None:
        """The clip's IoU in clips.csv."""
        known = [value for value in self.iou if value is not None]
        return float(np.mean(known)) if known else None

    @property
    def worst(self) -> int:
        """Return the frame that went worst: by IoU, else by what is marked though nothing sounds."""
        errors = [
            1 - iou if iou is not None else (share or 0.0)
            for iou, share in zip(self.iou, self.false_share, strict=True)
        ]
        return int(np.argmax(errors))


@torch.inference_mode()
def measured_clip(model: nn.Module, clips: Clips, index: int, shown: Clips | None = None) -> MeasuredClip:
    """Return the clip `index` as `avseg.evaluation.evaluate` measures it.

    model: as `evaluate` takes it. shown: the same clips at another size, whose frames are put into the
    result; by default `clips`. Raises DatasetError for a clip that cannot be read.
    """
    size = model.config.image_size
    batch = ClipTensors(clips, size)[index]
    real = batch.real
    device = next(model.parameters(), torch.empty(0)).device
    frames, patches = batch.frames[real].to(device), batch.log_mel[real].to(device)
    logits = model.decode(model.encode_frames(frames), patches).logits.float().cpu()
    labelled, classes = batch.labelled[real], batch.classes[real]
    marked, truth = label_maps(logits) > 0, classes > 0
    filled = truth.flatten(1).any(1)
    iou, shares = frame_iou(marked, truth), marked.flatten(1).float().mean(1)
    probability, labels = foreground_probability(logits), label_maps(logits)
    sample = (shown or clips).read(index, tuple(np.flatnonzero(real.numpy()).tolist()))
    several = logits.shape[1] > 1
    prediction = Prediction(
        clip=_clip(sample.name, sample.frames, sample.waveform),
        task="avss" if several else "ms3",
        probability=probability.numpy(),
        labels=labels.numpy(),
        threshold=0.5,
        model=model.card.name,
        weights=model.card.weights,
        device=str(device),
        seconds=Timing(),
    )
    return MeasuredClip(
        prediction=prediction,
        truth=tuple(
            _at(picture, sample.frames.shape[1:3]) if known else None
            for picture, known in zip(sample.classes, labelled)
        ),
        iou=tuple(
            float(value) if known and there else None for value, known, there in zip(iou, labelled, filled)
        ),
        false_share=tuple(
            float(value) if known and not there else None
            for value, known, there in zip(shares, labelled, filled)
        ),
    )


def _at(classes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resize(classes, size, smooth=False)


def _clip(name: str, frames: np.ndarray, waveform: np.ndarray) -> Clip:
    seconds = len(frames)
    return Clip(
        name=name,
        path=Path(name),
        frames=frames,
        waveform=fit_sound(waveform[: seconds * SAMPLE_RATE], seconds),
        times=frame_times(seconds, 1),
        fps=1.0,
        size=frames.shape[1:3],
        duration=float(seconds),
        start=0.0,
        has_sound=True,
    )
