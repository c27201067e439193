"""Atomic file writing, and reading that neither waits nor takes all memory."""

import errno
import hashlib
import json
import os
import pickle
import re
import stat
import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from avseg.errors import FULL, AvsegError, WriteError

ASSETS = Path(__file__).resolve().parent.parent / "assets"  # bundled clips, models and results
UNFINISHED = ".part"
SAFETENSORS_UNFINISHED = ".tmp" + "[A-Za-z0-9]" * 6  # its own temporary file, as large as the checkpoint
REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)
# What Finder, Explorer and network disks leave in folders, in lower case.
LITTER = frozenset(
    {".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin"}
)
MAX_TEXT_BYTES = 256 * 2**20  # of tables, reports and other text

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\w.-]*$)")

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
    except WriteError as error:
        if path.parent not in Path(error.filename).parents:
            raise
        raise write_error(error.errno, path) from error  # not the name of a temporary file beside it
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
    temporary = tuple(path.with_name(f".{uuid.uuid4().hex}{UNFINISHED}") for path in paths)  # short names
    with ExitStack() as stack:
        for path, unfinished in zip(paths, temporary, strict=True):
            stack.enter_context(writing(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.callback(unfinished.unlink, missing_ok=True)
            unfinished.touch()
        mode = temporary[0].stat().st_mode
        yield temporary
        for unfinished in temporary:
            with suppress(OSError):  # a file system without permissions
                unfinished.chmod(mode)  # safetensors creates files that only their owner can read
            if durable:
                with unfinished.open("r+b") as file:  # Windows flushes only what may be written
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
            # Names of files need not be UTF-8.
            path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def sweep(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder that no one is writing to."""
    for pattern in (f".*{UNFINISHED}", SAFETENSORS_UNFINISHED):
        for path in Path(folder).glob(pattern):
            path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_litter(path: Path) -> bool:
    """Return whether a system left a file there: `._NAME` of macOS, Thumbs.db, `@eaDir` and the like."""
    return path.name.startswith("._") or path.name.lower() in LITTER


def is_visible(path: Path) -> bool:
    """Return whether a file or folder is a user's, neither hidden nor litter."""
    return not path.name.startswith(".") and not is_litter(path)


def is_plain_name(name: object) -> bool:
    """Return whether a text is the name of a file or folder, without a path, and not a hidden one."""
    plain = isinstance(name, str) and name == Path(name).name and name.isprintable()
    return plain and name != "" and not name.startswith(".") and "\\" not in name


def visible(paths: Iterable[Path]) -> list[Path]:
    """Return the paths that `is_visible`, sorted by name."""
    return sorted(filter(is_visible, paths))


def printable(name: str, max_bytes: int = 255) -> str:
    """Return the name of a file as text that can be saved: "?" for bytes that are not UTF-8, cut if long."""
    return name.encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")


def find_file(path: Path, endings: Sequence[str]) -> Path:
    """Return the file of this name with any of the endings, in either case; `path` itself without one."""
    if not os.path.lexists(path):
        for ending in (*endings, *map(str.upper, endings)):
            if os.path.lexists(other := path.with_suffix(ending)):
                return other
    return path


def require_regular(path: Path, max_bytes: int | None = None) -> Path:
    """Return the path of a regular file; raises OSError, which says why, before anything is opened.

    A pipe would wait forever for its writer, and a device such as /dev/zero never ends.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if max_bytes is not None and status.st_size > max_bytes:
        size, limit = status.st_size / 1e6, max_bytes / 1e6
        raise OSError(errno.EFBIG, f"it has {size:,.0f} MB; the limit is {limit:,.0f} MB", str(path))
    return path


def read_bytes(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of a regular file; raises OSError as `require_regular`."""
    with open(require_regular(path, max_bytes), "rb") as file:
        return file.read(max_bytes)


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES, errors: str = "strict") -> str:
    """Return the UTF-8 text of a regular file; raises OSError and UnicodeDecodeError."""
    return read_bytes(path, max_bytes).decode("utf-8", errors)


def read_json(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Return the content of a JSON file; raises OSError, and ValueError for what is not JSON."""
    try:
        return json.loads(read_text(path, max_bytes))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


def escape_formula(cell: object) -> object:
    """Return a cell of a csv table as a spreadsheet may open it: text that it would run gets an apostrophe.

    Names such as -_wznbUu3DY, at most a minus before letters and digits, run nothing and stay as they are.
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
