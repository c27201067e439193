"""From the value of --data to the clips of a split."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avseg.compose.dataset import Compositions
from avseg.compose.recipe import compositions, has_recipe
from avseg.config import Config
from avseg.data.samples import Clips
from avseg.errors import ConfigError, DatasetError
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
