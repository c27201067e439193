"""The folder of an evaluation while it is under way; see `avseg.jobs.folder`.

The report is written beside the status when all clips are evaluated, and not before.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from avseg.errors import AvsegError, WriteError
from avseg.jobs.folder import UNDER_WAY, JobFolder, JobStatus, State
from avseg.jobs.signals import error_message, stop_on_signals

__all__ = ["UNDER_WAY", "EvaluationFolder", "EvaluationStatus", "Stopped", "track_progress"]


@dataclass(frozen=True)
class EvaluationStatus(JobStatus):
    """State and progress of an evaluation."""

    done: int = 0  # clips
    total: int = 0  # 0 until the data are found
    seconds: float = 0.0  # since it started

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, None before the first clip."""
        if self.state != "running" or not self.done:
            return None
        return self.seconds / self.done * (self.total - self.done)


class Stopped(AvsegError):
    """Somebody asked the evaluation to stop."""


class EvaluationFolder(JobFolder[EvaluationStatus]):
    """Reads and writes the status of an evaluation."""

    status_class = EvaluationStatus

    def read_status(self) -> EvaluationStatus | None:
        """Return the status; a process that is gone after a stop was requested counts as stopped."""
        status = super().read_status()
        if status is not None and status.state == "killed" and self.stop_requested:
            return replace(status, state="stopped", message="Stopped at once.")
        return status


@contextmanager
def track_progress(path: Path | None) -> Iterator[Callable[[int, int], None] | None]:
    """Write the status of an evaluation while the block runs, including the message of an error that ends it.

    Yields the `on_progress` of `evaluate`, which raises Stopped when a stop was requested. SIGTERM and Ctrl-C
    request one; a second signal ends the process at once. None writes nothing.
    """
    if path is None:
        yield None
        return
    folder, started = EvaluationFolder(path), time.monotonic()
    progress = EvaluationStatus("running")

    def write(state: State = "running", message: str = "") -> None:
        seconds = round(time.monotonic() - started, 3)
        folder.write_status(replace(progress, state=state, message=message, seconds=seconds))

    def on_progress(done: int, total: int) -> None:
        nonlocal progress
        progress = replace(progress, done=done, total=total)
        if folder.stop_requested:
            raise Stopped(f"Stopped after {done} of {total} clips; no report was written.")
        write()

    write()
    # A request left by an earlier evaluation does not count; one made while this process started does.
    folder.clear_stop(before=psutil.Process().create_time())
    try:
        with stop_on_signals(folder):
            yield on_progress
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        message = "Stopped at once; no report was written." if interrupted else error_message(error)
        with suppress(WriteError):  # the disk may be full
            write("stopped" if interrupted or isinstance(error, Stopped) else "failed", message)
        raise
    else:
        write("finished")
    finally:
        folder.clear_stop()
