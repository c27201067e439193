"""From clips to the batches of training and validation, which do not depend on processes or resumes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler

from avseg.config import Config
from avseg.data.samples import Clips
from avseg.data.transforms import Batch, ClipTensors, collate
from avseg.errors import AvsegError, ConfigError
from avseg.loaders import clips_per_epoch


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

    def __init__(self, clips: Dataset | ClipTensors, **options: Any):
        super().__init__(_ErrorsAsItems(clips), collate_fn=_collate_or_error, **options)

    def __iter__(self) -> Iterator[Batch]:
        for batch in super().__iter__():
            if isinstance(batch, AvsegError):
                raise batch
            yield batch


class _ErrorsAsItems(Dataset):
    def __init__(self, clips: Dataset | ClipTensors):
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
    clips: Clips,
    config: Config,
    steps: range,
    workers: int,
    rank: int = 0,
    world: int = 1,
    pinned: bool = False,
) -> Batches:
    """Return the batches of some steps; one loader for all epochs, so that workers start once.

    pinned: in memory that a GPU can copy from by itself.
    """
    c, m = config.train, config.model
    crop = m.task == "avss"
    tensors = ClipTensors(
        clips, m.image_size, c.jitter, c.frames_per_clip, crop, c.seed, c.sounds_per_frame, c.negative_share
    )
    order = StepClips(
        clips_per_epoch(clips, config), c.batch_size, c.seed, steps.start, steps.stop, rank, world
    )
    return Batches(tensors, batch_sampler=order, num_workers=workers, pin_memory=pinned)


def validation_loader(
    clips: Clips, config: Config, workers: int = 0, rank: int = 0, world: int = 1
) -> Batches:
    """Return the validation batches: this process's share of the clips, spread evenly over the split."""
    count = min(config.train.validation_clips or len(clips), len(clips))
    indices = np.linspace(0, len(clips) - 1, count).round().astype(int)[rank::world]
    options = {"sampler": [int(index) for index in indices], "num_workers": workers}
    # Workers persist between validations, with their caches.
    tensors = ClipTensors(clips, config.model.image_size)
    return Batches(tensors, batch_size=4, persistent_workers=workers > 0, **options)
