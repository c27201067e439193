"""Measure a model on SynthAVS: the benchmark's numbers, and whether it listens.

All sounds, silence and noise too, pass through the same audio front end as the clip's own.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from avseg.audio import NOISE_RMS, SAMPLE_RATE, released_patches
from avseg.data.batches import Batch, SynthClips, collate
from avseg.data.synth.dataset import SynthAVS
from avseg.metrics import f_score, frame_iou
from avseg.models.avsegformer import AVSegFormer

REPORT = "report.json"
CLIPS_PER_BATCH = 4


@dataclass(frozen=True)
class Robustness:
    """How far the masks follow the sound."""

    silence: float
    """Share of pixels marked when every clip is heard with digital silence (false positive area)."""
    noise: float
    """Share of pixels marked when every clip is heard with white noise, RMS 0.1."""
    no_source: float
    """Share of pixels marked in frames without ground truth: silence, or a source that is off screen."""
    swapped_miou: float
    """IoU with the clip's own ground truth when it is heard with the next clip's sound."""
    swap_fall: float
    """miou_with_ground_truth minus swapped_miou: a model that ignores the sound falls by 0."""


@dataclass(frozen=True)
class Report:
    """The numbers of one model on one split; `command` makes them again."""

    command: str
    model: str
    weights: str
    task: str
    data: str
    clips: int
    frames: int
    frames_with_ground_truth: int
    miou: float
    """As AVSBench: mean frame IoU at 0.5; a frame without ground truth scores the IoU of its background."""
    f_score: float
    """As AVSBench: F (beta^2 = 0.3), maximum over 255 thresholds per batch, mean over batches."""
    f_batch_size: int
    """Frames per batch of that F, on which its value depends: the frames of one clip."""
    miou_with_ground_truth: float
    """Mean frame IoU over the frames in which something visible sounds."""
    dataset_iou: float
    """Intersection over union of all pixels of the split together."""
    robustness: Robustness


@torch.inference_mode()
def evaluate(model: AVSegFormer, seed: int, clips: int, split: str = "test", command: str = "") -> Report:
    """Return the report of a one-channel model on `clips` SynthAVS clips of a seed and split."""
    c = model.config
    scenes = SynthAVS(c.task, split, seed, clips, (c.image_size, c.image_size))
    loader = DataLoader(SynthClips(scenes), CLIPS_PER_BATCH, num_workers=1, collate_fn=collate)
    batches = list(tqdm(loader, "draw clips", unit="batch", leave=False))
    count = scenes.seconds
    truth = torch.cat([b.classes for b in batches]) > 0  # [F, H, W]
    sounds = torch.cat([b.log_mel for b in batches])  # [F, 1, 96, 64]
    run = _runner(model, batches)
    own = run("own sound", sounds)
    silent = run("silence", _repeat(np.zeros(count * SAMPLE_RATE), count, len(truth)))
    noise = np.random.default_rng(seed).standard_normal(count * SAMPLE_RATE) * NOISE_RMS
    noisy = run("noise", _repeat(noise.clip(-1, 1), count, len(truth)))
    swapped = run("next clip's sound", sounds.roll(-count, dims=0))
    return _report(model, scenes, own, truth, silent, noisy, swapped, command)


def _runner(model: AVSegFormer, batches: list[Batch]) -> Callable[[str, torch.Tensor], torch.Tensor]:
    """Return a function (words, log_mel [F, 1, 96, 64]) -> logits float32 [F, H, W] over all frames."""
    device = next(model.parameters()).device

    def run(words: str, log_mel: torch.Tensor) -> torch.Tensor:
        pieces = log_mel.split([len(b.frames) for b in batches])
        bar = tqdm(list(zip(batches, pieces)), words, unit="batch", leave=False)
        return torch.cat([model(b.frames.to(device), p.to(device)).logits[:, 0].cpu() for b, p in bar])

    return run


def _repeat(waveform: np.ndarray, count: int, frames: int) -> torch.Tensor:
    """Return the patches of one clip-long sound, again for every clip, [frames, 1, 96, 64]."""
    return released_patches(waveform.astype(np.float32), count).repeat(frames // count, 1, 1, 1)


def _report(
    model: AVSegFormer,
    scenes: SynthAVS,
    own: torch.Tensor,
    truth: torch.Tensor,
    silent: torch.Tensor,
    noisy: torch.Tensor,
    swapped: torch.Tensor,
    command: str,
) -> Report:
    filled = truth.flatten(1).any(1)
    mask, iou = own > 0, frame_iou(own > 0, truth)
    with_truth = iou[filled].mean().item()
    swapped_iou = frame_iou(swapped > 0, truth)[filled].mean().item()
    scores = [f_score(p, t) for p, t in zip(own.split(scenes.seconds), truth.split(scenes.seconds))]
    return Report(
        command=command,
        model=model.card.name,
        weights=model.card.weights,
        task=model.config.task,
        data=f"SynthAVS {scenes.task} {scenes.split}, seed {scenes.seed}",
        clips=len(scenes),
        frames=len(truth),
        frames_with_ground_truth=int(filled.sum()),
        miou=iou.mean().item(),
        f_score=float(np.mean(scores)),
        f_batch_size=scenes.seconds,
        miou_with_ground_truth=with_truth,
        dataset_iou=((mask & truth).sum() / (mask | truth).sum()).item(),
        robustness=Robustness(
            silence=(silent > 0).float().mean().item(),
            noise=(noisy > 0).float().mean().item(),
            no_source=mask[~filled].float().mean().item(),
            swapped_miou=swapped_iou,
            swap_fall=with_truth - swapped_iou,
        ),
    )


def write_report(report: Report, folder: Path) -> Path:
    """Write report.json into `folder` and return its path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT
    path.write_text(json.dumps(asdict(report), indent=2) + "\n")
    return path
