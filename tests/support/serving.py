"""Run the app as a person would, on a free port of this machine, for scripts that look at its page."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180  # seconds until it has to answer; a cold disk makes the first import of torch slow


@contextmanager
def running_app(log: Path | None = None, **settings: str) -> Iterator[str]:
    """Give the address of `python app.py` while the block runs; settings are environment variables.

    log: where its words go, by default to ours. Raises RuntimeError when it does not answer in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("w") if log else open(os.devnull, "w") as said:
        app = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=os.environ | here | settings,
            stdin=subprocess.DEVNULL,
            stdout=said if log else None,
            stderr=said if log else None,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/", app)
            yield f"http://127.0.0.1:{port}/"
        finally:
            app.terminate()
            try:
                app.wait(timeout=15)
            except subprocess.TimeoutExpired:
                app.kill()
                app.wait()


def _wait(address: str, app: subprocess.Popen) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if app.poll() is not None:
            raise RuntimeError(f"app.py ended with status {app.returncode} before it answered.")
        try:
            direct.open(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"The app did not answer within {PATIENCE} s.")
