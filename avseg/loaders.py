"""From the value of --data to clips and batches, which do not depend on processes or resumes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from avseg.compose.dataset import Compositions
from avseg.compose.recipe import compositions, has_recipe
from avseg.config import Config
from avseg.data.samples import Clips
from avseg.data.transforms import Batch, ClipTensors, collate
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.synthavs.dataset import SynthAVS

if TYPE_CHECKING:
    from avseg.data.avsbench.dataset import AVSBench

SYNTH = "synth"
SYNTH_VALIDATION_CLIPS = 40
SYNTH_EVALUATION_CLIPS = 200
GENERATED = (SynthAVS, Compositions)  # drawn on demand, in any number


def training_clips(data: str, config: Config) -> Clips:
    """Return the training split of `data`: "synth", a folder with the config's task, or one with a recipe."""
    c = config.train
    if has_recipe(data):
        count = c.epochs * c.synth_clips * c.sounds_per_frame
        size, resample = config.model.image_size, c.resample_sounds_every_second
        # What sounds in a second does not depend on the others then, so they need not be mixed.
        seconds = c.frames_per_clip if resample else 0
        return compositions(
            data, config.model.task, "train", c.seed, count, size, resample, c.sounds_per_frame, seconds
        )
    if c.sounds_per_frame > 1:
        raise ConfigError(
            "train.sounds_per_frame needs clips composed while training: --data of a folder written by "
            "`compose` without a split. Set it to 1 for other data."
        )
    if data == SYNTH:
        size = (config.model.image_size, config.model.image_size)
        # Every epoch draws new scenes.
        return SynthAVS(
            config.model.task,
            "train",
            c.seed,
            c.epochs * c.synth_clips,
            size,
            resample_sounds=c.resample_sounds_every_second,
        )
    clips = on_disk(data, config.model.task, "train")
    if not clips.has_foreground():
        raise DatasetError(
            f"Every training mask of {clips.folder} is empty: nothing can be learned. Save masks as PNG, "
            "0 for background and 255 for foreground; `python -m avseg check` shows what these are."
        )
    return clips


def validation_clips(data: str, config: Config) -> Clips:
    """Return the validation split of `data`."""
    count = config.train.validation_clips or SYNTH_VALIDATION_CLIPS
    if has_recipe(data):
        return compositions(data, config.model.task, "val", config.train.seed, count, config.model.image_size)
    if data == SYNTH:
        size = (config.model.image_size, config.model.image_size)
        return SynthAVS(config.model.task, "val", config.train.seed, count, size)
    return on_disk(data, config.model.task, "val")


def evaluation_clips(data: str, task: str, split: str, size: int, clips: int = 0, seed: int = 2026) -> Clips:
    """Return a split of `data`: "synth", or a folder that contains the task in AVSBench's layout.

    clips, seed: how many clips SynthAVS draws (0: 200), and from which seed. size: px, of its frames.
    """
    if has_recipe(data):
        return compositions(data, task, split, seed, clips or SYNTH_EVALUATION_CLIPS, size)
    if data == SYNTH:
        return SynthAVS(task, split, seed, clips or SYNTH_EVALUATION_CLIPS, (size, size))
    return on_disk(data, task, split)


def on_disk(data: str, task: str, split: str) -> "AVSBench":
    """Return a split of a folder in AVSBench's layout; `DatasetError` if it does not exist."""
    from avseg.data.avsbench.dataset import AVSBench

    folder = Path(data).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"The folder {data} does not exist. Name the folder of AVSBench, or synth.")
    return AVSBench(folder, task, split)


def clips_per_epoch(clips: Clips, config: Config) -> int:
    """Return the number of clips per epoch; `ConfigError` if they do not fill one step."""
    count = config.train.synth_clips if isinstance(clips, GENERATED) else len(clips)
    if count < config.train.batch_size:
        raise ConfigError(
            f"An epoch has {count} clips, fewer than train.batch_size {config.train.batch_size}: lower it."
        )
    return count


@dataclass(frozen=True)
class RunSize:
    """The length of a run."""

    training_clips: int  # per epoch
    validation_clips: int
    steps: int  # of the whole run


def run_size(data: str, config: Config) -> RunSize:
    """Return the length of a run; raises AvsegError where the data are missing or do not fit the config."""
    clips = clips_per_epoch(training_clips(data, config), config)
    available = len(validation_clips(data, config))
    wanted = config.train.validation_clips or available
    return RunSize(clips, min(wanted, available), clips // config.train.batch_size * config.train.epochs)


class StepClips(Sampler[list[int]]):
    """This process's share of the clips of every step from `start` to `stop`.

    Positions are epoch * clips + index. The order of an epoch depends on (seed, epoch) alone, so a resumed
    run, or another number of processes, takes the same steps. An incomplete last step is dropped.
    """

    def __init__(
        self, clips: int, batch: int, seed: int, start: int, stop: int, rank: int = 0, world: int = 1
    ):
        if batch % world:
            raise ConfigError(f"train.batch_size {batch} is not divisible by {world} processes.")
        self.clips, self.batch, self.seed, self.start, self.stop = clips, batch, seed, start, stop
        self.share = slice(rank * batch // world, (rank + 1) * batch // world)

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[int]]:
        current, order = -1, np.empty(0)
        for step in range(self.start, self.stop):
            epoch, turn = divmod(step, self.clips // self.batch)
            if epoch != current:
                current, order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.clips)
            indices = order[turn * self.batch : (turn + 1) * self.batch][self.share]
            yield [int(epoch * self.clips + index) for index in indices]


class Batches(DataLoader):
    """Batches of clips; the error of reading one is raised unchanged, also from a worker process.

    torch would wrap an error of a worker in its traceback, so errors are passed in place of a batch.
    """

    def __init__(self, clips: Dataset, **options: Any):
        super().__init__(_ErrorsAsItems(clips), collate_fn=_collate_or_error, **options)

    def __iter__(self) -> Iterator[Batch]:
        for batch in super().__iter__():
            if isinstance(batch, AvsegError):
                raise batch
            yield batch


class _ErrorsAsItems(Dataset):
    def __init__(self, clips: Dataset):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, position: int) -> Batch | AvsegError:
        try:
            return self.clips[position]
        except AvsegError as error:
            return error


def _collate_or_error(clips: list[Batch | AvsegError]) -> Batch | AvsegError:
    return next((clip for clip in clips if isinstance(clip, AvsegError)), None) or collate(clips)


def training_loader(
    clips: Clips, config: Config, steps: range, workers: int, rank: int = 0, world: int = 1
) -> Batches:
    """Return the batches of some steps; one loader for all epochs, so that workers start once."""
    c, m = config.train, config.model
    crop = m.task == "avss"
    tensors = ClipTensors(
        clips, m.image_size, c.jitter, c.frames_per_clip, crop, c.seed, c.sounds_per_frame, c.negative_share
    )
    order = StepClips(
        clips_per_epoch(clips, config), c.batch_size, c.seed, steps.start, steps.stop, rank, world
    )
    return Batches(tensors, batch_sampler=order, num_workers=workers)


def validation_loader(
    clips: Clips, config: Config, workers: int = 0, rank: int = 0, world: int = 1
) -> Batches:
    """Return the validation batches: this process's share of the clips, spread evenly over the split."""
    count = min(config.train.validation_clips or len(clips), len(clips))
    indices = np.linspace(0, len(clips) - 1, count).round().astype(int)[rank::world]
    share = Subset(ClipTensors(clips, config.model.image_size), [int(index) for index in indices])
    # Workers persist between validations, with their caches.
    return Batches(share, batch_size=4, num_workers=workers, persistent_workers=workers > 0)
