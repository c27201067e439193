"""The Explore tab in a browser, and what a public host refuses to any client."""

import csv
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import QUICK, WAIT
from tests.support.avsbench_folders import write_drawn_folder
from tests.support.serving import running_app


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A folder with seven drawn clips, of which one mask is missing."""
    return write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS")


@pytest.fixture(scope="module")
def address(drawn, tmp_path_factory) -> Iterator[str]:
    """An app whose first data set is the drawn folder."""
    folder = tmp_path_factory.mktemp("explore")
    here = {
        "AVSEG_DATA": str(drawn),
        "AVSEG_CACHE": str(folder / "cache"),
        "AVSEG_RUNS": str(folder / "runs"),
    }
    with running_app(folder / "app.log", GRADIO_TEMP_DIR=str(folder / "gradio"), **here) as address:
        yield address


@pytest.fixture
def page(address: str, browser) -> Iterator:
    """The Explore tab of a fresh page; fails when a script breaks or another host is asked for anything."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    broken, outside = [], []
    ours = (address, "data:", "blob:")
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("request", lambda request: request.url.startswith(ours) or outside.append(request.url))
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    page.click("button[role=tab]:text-is('Explore')")
    page.wait_for_selector("#ex-grid .ex-clip", timeout=WAIT)
    page.wait_for_selector("#ex-report table", timeout=WAIT)  # masks and files were read
    yield page
    context.close()
    assert not broken and not outside


def shows(page, words: str) -> None:
    """Wait until the line above the clips says how many there are."""
    page.wait_for_selector(f"#ex-line b:text-is('{words}')", timeout=QUICK)


def names(page) -> list[str]:
    return page.locator("#ex-grid .ex-name > span").all_inner_texts()


def opened(page, name: str) -> None:
    """Wait until a clip is open and its player has its frames."""
    page.wait_for_selector(f"#ex-head h2:text-is('{name}')", timeout=QUICK)
    page.wait_for_selector(f"#ex-player .player[aria-label*='{name}']", timeout=WAIT)
    page.wait_for_function("document.querySelector('#ex-player .pl-thumbs canvas')?.width > 1", timeout=WAIT)


def test_filters_statistics_search_and_pages(page):
    shows(page, "7 of 7 clips")
    page.click("#ex-filters label:has-text('test')")
    shows(page, "3 of 7 clips")
    assert all(name.startswith("te07") for name in names(page))
    expect(page.locator("#ex-filters label:has-text('test') input")).to_be_checked()
    page.click("#ex-line .ex-chip:has-text('test')")
    shows(page, "7 of 7 clips")
    bar = page.locator("#ex-charts [aria-label='Clips per class'] button").first
    count = bar.get_attribute("title").split(" of ")[1].split()[0]
    bar.click()
    shows(page, f"{count} of 7 clips")
    assert (
        page.locator("#ex-charts [aria-label='Clips per class'] button").first.get_attribute("aria-pressed")
        == "true"
    )
    page.click("#ex-line button:has-text('Clear')")
    shows(page, "7 of 7 clips")
    page.fill("#ex-search :is(input, textarea)", "va07")
    shows(page, "1 of 7 clips")
    page.fill("#ex-search :is(input, textarea)", "nothing is called so")
    shows(page, "0 of 7 clips")
    page.click("#ex-grid button:has-text('Show all 7 clips')")
    shows(page, "7 of 7 clips")


def test_a_chart_is_one_tab_stop_and_arrow_keys_move_within(page):
    bars = page.locator("#ex-charts [aria-label='Clips per class'] button")
    expect(page.locator("#ex-charts [aria-label='Clips per class'] button[tabindex='0']")).to_have_count(1)
    bars.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    name = bars.nth(1).get_attribute("aria-label")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == name
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#ex-line .ex-chip:has-text('{name.split(':')[0]}')", timeout=QUICK)
    page.wait_for_function(
        "document.activeElement.closest('#ex-charts') && document.activeElement.ariaPressed === 'true'",
        timeout=QUICK,
    )


def test_scoring_goes_on_while_another_tab_is_opened(page):
    page.click("#ex-filters label:has-text('val')")
    shows(page, "1 of 7 clips")
    page.click("#ex-score")
    page.click("button[role=tab]:text-is('Segment')")
    page.wait_for_selector("#go", timeout=WAIT)
    page.click("button[role=tab]:text-is('Explore')")
    page.wait_for_selector("#ex-grid .ex-name b", timeout=WAIT)
    assert not page.is_visible("#ex-stop") and not page.is_visible("#ex-score")
    page.locator("#ex-filters input[type=range]").evaluate(
        "input => { input.value = 0.05; for (const name of ['input', 'change'])"
        " input.dispatchEvent(new Event(name, { bubbles: true })); }"
    )
    page.wait_for_selector("#ex-line .ex-chip:has-text('below 0.05')", timeout=QUICK)


def test_a_clip_opens_is_predicted_and_goes_to_inside(page):
    page.click("#ex-filters label:has-text('test')")
    shows(page, "3 of 7 clips")
    page.click("#ex-grid .ex-clip >> nth=0")
    opened(page, "te07_000000")
    expect(page.locator("#ex-head small")).to_have_text("1 of 3")
    page.click("#ex-head [aria-label='Next clip']")
    page.click("#ex-head [aria-label='Next clip']")
    opened(page, "te07_000002")
    assert page.inner_text("#ex-head small") == "3 of 3" and len(names(page)) == 3
    expect(page.locator("#ex-head [aria-label='Next clip']")).to_be_disabled()
    page.click("#ex-predict")
    page.wait_for_selector("#ex-errors figure >> nth=4", timeout=WAIT)
    assert "IoU per frame, tiny-ms3" in page.inner_text("#ex-errors")
    iou = page.inner_text("#ex-errors p b").removeprefix("mean ")
    if iou != "no ground truth":
        expect(page.locator("#ex-grid .ex-clip[aria-pressed=true] b")).to_have_text(iou)
    page.click("#ex-to-inside")
    page.wait_for_selector("#inside-head :text('of te07_000002')", timeout=WAIT)
    for tab, ready in (("segment", "#finding :text('te07_000002')"), ("whatif", "#wi-go")):
        page.click("button[role=tab]:text-is('Explore')")
        page.click(f"#ex-to-{tab}")
        page.wait_for_selector(ready, timeout=WAIT)
        assert "te07_000002" in page.inner_text("#context")


def test_an_integrity_row_opens_its_clip_which_is_tagged_and_exported(page):
    page.click("#ex-report .ex-chip:has-text('missing mask')")
    shows(page, "1 of 7 clips")
    page.click("#ex-report td .ex-link:has-text('te07_000001')")
    opened(page, "te07_000001")
    page.fill(".ex-written input", "=mask 2 is gone")
    page.click(".ex-written button:has-text('Save note')")
    page.wait_for_selector("#ex-head button:has-text('Remove flag')", timeout=QUICK)
    page.wait_for_selector("#ex-grid .ex-flag", timeout=QUICK)
    page.fill(".ex-tags input", "night, rain")
    page.press(".ex-tags input", "Enter")
    page.wait_for_selector("#ex-about .ex-chip:has-text('night rain')", timeout=QUICK)
    assert page.input_value(".ex-tags input") == ""
    with page.expect_download() as download:
        page.click("#ex-export")
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["clip"], row["tags"], row["note"]) for row in rows] == [
        ("te07_000001", "flagged; night rain", "'=mask 2 is gone")
    ]
    page.reload()
    page.click("button[role=tab]:text-is('Explore')")
    page.wait_for_selector("#ex-grid .ex-clip", timeout=WAIT)
    page.click("#ex-filters label:has-text('Tagged or noted')")
    shows(page, "1 of 7 clips")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_public_host_adds_no_folder_however_it_is_asked(drawn, tmp_path):
    here = {
        "AVSEG_PUBLIC": "1",
        "AVSEG_CACHE": str(tmp_path / "cache"),
        "GRADIO_TEMP_DIR": str(tmp_path / "g"),
    }
    with running_app(tmp_path / "app.log", **here) as address:
        said = call(address, "add_folder", [str(drawn)])
        asked = call(address, "evaluate", ["tiny-ms3", "synth-ms3", "test", 41, False])
    assert "at most 40 clips at a time, not 41" in asked
    assert "Adding folders is off on this host" in said and "SynthAVS by its" not in said
    assert not list((tmp_path / "cache").glob("explore-folders*"))


def call(address: str, name: str, data: list) -> str:
    """Call an endpoint as any HTTP client would; returns its stream of events."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = json.dumps({"data": data}).encode()
    asked = urllib.request.Request(
        f"{address}gradio_api/call/{name}", body, {"Content-Type": "application/json"}
    )
    with direct.open(asked, timeout=120) as reply:
        event = json.load(reply)["event_id"]
    with direct.open(f"{address}gradio_api/call/{name}/{event}", timeout=120) as reply:
        return reply.read().decode()


def test_a_lasso_on_the_map_filters_and_its_chip_takes_the_filter_away(page, address):
    page.click("#ex-mode button:text-is('Map')")
    page.click("#ex-map-bar button:text-is('Compute the map')")
    page.wait_for_selector(".map-place[data-matching='7'], .map-place[data-matching='6']", timeout=2 * WAIT)
    points = page.evaluate("Number(document.querySelector('.map-place').dataset.points)")
    canvas = page.locator("#ex-map canvas")
    canvas.scroll_into_view_if_needed()
    page.click("#ex-map [data-map=lasso]")
    box = canvas.bounding_box()
    corners = [(4, 4), (box["width"] - 4, 4), (box["width"] - 4, box["height"] - 4), (4, box["height"] - 4)]
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=5)
    page.mouse.up()
    chip = page.locator("#ex-line .ex-chip:has-text('selected on the map')")
    expect(chip).to_have_text(f"{points} selected on the map ×", timeout=QUICK)
    page.wait_for_function("location.search.includes('region:mask-pca-clips-')", timeout=QUICK)
    chip.click()
    shows(page, "7 of 7 clips")
    # By keyboard: enlarge, then filter by what is in view.
    canvas.focus()
    for key in ("+", "+", "Enter"):
        page.keyboard.press(key)
    expect(chip).to_be_visible(timeout=QUICK)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
