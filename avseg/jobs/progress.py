"""A job that counts: its status says how much is done, and it stops at its next step when asked to."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import psutil

from avseg.errors import AvsegError, WriteError
from avseg.jobs.folder import JobFolder, JobStatus, State
from avseg.jobs.signals import error_message, stop_on_signals

AT_ONCE = "Stopped at once."


@dataclass(frozen=True)
class ProgressStatus(JobStatus):
    """State and progress of a job."""

    done: int = 0
    total: int = 0  # 0 until it is known
    seconds: float = 0.0  # since it started

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, None before the first step."""
        if self.state != "running" or not self.done:
            return None
        return self.seconds / self.done * (self.total - self.done)


StatusT = TypeVar("StatusT", bound=ProgressStatus)


class Stopped(AvsegError):
    """Somebody asked the job to stop."""


class ProgressFolder(JobFolder[StatusT]):
    """Reads and writes the status of a job that counts."""

    def read_status(self) -> StatusT | None:
        """Return the status; a process that is gone after a stop was requested counts as stopped."""
        status = super().read_status()
        if status is not None and status.state == "killed" and self.stop_requested:
            return replace(status, state="stopped", message=AT_ONCE)
        return status


@contextmanager
def track(
    folder: ProgressFolder[StatusT],
    stopped: Callable[[int, int], str],
    at_once: str = AT_ONCE,
    every: float = 0.0,
) -> Iterator[Callable[[int, int], None]]:
    """Write the status of a job while the block runs, including the message of an error that ends it.

    Yields an `on_progress` (done, total), which raises Stopped with the message of `stopped` when a stop was
    requested. SIGTERM and Ctrl-C request one; a second signal ends the process at once. every: least seconds
    between two statuses.
    """
    started, written = time.monotonic(), 0.0
    progress = folder.status_class("running")

    def write(state: State = "running", message: str = "") -> None:
        nonlocal written
        written = time.monotonic()
        seconds = round(written - started, 3)
        folder.write_status(replace(progress, state=state, message=message, seconds=seconds))

    def on_progress(done: int, total: int) -> None:
        nonlocal progress
        first, progress = not progress.done, replace(progress, done=done, total=total)
        if folder.stop_requested:
            raise Stopped(stopped(done, total))
        if first or done >= total or time.monotonic() - written >= every:
            write()

    write()
    # A request left by an earlier job does not count; one made while this process started does.
    folder.clear_stop(before=psutil.Process().create_time())
    try:
        with stop_on_signals(folder):
            yield on_progress
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        message = at_once if interrupted else error_message(error)
        with suppress(WriteError):  # the disk may be full
            write("stopped" if interrupted or isinstance(error, Stopped) else "failed", message)
        raise
    else:
        write("finished")
    finally:
        folder.clear_stop()
