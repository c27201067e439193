"""A container under an unknown user id with a read-only root: the page is built, a model runs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 54_321  # in no /etc/passwd

SCRIPT = """
import os, pwd
from pathlib import Path
try:
    pwd.getpwuid(os.getuid())
    raise SystemExit("this user is known")
except KeyError:
    pass
assert not os.access(".", os.W_OK) and not os.access(os.path.expanduser("~"), os.W_OK)

from app.page import build
from app.services.clips import bundled
from app.services.session import MODELS, private_cache
from avseg.media.clip import read_clip

build()
prediction = MODELS.predict("tiny-ms3", read_clip(bundled()["dog-and-guitar"].path, fps=1, seconds=1))
print(private_cache(), len(prediction.labels))
"""


@pytest.fixture
def writable() -> Iterator[Path]:
    """The only folder that the user may write, as a tmpfs on /tmp is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_a_user_without_a_name_gets_one():
    code = """
import getpass, os, pwd
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
import avseg
print(getpass.getuser())
"""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "avseg\n", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
def test_the_app_needs_no_name_no_home_and_no_writable_root(root: Path, writable: Path):
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TMPDIR": str(writable),
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "AVSEG_PUBLIC": "1",
        **{f"AVSEG_{name}": f"/nonexistent/{name}" for name in ("MODELS", "RUNS", "EVALUATIONS", "CACHE")},
    }
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            cwd=root,
            env=settings,
            capture_output=True,
            text=True,
            timeout=900,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
    except PermissionError:
        pytest.skip("other users cannot run this interpreter")
    assert done.returncode == 0, done.stderr[-3000:]
    cache, frames = done.stdout.split()
    assert Path(cache).is_relative_to(writable.resolve()) and frames == "1"
    assert not Path(cache).exists()  # gone with the process
