"""Training from the page: a child process that runs the same command a person would type.

The run folder is the only thing between the two: a reload of the page or a restart of the app loses nothing.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from avseg.config import PRESETS, Config
from avseg.disk import whole
from avseg.errors import ConfigError, RunError
from avseg.runs import RunFolder, Status, lives

ROOT = Path(__file__).resolve().parent.parent
LAST_WORDS = "console.txt"  # what the child printed; the log of the run is its own
LAUNCH = "launch.json"  # the child that the page started last, until it writes a status itself
READ_BACK = 20_000  # bytes of the console that are looked at
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOT_HERE = "Training is off on this host. Copy the command and run it on your own machine."

State = Literal["starting", "running", "stopping", "finished", "stopped", "failed", "killed"]
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Seen:
    """What can be said of a run from outside."""

    state: State
    message: str = ""
    status: Status | None = None
    pid: int = 0  # of the process that lives, 0 for none

    @property
    def alive(self) -> bool:
        """A process is at work on the run."""
        return self.pid > 0


@dataclass(frozen=True)
class Launch:
    """A child that was started from the page."""

    pid: int
    process_started: float
    time: float
    withdrawn: bool = False  # ended from the page before it wrote a status


def runs_root() -> Path:
    """Return the folder of all runs: AVSEG_RUNS, or `runs` beside app.py."""
    return Path(os.environ.get("AVSEG_RUNS", ROOT / "runs")).expanduser()


def public_host() -> bool:
    """Whether strangers may open the page: on a Space, or where AVSEG_PUBLIC=1."""
    return bool(os.environ.get("SPACE_ID")) or os.environ.get("AVSEG_PUBLIC") == "1"


def may_train() -> bool:
    """Training, adding folders and deleting are off on a public host unless its owner allows them."""
    return not public_host() or os.environ.get("AVSEG_ALLOW_TRAINING") == "1"


def require_training() -> None:
    """Raise RunError where training is off."""
    if not may_train():
        raise RunError(NOT_HERE)


def run_of(name: str) -> RunFolder:
    """Return the run of a name below the root; `RunError` for a name that is no plain folder name."""
    plain = isinstance(name, str) and name == Path(name).name and name.isprintable()
    if not plain or not name or name.startswith(".") or "\\" in name:
        raise RunError(f"{name!r} cannot name a run: use letters, digits, dashes and underscores.")
    return RunFolder(runs_root() / name)


def new_run(name: str) -> RunFolder:
    """Return the folder of a run to be; `RunError` for a name that is not plain or is taken."""
    run = run_of((name or "").strip())
    if not NAME.fullmatch(run.path.name):
        raise RunError(
            f"{run.path.name!r} cannot name a run: use up to 64 letters, digits, dashes and underscores."
        )
    if run.exists or look(run).alive:
        raise RunError(f"There is a run called {run.path.name} already. Resume it, or choose another name.")
    return run


def command_of(
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
        known = asdict(getattr(base, part))
        for name, value in asdict(getattr(config, part)).items():
            if value != known[name]:
                flags += _flag(f"{part}.{name}".replace("_", "-"), value)
    words = ["-m", "avseg", "train", preset, "--data", data, "--out", str(out), "--device", device]
    words += ["--workers", str(workers)] if workers != 1 else []
    words += ["--start-from", start_from] if start_from and not resume else []
    return [*words, *flags, "--resume"] if resume else [*words, *flags]


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        part, field = name.split(".")
        return [f"--{part}.{field}" if value else f"--{part}.no-{field}"]
    values = value if isinstance(value, tuple | list) else (value,)
    return [f"--{name}", *(str(v) for v in values)]


def resume_command(run: RunFolder, epochs: int = 0) -> list[str]:
    """Return the arguments that go on with a run, up to `epochs` of them where that is more than it has.

    Data, device and workers are those of its last command. Raises RunError when there is no run, ConfigError
    for fewer epochs than it has done.
    """
    config, status = run.config(), run.read_status()
    if epochs:
        config = _longer(config, epochs, status)
    words = shlex.split(status.command) if status else []
    preset = min(PRESETS, key=lambda name: _differences(PRESETS[name], config))
    workers = option(words, "--workers", "1")
    return command_of(
        config,
        preset,
        status.data if status else "synth",
        shown_path(run.path),
        resume=True,
        device=option(words, "--device", "auto"),
        workers=int(workers) if workers.isdigit() else 1,
    )


def _longer(config: Config, epochs: int, status: Status | None) -> Config:
    done = status.epoch if status else 0
    if epochs < max(1, done):
        raise ConfigError(f"The run has done {done} epochs; give that number or more, not {epochs}.")
    return Config(config.model, type(config.train)(**asdict(config.train) | {"epochs": epochs}))


def _differences(one: Config, other: Config) -> int:
    return sum(
        value != asdict(getattr(other, part))[name]
        for part in ("model", "train")
        for name, value in asdict(getattr(one, part)).items()
    )


def option(words: list[str], name: str, default: str) -> str:
    """Return the value behind a flag of a command."""
    return words[words.index(name) + 1] if name in words[:-1] else default


def shown_path(path: Path) -> Path:
    """Return a path as the command writes it: relative to the folder of app.py where it lies below."""
    path = path.resolve() if path.exists() else path
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def shown(arguments: list[str]) -> str:
    """Return a command as a person would type it."""
    return shlex.join(["python", *arguments])


def start(arguments: list[str], run: RunFolder) -> int:
    """Start a training command in a process group of its own and return its process id.

    Raises RunError when training is off here or the run is at work already.
    """
    require_training()
    with _ONE_AT_A_TIME:
        if look(run).alive:
            raise RunError(f"The run {run.path.name} is at work already.")
        if run.exists and "--resume" not in arguments:
            raise RunError(
                f"There is a run called {run.path.name} already. Resume it, or choose another name."
            )
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            return _launch(arguments, run)
        except OSError as error:
            raise RunError(f"The run folder cannot be written: {error.strerror or error}.") from error


def _launch(arguments: list[str], run: RunFolder) -> int:
    now = time.time()
    with (run.path / LAST_WORDS).open("ab") as words:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    threading.Thread(target=child.wait, daemon=True).start()  # so that no zombie stays behind
    try:
        begun = psutil.Process(child.pid).create_time()
    except psutil.Error:  # it ended at once
        begun = now
    _note_launch(run, Launch(child.pid, begun, now))
    return child.pid


def _note_launch(run: RunFolder, launch: Launch) -> None:
    with whole(run.path / LAUNCH) as file:
        file.write_text(json.dumps(asdict(launch)))


def _launch_of(run: RunFolder) -> Launch | None:
    try:
        return Launch(**json.loads((run.path / LAUNCH).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def look(run: RunFolder) -> Seen:
    """Say where a run stands and whether its process lives."""
    status, launch = run.read_status(), _launch_of(run)
    if status is not None and status.state == "running":
        return Seen("stopping" if run.asked_to_stop else "running", status.message, status, status.pid)
    if launch is not None and (status is None or launch.time > status.updated):
        if lives(launch.pid, launch.process_started):
            return Seen("starting", "", status, launch.pid)
        if launch.withdrawn:
            return Seen("stopped", "Ended before it began.", status)
        return Seen("failed", f"It ended before it began. {_last_sentence(run)}".strip(), status)
    if status is None:
        return Seen("stopped", "There is no status in its folder.")
    return Seen(status.state, status.message, status)


def _last_sentence(run: RunFolder) -> str:
    lines = [line.strip() for line in last_words(run).splitlines() if line.strip()]
    return lines[-1].removeprefix("avseg: ") if lines else ""


def stop(run: RunFolder) -> None:
    """Ask a run to write a checkpoint and end; one that has not begun yet ends at once.

    Raises RunError when training is off here or no process is at work.
    """
    require_training()
    seen = look(run)
    if not seen.alive:
        raise RunError(f"The run {run.path.name} is not at work.")
    if seen.state == "starting":
        launch = _launch_of(run)
        _note_launch(run, Launch(**asdict(launch) | {"withdrawn": True}))
        kill(seen.pid)
    else:
        run.ask_to_stop()


def end_at_once(run: RunFolder) -> None:
    """End the process of a run without waiting for a checkpoint; the last one is whole."""
    require_training()
    seen = look(run)
    if not seen.alive:
        raise RunError(f"The run {run.path.name} is not at work.")
    kill(seen.pid)
    run.take_stop_away()


def kill(pid: int) -> None:
    """Kill a process of ours and its workers."""
    try:
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            one.send_signal(signal.SIGKILL)
        process.wait(10)
    except psutil.Error:  # gone already, or slow to go
        return


def last_words(run: RunFolder, lines: int = 12) -> str:
    """Return the end of what the child printed, for a run that ended before it could write a status."""
    path = run.path / LAST_WORDS
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - READ_BACK))
        text = file.read().decode(errors="replace")
    # A progress bar rewrites its line; the last writing counts.
    return "\n".join([line.rsplit("\r", 1)[-1] for line in text.split("\n")][-lines:])


def at_work(run: RunFolder) -> bool:
    """Say whether the process of a run lives."""
    return look(run).alive


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name; `RunError` while it is at work, or when the name is taken."""
    require_training()
    other = run_of(name)
    if not NAME.fullmatch(name):
        raise RunError(f"{name!r} cannot name a run: use up to 64 letters, digits, dashes and underscores.")
    if at_work(run):
        raise RunError(f"The run {run.path.name} is at work; stop it first.")
    if other.path.exists():
        raise RunError(f"There is a run called {name} already.")
    _exists(run)
    run.path.rename(other.path)
    return other


def delete(run: RunFolder) -> None:
    """Delete a run with all its files; `RunError` while it is at work."""
    require_training()
    if at_work(run):
        raise RunError(f"The run {run.path.name} is at work; stop it first.")
    _exists(run)
    path = run_of(run.path.name).path
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def _exists(run: RunFolder) -> None:
    if run.path.name not in {other.path.name for other in all_runs()}:
        raise RunError(f"There is no run called {run.path.name} any more.")


def all_runs() -> list[RunFolder]:
    """Return the runs of this app, also those that are only starting, the one begun last first."""
    return [run for _, run in sorted(_found(), key=lambda pair: pair[0], reverse=True)]


def _found() -> Iterator[tuple[float, RunFolder]]:
    for path in runs_root().glob("*"):
        times = []
        for name in ("config.json", LAUNCH):
            try:
                times.append((path / name).stat().st_mtime)
            except OSError:  # not there, or going right now
                continue
        if times:
            yield max(times), RunFolder(path)


def preset_of(name: str) -> Config:
    """Return a preset; `ConfigError` names them all."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
