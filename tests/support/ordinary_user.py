"""Acting as a user whom the system refuses something: root is refused nothing."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def users_folder() -> Iterator[Path]:
    """A folder that an ordinary user reaches, other than those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="user-", dir="/tmp"))
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700)
    shutil.rmtree(folder)


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Run the block as an ordinary user who owns the folder; what it imports must be imported before."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
