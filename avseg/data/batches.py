"""From clips to the tensors that the model and the losses take; one road for every data set."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.data import Dataset

from avseg.audio import released_patches
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.synth.dataset import SynthAVS
from avseg.data.synth.scenes import Sound, frame_time, heard, mix, render
from avseg.models.backbones import normalise


@dataclass(frozen=True)
class Batch:
    """Some clips, their frames one after the other."""

    frames: torch.Tensor  # [B*T, 3, H, W] ImageNet-normalised
    log_mel: torch.Tensor  # [B*T, 1, 96, 64]
    classes: torch.Tensor  # [B*T, H, W] uint8 class index, 0 is background
    labelled: torch.Tensor  # [B*T] bool: has ground truth to train on

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


class SynthClips(Dataset):
    """SynthAVS as training clips, drawn when asked for; `jitter` varies light and colour from clip to clip.

    `first_frame_only` marks just the first frame as labelled, as in S4 training.
    """

    def __init__(self, clips: SynthAVS, jitter: float = 0.0, first_frame_only: bool = False):
        self.clips, self.jitter, self.first_frame_only = clips, jitter, first_frame_only

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Batch:
        sample = self.clips[index]
        count = len(sample.frames)
        frames = torch.from_numpy(sample.frames)
        if self.jitter:
            frames = vary_light(frames, self.jitter, np.random.default_rng([self.clips.seed, index]))
        labelled = torch.ones(count, dtype=torch.bool)
        if self.first_frame_only:
            labelled[1:] = False
        patches = released_patches(sample.waveform, count)
        return Batch(
            normalise(frames, self.clips.size[0]), patches, torch.from_numpy(sample.classes), labelled
        )


class SynthSounds(Dataset):
    """The sound of SynthAVS clips alone: patches [T, 1, 96, 64] and, of the 71 classes, the heard [T, 71]."""

    def __init__(self, clips: SynthAVS):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene = self.clips.scene(index)
        heard_now = torch.zeros(scene.seconds, len(CLASSES))
        for second in range(scene.seconds):
            for name in heard(scene, second):
                heard_now[second, CLASS_INDEX[name]] = 1
        return released_patches(mix(scene), scene.seconds), heard_now


class SynthPictures(Dataset):
    """One frame of every SynthAVS clip [3, H, W] and the class of every pixel [H, W], sounding or not."""

    def __init__(self, clips: SynthAVS, jitter: float = 0.0):
        self.clips, self.jitter = clips, jitter

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene = self.clips.scene(index)
        every = (True,) * scene.seconds
        all_heard = replace(scene, sounds=tuple(Sound(name, 0, 1.0, every) for name in scene.visible))
        picture, classes = render(all_heard, frame_time(index % scene.seconds), self.clips.size)
        frames = torch.from_numpy(picture.copy())[None]
        frames = vary_light(frames, self.jitter, np.random.default_rng([self.clips.seed, index]))
        return normalise(frames, self.clips.size[0])[0], torch.from_numpy(classes)


def vary_light(frames: torch.Tensor, strength: float, rng: np.random.Generator) -> torch.Tensor:
    """Return float frames [F, H, W, 3] in 0..255 with another brightness, contrast, tint and saturation."""
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
