"""The run that a visitor asks for: read from the form, checked, and turned into its command."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

from app.services.datasets import FORMATS, LIBRARY
from app.services.host import may_train, public_host
from app.services.models import model_argument
from app.services.models import model_choices as all_models
from app.services.process import ROOT
from app.services.runs import all_runs, check_free, new_run_folder, run_folder, run_state
from app.services.wording import byte_size, duration, plural
from app.train.form import config_of
from avseg.checkpoints import bundled_models
from avseg.config import Config
from avseg.data.avsbench.index import table_file
from avseg.errors import AvsegError, ConfigError, RunError
from avseg.loaders import SYNTH, RunSize, join_data, run_size, split_data
from avseg.presets import PRESETS, START_FROM
from avseg.training.command import command_line, display_path, train_arguments
from avseg.training.estimate import Estimate, estimate
from avseg.training.run_folder import RunFolder

Values = Mapping[str, object]
"""The form's values by name: the config's fields, preset, data, name, device, workers, start_from."""

DEVICES = ("auto", "cpu", "cuda")
MAX_WORKERS = 32
MAX_RUNS = 40  # that are searched for one with the same settings
BUNDLED = ROOT / "assets" / "results"  # the training of the bundled models
PUBLIC_DATA = "/path/to/AVSBench"  # in place of the server's own path on a public host


@dataclass(frozen=True)
class Order:
    """A run to be started."""

    preset: str
    config: Config
    data: str  # the word synth, or a folder
    name: str
    device: str = "auto"
    workers: int = 1
    start_from: str = ""  # the value of --start-from, empty for new weights

    @property
    def run(self) -> RunFolder:
        """The folder of the run."""
        return run_folder(self.name)

    @property
    def pretraining(self) -> int:
        """Steps for which the backbones are pretrained; none where the run starts from a model."""
        train = self.config.train
        return 0 if self.start_from else train.audio_pretrain_steps + train.visual_pretrain_steps

    def arguments(self) -> list[str]:
        """Return the arguments after `python`."""
        return self._arguments(self.data, display_path(self.run.path, ROOT), self.start_from)

    def command(self) -> str:
        """Return the command as a person would type it; on a public host without the server's paths."""
        if not public_host():
            return command_line(self.arguments())
        data = self.data if self.data == SYNTH else PUBLIC_DATA
        start = Path(self.start_from)
        start_from = f"runs/{start.parent.name}/{start.name}" if start.is_absolute() else self.start_from
        return command_line(self._arguments(data, Path("runs") / self.name, start_from))

    def _arguments(self, data: str, out: Path, start_from: str) -> list[str]:
        return train_arguments(
            self.config, self.preset, data, out, False, self.device, self.workers, start_from
        )


@dataclass(frozen=True)
class Check:
    """A line about an order; kind is ok, note or bad, and a bad one keeps it from being started."""

    kind: str
    text: str


def data_choices() -> list[tuple[str, str]]:
    """Return title and key of the data that a run can be trained on."""
    ready = [(dataset.title, dataset.key) for dataset in LIBRARY.all().values() if dataset.ready]
    return [("SynthAVS, drawn while training", SYNTH), *ready]


def model_choices() -> list[tuple[str, str]]:
    """Return title and name of the models that a run can start from."""
    return [("Scratch", ""), *((name, name) for name in all_models())]


def free_name(preset: str) -> str:
    """Return the first of preset-01, preset-02 and so on that is not the name of a run."""
    taken = {run.path.name for run in all_runs()}
    return next(name for k in range(1, 10_000) if (name := f"{preset}-{k:02d}") not in taken)


def current_name(preset: object, name: object) -> str:
    """Return a name as it is; one that the page suggested, and that is taken by now, is replaced."""
    suggested = isinstance(name, str) and name.removeprefix(f"{preset}-").isdigit()
    return free_name(str(preset)) if suggested else str(name or "")


def preset_of(name: object) -> Config:
    """Return a preset; raises ConfigError, which names them all."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"The preset {name!r} does not exist: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def start_of(preset: str) -> str:
    """Return the model that a preset is meant to start from, "" for none or one that is not there."""
    name = START_FROM.get(preset, "")
    return name if name in bundled_models() else ""


def read_order(values: Values) -> Order:
    """Return the order of the form's values, which a client may have made up. Raises AvsegError."""
    preset, device, workers = values.get("preset"), values.get("device"), values.get("workers")
    preset_of(preset)
    if device not in DEVICES:
        raise ConfigError(f"device is {device!r}; choose one of {', '.join(DEVICES)}.")
    whole = isinstance(workers, int | float) and not isinstance(workers, bool)
    if not whole or workers not in range(MAX_WORKERS + 1):
        raise ConfigError(f"workers must be a whole number from 0 to {MAX_WORKERS}.")
    return Order(
        preset,
        config_of(values),
        _data_of(values.get("data"), values.get("more_data")),
        new_run_folder(values.get("name")).path.name,
        device,
        int(workers),
        _start_from(values.get("start_from")),
    )


def checks(values: Values) -> tuple[Order | None, list[Check]]:
    """Return the order, None where it cannot be read, and what there is to say about it."""
    try:
        order = read_order(values)
    except AvsegError as error:
        return None, [Check("bad", str(error))]
    lines, size = [], None
    try:
        size = _size(order)
        lines += _data_checks(order, size)
    except AvsegError as error:
        lines.append(Check("bad", _task_mismatch(order) or str(error)))
    if not may_train():
        return order, lines
    try:
        check_free(order.name)
    except RunError as error:
        lines.append(Check("bad", str(error)))
    lines.append(_device_check(order.device))
    if others := [run.path.name for run in all_runs() if run_state(run).alive]:
        lines.append(Check("note", f"Also running: {', '.join(others)}. Each run will be slower."))
    if size and not any(line.kind == "bad" for line in lines):
        lines += time_and_disk(order, size.steps)
    return order, lines


def _size(order: Order) -> RunSize:
    written = 0
    for name in split_data(order.data):
        with suppress(OSError):  # without a table, `_cached_size` says so
            written += table_file(Path(name), order.config.model.task).stat().st_mtime_ns
    return _cached_size(order.data, order.config, written)


@lru_cache(maxsize=64)
def _cached_size(data: str, config: Config, _modified: int) -> RunSize:
    return run_size(data, config)


def _data_checks(order: Order, size: RunSize) -> list[Check]:
    drawn = ", drawn anew in every epoch" if order.data == SYNTH else ""
    train = order.config.train
    clips = f"{size.training_clips:,} training clips{drawn}; {size.validation_clips:,} for validation"
    lines = [Check("ok", clips), Check("ok", f"{size.steps:,} steps in {plural(train.epochs, 'epoch')}")]
    if weights := " and ".join(filter(None, (train.backbone_weights, train.audio_weights))):
        if order.start_from:
            lines.append(Check("note", "Pretrained weights are not loaded: the run starts from a model"))
        else:
            lines.append(Check("note", f"Pretrained weights {weights} are downloaded if missing"))
    if order.pretraining:
        lines.append(Check("note", f"Backbones are pretrained for {order.pretraining:,} steps first"))
    return lines


def time_and_disk(order: Order, steps: int) -> list[Check]:
    """Return the checks of time and disk space for a run of so many steps."""
    folder = order.run.path
    while not folder.exists():
        folder = folder.parent
    free, result = shutil.disk_usage(folder).free, estimate_of(order)
    disk = Check("ok", f"{byte_size(free)} of disk free")
    if result is None:
        return [Check("note", "Duration unknown: no earlier run has these settings"), disk]
    seconds = result.seconds(steps, order.config.train, order.pretraining)
    more = [] if result.seconds_per_validation else ["validation"]
    if order.pretraining and not result.seconds_per_pretraining_step:
        more.insert(0, f"{order.pretraining:,} steps of pretraining")
    scope = f" plus {' and '.join(more)}" if more else ", validation included"
    time = (
        f"About {duration(seconds)}{scope}, at "
        f"{result.seconds_per_step:.2g} s per step as measured {result.source}"
    )
    if result.disk is not None:
        space = f"{byte_size(result.disk)} of disk needed, {byte_size(free)} free"
        enough = result.disk < 0.9 * free
        disk = Check("ok", space) if enough else Check("bad", f"{space}: too little")
    return [Check("ok", time), disk]


def estimate_of(order: Order) -> Estimate | None:
    """Return what an earlier run with the same settings implies, None without one."""
    runs = all_runs()[:MAX_RUNS]
    return estimate(order.config, order.data, order.device, order.workers, runs, BUNDLED)


def _device_check(device: str) -> Check:
    import torch

    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        return Check("bad", "This machine has no CUDA device: choose auto or cpu.")
    if cuda and device != "cpu":
        return Check("ok", f"Runs on {torch.cuda.get_device_name(0)}")
    return Check("ok", f"Runs on the CPU ({psutil.cpu_count()} cores)")


def _task_mismatch(order: Order) -> str:
    """Return that the data belong to another task than the model, "" otherwise."""
    task = order.config.model.task
    tasks = {str(dataset.folder): dataset.task for dataset in LIBRARY.all().values()}
    found = [tasks[name] for name in split_data(order.data) if tasks.get(name, task) != task]
    if not found:
        return ""
    return f"These are {FORMATS[found[0]]} data, but the model's task is {task}: set Task to {found[0]}."


def _data_of(key: object, more: object) -> str:
    """Return the value of --data of one data set, or of several together; raises DatasetError."""
    others = more if isinstance(more, list | tuple) else ()
    return join_data([_data_path(key), *map(_data_path, others)])


def _data_path(key: object) -> str:
    return SYNTH if key == SYNTH else str(LIBRARY.get(key if isinstance(key, str) else None).folder)


def _start_from(name: object) -> str:
    """Return the name of a bundled model, or the file of another; CheckpointError for an unknown name."""
    if not name:
        return ""
    return model_argument(str(name))
