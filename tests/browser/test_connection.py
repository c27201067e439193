"""The page over connections that break, below a path of a reverse proxy, and in a frame."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser.test_page import QUICK, WAIT, painted, segment
from tests.support.path_proxy import served_below
from tests.support.relay import Relay, relayed
from tests.support.serving import running_app

PATH = "/explorer"


@pytest.fixture
def relay(app_server: str) -> Iterator[tuple[str, Relay]]:
    with relayed(app_server) as given:
        yield given


@pytest.fixture
def page(browser) -> Iterator:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    yield page
    context.close()


def test_a_connection_that_breaks_during_a_run_loses_nothing(page, relay):
    address, wire = relay
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    page.check("#rate input[value='8']", force=True)
    page.click("#go")
    page.wait_for_selector("#stop")
    page.wait_for_timeout(2000)  # the run begins
    wire.cut()
    page.wait_for_selector("text=Connection to the server was lost")
    wire.open()
    page.wait_for_selector("#finding .caption:has-text('8 frames per second')")  # Gradio reloads the page
    assert painted(page)[0] > 0
    page.wait_for_selector("#files button:has-text('Download all')")
    page.click("button[role=tab]:text-is('Inside')")
    page.wait_for_selector("#inside-head h1:has-text('of 40')")


def test_a_connection_that_breaks_while_nothing_runs_is_not_noticed(page, relay):
    address, wire = relay
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    segment(page)
    assert painted(page)[0] > 0
    page.wait_for_selector("#files button:has-text('Download all')")  # written, so nothing runs
    wire.cut()
    page.wait_for_timeout(1500)
    wire.open()
    page.click("button[role=tab]:text-is('Inside')")
    page.wait_for_selector("#inside-head h1:has-text('of 5')")


def test_a_result_that_is_gone_says_so_and_can_be_tried_again(page, app_server):
    page.goto(app_server)
    page.wait_for_selector("#go", timeout=QUICK)
    page.route("**/*.pack", lambda route: route.fulfill(status=404, body="gone"))
    page.click("#go")
    page.wait_for_selector("#player .pl-missing >> visible=true")
    assert "its files were deleted" in page.inner_text("#player .pl-missing")
    page.unroute("**/*.pack")
    page.click("#player .pl-missing button")
    assert painted(page)[0] > 0 and not page.is_visible("#player .pl-missing")


def test_below_a_path_and_in_a_frame(page, tmp_path):
    settings = {"GRADIO_TEMP_DIR": str(tmp_path / "cache"), "GRADIO_ROOT_PATH": PATH}
    with running_app(tmp_path / "app.log", **settings) as address:
        target = urlsplit(address)
        with served_below(PATH, (target.hostname, target.port)) as root:
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{root}{PATH}/")
            page.wait_for_selector("#go", timeout=QUICK)
            segment(page)
            assert painted(page)[0] > 0
            assert all(url.startswith((f"{root}{PATH}/", "data:", "blob:")) for url in asked)
            page.goto(f"{root}/frame.html")
            frame = page.frame_locator("iframe")
            frame.locator("#go").click()
            frame.locator("#files button:has-text('Download all')").wait_for()
