"""How a run ends when it does not reach its last step: signals, errors, and the words for them."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch

from avseg.errors import AvsegError, RunError
from avseg.training.run_folder import RunFolder, Status

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def stop_on_signals(run: RunFolder, main: bool) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask the run to stop after a checkpoint; a second one ends it at once.

    Of several processes only the main one listens. Outside the main thread nothing changes.
    """

    def ask(number: int, _: object) -> None:
        signal.signal(number, before[number])
        if main:
            run.request_stop()

    before: dict[int, object] = {}
    with suppress(ValueError):  # not the main thread
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def report_status(run: RunFolder, status: Status, main: bool) -> Iterator[None]:
    """Write the status of a run that begins, and, when it ends by an error, why: into status and log.

    Of several processes only the main one writes.
    """
    if main:
        run.write_status(status)
    try:
        yield
    except BaseException as error:
        if main:
            known = run.read_status() or status
            with suppress(OSError):  # the disk may be what is full
                run.write_status(replace(known, state="failed", message=error_message(error)))
                run.say(error_message(error))
        raise


@contextmanager
def translate_errors(folder: Path) -> Iterator[None]:
    """Turn what machines run out of into a `RunError` that says what to do; other errors pass."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _memory() from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _disk(folder) from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise _memory() from error
        if str(error).startswith("DataLoader worker"):
            raise RunError(
                "A process that prepares clips was ended from outside, which happens when the memory is not "
                "enough. Lower --workers and go on with --resume."
            ) from error
        raise
    except Exception as error:
        # safetensors wraps the system's error.
        if any(f"os error {number}" in str(error) for number in FULL):
            raise _disk(folder) from error
        raise


def _memory() -> RunError:
    return RunError(
        "The memory is not enough. Lower train.batch_size, raise train.accumulate, or take a smaller "
        "model.image_size; then begin another run."
    )


def _disk(folder: Path) -> RunError:
    left = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize / 2**20
    return RunError(
        f"The disk of {folder} is full ({left:.0f} MiB left); the last checkpoint is whole. Make room and go "
        "on with --resume."
    )


def error_message(error: BaseException) -> str:
    """Return the sentence that the status keeps of an error."""
    if isinstance(error, AvsegError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Ended at once by Ctrl-C; the last checkpoint is whole. Go on with --resume."
    return f"{type(error).__name__}: {error}"
