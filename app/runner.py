"""Training from the page: a child process that runs the same command a person would type.

The run folder is the only thing between the two: a reload of the page or a restart of the app loses nothing.
"""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from avseg.config import PRESETS, Config
from avseg.errors import ConfigError, RunError
from avseg.runs import RunFolder, list_runs

ROOT = Path(__file__).resolve().parent.parent
LAST_WORDS = "console.txt"  # what the child printed; the log of the run is its own


def runs_root() -> Path:
    """Return the folder of all runs: AVSEG_RUNS, or `runs` beside app.py."""
    return Path(os.environ.get("AVSEG_RUNS", ROOT / "runs")).expanduser()


def may_train() -> bool:
    """Training is off on a public host unless its owner allows it."""
    public = os.environ.get("SPACE_ID") or os.environ.get("AVSEG_PUBLIC") == "1"
    return not public or os.environ.get("AVSEG_ALLOW_TRAINING") == "1"


def run_of(name: str) -> RunFolder:
    """Return the run of a name below the root; `RunError` for a name that is no plain folder name."""
    if not name or name != Path(name).name or name.startswith("."):
        raise RunError(f"{name!r} cannot name a run: use letters, digits, dashes and underscores.")
    return RunFolder(runs_root() / name)


def command_of(
    config: Config, preset: str, data: str, out: Path, resume: bool = False, device: str = "auto"
) -> list[str]:
    """Return the arguments after `python`: the preset, and a flag for every field that differs from it."""
    base = PRESETS[preset]
    flags: list[str] = []
    for part in ("model", "train"):
        known = asdict(getattr(base, part))
        for name, value in asdict(getattr(config, part)).items():
            if value != known[name]:
                flags += _flag(f"{part}.{name}".replace("_", "-"), value)
    words = ["-m", "avseg", "train", preset, "--data", data, "--out", str(out), "--device", device, *flags]
    return [*words, "--resume"] if resume else words


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        part, field = name.split(".")
        return [f"--{part}.{field}" if value else f"--{part}.no-{field}"]
    values = value if isinstance(value, tuple | list) else (value,)
    return [f"--{name}", *(str(v) for v in values)]


def shown(arguments: list[str]) -> str:
    """Return a command as a person would type it."""
    return shlex.join(["python", *arguments])


def start(arguments: list[str], run: RunFolder) -> int:
    """Start a training command in a process group of its own and return its process id.

    Raises RunError when training is off here or the run is at work already.
    """
    if not may_train():
        raise RunError("Training is off on this host. Copy the command and run it on your own machine.")
    status = run.read_status()
    if status is not None and status.state == "running":
        raise RunError(f"The run {run.path.name} is at work already.")
    if run.exists and "--resume" not in arguments:
        raise RunError(f"There is a run called {run.path.name} already. Resume it, or choose another name.")
    run.path.mkdir(parents=True, exist_ok=True)
    with (run.path / LAST_WORDS).open("ab") as words:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return child.pid


def last_words(run: RunFolder, lines: int = 12) -> str:
    """Return the end of what the child printed, for a run that ended before it could write a status."""
    path = run.path / LAST_WORDS
    if not path.is_file():
        return ""
    # A progress bar rewrites its line; the last writing counts.
    text = path.read_bytes()[-20_000:].decode(errors="replace")
    return "\n".join([line.rsplit("\r", 1)[-1] for line in text.splitlines()][-lines:])


def at_work(run: RunFolder) -> bool:
    """Say whether the process of a run lives."""
    status = run.read_status()
    return status is not None and status.state == "running"


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name; `RunError` while it is at work, or when the name is taken."""
    other = run_of(name)
    if at_work(run):
        raise RunError(f"The run {run.path.name} is at work; stop it first.")
    if other.path.exists():
        raise RunError(f"There is a run called {name} already.")
    run.path.rename(other.path)
    return other


def delete(run: RunFolder) -> None:
    """Delete a run with all its files; `RunError` while it is at work."""
    if at_work(run):
        raise RunError(f"The run {run.path.name} is at work; stop it first.")
    shutil.rmtree(run_of(run.path.name).path)


def all_runs() -> list[RunFolder]:
    """Return the runs of this app, newest first."""
    return list_runs(runs_root())


def preset_of(name: str) -> Config:
    """Return a preset; `ConfigError` names them all."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
