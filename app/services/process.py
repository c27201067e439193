"""Child processes that run `python -m avseg ...`: the only place of the app that starts them.

Everything about a child is in its job folder, so a reload of the page or a restart of the app loses nothing.
As soon as the child has loaded, it writes a status; until then `startup` tells whether it is still starting.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

from avseg.jobs.folder import JobFolder, JobStatus, Launch, lives, same_process
from avseg.processes import drop_launcher

ROOT = Path(__file__).resolve().parents[2]  # where commands run
TRIM_SECONDS = 60.0  # between two looks at the size of a console


@dataclass(frozen=True)
class Startup:
    """A child that has written no status since it was launched."""

    state: Literal["starting", "stopped", "failed"]
    message: str = ""
    pid: int = 0  # 0 unless it is starting


def launch(arguments: Sequence[str], job: JobFolder, on_exit: Callable[[], None] | None = None) -> Launch:
    """Start `python` with these arguments in a session of its own, and record it in its job folder.

    Its output goes to the job's console. on_exit is called from another thread when the child ends. Raises
    OSError if the folder cannot be written.
    """
    job.path.mkdir(parents=True, exist_ok=True)
    job.trim_console()
    # Progress bars are for terminals and would fill the console of a run of days; its text is always UTF-8.
    quiet = {"TQDM_DISABLE": "1", "PYTHONUTF8": "1"}
    with job.console_file.open("ab") as console:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=drop_launcher(os.environ) | quiet,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait() -> None:
        while True:
            try:
                process.wait(TRIM_SECONDS)  # without it, the ended child would stay in the process table
                break
            except subprocess.TimeoutExpired:
                job.trim_console()
        if on_exit:
            on_exit()

    started = now = time.time()
    with suppress(psutil.Error):  # it may have ended already
        started = psutil.Process(process.pid).create_time()
    threading.Thread(target=wait, daemon=True).start()
    record = Launch(process.pid, started, now, booted=psutil.boot_time())
    try:
        job.write_launch(record)
    except OSError:
        process.kill()  # nobody could watch or stop it
        raise
    return record


def startup(job: JobFolder, status: JobStatus | None = None) -> Startup | None:
    """Return how far a child is that has not written a status yet; None if it has, or without a child.

    status: that of the folder, which may be of another child.
    """
    record = job.read_launch()
    if record is None or (status is not None and same_process(record, status)):
        return None
    if lives(record):
        return Startup("starting", pid=record.pid)
    if status is not None and record.time <= status.updated:  # of a later process, started without the app
        return None
    if record.withdrawn:
        return Startup("stopped", "Cancelled before it started.")
    return Startup("failed", f"The process failed before it started. {job.last_message}".strip())


def withdraw(job: JobFolder) -> None:
    """Kill the child that is starting, and record that this was a request, not a failure."""
    if record := job.read_launch():
        job.write_launch(replace(record, withdrawn=True))
        kill(record.pid)


def age(pid: int) -> float:
    """Return for how many seconds a process has been running, whatever the clock was set to meanwhile."""
    try:
        return time.time() - psutil.Process(pid).create_time()
    except (psutil.Error, ValueError):
        return 0.0


def kill(pid: int) -> None:
    """Kill a child and its workers, never this process."""
    if pid in (0, os.getpid()):
        return
    try:
        process = psutil.Process(pid)
        for member in [*process.children(recursive=True), process]:
            member.kill()
        process.wait(10)
    except psutil.Error:  # it has ended already, or takes long to end
        return
