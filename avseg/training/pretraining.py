"""Pretraining of the backbones on SynthAVS or on recordings, for the bundled models.

The paper starts from backbones pretrained on ImageNet and AudioSet. Here each backbone is trained alone to
classify what SynthAVS draws and plays, before the whole model learns which audio belongs to which object. The
classification layers are discarded.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from avseg.compose.dataset import AudioClips, Compositions
from avseg.config import Config, TrainConfig
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.samples import Clips
from avseg.data.transforms import jitter_colours, normalise
from avseg.media.audio import SILENT_LOG_MEL, released_patches
from avseg.models.build import SegmentationModel
from avseg.models.vggish import AUDIO_DIM
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import all_sounding, audible, frame_time, mix, render

LEARNING_RATE = 2e-3
AUDIO_BATCH, IMAGE_BATCH = 10, 24  # clips per step
BACKGROUND_WEIGHT = 0.2
MASK_LENGTHS = (16, 8)  # longest masked span, in patches of 10 ms and in mel bands
HELD_OUT_CLIPS = 60
ACCURACY_STEPS = 50  # over which the accuracy is averaged
REPORTS = 200  # of the progress of one backbone, at most

Objective = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(inputs, truth) to (loss, accuracy 0..1)."""


@dataclass(frozen=True)
class PretrainingResult:
    """Steps of one backbone's pretraining, and its accuracy at the end.

    Audio: share of seconds whose set of audible classes is predicted exactly. Images: share of object pixels
    whose class is predicted. held_out: the same on recordings of the validation split, for composed clips.
    """

    steps: int
    accuracy: float
    held_out: float | None = None


@dataclass(frozen=True)
class PretrainingStep:
    """How far the pretraining of a backbone is."""

    backbone: Literal["audio", "visual"]
    done: int
    total: int
    accuracy: float  # mean of the last steps


OnStep = Callable[[PretrainingStep], None]


class SynthAudio(Dataset):
    """The audio of SynthAVS clips: patches [T, 1, 96, 64] and which of the 71 classes are audible [T, 71]."""

    def __init__(self, clips: SynthAVS):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene = self.clips.scene(index)
        classes = torch.zeros(scene.seconds, len(CLASSES))
        for second in range(scene.seconds):
            for name in audible(scene, second):
                classes[second, CLASS_INDEX[name]] = 1
        return released_patches(mix(scene), scene.seconds), classes


class SynthImages(Dataset):
    """One frame of every SynthAVS clip [3, H, W] and the class of every pixel [H, W], sounding or not."""

    def __init__(self, clips: SynthAVS, jitter: float = 0.0):
        self.clips, self.jitter = clips, jitter

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene = self.clips.scene(index)
        image, classes = render(all_sounding(scene), frame_time(index % scene.seconds), self.clips.size)
        frames = torch.from_numpy(image.copy())[None]
        frames = jitter_colours(frames, self.jitter, np.random.default_rng([self.clips.seed, index]))
        return normalise(frames, self.clips.size[0])[0], torch.from_numpy(classes)


class PixelClassifier(nn.Module):
    """A backbone, its stages upsampled to stride 4, and a linear layer: class logits [B, 71, h, w]."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.classify = nn.Conv2d(sum(backbone.channels), len(CLASSES), 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        first, *coarse = self.backbone(frames)
        size = first.shape[-2:]
        upsampled = [F.interpolate(c, size, mode="bilinear", align_corners=False) for c in coarse]
        return self.classify(torch.cat([first, *upsampled], dim=1))


class ComposedAudio(Dataset):
    """The audio of composed clips: patches [T, 1, 96, 64] and which of the 71 classes are audible [T, 71]."""

    def __init__(self, clips: AudioClips):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        waveform, audible = self.clips.read(index)
        return released_patches(waveform, len(audible)), torch.from_numpy(audible).float()


def pretrain_backbones(
    model: SegmentationModel,
    config: Config,
    training: Clips,
    workers: int,
    verbose: bool = True,
    on_step: OnStep = lambda _: None,
) -> Iterator[tuple[str, PretrainingResult]]:
    """Pretrain the backbones as the config says; yield the config field and the result of each.

    on_step: called with the progress, at most REPORTS times per backbone.

    The audio network learns from the recordings of `training` where these clips are composed, and from
    SynthAVS otherwise; the visual network learns from SynthAVS.
    """
    c, size = config.train, (config.model.image_size,) * 2
    if c.audio_pretrain_steps:
        count = c.audio_pretrain_steps * AUDIO_BATCH
        composed = replace(training, seconds=0) if isinstance(training, Compositions) else None
        audio: Dataset = (
            ComposedAudio(AudioClips(composed, count))
            if composed is not None
            else SynthAudio(SynthAVS("ms3", "train", c.seed + 1, count, size, resample_sounds=True))
        )
        classifier = nn.Sequential(model.audio_backbone, nn.Linear(AUDIO_DIM, len(CLASSES)))
        loader = DataLoader(audio, AUDIO_BATCH, num_workers=workers)
        objective = _audio_objective(classifier, c)
        accuracy = _fit("audio", classifier, loader, objective, verbose, on_step)
        held_out = None if composed is None else _held_out_accuracy(classifier, composed)
        yield "audio_pretrain_steps", PretrainingResult(c.audio_pretrain_steps, accuracy, held_out)
    if c.visual_pretrain_steps:
        count = c.visual_pretrain_steps * IMAGE_BATCH
        clips = SynthAVS("ms3", "train", c.seed + 2, count, size)
        classifier = PixelClassifier(model.visual_backbone)
        loader = DataLoader(SynthImages(clips, c.jitter), IMAGE_BATCH, num_workers=workers)
        accuracy = _fit("visual", classifier, loader, _image_objective(classifier), verbose, on_step)
        yield "visual_pretrain_steps", PretrainingResult(c.visual_pretrain_steps, accuracy)


def _fit(
    backbone: Literal["audio", "visual"],
    classifier: nn.Module,
    loader: DataLoader,
    objective: Objective,
    verbose: bool,
    on_step: OnStep,
) -> float:
    """Train a classifier for one pass over the data; return its accuracy over the last steps."""
    device = next(classifier.parameters()).device
    classifier.to(device).train()
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, len(loader) + 1, pct_start=0.1)
    accuracies: deque[float] = deque(maxlen=ACCURACY_STEPS)
    total = len(loader)
    every = math.ceil(total / REPORTS)
    hidden = {} if verbose else {"disable": True}  # otherwise TQDM_DISABLE decides
    bar = tqdm(loader, f"{backbone} pretraining", unit="step", leave=False, **hidden)
    for done, (inputs, truth) in enumerate(bar, start=1):
        loss, accuracy = objective(inputs.to(device), truth.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        accuracies.append(accuracy.item())
        mean = sum(accuracies) / len(accuracies)
        bar.set_postfix(accuracy=f"{mean:.2f}", refresh=False)
        if done % every == 0 or done == total:
            on_step(PretrainingStep(backbone, done, total, mean))
    return mean


@torch.no_grad()
def _held_out_accuracy(classifier: nn.Module, clips: Compositions) -> float:
    """Return the accuracy of an audio classifier on recordings of the validation split."""
    classifier.eval()
    device, exact = next(classifier.parameters()).device, []
    held_out = replace(clips, split="val", resample=False)
    for patches, truth in ComposedAudio(AudioClips(held_out, HELD_OUT_CLIPS)):
        exact.append(_exact(classifier(patches.to(device)), truth.to(device)))
    return torch.stack(exact).mean().item()


def _exact(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the share of rows [N, 71] whose set of classes is predicted exactly."""
    return ((logits > 0) == truth.bool()).all(1).float().mean()


def _audio_objective(classifier: nn.Module, config: TrainConfig) -> Objective:
    augmentation = torch.Generator().manual_seed(config.seed)

    def objective(log_mel: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_mel, truth = mask_spectrogram(log_mel.flatten(0, 1), augmentation), truth.flatten(0, 1)
        with torch.autocast(log_mel.device.type, torch.bfloat16, config.mixed_precision == "bf16"):
            logits = classifier(log_mel)  # [B*T, 71]
        logits = logits.float()
        loss = F.binary_cross_entropy_with_logits(logits, truth) * len(CLASSES)
        return loss, _exact(logits, truth)

    return objective


def mask_spectrogram(log_mel: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return log-mel patches [N, 1, 96, 64] with a random span of time and of bands silenced in half of them.

    Source: SpecAugment (Park et al. 2019), with one mask along each axis.
    """
    patches, _, *lengths = log_mel.shape
    masked = log_mel.clone()
    for axis, (length, longest) in enumerate(zip(lengths, MASK_LENGTHS, strict=True), start=2):
        width = torch.randint(0, longest + 1, (patches, 1), generator=generator)
        width *= torch.rand(patches, 1, generator=generator) < 0.5
        first = (torch.rand(patches, 1, generator=generator) * (length - width)).long()
        place = torch.arange(length)
        hidden = (place >= first) & (place < first + width)  # [N, length]
        shape = (patches, 1, length, 1) if axis == 2 else (patches, 1, 1, length)
        masked.masked_fill_(hidden.view(shape).to(log_mel.device), SILENT_LOG_MEL)
    return masked


def _image_objective(classifier: nn.Module) -> Objective:
    weight = torch.ones(len(CLASSES))
    weight[0] = BACKGROUND_WEIGHT

    def objective(frames: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = classifier(frames.contiguous(memory_format=torch.channels_last))  # [B, 71, h, w]
        truth = F.interpolate(truth[:, None].float(), logits.shape[-2:], mode="nearest-exact")[:, 0].long()
        correct = (logits.argmax(1) == truth)[truth > 0]
        return F.cross_entropy(logits, truth, weight.to(logits)), correct.float().mean()

    return objective
