"""How a job ends early: signals, errors, and the messages that explain them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from avseg.errors import AvsegError, RunError, WriteError
from avseg.files import full_disk, write_error
from avseg.jobs.folder import JobFolder, StatusT
from avseg.late import torch

Handler = Callable[[int, FrameType | None], object] | int | None
OUT_OF_MEMORY = (
    "Out of memory. Lower train.batch_size, raise train.accumulate, or choose a smaller model.image_size; "
    "then start another run."
)
WORKER_KILLED = (
    "A data loading process was killed, which usually means that the memory is exhausted. Lower --workers, "
    "and resume or run it again."
)
SHARED_MEMORY = (
    "The shared memory through which data loading processes hand over clips is full ({size}). Containers "
    "have 64 MiB by default: start this one with --shm-size=2g, or use --workers 0."
)
SHM = Path("/dev/shm")


@contextmanager
def stop_on_signals(job: JobFolder, main: bool = True) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM request a stop; a second signal ends the process at once.

    main: whether this is the main one of several processes; only that one requests the stop. Outside the
    main thread nothing changes.
    """

    def handle(number: int, _: FrameType | None) -> None:
        signal.signal(number, previous[number])
        if main:
            job.stop_here = True
            with suppress(OSError):  # the disk may be full
                job.request_stop()

    previous: dict[int, Handler] = {}
    with suppress(ValueError):  # not the main thread
        for caught in (signal.SIGINT, signal.SIGTERM):
            previous[caught] = signal.signal(caught, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def report_status(job: JobFolder[StatusT], status: StatusT, main: bool = True) -> Iterator[None]:
    """Write the first status of a job and, if an error ends it, the error's message to status and log.

    main: whether this is the main one of several processes; only that one writes.
    """
    if main:
        job.write_status(status)
    try:
        yield
    except BaseException as error:
        if main:
            last = job.read_status() or status
            with suppress(OSError):  # the disk may be full
                message = error_message(error, job.advice)
                job.write_status(replace(last, state="failed", message=message))
                job.log(message)
        raise


@contextmanager
def translate_errors(job: JobFolder) -> Iterator[None]:
    """Turn errors about exhausted memory or disk into a `RunError` that says what to do."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(OUT_OF_MEMORY) from error
    except OSError as error:
        if not (number := full_disk(error)):
            raise
        said = error if isinstance(error, WriteError) else write_error(number, job.path)
        raise RunError(f"{said} {job.advice}") from error
    except RuntimeError as error:
        if loading := _loading_error(error):
            raise loading from error
        if "allocate memory" in str(error):
            raise RunError(OUT_OF_MEMORY) from error
        raise


@contextmanager
def translate_loading_errors() -> Iterator[None]:
    """Turn errors of processes that read clips into a `RunError` that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if loading := _loading_error(error):
            raise loading from error
        raise


def _loading_error(error: RuntimeError) -> RunError | None:
    text = str(error)
    if any(words in text for words in ("shared memory", "Bus error", "/dev/shm", "</torch_")):
        size = f"{SHM} has {shutil.disk_usage(SHM).total // 2**20} MiB" if SHM.is_dir() else "no /dev/shm"
        return RunError(SHARED_MEMORY.format(size=size))
    return RunError(WORKER_KILLED) if text.startswith("DataLoader worker") else None


def error_message(error: BaseException, advice: str = "") -> str:
    """Return the message that the status keeps of an error; advice: how an interrupted job goes on."""
    if isinstance(error, AvsegError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return f"Interrupted by Ctrl-C. {advice}".strip()
    return f"{type(error).__name__}: {error}"
