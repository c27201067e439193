"""From a clip to its masks: `Predictor` runs a model over the frames, `Prediction` holds what it said."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from avseg.data.transforms import normalise
from avseg.devices import choose_device
from avseg.errors import ConfigError
from avseg.media.audio import patches_for, silence, white_noise
from avseg.media.clip import Clip, fit_sound, read_sound
from avseg.media.draw import resize
from avseg.models.masks import foreground_probability, label_maps

LOGITS_AT_ONCE = 2**26  # numbers; 256 MB
SOUND_CHOICES = ("original", "mute", "noise")

Progress = Callable[[int, int], object]
"""Called with (done, total); may raise to cancel."""
OnMasks = Callable[[Clip, int, np.ndarray], object]
"""Called with the clip, the index of the first frame that is done since, and labels uint8 [n, s, s]."""


@dataclass(frozen=True)
class Timing:
    """Seconds that the stages took."""

    decode: float = 0.0
    model: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model said about a clip; `clip.waveform` is the sound that it heard."""

    clip: Clip
    task: str  # s4, ms3 or avss
    probability: np.ndarray  # float32 [T, s, s], of foreground, at model size
    labels: np.ndarray  # uint8 [T, s, s], winning class; 0 and 1 at the threshold for s4 and ms3
    threshold: float  # of the probability; avss takes the largest class instead
    model: str
    weights: str  # toy, released, trained or random
    device: str
    seconds: Timing
    audio: str = "original"  # what was heard: original, mute, noise, or a file's name

    def mask(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return a frame's label map uint8 [H, W], class indices, at source size or at `size`.

        Binary tasks resize the probability and then threshold it, which gives smooth borders; AVSS resizes
        the labels, since class indices cannot be blended.
        """
        size = size or self.clip.size
        if self.task == "avss":
            return resize(self.labels[index], size, smooth=False)
        return (resize(self.probability[index], size) > self.threshold).astype(np.uint8)

    @property
    def masks(self) -> "Masks":
        """The masks as written: uint8 [H, W] at source size, 0 and 255, or class indices for AVSS."""
        return Masks(self)

    @cached_property
    def foreground(self) -> np.ndarray:
        """Share of each frame that its mask covers, float64 [T], 0..1, measured on `masks`."""
        return np.array([np.count_nonzero(mask) / mask.size for mask in self.masks])

    def at_threshold(self, threshold: float) -> "Prediction":
        """Return the same prediction cut at another threshold (no change of masks for AVSS)."""
        labels = self.labels if self.task == "avss" else (self.probability > threshold).astype(np.uint8)
        return replace(self, labels=labels, threshold=threshold)


class Masks(Sequence[np.ndarray]):
    """The masks of a prediction, each made when it is asked for: a long clip's would fill the memory."""

    def __init__(self, prediction: Prediction):
        self._prediction = prediction

    def __len__(self) -> int:
        return len(self._prediction.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        mask = self._prediction.mask(range(len(self))[index])
        return mask if self._prediction.task == "avss" else mask * np.uint8(255)


class Predictor:
    """A model and how to run it.

    model: a bundled name, a file, or a module with AVSegFormer's call, `.config` and `.card`. device: auto
    (cuda when there is one), cpu, cuda, cuda:1, mps. batch: frames at once at most; fewer when their logits
    would pass 256 MB. Raises CheckpointError for a model that is not there, ConfigError for a device that is
    not.
    """

    def __init__(self, model: str | Path | nn.Module, device: str = "auto", batch: int = 8):
        if batch < 1:
            raise ConfigError(f"A batch of {batch} frames is not possible: choose 1 or more.")
        self.device = choose_device(device)
        if not isinstance(model, nn.Module):
            from avseg.checkpoints import load_model

            model = load_model(model, self.device)
        self.model = model.to(self.device).eval()
        config = self.model.config
        self.batch = max(1, min(batch, LOGITS_AT_ONCE // (config.classes * config.image_size**2)))

    def predict(
        self,
        clip: Clip,
        waveform: np.ndarray | None = None,
        threshold: float = 0.5,
        on_frame: Progress | None = None,
        audio: str = "original",
        on_masks: OnMasks | None = None,
    ) -> Prediction:
        """Return the masks of every frame of the clip.

        waveform: heard instead of the clip's own sound, padded or trimmed to it; `audio` is its name in the
        record. threshold: foreground is a probability above it. on_masks, then on_frame: called after every
        batch; what they raise ends the work.
        """
        check_threshold(threshold)
        began = time.perf_counter()
        if waveform is not None:
            clip = replace(clip, waveform=fit_sound(waveform, clip.duration))
        probability, labels = [], []
        for share, winner in self._run(clip, threshold):
            probability.append(share.cpu().numpy())
            labels.append(winner.cpu().numpy())
            if on_masks:
                on_masks(clip, sum(map(len, labels[:-1])), labels[-1])
            if on_frame:
                on_frame(sum(map(len, labels)), len(clip.frames))
        config, card = self.model.config, self.model.card
        return Prediction(
            clip=clip,
            task=config.task,
            probability=np.concatenate(probability),
            labels=np.concatenate(labels),
            threshold=threshold,
            model=card.name,
            weights=card.weights,
            device=str(self.device),
            seconds=Timing(decode=clip.decode_seconds, model=time.perf_counter() - began),
            audio=audio,
        )

    def _run(self, clip: Clip, threshold: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield foreground probability float32 and labels uint8, both [n, s, s], batch after batch."""
        size = self.model.config.image_size
        patches = patches_for(clip.waveform, clip.times, clip.fps)  # [T, 1, 96, 64]
        for first in range(0, len(clip.frames), self.batch):
            chosen = slice(first, first + self.batch)
            frames = normalise(torch.from_numpy(clip.frames[chosen]).to(self.device), size)
            with torch.inference_mode():
                logits = self.model(frames, patches[chosen].to(self.device)).logits.float()
                if logits.shape[-2:] != (size, size):
                    logits = F.interpolate(logits, (size, size), mode="bilinear", align_corners=False)
                batch = foreground_probability(logits), label_maps(logits, threshold)
            yield batch


def check_threshold(threshold: float) -> None:
    """Raise ConfigError for what is no probability."""
    if not 0 <= threshold <= 1:
        raise ConfigError(f"A threshold of {threshold:g} is not possible: choose 0 to 1.")


def audio_for(choice: str | Path, clip: Clip, seed: int = 0) -> np.ndarray:
    """Return the sound to be heard with a clip, float32 [samples] of exactly its length.

    choice: original; mute (silence); noise (white, RMS 0.1, from `seed`); or the path of a sound or video
    file, of which the beginning is taken, padded with silence. Raises ClipError when the file has no sound.
    """
    if choice == "original":
        return clip.waveform
    if choice == "mute":
        return silence(len(clip.waveform))
    if choice == "noise":
        return white_noise(len(clip.waveform), seed=seed)
    return fit_sound(read_sound(choice, seconds=clip.duration), clip.duration)
