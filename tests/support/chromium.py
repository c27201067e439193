"""Find the browser that the page tests drive, or install one.

`python -m tests.support.chromium` prints its path; `--install` gets one first where there is none.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAUNCH_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SKIP_LINE = (
    "BROWSER TESTS SKIPPED: no working Chromium found. Install one (Debian: apt-get install chromium), "
    "run `python -m playwright install --with-deps chromium`, or set AVSEG_BROWSER to its path."
)


def find_browser() -> str | None:
    """Path of a Chromium that runs: AVSEG_BROWSER alone if set, else the system's, else Playwright's."""
    return next(filter(_runs, _candidates()), None)


def install_browser() -> str | None:
    """Get a browser from Debian's packages or from Playwright; its path, or None when neither works."""
    for commands in (_debian_commands(), [[sys.executable, "-m", "playwright", "install", "chromium"]]):
        if commands and all(map(_succeeds, commands)) and (path := find_browser()):
            return path
    return None


def _candidates() -> Iterator[str]:
    if "AVSEG_BROWSER" in os.environ:
        yield os.environ["AVSEG_BROWSER"]
        return
    yield from filter(None, map(shutil.which, NAMES))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    yield path


def _runs(path: str) -> bool:
    # Ubuntu's chromium-browser is a stub that only asks for a snap; a download can lack system libraries.
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _debian_commands() -> list[list[str]]:
    """The commands that install Debian's chromium package; none on another system or without the right to."""
    try:
        with open("/etc/os-release") as lines:
            debian = "ID=debian\n" in lines
    except OSError:
        return []
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not debian or not shutil.which("apt-get") or (sudo and not _succeeds(["sudo", "-n", "true"])):
        return []
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return [[*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", "chromium"]]


def _succeeds(command: list[str]) -> bool:
    print("+", *command, flush=True)
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=600).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        return False


def main() -> None:
    """Print the browser's path, or the line that says the tests will be skipped."""
    path = find_browser()
    if path is None and "--install" in sys.argv[1:] and "AVSEG_BROWSER" not in os.environ:
        path = install_browser()
    print(f"Browser for tests: {path}" if path else SKIP_LINE)


if __name__ == "__main__":
    main()
