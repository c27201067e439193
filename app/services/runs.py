"""The training runs of this app: where they lie, what they are called, and where each of them stands.

A run is seen from its folder alone, so that a reload of the page or a restart of the app loses nothing.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.services.process import ROOT
from avseg.errors import RunError
from avseg.jobs.folder import lives
from avseg.training.run_folder import RunFolder, Status

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

State = Literal["starting", "running", "stopping", "finished", "stopped", "failed", "killed"]


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


def runs_root() -> Path:
    """Return the folder of all runs: AVSEG_RUNS, or `runs` beside app.py."""
    return Path(os.environ.get("AVSEG_RUNS", ROOT / "runs")).expanduser()


def run_of(name: str) -> RunFolder:
    """Return the run of a name below the root; `RunError` for a name that is no plain folder name."""
    plain = isinstance(name, str) and name == Path(name).name and name.isprintable()
    if not plain or not name or name.startswith(".") or "\\" in name:
        raise RunError(f"{name!r} cannot name a run: use letters, digits, dashes and underscores.")
    return RunFolder(runs_root() / name)


def named(name: object) -> RunFolder:
    """Return the folder of a name that a run may be given; stricter than `run_of`. Raises RunError."""
    words = str(name or "").strip()
    run = run_of(words)
    if not NAME.fullmatch(words):
        raise RunError(f"{words!r} cannot name a run: use up to 64 letters, digits, dashes and underscores.")
    return run


def all_runs() -> list[RunFolder]:
    """Return the runs of this app, also those that are only starting, the one begun last first."""
    return [run for _, run in sorted(_found(), key=lambda pair: pair[0], reverse=True)]


def _found() -> Iterator[tuple[float, RunFolder]]:
    for path in runs_root().glob("*"):
        run, times = RunFolder(path), []
        for file in (run.config_file, run.launch_file):
            try:
                times.append(file.stat().st_mtime)
            except OSError:  # not there, or going right now
                continue
        if times:
            yield max(times), run


def look(run: RunFolder) -> Seen:
    """Say where a run stands and whether its process lives."""
    status, launch = run.read_status(), run.read_launch()
    if status is not None and status.state == "running":
        return Seen("stopping" if run.stop_requested else "running", status.message, status, status.pid)
    if launch is not None and (status is None or launch.time > status.updated):
        if lives(launch.pid, launch.process_started):
            return Seen("starting", "", status, launch.pid)
        if launch.withdrawn:
            return Seen("stopped", "Ended before it began.", status)
        return Seen("failed", f"It ended before it began. {run.last_message}".strip(), status)
    if status is None:
        return Seen("stopped", "There is no status in its folder.")
    return Seen(status.state, status.message, status)
