"""Fixtures and rules that every test shares."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.chromium import LAUNCH_ARGS, SKIP_LINE, find_browser
from tests.support.serving import running_app

# Set before torch, gradio and matplotlib are imported; child processes inherit them. Two threads, or one in
# each of several test processes: enough for toy models. No test may ask the network for anything.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # several processes share the cores
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["MPLBACKEND"] = "Agg"
os.environ["AVSEG_CACHE"] = tempfile.mkdtemp(prefix="avseg-cache-")
os.environ["AVSEG_EVALUATIONS"] = tempfile.mkdtemp(prefix="avseg-evaluations-")

ROOT = Path(__file__).resolve().parent.parent
app_log = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Path of the Chromium that page tests drive; skips, and says so at the end of the run, without one."""
    path = find_browser()
    if path is None:
        pytest.skip(SKIP_LINE)
    return path


@pytest.fixture(scope="session")
def browser(browser_path: str) -> Iterator:
    """A running Playwright Chromium; each test opens and closes its own page or context.

    Pages ask for reduced motion, so that no clip plays by itself and takes the time of other tests.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # milliseconds, as the page's other waits
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=LAUNCH_ARGS)
        chromium.new_context = partial(chromium.new_context, reduced_motion="reduce")
        chromium.new_page = partial(chromium.new_page, reduced_motion="reduce")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def app_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of `python app.py`, running as a child on a free port; its log is shown with failing tests."""
    folder = tmp_path_factory.mktemp("app")
    log = request.config.stash[app_log] = folder / "app.log"
    with running_app(log, GRADIO_TEMP_DIR=str(folder / "gradio")) as address:
        yield address


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the browser, and run their files last; long files come before short ones.

    While Playwright runs, its event loop occupies the main thread and `asyncio.run` fails there. Within a
    file, these tests come last too. Processes that share the files end at about the same time when the last
    ones are short.
    """
    for item in items:
        if "browser_path" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    driven = {item.path: False for item in items}
    for item in items:
        driven[item.path] |= item.get_closest_marker("browser") is not None
    long = Counter(
        item.path for item in items if {"browser", "slow"} & {mark.name for mark in item.iter_markers()}
    )
    order = {path: place for place, path in enumerate(sorted(driven, key=lambda path: (-long[path], path)))}
    items.sort(
        key=lambda item: (
            driven[item.path],
            order[item.path],
            item.get_closest_marker("browser") is not None,
        )
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests that need CUDA where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs CUDA")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator:
    """Put the end of the app's log under a failing test that used the app."""
    report = yield
    log = item.config.stash.get(app_log, None)
    if report.failed and log and "app_server" in getattr(item, "fixturenames", ()):
        tail = log.read_text(errors="replace").splitlines()[-60:]
        report.sections.append(("app.py's log", "\n".join(tail)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that nobody looked at the page."""
    if any(SKIP_LINE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())):
        terminalreporter.write_line(SKIP_LINE, red=True, bold=True)
