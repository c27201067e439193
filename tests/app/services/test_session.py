"""Visitors, their files and results."""

import pytest

from app.services import session


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
