"""From a clip of one's own to the authors' model: notice, panel, download, masks, Inside and What if."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from avseg.models.zoo import RELEASED
from tests.browser.test_page import QUICK, WAIT, segment, upload
from tests.browser.test_tabs_together import open_tab, take
from tests.support.drive_server import Drive, drive_server
from tests.support.media import counting
from tests.support.serving import ROOT, running_app
from tests.support.small_released import NAME, small_released_file

ROW = f"#am-released li:has-text('{NAME}')"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[tuple[str, Drive]]:
    """An app for which Google Drive is a server here, which holds a small model and stops at 40 % of it."""
    folder = tmp_path_factory.mktemp("add-model")
    file = folder / "released.pth"
    small_released_file(file)
    with drive_server() as drive:
        drive.files[RELEASED[NAME].drive_id] = file.read_bytes()
        drive.cuts, drive.go_on = [0.4], threading.Event()
        here = {
            "PYTHONPATH": str(ROOT / "tests" / "support" / "stand_in"),
            "AVSEG_TEST_DRIVE": drive.url,
            "AVSEG_TEST_BYTES": str(file.stat().st_size),
            "AVSEG_MODELS": str(folder / "models"),
            "AVSEG_RUNS": str(folder / "runs"),
            "GRADIO_TEMP_DIR": str(folder / "gradio"),
        }
        with running_app(folder / "app.log", **here) as address:
            yield address, drive


def test_a_visitor_gets_the_authors_model_and_keeps_the_clip(place, browser, tmp_path):
    address, drive = place
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    upload(page, counting(tmp_path / "mine.mp4", seconds=2))
    page.wait_for_selector("text=mine.mp4:")
    take(page, "#model", "tiny-ms3")
    segment(page)

    # The notice about the demo model, the tag and the last entry of the list open one panel.
    page.click("#finding [data-add-model]")
    page.wait_for_selector("#add-model")
    page.keyboard.press("Escape")
    page.wait_for_selector("#add-model", state="detached")
    take(page, "#model", "Add a model…")
    page.wait_for_selector("#add-model")
    expect(page.locator("#model input")).to_have_value("tiny-ms3")

    page.fill("#am-path textarea, #am-path input", "/nowhere/weights.pth")
    page.click("#am-add")
    page.wait_for_selector("#am-notice:has-text('/nowhere/weights.pth does not exist.')")
    page.click(f"{ROW} [data-action=get]")
    page.wait_for_selector(f"{ROW} progress[value]")
    page.click("#am-close")
    page.wait_for_selector(f".am-strip:has-text('Adding {NAME}:')")
    drive.go_on.set()
    page.wait_for_selector(".am-strip:has-text('is ready and selected')")
    expect(page.locator("#model input")).to_have_value(f"{NAME} · imported")
    expect(page.locator("#upload")).to_contain_text("mine")

    segment(page)
    assert "demo" not in page.inner_text("#context") and NAME in page.inner_text("#context")
    assert f"Model {NAME}" in page.inner_text("#finding")
    open_tab(page, "Inside", "#inside-map .box")
    assert NAME in page.inner_text("#context")

    open_tab(page, "What if", "#wi-go")
    page.click("#wi-presets button:text-is('Silence')")
    page.wait_for_selector("#wi-finding h1:has-text('Without sound')")
    assert "mine.mp4" in page.inner_text("#wi-finding") and NAME in page.inner_text("#wi-finding")
    expect(page.locator(".wi-cells button")).to_have_count(2)
    page.context.close()
    assert not broken
