"""Downloads from a stand-in for Google Drive: cuts, resumes, and every page in place of a file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from avseg import downloads, drive
from avseg.downloads import Wanted, download
from avseg.errors import CheckpointError, WriteError
from tests.support import drive_server
from tests.support.drive_server import Drive

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 4000  # a megabyte: several chunks
OTHERWISE = "Do something else."


@pytest.fixture
def server(monkeypatch) -> Iterator[Drive]:
    """A drive with one file, and no pauses between attempts."""
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with drive_server.drive_server() as found:
        monkeypatch.setattr(drive, "DOWNLOAD", found.url)
        found.files["one"] = CONTENT
        yield found


def wanted(identity: str = "one") -> Wanted:
    return Wanted(drive.address(identity), (900_000, 1_200_000), OTHERWISE)


def refused(part: Path, identity: str = "one", **options: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        download(wanted(identity), part, **options)
    return str(error.value)


@pytest.mark.parametrize("confirms", [False, True])
@pytest.mark.parametrize("says_length", [False, True])
def test_a_file_arrives_with_progress(server, tmp_path, confirms: bool, says_length: bool):
    server.confirms, server.says_length = confirms, says_length
    seen: list[tuple[int, int]] = []
    download(wanted(), tmp_path / "new" / "a.part", lambda *counts: seen.append(counts))
    assert (tmp_path / "new" / "a.part").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT) if says_length else 1_200_000)
    assert len(seen) > 2 and sorted(seen) == seen


@pytest.mark.parametrize("confirms", [False, True])
def test_a_cut_connection_is_continued_where_it_ended(server, tmp_path, confirms: bool):
    server.cuts, server.confirms = [0.4, 0.3], confirms
    download(wanted(), tmp_path / "a.part")
    first, second = int(0.4 * len(CONTENT)), int(0.4 * len(CONTENT)) + int(0.3 * len(CONTENT))
    assert server.asked == ["", f"bytes={first}-", f"bytes={second}-"]
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_connection_that_stays_cut_is_said_and_the_next_call_continues(server, tmp_path):
    part = tmp_path / "a.part"
    server.cuts = [0.4] + [0.0] * downloads.ATTEMPTS
    said = refused(part)
    assert "cut off after 0.4 MB" in said and "same command again" in said
    assert part.read_bytes() == CONTENT[: int(0.4 * len(CONTENT))]
    download(wanted(), part)
    assert server.asked[-1] == f"bytes={int(0.4 * len(CONTENT))}-" and part.read_bytes() == CONTENT


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.cuts, server.ignores_range = [0.4], True
    download(wanted(), tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_cut_without_a_length_is_noticed_by_the_size(server, tmp_path):
    server.cuts, server.says_length = [0.4], False
    download(wanted(), tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_what_is_complete_is_not_downloaded_again(server, tmp_path):
    part = tmp_path / "a.part"
    part.write_bytes(CONTENT)
    download(wanted(), part)
    assert part.read_bytes() == CONTENT
    part.write_bytes(CONTENT * 2)  # of another file
    download(wanted(), part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (drive_server.QUOTA, "has reached its quota for this file, which may take up to a day"),
        (drive_server.PERMISSION, "asks for a login or for permission"),
        (drive_server.LOGIN, "asks for a login or for permission"),
        ("<html><body>Hotel WiFi: accept our terms</body></html>", "sent a web page, not the file"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_page_is_never_taken_for_the_file(server, tmp_path, page: str, said: str, begun: bool):
    part = tmp_path / "a.part"
    if begun:
        part.write_bytes(CONTENT[:500_000])
    server.page = page
    message = refused(part)
    assert said in message and OTHERWISE in message and "<" not in message
    assert part.read_bytes() == CONTENT[:500_000] if begun else not part.exists()


def test_the_words_of_a_page_are_shown(server, tmp_path):
    server.page = drive_server.QUOTA
    assert "“Sorry, you can't view or download this file at this time" in refused(tmp_path / "a.part")


def test_a_file_that_is_gone_and_one_of_another_size_are_refused(server, tmp_path):
    assert "Not Found" in refused(tmp_path / "a.part", "two")
    server.files["two"] = CONTENT[:1000]
    assert "offers a file of 0.0 MB" in refused(tmp_path / "a.part", "two")
    assert not (tmp_path / "a.part").exists()


def test_a_form_that_leads_elsewhere_is_not_followed():
    page = drive_server.CONFIRM.format(action="https://example.com/download", id="one")
    assert drive.read_page(page, drive.address("one")).kind == "unknown"
    page = drive_server.CONFIRM.format(action="https://drive.usercontent.google.com/download?a=b", id="one")
    found = drive.read_page(page, drive.address("one"))
    assert found.confirmed == "https://drive.usercontent.google.com/download?a=b&id=one&uuid=token"
    plain = drive_server.CONFIRM.format(action="http://drive.usercontent.google.com/download", id="one")
    assert drive.read_page(plain, drive.address("one")).kind == "unknown"


def test_cookies_of_a_browser_are_sent(server, tmp_path):
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tmine\n")
    download(wanted(), tmp_path / "a.part", cookies=cookies)
    assert server.cookies == ["SID=mine"]
    cookies.write_text("SID=mine")
    assert "not a cookies.txt" in refused(tmp_path / "b.part", cookies=cookies)
    assert "No such file" in refused(tmp_path / "b.part", cookies=tmp_path / "gone.txt")


def test_a_server_that_is_not_there_and_a_proxy_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    monkeypatch.setattr(drive, "DOWNLOAD", "http://127.0.0.1:9/download")
    assert "Nothing could be downloaded (127.0.0.1: [Errno 111] Connection refused)" in refused(
        tmp_path / "a.part"
    )
    monkeypatch.setattr(drive, "DOWNLOAD", "https://drive.invalid/download")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "proxy that HTTPS_PROXY names" in refused(tmp_path / "a.part")
    monkeypatch.delenv("HTTPS_PROXY")
    assert "no network" in refused(tmp_path / "a.part")


def test_a_full_disk_is_said_and_what_has_arrived_is_kept(server, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(downloads.os, "fsync", full)
        with pytest.raises(WriteError, match=r"a\.part could not be written: the disk is full"):
            download(wanted(), tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_killed_download_continues(server, tmp_path):
    part = tmp_path / "a.part"
    server.cuts, server.go_on = [0.4], Event()
    code = (
        "import sys; from pathlib import Path; from avseg.downloads import Wanted, download; "
        "download(Wanted(sys.argv[1], (900_000, 1_200_000), ''), Path(sys.argv[2]))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, drive.address("one"), str(part)])
    deadline = time.monotonic() + 60
    while (
        not (part.exists() and part.stat().st_size) and child.poll() is None and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    server.go_on.set()
    arrived = part.read_bytes()
    assert 0 < len(arrived) < len(CONTENT) and CONTENT.startswith(arrived)
    download(wanted(), part)
    assert server.asked == ["", f"bytes={len(arrived)}-"] and part.read_bytes() == CONTENT
