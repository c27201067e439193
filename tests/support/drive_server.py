"""A stand-in for Google Drive on the loopback: files with Range, and the pages that come in their place."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

TITLE = "<!DOCTYPE html><html><head><title>Google Drive - {}</title></head><body>"
QUOTA = TITLE.format("Quota exceeded") + (
    '<p class="uc-error-caption">Sorry, you can&#39;t view or download this file at this time.</p>'
    '<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>'
)
PERMISSION = (
    TITLE.format("Access Denied") + "<p>You need access</p><p>Ask for access, or switch accounts.</p>"
)
LOGIN = (
    "<html><head><title>Google Drive: Sign-in</title></head><body>to continue to Google Drive</body></html>"
)
CONFIRM = TITLE.format("Virus scan warning") + (
    "<p>The file is too large for Google to scan for viruses.</p>"
    '<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway"/>'
    '<input type="hidden" name="id" value="{id}"><input type="hidden" name="uuid" value="token"></form>'
)


@dataclass
class Drive:
    """What the server holds, how it behaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)  # JSON by path
    page: str = ""  # answered in place of every file
    confirms: bool = False  # a form stands before the file
    cuts: list[float] = field(default_factory=list)  # the share of the file after which an answer ends
    says_length: bool = True
    ignores_range: bool = False
    go_on: Event | None = None  # awaited after a cut, the connection staying open
    asked: list[str] = field(default_factory=list)  # the Range of every request for a file
    cookies: list[str] = field(default_factory=list)


@contextmanager
def drive_server() -> Iterator[Drive]:
    """Serve a drive on a free port of the loopback while the block runs; its url replaces DOWNLOAD."""
    drive = Drive()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"drive": drive}))
    drive.url = f"http://127.0.0.1:{server.server_port}/download"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield drive
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    drive: Drive

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        drive, query = self.drive, parse_qs(urlsplit(self.path).query)
        drive.cookies.append(self.headers.get("Cookie", ""))
        if self.path in drive.answers:
            return self._answer(200, drive.answers[self.path], "application/json")
        if self.path.startswith("/ServiceLogin"):
            return self._answer(200, LOGIN.encode(), "text/html; charset=utf-8")
        if drive.page == LOGIN:
            self.send_response(302)
            self.send_header("Location", "/ServiceLogin?continue=download")
            return self.end_headers()
        if drive.page:
            return self._answer(200, drive.page.encode(), "text/html; charset=utf-8")
        identity = query["id"][0]
        if identity not in drive.files:
            return self._answer(404, b"<html><title>Error 404 (Not Found)</title></html>", "text/html")
        if drive.confirms and "uuid" not in query:
            page = CONFIRM.format(action=drive.url, id=identity)
            return self._answer(200, page.encode(), "text/html; charset=utf-8")
        return self._file(drive.files[identity])

    def _file(self, data: bytes) -> None:
        asked = self.headers.get("Range", "")
        self.drive.asked.append(asked)
        found = None if self.drive.ignores_range else re.fullmatch(r"bytes=(\d+)-", asked)
        start = int(found[1]) if found else 0
        if found and start >= len(data):
            return self._answer(416, b"", "text/html", {"Content-Range": f"bytes */{len(data)}"})
        more = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if found else {}
        return self._answer(206 if found else 200, data[start:], "application/octet-stream", more, len(data))

    def _answer(
        self, status: int, body: bytes, kind: str, more: dict[str, str] | None = None, whole: int = 0
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.drive.says_length:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if whole and self.drive.cuts:
            count = int(self.drive.cuts.pop(0) * whole)
            self.wfile.write(body[:count])
            self.wfile.flush()
            if self.drive.go_on is not None:
                self.drive.go_on.wait(60)
            return
        self.wfile.write(body)
