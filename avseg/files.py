"""Writing files whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".part"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give the name of an unfinished neighbour to write to; it becomes `path` when the block ends well.

    After an error, a full disk or a kill, `path` is what it was before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{UNFINISHED}")
    try:
        unfinished.touch()
        usual = unfinished.stat().st_mode
        yield unfinished
        unfinished.chmod(usual)  # safetensors makes its files private
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder; nobody may be writing there meanwhile."""
    for left in Path(folder).glob(f".*{UNFINISHED}"):
        left.unlink(missing_ok=True)
