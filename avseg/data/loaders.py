"""From the word after --data to the batches of a run, the same with any number of processes and resumes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from avseg.config import Config
from avseg.data.samples import Clips
from avseg.data.transforms import Batch, ClipTensors, collate
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.synthavs.dataset import SynthAVS

SYNTH = "synth"
SYNTH_VALIDATION_CLIPS = 40


def training_clips(data: str, config: Config) -> Clips:
    """Return the training split of `data`: "synth", or a folder that holds the task of the config."""
    c = config.train
    if data == SYNTH:
        size = (config.model.image_size, config.model.image_size)
        # Every epoch draws scenes that were never seen.
        return SynthAVS(
            config.model.task,
            "train",
            c.seed,
            c.epochs * c.synth_clips,
            size,
            resample_sounds=c.resample_sounds_every_second,
        )
    return on_disk(data, config.model.task, "train")


def validation_clips(data: str, config: Config) -> Clips:
    """Return the validation split of `data`."""
    if data == SYNTH:
        size = (config.model.image_size, config.model.image_size)
        count = config.train.validation_clips or SYNTH_VALIDATION_CLIPS
        return SynthAVS(config.model.task, "val", config.train.seed, count, size)
    return on_disk(data, config.model.task, "val")


def on_disk(data: str, task: str, split: str) -> Clips:
    """Return a split of a folder in AVSBench's layout; `DatasetError` when it is not there."""
    from avseg.data.avsbench.dataset import AVSBench

    folder = Path(data).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {data}. Give AVSBench's folder to --data, or the word synth.")
    return AVSBench(folder, task, split)


def clips_per_epoch(clips: Clips, config: Config) -> int:
    """Return how many clips make an epoch; `ConfigError` when they do not fill one step."""
    count = config.train.synth_clips if isinstance(clips, SynthAVS) else len(clips)
    if count < config.train.batch_size:
        raise ConfigError(
            f"An epoch has {count} clips, fewer than the {config.train.batch_size} of one step: lower "
            "train.batch_size."
        )
    return count


class StepClips(Sampler[list[int]]):
    """The clips of every step from `start` to `stop`, this process's share of them.

    Positions are epoch * clips + index. The order of an epoch follows from (seed, epoch) alone, so a resumed
    run, or another number of processes, takes the same steps. An incomplete last step is left out.
    """

    def __init__(
        self, clips: int, batch: int, seed: int, start: int, stop: int, rank: int = 0, world: int = 1
    ):
        if batch % world:
            raise ConfigError(f"train.batch_size {batch} cannot be shared by {world} processes equally.")
        self.clips, self.batch, self.seed, self.start, self.stop = clips, batch, seed, start, stop
        self.share = slice(rank * batch // world, (rank + 1) * batch // world)

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[int]]:
        known, order = -1, np.empty(0)
        for step in range(self.start, self.stop):
            epoch, turn = divmod(step, self.clips // self.batch)
            if epoch != known:
                known, order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.clips)
            chosen = order[turn * self.batch : (turn + 1) * self.batch][self.share]
            yield [int(epoch * self.clips + index) for index in chosen]


class Batches(DataLoader):
    """Batches of clips; the error of one that cannot be read arrives as it was raised, from a worker too.

    torch wraps what a worker raises in the words of its traceback, so errors travel in place of a batch.
    """

    def __init__(self, clips: Dataset, *given: object, **named: object):
        super().__init__(_Caught(clips), *given, collate_fn=_joined, **named)

    def __iter__(self) -> Iterator[Batch]:
        for batch in super().__iter__():
            if isinstance(batch, AvsegError):
                raise batch
            yield batch


class _Caught(Dataset):
    def __init__(self, clips: Dataset):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, position: int) -> Batch | AvsegError:
        try:
            return self.clips[position]
        except AvsegError as error:
            return error


def _joined(clips: list[Batch | AvsegError]) -> Batch | AvsegError:
    return next((clip for clip in clips if isinstance(clip, AvsegError)), None) or collate(clips)


def training_loader(
    clips: Clips, config: Config, steps: range, workers: int, rank: int = 0, world: int = 1
) -> Batches:
    """Return the batches of the given steps; one loader for all epochs, so that workers warm up once."""
    c, m = config.train, config.model
    tensors = ClipTensors(clips, m.image_size, c.jitter, c.frames_per_clip, m.task == "avss", c.seed)
    order = StepClips(
        clips_per_epoch(clips, config), c.batch_size, c.seed, steps.start, steps.stop, rank, world
    )
    return Batches(tensors, batch_sampler=order, num_workers=workers)


def validation_loader(
    clips: Clips, config: Config, workers: int = 0, rank: int = 0, world: int = 1
) -> Batches:
    """Return the batches of an evaluation: the chosen clips, spread over the split, this process's share."""
    count = min(config.train.validation_clips or len(clips), len(clips))
    chosen = np.linspace(0, len(clips) - 1, count).round().astype(int)[rank::world]
    share = Subset(ClipTensors(clips, config.model.image_size), [int(index) for index in chosen])
    # Workers stay from one evaluation to the next: what they have drawn and read once is warm.
    return Batches(share, 4, num_workers=workers, persistent_workers=workers > 0)
