"""Takes the pictures of every tab that the README shows: python assets/screenshots/take.py

Starts the app on a free port, drives it in the browser that the tests use, and writes TAB.png (1440 x 900)
and TAB-phone.png (390 px wide) beside this file.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser import LAUNCH_ARGS, find_browser  # noqa: E402

CLIP = "dog-and-guitar"
SIZES = {"": (1440, 900), "-phone": (390, 844)}
PATIENCE = 240_000  # ms


def main() -> None:
    """Take all pictures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "NO_PROXY": "127.0.0.1"}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **here})
    try:
        _wait(f"http://127.0.0.1:{port}/")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
            for suffix, (width, height) in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(PATIENCE)
                page.goto(f"http://127.0.0.1:{port}/")
                _take(page, suffix)
                page.close()
    finally:
        app.terminate()
        app.wait()


def _wait(address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(240):
        try:
            opener.open(address)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    raise SystemExit("The app did not start.")


def _take(page: Page, suffix: str) -> None:
    page.locator("#clips label", has=page.locator(f"input[value='{CLIP}']")).click()
    before = page.inner_text("#finding")
    page.click("#go")
    page.wait_for_function("b => document.querySelector('#finding').innerText !== b", arg=before)
    page.wait_for_timeout(4000)
    _save(page, "segment", suffix)
    page.get_by_role("tab", name="Inside").click()
    page.wait_for_timeout(8000)
    _save(page, "inside", suffix)
    page.get_by_role("tab", name="What if").click()
    page.wait_for_timeout(4000)
    page.click("#wi-mute input[type=checkbox]")
    page.wait_for_timeout(500)
    page.click("#wi-go")
    page.wait_for_timeout(15_000)
    _save(page, "whatif", suffix)


def _save(page: Page, name: str, suffix: str) -> None:
    page.screenshot(path=Path(__file__).with_name(f"{name}{suffix}.png"))


if __name__ == "__main__":
    main()
