"""Visitors, their files and results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.services import session
from avseg.errors import ConfigError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_leaving_deletes_files_unless_another_visitor_has_the_same_upload(tmp_path):
    visitors = session.Visitors()
    mine, shared = tmp_path / "mine.mp4", tmp_path / "shared.mp4"
    for path in (mine, shared):
        path.write_bytes(b"x")
    visitors.of("a").uploads.update({mine, shared})
    visitors.of("b").uploads.add(shared)
    results = [visitors.new_result("a") for _ in range(4)]
    assert [folder.exists() for folder in results] == [False, False, True, True]
    job = visitors.of("a").jobs.start("segment")
    visitors.leave("a")
    assert not mine.exists() and shared.exists() and not any(folder.exists() for folder in results)
    assert job.cancelled
    visitors.leave("b")
    visitors.leave("b")
    assert not shared.exists()


def test_session_names_never_become_paths(cache):
    folder = session.Visitors().new_result("../../../etc")
    assert folder.is_relative_to(cache)


def test_the_cache_is_a_private_folder_that_goes_when_the_process_ends(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from app.services.session import private_cache\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "assert private_cache() == private_cache()\n"
        "(private_cache() / 'upload.mp4').write_bytes(b'mine')\n"
        "print(private_cache(), oct(private_cache().stat().st_mode)[-3:], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    (tmp_path / "others.txt").write_text("not ours")
    env = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=env, capture_output=True, text=True
    )
    folder, mode = done.stdout.split()
    assert Path(folder).parent == tmp_path and mode == "700"
    assert [path.name for path in tmp_path.iterdir()] == ["others.txt"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="GRADIO_TEMP_DIR"):
        session.private_cache()
