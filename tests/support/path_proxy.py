"""A reverse proxy on this machine that serves an app below a path, and one page with the app in a frame."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FRAME = '<!doctype html><title>Frame</title><iframe src="{path}/" width="1440" height="900"></iframe>'
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@contextmanager
def served_below(path: str, target: tuple[str, int]) -> Iterator[str]:
    """Give the root of a proxy that passes `path`/x on to `target` as /x; /frame.html holds it in a frame."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/frame.html":
                self.answer(200, [("Content-Type", "text/html")], FRAME.format(path=path).encode())
            elif self.path.startswith(f"{path}/"):
                self.forward()
            else:
                self.answer(404, [], b"")

        do_POST = do_HEAD = do_GET

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers) | {
                "X-Forwarded-Host": self.headers["Host"],
                "X-Forwarded-Proto": "http",
                "X-Forwarded-For": self.client_address[0],
            }
            upstream = http.client.HTTPConnection(*target)
            try:
                upstream.request(self.command, self.path.removeprefix(path), body, headers)
                answer = upstream.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")  # ends a body of unknown length
                self.end_headers()
                while data := answer.read1(1 << 16):
                    self.wfile.write(data)
                    self.wfile.flush()
            except OSError:  # one side is gone
                pass
            finally:
                upstream.close()
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep the output of tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
