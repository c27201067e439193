"""The folder of an evaluation while it is made: how far it is, and how to end it.

    status.json   where it stands; replaced whole
    stop          put here by whoever wants it to end

The report is written beside them when all clips are measured, and not before.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

from avseg.errors import AvsegError, ReportError
from avseg.files import atomic_write
from avseg.jobs.signals import error_message, stop_on_signals
from avseg.training.run_folder import lives

State = Literal["waiting", "running", "finished", "stopped", "failed", "killed"]
STATUS, STOP = "status.json", "stop"
UNDER_WAY = ("waiting", "running")


@dataclass(frozen=True)
class EvaluationStatus:
    """Where an evaluation stands. `killed` is never written: `read` finds it when the process is gone."""

    state: State
    message: str = ""
    done: int = 0  # clips
    total: int = 0  # 0 until the data are found
    seconds: float = 0.0  # since it began
    pid: int = 0
    process_started: float = 0.0  # tells a process from a later one of the same number
    updated: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will still take, None before the first clip."""
        if self.state != "running" or not self.done:
            return None
        return self.seconds / self.done * (self.total - self.done)


class Ended(AvsegError):
    """Somebody asked the evaluation to end."""


class EvaluationFolder:
    """Reads and writes the status of an evaluation."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._status, self._stop = self.path / STATUS, self.path / STOP

    def read(self) -> EvaluationStatus | None:
        """Return the status, with state `killed` when it says running and the process lives no more."""
        try:
            status = EvaluationStatus(**json.loads(self._status.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        if status.state == "running" and not lives(status.pid, status.process_started):
            if self.stop_requested:
                return replace(status, state="stopped", message="Ended at once.")
            return replace(status, state="killed", message="The process ended without a word.")
        return status

    def write(self, status: EvaluationStatus) -> None:
        """Replace the status; process and time are filled in. Raises ReportError when that is impossible."""
        me = psutil.Process()
        stamped = replace(status, pid=me.pid, process_started=me.create_time(), updated=time.time())
        try:
            with atomic_write(self._status) as file:
                file.write_text(json.dumps(asdict(stamped), indent=2), encoding="utf-8")
        except OSError as error:
            raise ReportError(
                f"{self.path} cannot be written to ({error.strerror or error}). Give another --out."
            ) from error

    def request_stop(self) -> None:
        """Ask the evaluation to end at the next clips."""
        self._stop.touch()

    @property
    def stop_requested(self) -> bool:
        """Somebody put the stop file here."""
        return self._stop.exists()

    def clear_stop(self, before: float | None = None) -> None:
        """Remove the stop file; with `before` (s since 1970) only one that was put here earlier."""
        with suppress(FileNotFoundError):
            if before is None or self._stop.stat().st_mtime < before:
                self._stop.unlink()


@contextmanager
def watched(path: Path | None) -> Iterator[Callable[[int, int], None] | None]:
    """Keep the status of the folder while an evaluation goes on in the block; the words of an error too.

    Gives the `on_progress` of `evaluate`, which raises Ended when somebody asked for the end.
    SIGTERM and Ctrl-C ask for it; a second one ends at once. None watches nothing.
    """
    if path is None:
        yield None
        return
    folder, began = EvaluationFolder(path), time.monotonic()
    counted = {"done": 0, "total": 0}

    def write(state: State = "running", message: str = "") -> None:
        seconds = round(time.monotonic() - began, 3)
        folder.write(EvaluationStatus(state, message, seconds=seconds, **counted))

    def on_progress(done: int, total: int) -> None:
        counted.update(done=done, total=total)
        if folder.stop_requested:
            raise Ended(f"Stopped after {done} of {total} clips; no report was written.")
        write()

    write()
    # One that an earlier evaluation left does not count; one that came while this process started does.
    folder.clear_stop(before=psutil.Process().create_time())
    try:
        with stop_on_signals(folder, True):
            yield on_progress
    except BaseException as error:
        at_once = isinstance(error, KeyboardInterrupt)
        words = "Ended at once; no report was written." if at_once else error_message(error)
        with suppress(ReportError):  # the disk may be what is full
            write("stopped" if at_once or isinstance(error, Ended) else "failed", words)
        raise
    else:
        write("finished")
    finally:
        folder.clear_stop()
