"""First lessons for the bundled models, in place of the pretrained backbones that a fresh machine lacks.

The paper starts from networks that know pictures (ImageNet) and sounds (AudioSet). Here the two backbones
learn to name what SynthAVS draws and plays, each for itself, before the whole model learns which goes with
which. The layers that name are thrown away.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from avseg.config import Config
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.transforms import normalise, vary_light
from avseg.media.audio import released_patches
from avseg.models.avsegformer import AVSegFormer
from avseg.models.vggish import AUDIO_DIM
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import all_heard, frame_time, heard, mix, render

RATE = 2e-3
SOUND_CLIPS, PICTURES = 10, 24  # per step
BACKGROUND_WEIGHT = 0.2
LAST_STEPS = 50  # over which a lesson's accuracy is averaged

Score = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(inputs, truth) to (loss, accuracy 0..1)."""


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
        picture, classes = render(all_heard(scene), frame_time(index % scene.seconds), self.clips.size)
        frames = torch.from_numpy(picture.copy())[None]
        frames = vary_light(frames, self.jitter, np.random.default_rng([self.clips.seed, index]))
        return normalise(frames, self.clips.size[0])[0], torch.from_numpy(classes)


class PictureNaming(nn.Module):
    """All stages brought to stride 4 and a linear layer: class logits [B, 71, h, w]."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.name = nn.Conv2d(sum(backbone.channels), len(CLASSES), 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        first, *coarse = self.backbone(frames)
        size = first.shape[-2:]
        up = [F.interpolate(c, size, mode="bilinear", align_corners=False) for c in coarse]
        return self.name(torch.cat([first, *up], dim=1))


def lessons(
    model: AVSegFormer, config: Config, workers: int, show: bool = True
) -> Iterator[tuple[str, dict[str, float]]]:
    """Give the lessons that the config asks for; yield the name of each and its steps and accuracy.

    Accuracy of sounds: share of seconds in which exactly the heard classes were named. Of pictures: share of
    object pixels named rightly.
    """
    c, size = config.train, (config.model.image_size,) * 2
    audio, visual = model.audio_backbone, model.visual_backbone
    if c.audio_pretrain_steps:
        clips = SynthAVS(
            "ms3", "train", c.seed + 1, c.audio_pretrain_steps * SOUND_CLIPS, size, resample_sounds=True
        )
        naming = nn.Sequential(audio, nn.Linear(AUDIO_DIM, len(CLASSES)))
        data = SynthSounds(clips)
        accuracy = _teach("sound lessons", naming, data, SOUND_CLIPS, _name_sounds(naming), workers, show)
        yield "audio_pretrain_steps", {"steps": c.audio_pretrain_steps, "accuracy": accuracy}
    if c.visual_pretrain_steps:
        clips = SynthAVS("ms3", "train", c.seed + 2, c.visual_pretrain_steps * PICTURES, size)
        naming = PictureNaming(visual)
        data = SynthPictures(clips, c.jitter)
        accuracy = _teach("picture lessons", naming, data, PICTURES, _name_pictures(naming), workers, show)
        yield "visual_pretrain_steps", {"steps": c.visual_pretrain_steps, "accuracy": accuracy}


def _teach(
    words: str, naming: nn.Module, data: Dataset, batch: int, score: Score, workers: int, show: bool
) -> float:
    device = next(naming.parameters()).device
    naming.to(device).train()
    loader = DataLoader(data, batch, num_workers=workers)
    optimizer = torch.optim.AdamW(naming.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, len(loader) + 1, pct_start=0.1)
    right: list[float] = []
    for inputs, truth in (bar := tqdm(loader, words, unit="step", leave=False, disable=not show)):
        loss, accuracy = score(inputs.to(device), truth.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        right.append(accuracy.item())
        bar.set_postfix(accuracy=f"{_recent(right):.2f}", refresh=False)
    return _recent(right)


def _recent(values: list[float]) -> float:
    return sum(values[-LAST_STEPS:]) / len(values[-LAST_STEPS:])


def _name_sounds(naming: nn.Module) -> Score:
    def score(log_mel: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, truth = naming(log_mel.flatten(0, 1)), truth.flatten(0, 1)  # [B*T, 71]
        loss = F.binary_cross_entropy_with_logits(logits, truth) * len(CLASSES)
        return loss, ((logits > 0) == truth.bool()).all(1).float().mean()

    return score


def _name_pictures(naming: nn.Module) -> Score:
    weight = torch.ones(len(CLASSES))
    weight[0] = BACKGROUND_WEIGHT

    def score(frames: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = naming(frames.contiguous(memory_format=torch.channels_last))  # [B, 71, h, w]
        truth = F.interpolate(truth[:, None].float(), logits.shape[-2:], mode="nearest-exact")[:, 0].long()
        objects = truth > 0
        return F.cross_entropy(logits, truth, weight.to(logits)), (logits.argmax(1) == truth)[
            objects
        ].float().mean()

    return score
