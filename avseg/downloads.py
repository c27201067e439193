"""Downloads a large file over HTTP: resumes what was cut off, and says in words why it fails."""

import http.client
import http.cookiejar
import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from avseg.drive import is_page, read_page
from avseg.errors import CheckpointError
from avseg.files import make_folder, writing

OnBytes = Callable[[int, int], object]
"""Called with (bytes done, bytes in all); may raise to cancel."""

Response = http.client.HTTPResponse | urllib.error.HTTPError

CHUNK = 2**18  # bytes
JSON_BYTES = 2**24  # of an answer that is read
PAGE = 2**20  # bytes of a web page that are read
ATTEMPTS = 4  # in a row that bring no byte
PAUSE = 2.0  # seconds before another attempt
TIMEOUT = 60.0  # seconds without a byte
PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@dataclass(frozen=True)
class Wanted:
    """A file to download."""

    address: str
    size: tuple[int, int]  # bytes, smallest and largest that are plausible
    otherwise: str  # what to do when the server refuses, a sentence


class _CutOff(Exception):
    """The connection ended early; another attempt continues."""


def download(
    wanted: Wanted, part: Path, on_progress: OnBytes = lambda *_: None, cookies: Path | None = None
) -> None:
    """Append to `part` what is missing of a file, which is complete when this returns.

    cookies: a cookies.txt in Netscape's format, as browsers export it. Raises CheckpointError and WriteError;
    `part` then keeps what has arrived, and the next call continues it.
    """
    make_folder(part.parent)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(_cookies(cookies)))
    opener.addheaders = [("User-Agent", "Mozilla/5.0 (avseg)")]
    attempts = 0
    while True:
        before = _size(part)
        try:
            with writing(part):
                return _continue(opener, wanted, part, on_progress)
        except _CutOff as error:
            attempts = 0 if _size(part) > before else attempts + 1
            if attempts == ATTEMPTS:
                if not _size(part):
                    raise CheckpointError(
                        f"Nothing could be downloaded ({error}). Check the network and run the same command "
                        "again."
                    ) from error
                raise CheckpointError(
                    f"The download was cut off after {_size(part) / 1e6:.1f} MB ({error}). What has arrived "
                    "is kept: run the same command again, and it continues from there."
                ) from error
            time.sleep(PAUSE)


def fetch_json(address: str) -> Any:
    """Return what a server answers as JSON; raises CheckpointError for anything else."""
    opener, host = urllib.request.build_opener(), _host(address)
    opener.addheaders = [("User-Agent", "avseg"), ("Accept", "application/json")]
    for attempt in range(ATTEMPTS):
        try:
            with _open(opener, address, 0) as response:
                if (status := response.status or 0) >= 400:
                    raise CheckpointError(f"{host} answered with status {status} for {address}.")
                return json.loads(_read(response, JSON_BYTES))
        except _CutOff as error:
            if attempt == ATTEMPTS - 1:
                raise CheckpointError(
                    f"{host} cannot be reached ({error}). Check the network and run the same command again."
                ) from error
            time.sleep(PAUSE)
        except ValueError as error:
            raise CheckpointError(f"{host} sent something else than JSON. Try again later.") from error
    raise AssertionError


def _continue(
    opener: urllib.request.OpenerDirector, wanted: Wanted, part: Path, on_progress: OnBytes
) -> None:
    done = _size(part)
    address = wanted.address
    for _ in range(3):  # the page to confirm leads to the file
        response = _open(opener, address, done)
        with response:
            status = response.status or 0
            if status == 416 and _total(response, done) == done:
                return  # it was complete already
            if status == 416:
                part.unlink()
                raise _CutOff("the server has a shorter file")
            start = _read(response, CHUNK)
            if is_page(response.headers.get_content_type(), start if status == 200 else b"."):
                html = (start + _read(response, PAGE)).decode("utf-8", errors="replace")
                address = _next_address(html, response.url, wanted)
                continue
            if status >= 400:
                raise CheckpointError(f"{_host(address)} answered with status {status}. {wanted.otherwise}")
            total = _total(response, done)
            _check_size(total, wanted)
            if status == 206 and not _continues_at(response, done):
                part.unlink()
                raise _CutOff("the server sent another part of the file")
            if status == 200:
                done = 0  # the server begins anew
            with part.open("r+b" if part.exists() else "wb") as file:
                file.truncate(done)
                file.seek(done)
                while start:
                    file.write(start)
                    done += len(start)
                    on_progress(done, total or wanted.size[1])
                    start = _read(response, CHUNK, file)
                file.flush()
                os.fsync(file.fileno())
        if done < (total or wanted.size[0]):
            raise _CutOff("the connection ended")
        return _check_size(done, wanted)
    raise CheckpointError(f"{_host(address)} asks again and again for a confirmation. {wanted.otherwise}")


def _open(opener: urllib.request.OpenerDirector, address: str, done: int) -> Response:
    request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"} if done else {})
    host = _host(address)
    try:
        return opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise _CutOff(f"{host} answered with status {error.code}") from error
        return error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise CheckpointError(
                f"The certificate of {host} cannot be verified ({reason.verify_message}). Where a proxy "
                "inspects encrypted connections, name its certificate file in SSL_CERT_FILE."
            ) from error
        if isinstance(reason, socket.gaierror):
            raise CheckpointError(
                f"The address of {host} cannot be resolved: no network, or it is reached through a "
                "proxy that HTTPS_PROXY should name. What has arrived is kept, and another call continues."
            ) from error
        if "Tunnel connection failed" in str(reason) or (_proxied() and isinstance(reason, ConnectionError)):
            raise CheckpointError(
                f"The proxy that HTTPS_PROXY names refuses the connection to {host} ({reason}). Check its "
                "address, user and password."
            ) from error
        raise _CutOff(f"{host}: {reason or type(reason).__name__}") from error


def _read(response: Response, count: int, file: BinaryIO | None = None) -> bytes:
    """Read up to `count` bytes; a connection that breaks raises _CutOff."""
    try:
        return response.read(count)
    except http.client.IncompleteRead as error:
        if file is not None:
            file.write(error.partial)
        raise _CutOff("the connection ended") from error
    except (OSError, http.client.HTTPException) as error:
        raise _CutOff(str(error) or type(error).__name__) from error


def _next_address(html: str, url: str, wanted: Wanted) -> str:
    """Return where the form of a page leads; raises CheckpointError for every other page."""
    page = read_page(html, url)
    if page.kind == "confirm":
        return page.confirmed
    why = {
        "quota": "has reached its quota for this file, which may take up to a day to recover",
        "permission": "asks for a login or for permission",
    }.get(page.kind, "sent a web page, not the file")
    raise CheckpointError(f"{_host(url)} {why}: “{page.sentence}”. {wanted.otherwise}")


def _total(response: Response, done: int) -> int:
    """Return the size of the whole file, 0 if the server does not say it."""
    if found := re.fullmatch(r"bytes (?:\*|\d+-\d+)/(\d+)", response.headers.get("Content-Range", "")):
        return int(found[1])
    length = response.headers.get("Content-Length", "")
    return int(length) + (done if response.status == 206 else 0) if length.isdigit() else 0


def _continues_at(response: Response, done: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {done}-")


def _check_size(size: int, wanted: Wanted) -> None:
    if size and not wanted.size[0] <= size <= wanted.size[1]:
        low, high = wanted.size
        raise CheckpointError(
            f"{_host(wanted.address)} offers a file of {size / 1e6:.1f} MB; expected {low / 1e6:.0f} to "
            f"{high / 1e6:.0f} MB. It is not the file that was published. {wanted.otherwise}"
        )


def _cookies(path: Path | None) -> http.cookiejar.CookieJar:
    jar = http.cookiejar.MozillaCookieJar()
    if path is not None:
        try:
            jar.load(str(path), ignore_discard=True, ignore_expires=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"--cookies {path}: {getattr(error, 'strerror', None) or 'not a cookies.txt'}. Export the "
                "cookies of a signed-in browser in Netscape's format."
            ) from error
    for cookie in jar:
        if not cookie.expires:  # 0 means the end of the session, which http.cookiejar takes for 1970
            cookie.expires = None
    return jar


def _proxied() -> bool:
    return any(os.environ.get(name) for name in PROXIES)


def _host(address: str) -> str:
    return urlsplit(address).hostname or address


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
