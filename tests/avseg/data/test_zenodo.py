"""A record of Zenodo is fetched: resumed, compared with its checksum, unpacked; from a stand-in here."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from avseg import downloads
from avseg.__main__ import main
from avseg.data import zenodo
from avseg.data.sources import RECORDS
from tests.support.drive_server import Drive, drive_server
from tests.support.synthetic_images import write_synthetic

RECORD = RECORDS["avs-synthetic"]


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> dict[str, bytes]:
    """The files of a record: an archive of images, one of everything else, and a table."""
    folder = write_synthetic(tmp_path_factory.mktemp("synthetic"))
    images, rest = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(images, "w") as archive:
        for path in folder.glob("images/*"):
            archive.write(path, path.relative_to(folder))
    with tarfile.open(fileobj=rest, mode="w:gz") as archive:
        for name in ("masks", "audios", "category_for_vggsound_audios.pkl"):
            archive.add(folder / name, name)
    table = (folder / "annotations.csv").read_bytes()
    return {"images.zip": images.getvalue(), "rest.tar.gz": rest.getvalue(), "annotations.csv": table}


@pytest.fixture
def server(monkeypatch, archives) -> Iterator[Drive]:
    """A server that describes the record and holds its files."""
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with drive_server() as found:
        monkeypatch.setattr(zenodo, "RECORDS", found.url.removesuffix("download"))
        found.files.update(archives)
        describe(found, archives)
        yield found


def describe(server: Drive, files: dict[str, bytes]) -> None:
    entries = [
        {
            "key": name,
            "size": len(data),
            "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
            "links": {"self": f"{server.url}?id={name}"},
        }
        for name, data in files.items()
    ]
    server.answers[f"/{RECORD}"] = json.dumps({"files": entries}).encode()


def get(out: Path, *options: str) -> int:
    return main(["data", "get", "avs-synthetic", "--out", str(out), *options])


def test_one_command_fetches_and_unpacks_what_check_reads(server, archives, tmp_path, capsys):
    server.cuts = [0.4]
    assert get(tmp_path) == 0
    said, folder = capsys.readouterr().out, tmp_path / "avs-synthetic"
    assert f"python -m avseg check {folder} --task s4" in said and "images.zip" in said
    assert server.asked[1] == f"bytes={int(0.4 * len(archives['images.zip']))}-"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("annotations.csv", "audios", "category_for_vggsound_audios.pkl", "images", "masks", "zenodo.json")
    ]
    assert main(["check", str(folder), "--out", str(tmp_path / "check")]) == 0
    asked = len(server.asked)
    assert get(tmp_path) == 0 and len(server.asked) == asked  # nothing is fetched twice


def test_archives_are_kept_on_request(server, archives, tmp_path):
    assert get(tmp_path, "--keep") == 0
    assert (tmp_path / "avs-synthetic/images.zip").read_bytes() == archives["images.zip"]


def test_a_cut_is_said_and_the_next_call_goes_on(server, tmp_path, capsys):
    server.cuts = [0.4] + [0.0] * downloads.ATTEMPTS
    assert get(tmp_path) == 1 and "same command again" in capsys.readouterr().err
    assert get(tmp_path) == 0 and server.asked[-3].startswith("bytes=")


def test_a_damaged_file_is_refused_and_removed(server, archives, tmp_path, capsys):
    server.files["images.zip"] = archives["images.zip"][:-1] + b"?"
    assert get(tmp_path) == 1 and "images.zip is damaged: MD5" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "avs-synthetic").iterdir() if "zip" in path.name]
    server.files["images.zip"] = archives["images.zip"]
    assert get(tmp_path) == 0


def test_an_archive_cannot_write_outside_its_folder(server, archives, tmp_path, capsys):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../outside.txt"), io.BytesIO())
    server.files["rest.tar.gz"] = data.getvalue()
    describe(server, archives | {"rest.tar.gz": data.getvalue()})
    assert get(tmp_path) == 1 and "cannot be unpacked" in capsys.readouterr().err
    assert not (tmp_path / "outside.txt").exists()


def test_other_answers_are_sentences(server, tmp_path, capsys, monkeypatch):
    for answer, said in (
        (b"<html>", "something else than JSON"),
        (b"{}", "in another way than expected"),
        (b'{"files": []}', "lists no files"),
    ):
        server.answers[f"/{RECORD}"] = answer
        assert get(tmp_path) == 1 and said in capsys.readouterr().err
    assert main(["data", "get", "avsbench"]) == 1 and "avs-synthetic" in capsys.readouterr().err
    monkeypatch.setattr(zenodo, "RECORDS", "http://127.0.0.1:1/")
    assert get(tmp_path) == 1 and "cannot be reached" in capsys.readouterr().err
