"""Acting as a user whom the system refuses something: root is refused nothing."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def users_folder() -> Iterator[Path]:
    """A folder of an ordinary user, who also runs the test."""
    folder = Path(tempfile.mkdtemp(prefix="user-", dir="/tmp"))
    was = os.geteuid() if hasattr(os, "geteuid") else NOBODY
    if was == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if was == 0:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
