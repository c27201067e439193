"""Measure a model on a split of any data set: the benchmark's numbers, honest ones, and whether it listens.

`avseg.evaluation.report` says what every number means, `avseg.evaluation.conditions` which sounds are tried.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from avseg.data.loaders import SYNTH, on_disk
from avseg.data.samples import Clips
from avseg.devices import choose_device
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.evaluation.aggregate import evaluation
from avseg.evaluation.conditions import MUTE_NOTE, SOUNDS, Trial, Trials, notes
from avseg.evaluation.counts import ClassTally, ClipTally, no_classes, tally
from avseg.evaluation.report import About, Evaluation
from avseg.models.avsegformer import VisualFeatures
from avseg.models.masks import label_maps
from avseg.synthavs.dataset import SynthAVS
from avseg.training.validation import muted

SYNTH_CLIPS = 200
CLIPS_AT_ONCE = 4
PIXELS_AT_ONCE = 2**20  # in one forward pass: 4 clips of 5 frames at 224 px, one clip at 512 px

Progress = Callable[[int, int], object]
"""Called with (clips done, clips in all) of this process; may raise to cancel."""


@dataclass(frozen=True)
class Measuring:
    """How an evaluation goes about it."""

    seed: int = 2026
    """Of noise, and of who lends a sound to whom."""
    f_batch: int = 4
    """Clips per batch of the benchmark's F."""
    robustness: bool = True
    """Also try other sounds, which takes up to seven passes instead of one."""
    mute: bool = False
    """Every clip is heard in silence: for a model that was trained so (`train.mute`)."""
    workers: int = 1
    """Processes that read clips."""

    def __post_init__(self) -> None:
        if self.f_batch < 1 or self.workers < 0 or self.seed < 0:
            raise ConfigError("--f-batch must be at least 1; --seed and --workers cannot be negative.")


def open_clips(data: str, task: str, split: str, size: int, clips: int = 0, seed: int = 2026) -> Clips:
    """Return a split of `data`: "synth", or a folder that holds AVSBench's or SynthAVS' files of the task.

    clips, seed: how many clips SynthAVS draws (0: 200), and from what. size: px, of its frames.
    """
    if data == SYNTH:
        return SynthAVS(task, split, seed, clips or SYNTH_CLIPS, (size, size))
    return on_disk(data, task, split)


def sample_clips(clips: Clips, count: int, seed: int) -> list[int]:
    """Return the indices of `count` clips, drawn from the seed and in the order of the split; 0 takes all."""
    if not 0 < count < len(clips):
        return list(range(len(clips)))
    chosen = np.random.default_rng(seed).choice(len(clips), count, replace=False)
    return sorted(int(index) for index in chosen)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    clips: Clips,
    chosen: Sequence[int] | None = None,
    measuring: Measuring = Measuring(),
    data: str = "",
    command: str = "",
    on_progress: Progress | None = None,
) -> Evaluation:
    """Return the evaluation of a model on the clips `chosen` of a split, all by default.

    model: AVSegFormer or a module with its `look`, `listen`, `config` and `card`, in eval mode. One channel
    is measured as foreground on any data; 71 channels by class on avss, as foreground elsewhere. data: its
    name in the report. Only numbers are kept of a clip. Under `accelerate launch` every process takes a
    share of the clips and returns the whole. Raises DatasetError for a clip that cannot be read and for no
    clips at all.
    """
    chosen = range(len(clips)) if chosen is None else chosen
    if not len(chosen):
        raise DatasetError(f"The split {clips.split} of {data or clips.task} has no clips to measure.")
    by_class = model.config.classes > 1 and clips.task == "avss"
    robustness = measuring.robustness and not measuring.mute
    trials = Trials(clips, model.config.image_size, chosen, measuring.seed, robustness)
    seen, classes = _tallies(model, trials, by_class, measuring, on_progress)
    about = About(
        command=command,
        model=model.card.name,
        weights=model.card.weights,
        task=clips.task,
        measured_as="classes" if by_class else "foreground",
        data=data,
        split=clips.split,
        seed=measuring.seed,
        image_size=model.config.image_size,
        f_batch_size=None if by_class else measuring.f_batch,
        notes=(*((MUTE_NOTE,) if measuring.mute else ()), *notes(clips, chosen, robustness)),
    )
    return evaluation(about, seen, classes)


def _tallies(
    model: nn.Module, trials: Trials, by_class: bool, measuring: Measuring, on_progress: Progress | None
) -> tuple[list[ClipTally], ClassTally]:
    """Return the tallies of all clips, in the order of the split, this process's and the others'."""
    rank, world = process()
    pixels = trials.clips.seconds * trials.size**2
    at_once = min(CLIPS_AT_ONCE, max(1, PIXELS_AT_ONCE // pixels))
    groups = [trials.chosen[first : first + at_once] for first in range(0, len(trials.chosen), at_once)]
    share = groups[rank::world]
    loader = DataLoader(trials, batch_sampler=share, num_workers=measuring.workers, collate_fn=list)
    clips, classes, count = [], no_classes(by_class), sum(map(len, share))
    with tqdm(total=count, desc="clips", unit="clip", leave=False, disable=rank > 0) as bar:
        for group in loader:
            for clip, of_classes in _measure(model, group, by_class, measuring.mute):
                clips.append(clip)
                classes += of_classes
            bar.update(len(group))
            if on_progress:
                on_progress(len(clips), count)
    if world > 1:
        parts = gather_object([(clips, classes)])
        clips = [clip for part, _ in parts for clip in part]
        classes = sum((part for _, part in parts), no_classes(by_class))
    return sorted(clips, key=lambda clip: clip.index), classes


def _measure(
    model: nn.Module, group: list[Trial | AvsegError], by_class: bool, mute: bool
) -> Iterator[tuple[ClipTally, ClassTally]]:
    """Yield the tallies of some clips: the model looks at them once and hears one sound after another."""
    for trial in group:
        if isinstance(trial, AvsegError):
            raise trial
    device = next(model.parameters(), torch.empty(0)).device
    group = [trial.to(device) for trial in group]
    frames = [trial.batch.frames for trial in group]
    features = model.encode_frames(torch.cat(frames))
    rows = torch.arange(len(features), device=device).split([len(part) for part in frames])
    own = _logits(model, features, rows, [(muted(t.batch) if mute else t.batch).log_mel for t in group])
    others: list[dict[str, torch.Tensor]] = [{} for _ in group]
    for sound in SOUNDS:
        heard = [k for k, trial in enumerate(group) if sound in trial.sounds]
        found = _logits(model, features, [rows[k] for k in heard], [group[k].sounds[sound] for k in heard])
        for k, logits in zip(heard, found):
            others[k][sound] = label_maps(logits) > 0
    for trial, logits, answers in zip(group, own, others):
        yield tally(trial, logits, answers, by_class)


def _logits(
    model: nn.Module, features: VisualFeatures, rows: Sequence[torch.Tensor], sounds: Sequence[torch.Tensor]
) -> Sequence[torch.Tensor]:
    """Return the logits [F, C, H, W] of every clip, its frames `rows` [F], under its sound [F, 1, 96, 64]."""
    if not sounds:
        return ()
    logits = model.decode(features.pick(torch.cat(tuple(rows))), torch.cat(tuple(sounds))).logits.float()
    return logits.split([len(sound) for sound in sounds])


def process() -> tuple[int, int]:
    """Return this process's number and how many there are; 0 and 1 unless started by `accelerate launch`."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return 0, 1
    state = PartialState()
    return state.process_index, state.num_processes


def process_device(name: str) -> torch.device:
    """Return the device of a name; "auto" gives every process of `accelerate launch` its own."""
    if name == "auto" and process()[1] > 1:
        return PartialState().device
    return choose_device(name)
