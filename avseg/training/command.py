"""The command line of a training run, as a person would type it, and what an earlier run's command says."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path

from avseg.config import Config
from avseg.errors import ConfigError, RunError
from avseg.loaders import split_data
from avseg.presets import PRESETS
from avseg.training.run_folder import RunFolder, Status


def train_arguments(
    config: Config,
    preset: str,
    data: str,
    out: Path,
    resume: bool = False,
    device: str = "auto",
    workers: int = 1,
    start_from: str = "",
) -> list[str]:
    """Return the arguments after `python`: the preset, and a flag for every field that differs from it."""
    base = PRESETS[preset]
    flags: list[str] = []
    for part in ("model", "train"):
        preset_values = asdict(getattr(base, part))
        for name, value in asdict(getattr(config, part)).items():
            if value != preset_values[name]:
                flags += _flag(f"{part}.{name}".replace("_", "-"), value)
    named = [part for name in split_data(data) for part in ("--data", name)]
    arguments = ["-m", "avseg", "train", preset, *named, "--out", str(out), "--device", device]
    arguments += ["--workers", str(workers)] if workers != 1 else []
    arguments += ["--start-from", start_from] if start_from and not resume else []
    return [*arguments, *flags, "--resume"] if resume else [*arguments, *flags]


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        part, field = name.split(".")
        return [f"--{part}.{field}" if value else f"--{part}.no-{field}"]
    values = value if isinstance(value, tuple | list) else (value,)
    return [f"--{name}", *(str(v) for v in values)]


def resume_arguments(run: RunFolder, root: Path, epochs: int = 0) -> list[str]:
    """Return the arguments that resume a run from the folder `root`, up to `epochs` epochs if given.

    Data, device and workers are those of its last command. Raises RunError without a run and for a damaged
    one, ConfigError for fewer epochs than it has done.
    """
    config, status = run.config(), run.read_status()
    if status is None and run.damage:  # it names the data
        raise RunError(f"{run.damage} Resume the run from the command line, with its --data.")
    if epochs:
        config = _longer(config, epochs, status)
    device, workers = device_and_workers(status.command if status else "")
    preset = min(PRESETS, key=lambda name: _differences(PRESETS[name], config))
    data = status.data if status else "synth"
    return train_arguments(config, preset, data, display_path(run.path, root), True, device, workers)


def _longer(config: Config, epochs: int, status: Status | None) -> Config:
    done = status.epoch if status else 0
    if epochs < max(1, done):
        raise ConfigError(f"The run has done {done} epochs; give that number or more, not {epochs}.")
    return replace(config, train=replace(config.train, epochs=epochs))


def _differences(first: Config, second: Config) -> int:
    return sum(
        value != asdict(getattr(second, part))[name]
        for part in ("model", "train")
        for name, value in asdict(getattr(first, part)).items()
    )


def device_and_workers(command: str) -> tuple[str, int]:
    """Return device and workers of a command; one worker where a hand-typed command has no number."""
    try:
        arguments = shlex.split(command)
    except ValueError:  # a quote that is never closed
        arguments = command.split()
    workers = _value_after(arguments, "--workers", "1")
    return _value_after(arguments, "--device", "auto"), int(workers) if workers.isdigit() else 1


def _value_after(arguments: list[str], flag: str, default: str) -> str:
    return arguments[arguments.index(flag) + 1] if flag in arguments[:-1] else default


def display_path(path: Path, root: Path) -> Path:
    """Return a path as a command writes it that runs in the folder `root`: relative if it is inside."""
    path = path.resolve() if path.exists() else path
    return path.relative_to(root) if path.is_relative_to(root) else path


def command_line(arguments: list[str]) -> str:
    """Return a command as a person would type it."""
    return shlex.join(["python", *arguments])
