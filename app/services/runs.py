"""The training runs of this app: list them, read their state, start, stop, resume, rename and delete them.

Training is a child process that runs the command a person would type. The run folder is the only thing
between the two, so a reload of the page or a restart of the app loses nothing.
"""

import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.services import process
from app.services.host import may_train, require_training
from app.services.process import ROOT
from avseg.errors import RunError
from avseg.files import is_plain_name, visible
from avseg.jobs.folder import State as JobState
from avseg.training.run_folder import RunFolder, Status

EXAMPLE = "classroom (bundled)"  # not a name that a new run may have
EXAMPLE_FOLDER = ROOT / "assets" / "results" / "classroom"
STUDY_JOB = "job"  # folder in that of an ablation study which was started from the page
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

State = JobState | Literal["starting", "stopping"]
_LOCK = threading.Lock()


@dataclass(frozen=True)
class RunState:
    """What can be read of a run from its folder and its process."""

    state: State
    message: str = ""
    status: Status | None = None
    pid: int = 0  # of the process that is alive, 0 for none

    @property
    def name(self) -> str:
        """The state as a visitor reads it."""
        return "crashed" if self.state == "killed" else self.state

    @property
    def alive(self) -> bool:
        """Whether a process is working on the run."""
        return self.pid > 0


def runs_root() -> Path:
    """Return the folder of all runs: AVSEG_RUNS, or `runs` beside app.py."""
    return Path(os.environ.get("AVSEG_RUNS", ROOT / "runs")).expanduser()


def run_folder(name: str) -> RunFolder:
    """Return the run of a name under the root; raises RunError unless it is a plain folder name."""
    if not is_plain_name(name):
        raise RunError(_invalid(name))
    return RunFolder(runs_root() / name)


def new_run_folder(name: object) -> RunFolder:
    """Return the folder of a name for a new run; stricter than `run_folder`. Raises RunError."""
    text = str(name or "").strip()
    run = run_folder(text)
    if not NAME.fullmatch(text):
        raise RunError(_invalid(text))
    return run


def _invalid(name: object) -> str:
    return f"{name!r} is not a valid run name: use up to 64 letters, digits, dashes and underscores."


def all_runs() -> list[RunFolder]:
    """Return the runs of this app, including those that are only starting, newest first."""
    begun: list[tuple[float, RunFolder]] = []
    for path in visible(runs_root().glob("*")):
        run, times = RunFolder(path), []
        for file in (run.config_file, run.launch_file):
            try:
                times.append(file.stat().st_mtime)
            except OSError:  # missing, or being deleted right now
                continue
        if times:
            begun.append((max(times), run))
    return [run for _, run in sorted(begun, key=lambda pair: pair[0], reverse=True)]


def study_model(name: str) -> Path | None:
    """Return the last model of a run of an ablation study by STUDY/ROW/seed-N, None where there is none.

    Lists of models leave these out: a study has dozens.
    """
    parts = name.split("/")
    if len(parts) != 3:
        return None
    try:
        folder = run_folder(parts[0]).path.joinpath(*(run_folder(part).path.name for part in parts[1:]))
    except RunError:
        return None
    file = RunFolder(folder).last_model
    return file if file.is_file() else None


def shown_runs() -> dict[str, RunFolder]:
    """Return by name the runs that visitors may look at: this app's own unless training is off, the example.

    The example is a finished run that comes with the app; nothing but looking can be done with it.
    """
    own = all_runs() if may_train() else []
    return {run.path.name: run for run in own} | {EXAMPLE: RunFolder(EXAMPLE_FOLDER)}


def run_state(run: RunFolder) -> RunState:
    """Return the state of a run and whether its process is alive."""
    status = run.read_status()
    if status is not None and status.state == "running":
        return RunState("stopping" if run.stop_requested else "running", status.message, status, status.pid)
    if startup := process.startup(run, status):
        return RunState(startup.state, startup.message, status, startup.pid)
    if status is None:
        return RunState("stopped", run.damage or "The run folder has no status file.")
    return RunState(status.state, status.message, status)


def check_free(name: object) -> RunFolder:
    """Return the folder of a run to be; raises RunError for a name that is invalid or taken."""
    run = new_run_folder(name)
    if (run.path / STUDY_JOB).is_dir():
        raise RunError(f"An ablation study is named {run.path.name}. Choose another name.")
    if run.exists or run_state(run).alive:
        raise RunError(f"A run named {run.path.name} already exists. Resume it, or choose another name.")
    return run


def start(arguments: list[str], run: RunFolder) -> None:
    """Start a training command. Raises RunError when training is off here or the run is already running."""
    require_training()
    with _LOCK:
        if run_state(run).alive:
            raise RunError(f"The run {run.path.name} is already running.")
        if "--resume" not in arguments:
            check_free(run.path.name)
        try:
            process.launch(arguments, run)
        except OSError as error:
            raise RunError(f"The run folder cannot be written: {error.strerror or error}.") from error


def stop(run: RunFolder) -> None:
    """Ask a run to save a checkpoint and stop; one that is only starting is killed.

    Raises RunError when training is off here or the run is not running.
    """
    if _require_running(run).state == "starting":
        process.withdraw(run)
    else:
        run.request_stop()


def stop_now(run: RunFolder) -> None:
    """Kill a run without waiting for a checkpoint; the previous checkpoint stays intact. Raises RunError."""
    process.kill(_require_running(run).pid)
    run.clear_stop()


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name; raises RunError while it is running, or when the name is taken."""
    other = new_run_folder(name)
    _require_idle(run)
    if other.path.exists():
        raise RunError(f"A run named {name} already exists.")
    try:
        run.path.rename(other.path)
    except OSError as error:
        raise RunError(f"{run.path.name} cannot be renamed: {error.strerror or error}.") from error
    return other


def delete(run: RunFolder) -> None:
    """Delete a run with all its files; raises RunError while it is running."""
    _require_idle(run)
    path = run_folder(run.path.name).path
    try:
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    except OSError as error:
        raise RunError(f"{path.name} cannot be deleted: {error.strerror or error}.") from error


def _require_running(run: RunFolder) -> RunState:
    require_training()
    state = run_state(run)
    if not state.alive:
        raise RunError(f"The run {run.path.name} is not running.")
    return state


def _require_idle(run: RunFolder) -> None:
    require_training()
    if run_state(run).alive:
        raise RunError(f"The run {run.path.name} is running; stop it first.")
    if run.path.name not in {other.path.name for other in all_runs()}:
        raise RunError(f"The run {run.path.name} does not exist.")
