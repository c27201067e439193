"""What a visitor asks to be trained: read from the form, checked, and turned into the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

from app.services.datasets import FORMATS, LIBRARY
from app.services.host import may_train, public_host
from app.services.models import available_models, model_file
from app.services.runs import all_runs, check_free, new_run_folder, run_folder, run_state
from app.services.training_commands import command_of, shown, shown_path
from app.train.form import config_of
from avseg.checkpoints import bundled_models
from avseg.config import Config
from avseg.data.avsbench.layout import LAYOUTS
from avseg.data.loaders import SYNTH, clips_per_epoch, training_clips, validation_clips
from avseg.errors import AvsegError, ConfigError, RunError
from avseg.presets import PRESETS
from avseg.training.run_folder import RunFolder

MOST_WORKERS = 32
DEVICES = ("auto", "cpu", "cuda")
DRAWN = "SynthAVS, drawn while training"
FRESH = "Nothing: new weights"
HIDDEN_DATA = "/path/to/AVSBench"  # on a public host nobody is told where its data lie


@dataclass(frozen=True)
class Order:
    """One run to be."""

    preset: str
    config: Config
    data: str  # the word synth, or a folder
    name: str
    device: str = "auto"
    workers: int = 1
    start_from: str = ""  # what follows --start-from, empty for new weights

    @property
    def run(self) -> RunFolder:
        """The folder of the run."""
        return run_folder(self.name)

    def command(self) -> list[str]:
        """Return the arguments after `python`."""
        return self._command(self.data, shown_path(self.run.path), self.start_from)

    def shown(self) -> str:
        """Return the command as a person would type it; on a public host without the server's paths."""
        if not public_host():
            return shown(self.command())
        data = self.data if self.data == SYNTH else HIDDEN_DATA
        begin = Path(self.start_from)
        first = f"runs/{begin.parent.name}/{begin.name}" if begin.is_absolute() else self.start_from
        return shown(self._command(data, Path("runs") / self.name, first))

    def _command(self, data: str, out: Path, start_from: str) -> list[str]:
        return command_of(self.config, self.preset, data, out, False, self.device, self.workers, start_from)


@dataclass(frozen=True)
class Size:
    """How long an order is."""

    clips: int  # of an epoch
    checked: int  # clips of an evaluation
    steps: int  # of the whole run


@dataclass(frozen=True)
class Check:
    """One line about an order: ok, note, or bad, which keeps it from being started."""

    kind: str
    words: str


def data_choices() -> list[tuple[str, str]]:
    """Return title and key of the data there are."""
    ready = [(one.title, one.key) for one in LIBRARY.all().values() if one.ready]
    return [(DRAWN, SYNTH), *ready]


def model_choices() -> list[tuple[str, str]]:
    """Return title and name of the models that a run may begin with."""
    return [(FRESH, ""), *((name, name) for name in available_models())]


def free_name(preset: str) -> str:
    """Return the first of preset-01, preset-02 and so on that no run has."""
    taken = {run.path.name for run in all_runs()}
    return next(name for k in range(1, 10_000) if (name := f"{preset}-{k:02d}") not in taken)


def unused_name(preset: object, name: object) -> str:
    """Return a name as it is; one that the page itself gave, and that was taken since, is replaced."""
    ours = isinstance(preset, str) and isinstance(name, str) and name.removeprefix(f"{preset}-").isdigit()
    return free_name(preset) if ours else str(name or "")


def preset_of(name: object) -> Config:
    """Return a preset; `ConfigError` names them all."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def read_order(values: Mapping[str, object]) -> Order:
    """Return the order of the form's values, all of which may come from anywhere.

    values: the config's fields, preset, data, name, device, workers, start_from. Raises AvsegError in words.
    """
    preset = values.get("preset")
    preset_of(preset)
    device, workers = values.get("device"), values.get("workers")
    if device not in DEVICES:
        raise ConfigError(f"device is {device!r}; choose one of {', '.join(DEVICES)}.")
    if isinstance(workers, bool) or not isinstance(workers, int | float) or workers not in range(33):
        raise ConfigError(f"workers must be a whole number from 0 to {MOST_WORKERS}.")
    return Order(
        preset,
        config_of(values),
        _data_path(values.get("data")),
        new_run_folder(values.get("name")).path.name,
        device,
        int(workers),
        _start_from(values.get("start_from")),
    )


def size_of(order: Order) -> Size:
    """Return how long an order is; AvsegError where the data are not there or do not fit."""
    table = _table(order.data, order.config.model.task)
    return _size(order.config, order.data, table.stat().st_mtime_ns if table else 0)


def checks(values: Mapping[str, object]) -> tuple[Order | None, list[Check]]:
    """Return the order, None where it cannot be read, and what is to be said about it."""
    try:
        order = read_order(values)
    except AvsegError as error:
        return None, [Check("bad", str(error))]
    return order, [*_data_checks(order), *_place_checks(order)]


def _data_checks(order: Order) -> list[Check]:
    try:
        size = size_of(order)
    except AvsegError as error:
        return [Check("bad", _task_words(order) or str(error))]
    drawn = ", drawn anew in every epoch" if order.data == SYNTH else ""
    found = [
        Check("ok", f"{size.clips:,} clips to train on{drawn}; {size.checked:,} to check on"),
        Check("ok", f"{size.steps:,} steps in {_epochs(order)}"),
    ]
    train = order.config.train
    if weights := [name for name in (train.backbone_weights, train.audio_weights) if name]:
        if order.start_from:
            found.append(Check("note", "Pretrained weights are not loaded: the run begins with a model."))
        else:
            found.append(Check("note", f"Pretrained weights {' and '.join(weights)} are fetched if not here"))
    if lessons := (train.audio_pretrain_steps + train.visual_pretrain_steps) * (not order.start_from):
        found.append(Check("note", f"{lessons:,} steps of first lessons come before the first step"))
    return found


def _epochs(order: Order) -> str:
    epochs = order.config.train.epochs
    return f"{epochs:,} epoch{'' if epochs == 1 else 's'}"


def _place_checks(order: Order) -> list[Check]:
    if not may_train():
        return []
    found = []
    try:
        check_free(order.name)
        found.append(Check("ok", "The name is free"))
    except RunError as error:
        found.append(Check("bad", str(error)))
    found.append(_device_check(order.device))
    others = [run.path.name for run in all_runs() if run_state(run).alive]
    if others:
        found.append(Check("note", f"{', '.join(others)} is at work too; both go slower"))
    return found


def _device_check(device: str) -> Check:
    import torch

    here = torch.cuda.is_available()
    if device == "cuda" and not here:
        return Check("bad", "There is no CUDA device here: choose auto or cpu.")
    if here and device != "cpu":
        return Check("ok", f"Runs on {torch.cuda.get_device_name(0)}")
    return Check("ok", f"Runs on the CPU, {psutil.cpu_count()} cores")


def _task_words(order: Order) -> str:
    """Say that the data are of another task than the model, where that is so."""
    kinds = {str(one.folder): one.task for one in LIBRARY.all().values()}
    found = kinds.get(order.data)
    if found in (None, order.config.model.task):
        return ""
    task = order.config.model.task
    return f"These are {FORMATS[found]} data and the model's task is {task}: set Task to {found}."


def _data_path(key: object) -> str:
    return SYNTH if key == SYNTH else str(LIBRARY.get(key if isinstance(key, str) else None).folder)


def _start_from(name: object) -> str:
    """Return the bundled name or the file of a model; CheckpointError when there is none of this name."""
    if not name:
        return ""
    path = model_file(str(name))
    return str(name) if name in bundled_models() else str(shown_path(path))


def _table(data: str, task: str) -> Path | None:
    if data == SYNTH:
        return None
    path = Path(data) / LAYOUTS[task].table
    return path if path.is_file() else None


@lru_cache(maxsize=64)
def _size(config: Config, data: str, _written: int) -> Size:
    clips = clips_per_epoch(training_clips(data, config), config)
    there = len(validation_clips(data, config))
    wanted = config.train.validation_clips or there
    return Size(clips, min(wanted, there), clips // config.train.batch_size * config.train.epochs)
