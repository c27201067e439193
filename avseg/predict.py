"""From a clip to its masks: `Predictor` runs a model on the frames and returns a `Prediction`."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from avseg.data.transforms import model_input
from avseg.devices import Precision, check_precision, choose_device
from avseg.errors import ClipError, ConfigError
from avseg.late import F, torch
from avseg.media.audio import SILENT_LOG_MEL, patches_for, silence, white_noise
from avseg.media.clip import CHANNELS, Clip, fit_sound, read_sound
from avseg.models.masks import foreground_probability, label_maps
from avseg.prediction import GrowingPrediction, Prediction, Progress, Timing, check_threshold

if TYPE_CHECKING:  # imports timm, which those who only read a prediction do not need
    from avseg.models.build import FrameFeatures, SegmentationModel
    from avseg.runtime.runner import Runner

MAX_LOGITS = 2**26  # values in one batch; 256 MB
CPU_BATCH = 8  # frames
SOUND_CHOICES = ("original", *CHANNELS, "mute", "noise")

OnMasks = Callable[[Clip, int, np.ndarray], object]
"""Called with the clip, the index of the first new frame, and labels uint8 [n, s, s]."""
OnStart = Callable[[Prediction], object]
"""Called with a prediction whose masks are still to come; asking for one waits for it."""


class Predictor:
    """Runs a model on clips.

    model: a bundled model's name, a file, or a model (any module with the call, `config` and `card` of
    AVSegFormer). device: auto (cuda if available), cpu, cuda, cuda:1 or mps. batch: frames per forward pass,
    by default 8, on a GPU as many as fit into its free memory; fewer if their logits would exceed 256 MB, and
    whole windows of a model whose frames attend to each other, so that the masks do not depend on it.
    precision: exact (float32), fast (bfloat16 wherever it is faster on this machine) or auto, which is fast
    for models of at least 20 M parameters. letterbox: set that field of every clip, so that its frames
    are padded to a square; the released code stretches them. compile: use torch.compile for AVSegFormer,
    which takes minutes at the first clip.
    Raises CheckpointError for a model that does not exist and ConfigError for a device that is not available.
    """

    def __init__(
        self,
        model: str | Path | SegmentationModel,
        device: str | torch.device = "auto",
        batch: int | None = None,
        precision: Precision = "auto",
        letterbox: bool = False,
        compile: bool = False,
    ):
        if batch is not None and batch < 1:
            raise ConfigError(f"batch is {batch}; it must be at least 1.")
        check_precision(precision)
        self.device = choose_device(str(device))
        if isinstance(model, str | Path):
            from avseg.checkpoints import load_model

            model = load_model(model, self.device)
        self.model = model.to(self.device).eval()
        self._asked: str = precision
        self._compile = compile
        self._runner = _runner(self.model, precision, compile)
        self._others: dict[str, Predictor] = {}  # without this one: a cycle would keep the weights in memory
        self.letterbox = letterbox
        config = self.model.config
        most = min(batch or self._usual_batch(), MAX_LOGITS // (config.classes * config.image_size**2))
        window = getattr(config, "window", 1)
        self.batch = max(window, most // window * window)

    def at(self, precision: str) -> Predictor:
        """Return a predictor of the same weights that computes at another precision."""
        check_precision(precision)
        if precision in (self._asked, self.precision):
            return self
        if precision not in self._others:
            other = copy.copy(self)
            other._others = {}
            other._asked, other._runner = precision, _runner(self.model, precision, self._compile)
            self._others[precision] = other
        return self._others[precision]

    def warm(self, frames: int = 1) -> None:
        """Do what the first prediction would wait for, with one pass of empty frames."""
        size = self.model.config.image_size
        model = self._runner.twin if self._runner else self.model
        with torch.inference_mode():
            images = torch.zeros(frames, 3, size, size, device=self.device)
            model(images, torch.full((frames, 1, 96, 64), SILENT_LOG_MEL, device=self.device))

    def _usual_batch(self) -> int:
        if self.device.type != "cuda":
            return CPU_BATCH
        from avseg.runtime.memory import frames_that_fit

        return frames_that_fit(self.warm, self.device)

    def predict(
        self,
        clip: Clip,
        waveform: np.ndarray | None = None,
        threshold: float = 0.5,
        on_frame: Progress | None = None,
        audio: str = "original",
        on_masks: OnMasks | None = None,
        measure_mute: bool = False,
        on_start: OnStart | None = None,
    ) -> Prediction:
        """Return the masks of every frame of the clip.

        waveform: replaces the clip's own sound, padded or trimmed to its length; `audio` is its name in the
        result. threshold: pixels with a higher probability are foreground. on_masks, then on_frame: called
        after every batch; an exception raised there cancels the prediction. measure_mute: decode every frame
        without sound too, and set `mute_change` (not for other modules). on_start: called before the first
        batch, so that masks can be written while others are computed.
        """
        check_threshold(threshold)
        measure_mute = measure_mute and hasattr(self.model, "encode_frames")
        started = time.perf_counter()
        if waveform is not None:
            clip = replace(clip, waveform=fit_sound(waveform, clip.duration))
        if self.letterbox and not clip.letterbox:
            clip = replace(clip, letterbox=True)
        count, size = len(clip.frames), self.model.config.image_size
        growing = GrowingPrediction(
            clip=clip,
            task=self.model.config.task,
            probability=np.empty((count, size, size), np.float32),
            labels=np.empty((count, size, size), np.uint8),
            threshold=threshold,
            model=self.model.card.name,
            weights=self.model.card.weights,
            device=str(self.device),
            seconds=Timing(decode=clip.decode_seconds),
            audio=audio,
            precision=self.precision,
        )
        with growing.arrivals:
            if on_start:
                on_start(growing)
            done = common = either = 0
            for probability, label_map, muted in self._batches(clip, threshold, measure_mute):
                new = slice(done, done + len(label_map))
                growing.probability[new] = probability.cpu().numpy()
                growing.labels[new] = label_map.cpu().numpy()
                if muted is not None:
                    common += int(((label_map == muted) & (muted > 0)).sum())
                    either += int(((label_map > 0) | (muted > 0)).sum())
                if on_masks:
                    on_masks(clip, done, growing.labels[new])
                done += len(label_map)
                growing.arrivals.add(len(label_map))
                if on_frame:
                    on_frame(done, count)
            seconds = Timing(decode=clip.decode_seconds, model=time.perf_counter() - started)
            change = 1 - common / either if either else None
            return growing.arrivals.finish(growing.whole(seconds, change))

    def _batches(
        self, clip: Clip, threshold: float, mute: bool
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
        """Yield foreground probability float32 [n, s, s] and labels uint8 [n, s, s] of each batch.

        With `mute`, also the labels without sound; both runs share the visual features.
        """
        patches = patches_for(clip.waveform, clip.times, clip.fps)  # [T, 1, 96, 64]
        for first in range(0, len(clip.frames), self.batch):
            log_mel = _moved(patches[first : first + self.batch], self.device)
            sounds = [log_mel, torch.full_like(log_mel, SILENT_LOG_MEL)] if mute else [log_mel]
            with torch.inference_mode():
                logits, *silent = self._logits(clip, first, sounds)
                muted = label_maps(silent[0], threshold) if mute else None
                masks = foreground_probability(logits), label_maps(logits, threshold), muted
            yield masks

    def _logits(self, clip: Clip, first: int, sounds: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the logits float32 [n, C, s, s] of the batch from frame `first` with each of the sounds."""

        def frames() -> torch.Tensor:
            images = _moved(torch.from_numpy(clip.frames[first : first + self.batch]), self.device)
            return model_input(images, self.model.config.image_size, clip.letterbox)

        model = self.model
        features: FrameFeatures
        if self._runner:
            features = self._runner.features(clip.frames, first, frames, clip.letterbox)
            outputs = [self._runner.decode(features, sound) for sound in sounds]
            return [self._at_model_size(output.logits, clip) for output in outputs]
        if len(sounds) == 1:  # all that any module with the call of AVSegFormer can do
            return [self._at_model_size(model(frames(), sounds[0]).logits, clip)]
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


def _moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor on a device; the copy to a GPU goes on while the CPU continues."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _runner(model: torch.nn.Module, precision: str, compile: bool) -> Runner | None:
    """Return what runs AVSegFormer fast, None for any other module with its call."""
    from avseg.models.avsegformer import AVSegFormer
    from avseg.runtime.runner import Runner

    return Runner(model, precision, compile) if type(model) is AVSegFormer else None


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
