"""Child processes that run the command a person would type, each with a job folder."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from avseg.jobs.folder import JobFolder, Launch

ROOT = Path(__file__).resolve().parents[2]  # where commands run


def launch(arguments: Sequence[str], job: JobFolder) -> subprocess.Popen:
    """Start `python` with these arguments in a session of its own; its output goes to the job's console.

    The process is recorded in the job folder, and reaped by a thread when it ends. Raises OSError when the
    folder cannot be written.
    """
    now = time.time()
    with job.console_file.open("ab") as console:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()
    try:
        started = psutil.Process(process.pid).create_time()
    except psutil.Error:  # it ended at once
        started = now
    job.write_launch(Launch(process.pid, started, now))
    return process


def kill(pid: int) -> None:
    """Kill a process of ours and its workers, never this one."""
    if pid in (0, os.getpid()):
        return
    try:
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            one.send_signal(signal.SIGKILL)
        process.wait(10)
    except psutil.Error:  # gone already, or slow to go
        return
