"""A disk without space, as far as the system can be made to refuse one."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a job changes before, or although, its disk is full.
OF_A_JOB = {"run/events.jsonl", "run/log.txt", "run/config.json", "run/status.json", "status.json"}
SAMPLE = "run/samples/000002.jpg"  # whole, and of the epoch whose checkpoint has no space


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond a size in bytes, of whichever library or child writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def harmed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Return the files that changed, are missing or are new, except what a job may change."""
    changed = {path for path in before if path not in OF_A_JOB and after.get(path) != before[path]}
    return sorted(changed | (after.keys() - before.keys() - {SAMPLE}))
