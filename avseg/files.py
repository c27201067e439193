"""Atomic file writing."""

import errno
import os
import pickle
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from avseg.errors import FULL, AvsegError, WriteError

UNFINISHED = ".part"
REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)

# What torch.load may raise on a damaged file.
UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the system in the block, which writes `path`, into a WriteError that names `path`.

    A full disk is recognised whoever reports it (safetensors and ffmpeg do it in words); any other error only
    if it is about `path` or a folder or file beside it.
    """
    path = Path(path)
    try:
        yield
    except AvsegError:
        raise
    except Exception as error:
        number = full_disk(error)
        if isinstance(error, OSError) and error.errno in REFUSED and error.filename is not None:
            about = Path(os.fsdecode(error.filename))
            number = error.errno if path.parent in about.parents or about in path.parents else None
        if number is None:
            raise
        raise write_error(number, path) from error


def write_error(number: int, path: Path) -> WriteError:
    """Return the error of a path that could not be written, by errno."""
    return WriteError(number, os.strerror(number), str(path))


def full_disk(report: BaseException | str) -> int | None:
    """Return the errno in `FULL` of an error, or of a program's words, about a full disk; None for others."""
    if isinstance(report, OSError) and report.errno in FULL:
        # EFBIG about a named file is not of writing it: a file to be read is larger than a limit of ours.
        if report.errno != errno.EFBIG or report.filename is None or isinstance(report, WriteError):
            return report.errno
        return None
    said = str(report)
    return next((n for n in FULL if f"os error {n})" in said or os.strerror(n) in said), None)


@contextmanager
def atomic_write(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which replaces `path` when the block ends without an error.

    After an error, a full disk or a kill, `path` is unchanged. durable: wait until the disk has the data, so
    that `path` outlives a power failure too. Raises WriteError when `path` cannot be written.
    """
    with atomic_writes(Path(path), durable=durable) as (unfinished,):
        yield unfinished


@contextmanager
def atomic_writes(*paths: Path, durable: bool = True) -> Iterator[tuple[Path, ...]]:
    """Yield a temporary path per path; all replace their paths, in order, or none does on a full disk."""
    temporary = tuple(path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{UNFINISHED}") for path in paths)
    with ExitStack() as stack:
        for path, unfinished in zip(paths, temporary, strict=True):
            stack.enter_context(writing(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.callback(unfinished.unlink, missing_ok=True)
            unfinished.touch()
        mode = temporary[0].stat().st_mode
        yield temporary
        for unfinished in temporary:
            unfinished.chmod(mode)  # safetensors creates files that only their owner can read
            if durable:
                with unfinished.open("rb") as file:
                    os.fsync(file.fileno())
        for path, unfinished in zip(paths, temporary, strict=True):
            os.replace(unfinished, path)


def make_folder(path: Path) -> Path:
    """Create a folder with its parents unless it exists, and return it; raises WriteError."""
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Replace text files of a folder by name, in this order; on a full disk none of them."""
    paths = [Path(folder) / name for name in texts]
    with atomic_writes(*paths) as unfinished:
        for path, text in zip(unfinished, texts.values(), strict=True):
            path.write_text(text, encoding="utf-8", newline="")


def sweep(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder that no one is writing to."""
    for path in Path(folder).glob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)
