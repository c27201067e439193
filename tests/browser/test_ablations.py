"""The Ablations view in a browser: the table, the wall of two variants, and a cell in Inside."""

from collections.abc import Iterator

import pytest

from tests.browser.test_page import QUICK, WAIT
from tests.support.serving import running_app
from tests.support.small_study import write_study


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app whose runs folder has the study `first`."""
    folder = tmp_path_factory.mktemp("ablations")
    write_study(folder / "runs" / "first", seeds=1)
    settings = {"AVSEG_RUNS": str(folder / "runs"), "GRADIO_TEMP_DIR": str(folder / "gradio")}
    with running_app(folder / "app.log", **settings) as address:
        yield address


def test_a_study_its_wall_and_a_cell_in_inside(server: str, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{server}?tab=evaluate&view=ablations&study=first")  # as a link has it
    page.wait_for_selector("#ab-table tbody tr:has-text('no sound')", timeout=WAIT)
    assert page.locator("#ab-charts .lane-whisker").count() == 5
    page.uncheck("#ab-table tr:has-text('no mixer') input")
    page.wait_for_selector("#ab-hint:has-text('4 runs of a model')", timeout=QUICK)
    page.click("#ab-go")
    page.wait_for_selector("#ab-wall [data-action=cell] img >> nth=3", timeout=WAIT)
    page.wait_for_selector("#ab-stop", state="hidden", timeout=QUICK)
    # One slider moves the pictures of all cells and what is written under them.
    page.fill("#ab-wall input[type=range]", "1")
    moved = "images => images.every(i => getComputedStyle(i).transform === 'matrix(1, 0, 0, 1, 0, 0)')"
    assert page.eval_on_selector_all("#ab-wall img", moved)
    page.fill("#ab-wall input[type=range]", "2")
    assert not page.eval_on_selector_all("#ab-wall img", moved)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.eval_on_selector("#ab-wall .ab-scroll", "part => part.scrollWidth > part.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.click("#ab-wall button[title^='no sound on'] >> nth=0")
    page.wait_for_selector("#inside-view .group", timeout=WAIT)
    page.wait_for_selector("#context:has-text('first: no sound'):has-text('2 of')", timeout=QUICK)
    page.click("button[role=tab]:has-text('Evaluate')")
    page.click("#ev-view label:has-text('Reports')")
    page.wait_for_selector("#ev-go", timeout=QUICK)
    page.close()
    assert not broken
