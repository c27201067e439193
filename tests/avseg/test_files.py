"""A file is there whole, or as it was before."""

from pathlib import Path

import pytest

from avseg.files import atomic_write, sweep


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "new" / "file.txt"
    with atomic_write(path) as unfinished:
        unfinished.write_text("all")
        assert not path.exists() and unfinished.parent == path.parent
    assert path.read_text() == "all" and [*path.parent.iterdir()] == [path]


def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path: Path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="half"), atomic_write(path) as unfinished:
        unfinished.write_text("half")
        raise ValueError("half")
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path):
    path = tmp_path / "file.txt"
    with atomic_write(path) as one:
        one.write_text("one")
        with atomic_write(path) as other:
            other.write_text("other")
        assert path.read_text() == "other"
    assert path.read_text() == "one"


def test_what_a_kill_left_is_swept_away(tmp_path: Path):
    (tmp_path / ".hidden").write_text("mine")
    (tmp_path / "file.part").write_text("mine")
    killed = atomic_write(tmp_path / "file.txt")
    assert killed.__enter__().exists()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "file.part"]
