"""A job folder: the only link between a long process (training, evaluation) and whoever watches it.

    status.json    state and progress; replaced atomically
    stop           created by whoever wants the job to stop
    log.txt        messages of the job, with times
    launch.json    the process that was started last, until it writes a status itself
    console.txt    what that process printed

Reading a job folder does not import torch, so that watching is cheap.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

import psutil

from avseg.config import read_record
from avseg.errors import ConfigError
from avseg.files import write_texts, writing

State = Literal["waiting", "running", "finished", "stopped", "failed", "killed"]
UNDER_WAY: tuple[State, ...] = ("waiting", "running")
CONSOLE = "console.txt"
CONSOLE_BYTES = 20_000  # of the end of the console that `console_tail` reads
CONSOLE_MOST = 1_000_000  # bytes of a console that `trim_console` leaves alone


@dataclass(frozen=True)
class JobStatus:
    """State of a job. `killed` is never written: `read_status` derives it when the process is gone."""

    state: State
    message: str = ""
    pid: int = field(default=0, kw_only=True)
    process_started: float = field(default=0.0, kw_only=True)  # a later process may have the same pid
    booted: float = field(default=0.0, kw_only=True)  # when, by the clock that says process_started
    updated: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True)
class Launch:
    """A process that was started for a job."""

    pid: int
    process_started: float
    time: float
    withdrawn: bool = False  # stopped before it wrote a status
    booted: float = 0.0


StatusT = TypeVar("StatusT", bound=JobStatus)
RecordT = TypeVar("RecordT", bound=JobStatus | Launch)


class JobFolder(Generic[StatusT]):
    """Reads and writes one job folder; subclasses name the class of their status."""

    status_class: type[StatusT]
    stop_here = False  # whether this process was asked to stop, with or without a file

    def __init__(self, path: Path):
        self.path = Path(path)
        self.status_file = self.path / "status.json"
        self.stop_file = self.path / "stop"
        self.log_file = self.path / "log.txt"
        self.launch_file = self.path / "launch.json"
        self.console_file = self.path / CONSOLE

    def write_status(self, status: StatusT) -> None:
        """Replace the status, stamped with this process and the time."""
        process, booted = psutil.Process(), psutil.boot_time()
        started = process.create_time()
        stamped = replace(
            status, pid=process.pid, process_started=started, booted=booted, updated=time.time()
        )
        write_texts(self.path, {self.status_file.name: json.dumps(asdict(stamped), indent=2)})

    def read_status(self) -> StatusT | None:
        """Return the status, None without a readable one; `damage` tells a missing from a damaged one.

        One that says running although the process is gone is returned as `killed`.
        """
        status = _readable(self.status_class, self.status_file)
        if status is None:
            return None
        if status.state == "running" and not lives(status):
            message = f"The process ended without a message. {self.advice}".strip()
            return replace(status, state="killed", message=message)
        return status

    @property
    def advice(self) -> str:
        """How to go on after an interruption."""
        return ""

    def request_stop(self) -> None:
        """Ask the job to stop at the next opportunity."""
        with writing(self.stop_file):
            self.stop_file.touch()

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self.stop_here or os.path.exists(self.stop_file)

    def clear_stop(self, before: float | None = None) -> None:
        """Withdraw the request to stop; with `before` (s since 1970) only one that is older."""
        with suppress(FileNotFoundError):
            if before is None or self.stop_file.stat().st_mtime < before:
                self.stop_file.unlink()

    def log(self, message: str) -> None:
        """Append a line to the log."""
        # A file's name may hold bytes that are not UTF-8.
        with (
            writing(self.log_file),
            self.log_file.open("a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")

    def log_tail(self, lines: int = 50) -> str:
        """Return the last lines of the log, "" if there is none that can be read."""
        try:
            text = self.log_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def write_launch(self, launch: Launch) -> None:
        """Record the process that was started for this job."""
        write_texts(self.path, {self.launch_file.name: json.dumps(asdict(launch))})

    def read_launch(self) -> Launch | None:
        """Return the process that was started last, None without one."""
        return _readable(Launch, self.launch_file)

    @property
    def damage(self) -> str:
        """What is wrong with the files of this folder, in a sentence; "" for a sound one."""
        return _damage(self.status_class, self.status_file) or _damage(Launch, self.launch_file)

    def console_tail(self, lines: int = 12) -> str:
        """Return the last lines that the process printed, without empty ones."""
        try:
            with self.console_file.open("rb") as file:
                file.seek(max(0, self.console_file.stat().st_size - CONSOLE_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:  # none, or one that this user may not read
            return ""
        # A progress bar rewrites its line; only the last version counts.
        printed = (line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
        return "\n".join([line for line in printed if line.strip()][-lines:])

    def trim_console(self) -> None:
        """Keep only the end of a console that has grown long; the process goes on appending to it."""
        with suppress(OSError):
            if self.console_file.stat().st_size <= CONSOLE_MOST:
                return
            with self.console_file.open("r+b") as file:
                file.seek(-CONSOLE_BYTES, os.SEEK_END)
                end = file.read()
                file.seek(0)
                file.write(end[end.find(b"\n") + 1 :])
                file.truncate()

    @property
    def last_message(self) -> str:
        """The last line that the process printed: of a command that failed, the reason."""
        return self.console_tail(1).strip().removeprefix("avseg: ")


def _readable(kind: type[RecordT], path: Path) -> RecordT | None:
    try:
        return read_record(kind, path)
    except ConfigError:
        return None


def _damage(kind: type, path: Path) -> str:
    try:
        read_record(kind, path)
    except ConfigError as error:
        return str(error)
    return ""


def lives(record: JobStatus | Launch) -> bool:
    """Return whether the process of a record still runs."""
    try:
        process = psutil.Process(record.pid)
        found = replace(record, process_started=process.create_time(), booted=psutil.boot_time())
        return same_process(record, found) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, TypeError, ValueError, OverflowError):  # the last three: an edited status
        return False


def same_process(one: JobStatus | Launch, other: JobStatus | Launch) -> bool:
    """Return whether two records are of one process.

    A clock that is set moves the start of a process on Linux together with the time of boot, so the seconds
    between them count; on other systems the start does not move.
    """
    start, booted = one.process_started - other.process_started, one.booted - other.booted
    after_boot = abs(start - booted) < 1.5 and one.booted > 0 and other.booted > 0
    return one.pid == other.pid and (abs(start) < 1.0 or after_boot)
