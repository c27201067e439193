"""From the value of --data to the clips of a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avseg.compose.dataset import Compositions
from avseg.compose.recipe import compositions, has_recipe
from avseg.config import Config
from avseg.data.joined import JoinedClips
from avseg.data.samples import Clips
from avseg.errors import ConfigError, DatasetError
from avseg.synthavs.dataset import SynthAVS

if TYPE_CHECKING:
    from avseg.data.avsbench.dataset import AVSBench

SYNTH = "synth"
SYNTH_VALIDATION_CLIPS = 40
SYNTH_EVALUATION_CLIPS = 200
GENERATED = (SynthAVS, Compositions)  # drawn on demand, in any number
JOINT = " + "  # between several data sets in the name of all


def join_data(names: Sequence[str]) -> str:
    """Return the name of several data sets together; "synth" for none. Raises ConfigError."""
    if len(names) > 1 and (wrong := [name for name in names if JOINT in name]):
        raise ConfigError(f"{wrong[0]} contains {JOINT!r}, which joins the names of data sets: rename it.")
    return JOINT.join(names) or SYNTH


def split_data(data: str) -> list[str]:
    """Return the data sets that a name means; a folder that exists is one."""
    return [data] if Path(data).expanduser().exists() else data.split(JOINT)


def training_clips(data: str, config: Config) -> Clips:
    """Return the training split of `data`: "synth", a folder with the config's task, or one with a recipe.

    Several data sets (`join_data`) are joined; one that is named twice counts twice. Raises ConfigError and
    DatasetError.
    """
    names = split_data(data)
    if len(names) == 1:
        return _length_fits(_training_clips(data, config), config)
    parts = [_training_clips(name, config) for name in names]
    turns = tuple(config.train.synth_clips if isinstance(part, GENERATED) else len(part) for part in parts)
    epochs = config.train.epochs if any(isinstance(part, GENERATED) for part in parts) else 1
    return _length_fits(JoinedClips(tuple(parts), turns, epochs), config)


def _length_fits(clips: Clips, config: Config) -> Clips:
    """Return the clips; raises ConfigError where the model needs clips of another length."""
    if config.model.window > 1 and clips.seconds not in (1, config.model.frames):
        raise ConfigError(
            f"TPAVI needs clips of {config.model.frames} frames, and these have {clips.seconds}: convert the "
            "data without --seconds and --fps, or choose another preset."
        )
    return clips


def _training_clips(data: str, config: Config) -> Clips:
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
    """Return the validation split of `data`: of several data sets, that of each one that has one, once."""
    names = [*dict.fromkeys(split_data(data))]
    if len(names) == 1:
        return _length_fits(_validation_clips(names[0], config), config)
    names = [name for name in names if _has_split(name, config.model.task, "val")] or names[:1]
    parts = tuple(_validation_clips(name, config) for name in names)
    return _length_fits(JoinedClips(parts, tuple(map(len, parts))), config)


def _has_split(data: str, task: str, split: str) -> bool:
    """Return whether data can be validated on; raises DatasetError where the task is missing."""
    from avseg.data.avsbench.index import locate, read_index

    if data == SYNTH or has_recipe(data):
        return True
    folder = locate(Path(data).expanduser(), task)
    return any(entry.split == split for entry in read_index(folder, task))


def _validation_clips(data: str, config: Config) -> Clips:
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


def comes_again(clips: Clips) -> bool:
    """Return whether every epoch has the same clips, none of them generated."""
    parts = clips.parts if isinstance(clips, JoinedClips) else (clips,)
    return not any(isinstance(part, GENERATED) for part in parts)


def clips_per_epoch(clips: Clips, config: Config) -> int:
    """Return the number of clips per epoch; `ConfigError` if they do not fill one step."""
    count = config.train.synth_clips if isinstance(clips, GENERATED) else len(clips)
    if isinstance(clips, JoinedClips):
        count = clips.per_epoch
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
