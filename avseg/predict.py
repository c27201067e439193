"""From a clip to its masks: `Predictor` runs a model on the frames and returns a `Prediction`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, overload

import numpy as np
import torch
import torch.nn.functional as F

from avseg.arguments import is_number, printed
from avseg.data.transforms import model_input
from avseg.devices import Precision, check_precision, choose_device
from avseg.errors import ClipError, ConfigError
from avseg.media.audio import SILENT_LOG_MEL, patches_for, silence, white_noise
from avseg.media.clip import CHANNELS, Clip, fit_sound, read_sound
from avseg.media.draw import resize
from avseg.models.masks import foreground_probability, label_maps

if TYPE_CHECKING:  # imports timm, which those who only read a prediction do not need
    from avseg.models.build import FrameFeatures, SegmentationModel
    from avseg.runtime.runner import Runner

MAX_LOGITS = 2**26  # values in one batch; 256 MB
SOUND_CHOICES = ("original", *CHANNELS, "mute", "noise")

Progress = Callable[[int, int], object]
"""Called with (done, total); may raise to cancel."""
OnMasks = Callable[[Clip, int, np.ndarray], object]
"""Called with the clip, the index of the first new frame, and labels uint8 [n, s, s]."""


@dataclass(frozen=True)
class Timing:
    """Duration of each stage, seconds."""

    decode: float = 0.0
    model: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """The masks that a model predicted for a clip; `clip.waveform` is the sound that it was given."""

    clip: Clip
    task: str  # s4, ms3 or avss
    probability: np.ndarray  # float32 [T, s, s], of foreground, at model size
    labels: np.ndarray  # uint8 [T, s, s], predicted class; 0 and 1 at the threshold for s4 and ms3
    threshold: float  # on the probability; avss takes the largest class instead
    model: str
    weights: str  # demo, released, trained or random
    device: str
    seconds: Timing
    audio: str = "original"  # the sound used: original, mute, noise, or a file's name
    precision: str = "exact"  # exact, or fast where a part of the model computed in bfloat16
    mute_change: float | None = None  # 1 - IoU with the muted clip's masks; None: no mask, or not measured

    def mask(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return a frame's label map uint8 [H, W], class indices, at source size or at `size`.

        Binary tasks resize the probability before thresholding, which gives smooth borders; AVSS resizes the
        labels, since class indices cannot be interpolated.
        """
        size = size or self.clip.size
        if self.task == "avss":
            return resize(self.labels[index], size, smooth=False)
        return (resize(self.probability[index], size) > self.threshold).astype(np.uint8)

    @property
    def masks(self) -> "Masks":
        """The masks as saved: uint8 [H, W] at source size, 0 and 255, or class indices for AVSS."""
        return Masks(self)

    @cached_property
    def foreground(self) -> np.ndarray:
        """Share of each frame that is foreground, float64 [T], 0..1, measured on `masks`."""
        return np.array([np.count_nonzero(mask) / mask.size for mask in self.masks])

    def at_threshold(self, threshold: float) -> "Prediction":
        """Return the same prediction at another threshold (AVSS masks do not change)."""
        check_threshold(threshold)
        labels = self.labels if self.task == "avss" else (self.probability > threshold).astype(np.uint8)
        return replace(self, labels=labels, threshold=threshold)


class Masks(Sequence[np.ndarray]):
    """The masks of a prediction, computed on access: those of a long clip would fill the memory."""

    def __init__(self, prediction: Prediction):
        self._prediction = prediction

    def __len__(self) -> int:
        return len(self._prediction.labels)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        frames = range(len(self))[index]
        if isinstance(frames, range):
            return [self[frame] for frame in frames]
        mask = self._prediction.mask(frames)
        return mask if self._prediction.task == "avss" else mask * np.uint8(255)


class Predictor:
    """Runs a model on clips.

    model: a bundled model's name, a file, or a model (any module with the call, `config` and `card` of
    AVSegFormer). device: auto (cuda if available), cpu, cuda, cuda:1 or mps. batch: frames per forward pass;
    fewer if their logits would exceed 256 MB, and whole windows of a model whose frames attend to each other,
    so that the masks do not depend on it. precision: exact (float32), fast (bfloat16 wherever it is
    faster on this machine) or auto, which is fast for models of at least 20 M parameters. letterbox: set
    that field of every clip, so that its frames are padded to a square; the released code stretches them.
    Raises CheckpointError for a model that does not exist and ConfigError for a device that is not available.
    """

    def __init__(
        self,
        model: "str | Path | SegmentationModel",
        device: str | torch.device = "auto",
        batch: int = 8,
        precision: Precision = "auto",
        letterbox: bool = False,
    ):
        if batch < 1:
            raise ConfigError(f"batch is {batch}; it must be at least 1.")
        check_precision(precision)
        self.device = choose_device(str(device))
        if isinstance(model, str | Path):
            from avseg.checkpoints import load_model

            model = load_model(model, self.device)
        self.model = model.to(self.device).eval()
        self._runner = _runner(self.model, precision)
        self.letterbox = letterbox
        config = self.model.config
        most = min(batch, MAX_LOGITS // (config.classes * config.image_size**2))
        window = getattr(config, "window", 1)
        self.batch = max(window, most // window * window)

    def warm(self) -> None:
        """Do what the first prediction would wait for, with one pass of an empty frame."""
        size = self.model.config.image_size
        model = self._runner.twin if self._runner else self.model
        with torch.inference_mode():
            frame = torch.zeros(1, 3, size, size, device=self.device)
            model(frame, torch.full((1, 1, 96, 64), SILENT_LOG_MEL, device=self.device))

    def predict(
        self,
        clip: Clip,
        waveform: np.ndarray | None = None,
        threshold: float = 0.5,
        on_frame: Progress | None = None,
        audio: str = "original",
        on_masks: OnMasks | None = None,
        measure_mute: bool = False,
    ) -> Prediction:
        """Return the masks of every frame of the clip.

        waveform: replaces the clip's own sound, padded or trimmed to its length; `audio` is its name in the
        result. threshold: pixels with a higher probability are foreground. on_masks, then on_frame: called
        after every batch; an exception raised there cancels the prediction. measure_mute: decode every frame
        without sound too, and set `mute_change` (not for other modules).
        """
        check_threshold(threshold)
        measure_mute = measure_mute and hasattr(self.model, "encode_frames")
        started = time.perf_counter()
        if waveform is not None:
            clip = replace(clip, waveform=fit_sound(waveform, clip.duration))
        if self.letterbox and not clip.letterbox:
            clip = replace(clip, letterbox=True)
        probabilities: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        done = common = either = 0
        for probability, label_map, muted in self._batches(clip, threshold, measure_mute):
            probabilities.append(probability.cpu().numpy())
            labels.append(label_map.cpu().numpy())
            if muted is not None:
                common += int(((label_map == muted) & (muted > 0)).sum())
                either += int(((label_map > 0) | (muted > 0)).sum())
            if on_masks:
                on_masks(clip, done, labels[-1])
            done += len(label_map)
            if on_frame:
                on_frame(done, len(clip.frames))
        return Prediction(
            clip=clip,
            task=self.model.config.task,
            probability=np.concatenate(probabilities),
            labels=np.concatenate(labels),
            threshold=threshold,
            model=self.model.card.name,
            weights=self.model.card.weights,
            device=str(self.device),
            seconds=Timing(decode=clip.decode_seconds, model=time.perf_counter() - started),
            audio=audio,
            precision=self.precision,
            mute_change=1 - common / either if either else None,
        )

    def _batches(
        self, clip: Clip, threshold: float, mute: bool
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
        """Yield foreground probability float32 [n, s, s] and labels uint8 [n, s, s] of each batch.

        With `mute`, also the labels without sound; both runs share the visual features.
        """
        patches = patches_for(clip.waveform, clip.times, clip.fps)  # [T, 1, 96, 64]
        for first in range(0, len(clip.frames), self.batch):
            log_mel = patches[first : first + self.batch].to(self.device)
            sounds = [log_mel, torch.full_like(log_mel, SILENT_LOG_MEL)] if mute else [log_mel]
            with torch.inference_mode():
                logits, *silent = self._logits(clip, first, sounds)
                muted = label_maps(silent[0], threshold) if mute else None
                masks = foreground_probability(logits), label_maps(logits, threshold), muted
            yield masks

    def _logits(self, clip: Clip, first: int, sounds: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the logits float32 [n, C, s, s] of the batch from frame `first` with each of the sounds."""

        def frames() -> torch.Tensor:
            images = torch.from_numpy(clip.frames[first : first + self.batch]).to(self.device)
            return model_input(images, self.model.config.image_size, clip.letterbox)

        model = self.model
        features: FrameFeatures
        if self._runner:
            model = self._runner.twin
            features = self._runner.features(clip.frames, first, frames, clip.letterbox)
        elif len(sounds) == 1:  # all that any module with the call of AVSegFormer can do
            return [self._at_model_size(model(frames(), sounds[0]).logits, clip)]
        else:
            features = model.encode_frames(frames())
        return [self._at_model_size(model.decode(features, sound).logits, clip) for sound in sounds]

    @property
    def precision(self) -> str:
        """How the model computes: exact, or fast if a part computes in bfloat16."""
        return self._runner.precision if self._runner else "exact"

    def _at_model_size(self, logits: torch.Tensor, clip: Clip) -> torch.Tensor:
        """Return logits of whole frames [n, C, s, s], without the padding of the letterbox."""
        size, logits = (self.model.config.image_size,) * 2, logits.float()
        if clip.letterbox:
            frame = clip.frames.shape[1:3]
            top, left = ((max(frame) - side) // 2 for side in frame)
            scale = logits.shape[-1] / max(frame)
            rows, columns = (
                slice(round(start * scale), max(round(start * scale) + 1, round((start + side) * scale)))
                for start, side in zip((top, left), frame)
            )
            logits = logits[..., rows, columns]
        if logits.shape[-2:] == size:
            return logits
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def _runner(model: torch.nn.Module, precision: str) -> "Runner | None":
    """Return what runs AVSegFormer fast, None for any other module with its call."""
    from avseg.models.avsegformer import AVSegFormer
    from avseg.runtime.runner import Runner

    return Runner(model, precision) if type(model) is AVSegFormer else None


def check_threshold(threshold: object) -> None:
    """Raise ConfigError unless the threshold is a probability."""
    if not is_number(threshold, 0, 1):
        raise ConfigError(f"The threshold is {printed(threshold)}; it must be a number between 0 and 1.")


def audio_for(choice: str | Path, clip: Clip, seed: int = 0) -> np.ndarray:
    """Return a sound for a clip, float32 [samples] of exactly its length.

    choice: original (the mean of the channels); left or right, one channel; mute (silence); noise (white, RMS
    0.1, from `seed`); or the path of an audio or video file, trimmed to the clip's length or padded with
    silence. Raises ClipError for a file without that sound.
    """
    if choice == "original":
        return clip.waveform
    if choice in CHANNELS:
        if clip.path is None:
            raise ClipError(f"{clip.name} is not a file, so it has no {choice} channel.")
        channel = cast(Literal["left", "right"], choice)
        return fit_sound(read_sound(clip.path, clip.start, clip.duration, channel=channel), clip.duration)
    if choice == "mute":
        return silence(len(clip.waveform))
    if choice == "noise":
        return white_noise(len(clip.waveform), seed=seed)
    return fit_sound(read_sound(choice, seconds=clip.duration), clip.duration)
