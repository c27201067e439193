"""From clips to the tensors of the model and the losses, the same for every data set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avseg.data.samples import Clips
from avseg.late import F, torch
from avseg.media.audio import (
    NOISE_RMS,
    SAMPLE_RATE,
    SILENT_LOG_MEL,
    benchmark_patches,
    centred_patches,
    silence,
    white_noise,
)
from avseg.media.clip import frame_times

# Mean and standard deviation of ImageNet's RGB in 0..1, as in the training of the backbones.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
NEGATIVE_TRIES = 20  # clips among which one without a common class is looked for


@dataclass(frozen=True)
class Batch:
    """Some clips, their frames concatenated.

    In training a frame may be heard with n sounds: the rows of all but `frames` are then [B*T*n].
    """

    frames: torch.Tensor  # [B*T, 3, H, W] ImageNet-normalised
    log_mel: torch.Tensor  # [B*T, 1, 96, 64]
    classes: torch.Tensor  # [B*T, H, W] uint8 class index or UNNAMED, 0 is background
    labelled: torch.Tensor  # [B*T] bool: has ground truth
    real: torch.Tensor  # [B*T] bool: a frame of the video, not padding of a short clip

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device; the copy from pinned memory goes on while the CPU continues."""
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))

    def pin_memory(self) -> Batch:
        """Return the batch in memory that a GPU can copy from by itself."""
        return Batch(*(getattr(self, name).pin_memory() for name in self.__dataclass_fields__))

    def muted(self) -> Batch:
        """Return the batch with digital silence as its audio: log(front-end offset) everywhere."""
        return replace(self, log_mel=torch.full_like(self.log_mel, SILENT_LOG_MEL))

    def split(self, parts: int) -> list[Batch]:
        """Return equal parts; their number must divide the number of clips."""
        pieces = [getattr(self, name).chunk(parts) for name in self.__dataclass_fields__]
        return [Batch(*piece) for piece in zip(*pieces, strict=True)]


class ClipTensors:
    """Clips of any data set as model input, each a `Batch` of its own.

    Positions after the last clip start over at the first, with other colours and frames. size: px. jitter:
    strength of the variation of brightness, contrast and colour from clip to clip. frames: how many frames of
    each clip, sampled by (seed, position), including the first if no other has ground truth; 0: all. crop:
    take the central square, as in the training of AVSS; other frames are resized to a square. takes:
    consecutive clips that show the same frames and differ in their sound are one item. negative: share of
    clips that are heard with silence, noise or the sound of other classes, and whose ground truth is empty.
    """

    def __init__(
        self,
        clips: Clips,
        size: int,
        jitter: float = 0.0,
        frames: int = 0,
        crop: bool = False,
        seed: int = 0,
        takes: int = 1,
        negative: float = 0.0,
    ):
        self.clips, self.size, self.jitter, self.frames, self.crop = clips, size, jitter, frames, crop
        self.seed, self.takes, self.negative = seed, takes, negative

    def __len__(self) -> int:
        return len(self.clips) // self.takes

    def __getitem__(self, position: int) -> Batch:
        first = position * self.takes
        takes = [self._take(position, first + take) for take in range(self.takes)]
        return takes[0] if self.takes == 1 else _several_sounds(takes)

    def _take(self, position: int, index: int) -> Batch:
        rng, moments = np.random.default_rng([self.seed, position]), None
        if 0 < self.frames < self.clips.seconds:
            moments = np.sort(rng.choice(self.clips.seconds, self.frames, replace=False))
        sample = self.clips.read(index % len(self.clips), moments)
        if moments is not None and not sample.labelled.any():
            moments[0] = 0  # training clips of S4 have ground truth for their first frame only
            sample = self.clips.read(index % len(self.clips), moments)
        frames, classes = torch.from_numpy(sample.frames), torch.from_numpy(sample.classes)
        if self.crop:
            frames, classes = central_square(frames), central_square(classes)
        if self.jitter:
            frames = jitter_colours(frames, self.jitter, rng)
        waveform = sample.waveform
        if self.negative and rng.random() < self.negative:
            waveform, classes = negative_sound(self.clips, index % len(self.clips), rng), classes * 0
        patches = clip_patches(waveform, self.clips)
        return Batch(
            frames=normalise(frames, self.size),
            log_mel=patches[list(sample.moments)],
            classes=resize_classes(classes, self.size),
            labelled=torch.from_numpy(sample.labelled),
            real=torch.from_numpy(sample.real),
        )


def sound_samples(clips: Clips) -> int:
    """Return the number of samples of a whole clip."""
    return round(clips.seconds / clips.rate * SAMPLE_RATE)


def clip_patches(waveform: np.ndarray, clips: Clips) -> torch.Tensor:
    """Return the patch of every frame of a clip [T, 1, 96, 64]: AVSBench's, or centred at another rate."""
    if clips.rate == 1:
        return benchmark_patches(waveform, clips.seconds)
    return centred_patches(waveform, frame_times(clips.seconds / clips.rate, clips.rate))


def negative_sound(clips: Clips, index: int, rng: np.random.Generator) -> np.ndarray:
    """Return a sound [samples] to which nothing in a clip belongs: silence, noise, or that of other classes.

    The last one is the sound of a clip that shares no class with this one, where the data name the classes
    and one of a few clips is such a one; otherwise noise.
    """
    samples, kind = sound_samples(clips), int(rng.integers(3))
    if kind == 0:
        return silence(samples)
    own = clips.sounding_classes(index)
    if kind == 1 and own is not None:
        for other in rng.integers(len(clips), size=NEGATIVE_TRIES):
            classes = clips.sounding_classes(int(other))
            if classes and own.isdisjoint(classes):
                return clips.waveform(int(other))
    return white_noise(samples, rms=float(rng.uniform(0.01, NOISE_RMS)), seed=rng)


def _several_sounds(takes: list[Batch]) -> Batch:
    """Return the frames of the first of several takes, and every frame's sounds and truth in a row."""
    rows = {
        name: torch.stack([getattr(take, name) for take in takes], 1).flatten(0, 1)
        for name in Batch.__dataclass_fields__
        if name != "frames"
    }
    return Batch(frames=takes[0].frames, **rows)


def central_square(images: torch.Tensor) -> torch.Tensor:
    """Return the central square of images [F, H, W, ...]."""
    height, width = images.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]


def resize_classes(classes: torch.Tensor, size: int) -> torch.Tensor:
    """Return class maps or masks [F, H, W] as [F, size, size], by nearest neighbour."""
    if classes.shape[1:] == (size, size):
        return classes
    return F.interpolate(classes[:, None].float(), (size, size), mode="nearest-exact")[:, 0].to(classes.dtype)


def jitter_colours(frames: torch.Tensor, strength: float, rng: np.random.Generator) -> torch.Tensor:
    """Return float frames [F, H, W, 3] in 0..255 with random brightness, contrast, tint and saturation."""
    gain = torch.from_numpy(1 + strength * rng.uniform(-1, 1, 3)).float()
    contrast, saturation, light = 1 + strength * rng.uniform(-1, 1, 3)
    varied = frames.float() * gain * light
    grey = varied.mean(-1, keepdim=True)
    varied = grey + (varied - grey) * saturation
    middle = varied.mean()
    return (middle + (varied - middle) * contrast).clamp(0, 255)


def collate(clips: list[Batch]) -> Batch:
    """Join clips along B*T."""
    return Batch(*(torch.cat([getattr(c, name) for c in clips]) for name in Batch.__dataclass_fields__))


def pad_to_square(frames: torch.Tensor) -> torch.Tensor:
    """Return frames [F, h, w, 3] (0..255) in the middle of a square of ImageNet's mean colour."""
    height, width = frames.shape[1:3]
    side = max(height, width)
    grey = torch.tensor([round(255 * value) for value in IMAGE_MEAN], dtype=frames.dtype)
    square = grey.to(frames.device).expand(len(frames), side, side, 3).clone()
    top, left = (side - height) // 2, (side - width) // 2
    square[:, top : top + height, left : left + width] = frames
    return square


def model_input(frames: torch.Tensor, size: int, letterbox: bool = False) -> torch.Tensor:
    """Return frames [F, h, w, 3] (0..255) as `normalise` does; letterbox: padded to a square before."""
    return normalise(pad_to_square(frames) if letterbox else frames, size)


def normalise(frames: torch.Tensor, size: int) -> torch.Tensor:
    """Return frames [F, h, w, 3] (0..255) as input of the backbones: float [F, 3, size, size].

    Values are ImageNet-normalised. The whole frame is resized to a square, with antialiasing, as in training
    (AVSBench's preprocess_s4.py).
    """
    images = frames.permute(0, 3, 1, 2).float() / 255  # [F, 3, h, w]
    if images.shape[-2:] != (size, size):
        images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True)
    mean = torch.tensor(IMAGE_MEAN, device=frames.device).view(3, 1, 1)
    return (images - mean) / torch.tensor(IMAGE_STD, device=frames.device).view(3, 1, 1)
