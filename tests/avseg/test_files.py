"""A file is there whole, or as it was before."""

import errno
import os
import pickle
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from avseg.checkpoints import read_card
from avseg.compose.sources import _originals
from avseg.data.avsbench.check_report import load_report
from avseg.data.avsbench.mask_index import MaskIndex
from avseg.data.avsbench.write import _read_table
from avseg.data.coco import read_coco
from avseg.errors import AvsegError, WriteError
from avseg.evaluation.report_files import read_report
from avseg.files import (
    atomic_write,
    escape_formula,
    find_file,
    full_disk,
    read_bytes,
    read_json,
    read_text,
    require_regular,
    sweep,
    visible,
    write_texts,
    writing,
)
from avseg.media.clip import read_clip
from avseg.presets import load_config
from avseg.training.history import HISTORIES
from avseg.training.resume import load_state
from avseg.training.run_folder import RunFolder


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
    (tmp_path / ".tmpFi62rw").write_text("of safetensors, killed while it wrote")
    killed = atomic_write(tmp_path / "file.txt")
    assert killed.__enter__().exists()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "file.part"]


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path):
    path = tmp_path / ("n" * 251 + ".txt")
    with atomic_write(path) as unfinished:
        unfinished.write_text("long")
    assert path.read_text() == "long"


def test_hidden_and_system_files_are_not_visible(tmp_path: Path):
    for name in ("b.txt", "a.txt", "._a.txt", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"):
        (tmp_path / name).touch()
    (tmp_path / "@eaDir").mkdir()
    assert [path.name for path in visible(tmp_path.iterdir())] == ["a.txt", "b.txt"]


def test_only_regular_files_below_the_limit_are_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    for name in ("pipe", "zero", "socket"):
        for read in (read_bytes, read_text):
            with pytest.raises(OSError, match="not a regular file"):
                read(tmp_path / name)
    server.close()
    with pytest.raises(OSError, match="Too many levels"):
        read_text(tmp_path / "loop")
    with pytest.raises(IsADirectoryError):
        read_text(tmp_path)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(3_000_000)
    with pytest.raises(OSError, match="has 3 MB; the limit is 2 MB"):
        require_regular(tmp_path / "large", 2_000_000)
    (tmp_path / "link").symlink_to(tmp_path / "large")
    assert len(read_bytes(tmp_path / "link")) == 3_000_000


def test_an_ending_may_be_written_otherwise(tmp_path: Path):
    (tmp_path / "a_1.JPG").touch()
    assert find_file(tmp_path / "a_1.png", (".png", ".jpg")) == tmp_path / "a_1.JPG"
    assert find_file(tmp_path / "a_2.png", (".png", ".jpg")) == tmp_path / "a_2.png"


def test_only_what_a_spreadsheet_would_run_is_quoted():
    for name in ("-_wznbUu3DY", "--lP6Ao7ce8", "-1", "+1", "dog", "a=b", 3):
        assert escape_formula(name) == name
    for text in ("=1", "@SUM(A1)", "\t=1", "+1+cmd|' /C calc'!A0", "-2+3", "-cmd|x", "-A1*2"):
        assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "", "\x00"])
def test_what_is_not_json_is_a_value_error(tmp_path, content: str):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError):
        read_json(tmp_path / "a.json")


def test_where_systems_differ_files_are_written_and_readable_by_others(tmp_path: Path, monkeypatch):
    sync = os.fsync

    def fsync(number: int) -> None:  # as Windows does it
        os.write(number, b"")  # OSError where the file was opened for reading only
        sync(number)

    def chmod(*_: object, **__: object) -> None:  # as network file systems do it
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "chmod", chmod)
    with atomic_write(tmp_path / "file.txt") as unfinished:
        unfinished.write_text("all")
    assert (tmp_path / "file.txt").read_text() == "all"


TAKEN_AWAY = """
import os, signal, sys
from pathlib import Path
import numpy as np
from app.services import process
from avseg.jobs import signals
from avseg.jobs.folder import JobFolder, lives
from avseg.media import clip, decode, video

class Windows:
    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        if name in ("killpg", "statvfs", "SIGKILL", "getuid", "geteuid", "setsid", "fork"):
            raise AttributeError(name)
        return getattr(self._module, name)

for module in (process, signals, decode, clip, video):
    for name in ("os", "signal"):
        if hasattr(module, name):
            setattr(module, name, Windows(getattr(module, name)))
folder = Path(sys.argv[1])
video.write_mp4(folder / "a.mp4", np.zeros((4, 32, 32, 3), np.uint8), 4, np.zeros(16000))
assert len(clip.read_clip(folder / "a.mp4").frames) == 1
child = process.launch(["-c", "import time; time.sleep(300)"], JobFolder(folder / "job"))
process.kill(child.pid)
assert not lives(child)
"""


def test_what_only_unix_has_is_not_needed(tmp_path: Path, root: Path):
    done = subprocess.run(
        [sys.executable, "-c", TAKEN_AWAY, str(tmp_path)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


READERS = {
    "a config": lambda path: load_config(path),
    "a report": lambda path: read_report(path),
    "an integrity report": lambda path: load_report(path, "key"),
    "a mask index": lambda path: MaskIndex.load(path, [], "key").done.any(),
    "a table of originals": lambda path: _originals(path),
    "COCO annotations": lambda path: read_coco(path),
    "a checkpoint": lambda path: read_card(path),
    "a state of training": lambda path: load_state(path, None, None),
    "a video": lambda path: read_clip(path),
    "a table to add to": lambda path: _read_table(path, "ms3"),
    "a status": lambda path: RunFolder(path.parent).read_status(),
    "an event log": lambda path: HISTORIES.of(RunFolder(path.parent)).step_values("loss").any(),
}
NAMES = {"a status": "status.json", "an event log": "events.jsonl"}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_reader_waits_for_a_pipe_or_reads_a_device(reader: str, kind: str, tmp_path: Path):
    def stuck(*_: object) -> None:
        raise AssertionError(f"{reader} is read from a {kind}")

    path = tmp_path / NAMES.get(reader, "file")
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    before = signal.signal(signal.SIGALRM, stuck)
    signal.alarm(20)
    try:
        assert not READERS[reader](path)
    except (AvsegError, OSError):
        pass
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "no space"), "the disk is full"),
        (OSError(errno.EDQUOT, "no quota"), "disk quota is used up"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (
            PermissionError(errno.EACCES, "Permission denied", "PLACE"),
            "Permission denied. Choose another place",
        ),
    ],
)
def test_what_cannot_be_written_is_a_sentence(error: Exception, words: str, tmp_path: Path):
    if isinstance(error, OSError) and error.filename:
        error.filename = str(tmp_path / "file.txt.part")
    with pytest.raises(WriteError, match=words) as caught, writing(tmp_path / "file.txt"):
        raise error
    assert str(caught.value).startswith(f"{tmp_path}/file.txt could not be written: ")
    assert isinstance(caught.value, AvsegError) and isinstance(caught.value, OSError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # of a worker process


def test_errors_about_other_files_keep_their_words(tmp_path: Path):
    large = OSError(errno.EFBIG, "it has 300 MB; the limit is 256 MB", "/data/table.csv")
    for error in (FileNotFoundError(2, "No such file", "/data/clip.mp4"), large, ValueError("no number")):
        assert full_disk(error) is None
        with pytest.raises(type(error)) as caught, writing(tmp_path / "file.txt"):
            raise error
        assert caught.value is error


def test_files_of_one_report_are_replaced_together(tmp_path: Path, monkeypatch):
    write_texts(tmp_path, {"a.csv": "old", "b.json": "old"})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no space")))
    with pytest.raises(WriteError, match="the disk is full"):
        write_texts(tmp_path, {"a.csv": "new", "b.json": "new"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old", "b.json": "old"}
