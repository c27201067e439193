"""Evaluate a model on a split of any data set: the benchmark's metrics, stricter ones, and use of the audio.

`avseg.evaluation.report` defines every number, `avseg.evaluation.conditions` the audio conditions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from avseg.config import ModelConfig
from avseg.data.samples import Clips
from avseg.devices import Precision, check_precision
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.evaluation.aggregate import aggregate
from avseg.evaluation.conditions import (
    CONDITIONS,
    MUTE_NOTE,
    REDUCED_NOTE,
    ConditionedClip,
    ConditionedClips,
    notes,
)
from avseg.evaluation.counts import ClassCounts, ClipCounts, count_clip, empty_class_counts
from avseg.evaluation.floors import PRIOR_CLIPS, PRIOR_CLIPS_PER_CLIP, centre_prior
from avseg.evaluation.mismatches import mismatches
from avseg.evaluation.report import Evaluation, ReportHeader
from avseg.jobs.signals import translate_loading_errors
from avseg.models.build import FrameFeatures, SegmentationModel
from avseg.models.masks import label_maps
from avseg.processes import process, together
from avseg.runtime.runner import running

CLIPS_AT_ONCE = 4
PIXELS_AT_ONCE = 2**20  # in one forward pass: 4 clips of 5 frames at 224 px, one clip at 512 px

OnClips = Callable[[int, int], object]
"""Called with (clips done, clips in all) of this process; may raise to cancel."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How a model is evaluated."""

    seed: int = 2026
    """Of noise and of the choice of swapped audio."""
    f_batch: int | None = None
    """Clips per batch of the benchmark's F; None: as the model's release tests it, see `released_f_batch`."""
    robustness: bool = True
    """Also evaluate other audio conditions, which takes up to seven passes instead of one."""
    mute: bool = False
    """Replace all audio by silence: for a model trained with `train.mute`."""
    workers: int = 1
    """Processes that read clips."""
    precision: Precision = "exact"
    """Of the model: bfloat16 moves a few pixels along the outlines."""

    def __post_init__(self) -> None:
        if (self.f_batch is not None and self.f_batch < 1) or self.workers < 0 or self.seed < 0:
            raise ConfigError("--f-batch must be at least 1; --seed and --workers cannot be negative.")
        check_precision(self.precision)


def sample_clips(clips: Clips, count: int, seed: int) -> list[int]:
    """Return the indices of `count` clips, drawn from the seed, in the order of the split; 0: all clips."""
    if not 0 < count < len(clips):
        return list(range(len(clips)))
    indices = np.random.default_rng(seed).choice(len(clips), count, replace=False)
    return sorted(int(index) for index in indices)


def released_f_batch(config: ModelConfig) -> int:
    """Return the clips per batch with which the release of a model's edition tests it: 2 or 4."""
    return 2 if getattr(config, "edition", "") == "aug2023" and config.task != "avss" else 4


@torch.inference_mode()
def evaluate(
    model: SegmentationModel,
    clips: Clips,
    indices: Sequence[int] | None = None,
    options: EvaluationOptions = EvaluationOptions(),
    command: str = "",
    on_clips: OnClips | None = None,
    training: Clips | None = None,
) -> Evaluation:
    """Return the evaluation of a model on the clips `indices` of a split, all by default.

    model: AVSegFormer, TPAVI, or a module with its `encode_frames`, `decode`, `config` and `card`, in eval
    mode. One channel is evaluated as foreground on any data; 71 channels by class on avss, as foreground
    elsewhere. training: the training split, on which the centre prior of the trivial rules is fitted; None
    omits it. Only numbers are kept of a clip. Under `accelerate launch` every process evaluates a share of
    the clips and returns the whole. Raises DatasetError for a clip that cannot be read and for an empty
    selection.
    """
    indices = range(len(clips)) if indices is None else indices
    if not len(indices):
        raise DatasetError(f"There are no clips to evaluate in {clips.reference.description}.")
    by_class = model.config.classes > 1 and clips.task == "avss"
    robustness = options.robustness and not options.mute
    size, prior = model.config.image_size, None
    if training is not None:
        count = min(PRIOR_CLIPS, PRIOR_CLIPS_PER_CLIP * len(indices))
        prior = centre_prior(training, size, count, lambda: on_clips and on_clips(0, len(indices)))
    model = running(model, options.precision)
    conditioned = ConditionedClips(clips, size, indices, options.seed, robustness, prior)
    with translate_loading_errors():
        clip_counts, class_counts = _count(model, conditioned, by_class, options, on_clips)
    header = ReportHeader(
        command=command,
        model=model.card.name,
        weights=model.card.weights,
        measured_as="classes" if by_class else "foreground",
        data=clips.reference,
        seed=options.seed,
        image_size=size,
        f_batch_size=None if by_class else options.f_batch or released_f_batch(model.config),
        muted=options.mute,
        notes=(
            *mismatches(model.config, clips, indices[0]),
            *((MUTE_NOTE,) if options.mute else ()),
            *((REDUCED_NOTE,) if getattr(model, "reduced", False) else ()),
            *notes(clips, indices, robustness),
        ),
    )
    return aggregate(header, clip_counts, class_counts)


def _count(
    model: SegmentationModel,
    clips: ConditionedClips,
    by_class: bool,
    options: EvaluationOptions,
    on_clips: OnClips | None,
) -> tuple[list[ClipCounts], ClassCounts]:
    """Return the counts of all clips in the order of the split, those of other processes included."""
    rank, world = process()
    pixels = clips.clips.seconds * clips.size**2
    at_once = min(CLIPS_AT_ONCE, max(1, PIXELS_AT_ONCE // pixels))
    groups = [[*clips.indices[first : first + at_once]] for first in range(0, len(clips.indices), at_once)]
    share = groups[rank::world]
    loader = DataLoader(clips, batch_sampler=share, num_workers=options.workers, collate_fn=list)
    clip_counts: list[ClipCounts] = []
    class_counts, count = empty_class_counts(by_class), sum(map(len, share))
    hidden = {"disable": True} if rank else {}  # otherwise TQDM_DISABLE decides
    with tqdm(total=count, desc="clips", unit="clip", leave=False, **hidden) as bar:
        for group in loader:
            for of_clip, of_classes in _count_group(model, group, by_class, options.mute):
                clip_counts.append(of_clip)
                class_counts += of_classes
            bar.update(len(group))
            if on_clips:
                on_clips(len(clip_counts), count)
    parts = together([(clip_counts, class_counts)])
    clip_counts = [clip for part, _ in parts for clip in part]
    class_counts = sum((part for _, part in parts), empty_class_counts(by_class))
    return sorted(clip_counts, key=lambda clip: clip.index), class_counts


def _count_group(
    model: SegmentationModel, group: list[ConditionedClip | AvsegError], by_class: bool, mute: bool
) -> Iterator[tuple[ClipCounts, ClassCounts]]:
    """Yield the counts of some clips: their frames are encoded once and decoded under every condition."""
    clips: list[ConditionedClip] = []
    device = next(model.parameters(), torch.empty(0)).device
    for clip in group:
        if isinstance(clip, AvsegError):
            raise clip
        clips.append(clip.to(device))
    frames = [clip.batch.frames for clip in clips]
    features = model.encode_frames(torch.cat(frames))
    rows = torch.arange(len(features), device=device).split([len(part) for part in frames])
    own_audio = [(clip.batch.muted() if mute else clip.batch).log_mel for clip in clips]
    own_logits = _decode(model, features, rows, own_audio)
    masks: list[dict[str, torch.Tensor]] = [{} for _ in clips]
    for condition in CONDITIONS:
        having = [k for k, clip in enumerate(clips) if condition in clip.audio]
        audio = [clips[k].audio[condition] for k in having]
        for k, logits in zip(having, _decode(model, features, [rows[k] for k in having], audio)):
            masks[k][condition] = label_maps(logits) > 0
    for clip, logits, other_masks in zip(clips, own_logits, masks):
        yield count_clip(clip, logits, other_masks, by_class)


def _decode(
    model: SegmentationModel,
    features: FrameFeatures,
    rows: Sequence[torch.Tensor],
    audio: Sequence[torch.Tensor],
) -> Sequence[torch.Tensor]:
    """Return the logits [F, C, H, W] of every clip, its frames `rows` [F], with its audio [F, 1, 96, 64]."""
    if not audio:
        return ()
    if getattr(model.config, "window", 1) > 1:  # its frames attend to each other
        return [model.decode(features.pick(r), a).logits.float() for r, a in zip(rows, audio, strict=True)]
    logits = model.decode(features.pick(torch.cat(tuple(rows))), torch.cat(tuple(audio))).logits.float()
    return logits.split([len(part) for part in audio])
