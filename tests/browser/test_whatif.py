"""The What if tab in a browser, and its endpoint."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from app.page import build, launch_options
from app.services.handoff import WhatIfRequest
from app.services.session import Visitor
from avseg.interventions.run import INTERVENTIONS
from tests.browser.test_page import QUICK, WAIT, page  # noqa: F401 (a fixture)
from tests.support.media import banner_of


def open_tab(page) -> None:  # noqa: F811
    page.click("button[role=tab]:has-text('What if')")
    page.wait_for_selector("#wi-go", timeout=QUICK)


def tick(page, *names: str) -> None:  # noqa: F811
    for name in names:
        page.click(f"#wi-{name} input[type=checkbox]")


def see(page) -> str:  # noqa: F811
    """Press the button; returns the headline and the line below it."""
    before = page.inner_text("#wi-finding .prose")
    page.click("#wi-go")
    page.wait_for_function(
        "before => document.querySelector('#wi-finding .prose').innerText !== before",
        arg=before,
        timeout=WAIT,
    )
    page.wait_for_selector("#wi-go", timeout=QUICK)
    return page.inner_text("#wi-finding .prose")


def test_every_row_is_on_the_page_and_mute_empties_the_mask(page):  # noqa: F811
    open_tab(page)
    for row in INTERVENTIONS:
        assert row.title in page.inner_text(f"#wi-{row.name}")
    tick(page, "mute")
    assert "Without sound" in see(page) and "no longer segmented" in page.inner_text("#wi-finding h1")
    expect(page.locator("#wi-stats b >> nth=0")).to_have_text("0.00")
    expect(page.locator(".wi-before img[data-frame]:visible")).to_have_count(1)
    colours = page.evaluate(
        """() => ['before', 'after'].map(side => {
            const image = document.querySelector(`.wi-${side} img[data-frame]:not([hidden])`);
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const paint = canvas.getContext('2d');
            paint.drawImage(image, 0, 0);
            const data = paint.getImageData(0, 0, canvas.width, canvas.height).data;
            let orange = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i] > 190 && data[i + 1] > 110 && data[i + 2] < 60) orange += 1;
            return orange;
        })"""
    )
    assert colours[0] > colours[1] + 500  # the cat is orange too
    # Another frame, then the other views: all without a model.
    page.click(".wi-cells button[data-value='2']")
    assert page.inner_text(".wi-where").startswith("Frame 3")
    page.click(".wi-top button:text-is('Divider')")
    page.locator(".wi-at").fill("20")
    assert page.evaluate("document.querySelector('.wi').style.getPropertyValue('--at')") == "20%"
    with page.expect_download(timeout=WAIT) as download:
        page.click("#wi-save-png")
    assert download.value.suggested_filename == "alarm-clock-then-cat-mute-frame-3.png"
    with page.expect_download(timeout=WAIT) as download:
        page.click("#wi-save-mp4")
    assert "Audio: aac" in banner_of(download.value.path())
    page.click(".wi-top button:text-is('Difference map')")
    assert page.is_visible(".wi-change") and not page.is_visible(".wi-before")


def test_changes_combine_and_a_checkpoint_is_one_of_them(page):  # noqa: F811
    open_tab(page)
    tick(page, "checkpoint")
    assert see(page).startswith("With tiny-avss, the mask")  # the other bundled model
    tick(page, "checkpoint", "mixer-off", "decoder-cut")
    assert "Without the mixer and with the decoder cut after layer 1" in see(page)
    tick(page, "mixer-off", "decoder-cut", "channels")
    page.fill("#wi-channels-channels :is(input, textarea)", "900")
    page.click("#wi-go")
    page.wait_for_selector("#wi-notice [role=alert]", timeout=WAIT)
    assert "900" in page.inner_text("#wi-notice")
    assert "Without the mixer" in page.inner_text("#wi-finding .prose")


def test_a_sweep_and_no_sideways_scroll_on_a_phone(page):  # noqa: F811
    open_tab(page)
    page.click("#wi-run-sweep")
    page.wait_for_selector("#wi-range .wi-column", timeout=WAIT)
    expect(page.locator("#wi-range .wi-column")).to_have_count(9)
    expect(page.locator(".wi-neutral b")).to_have_text("1.00")
    tick(page, "shift")
    see(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_other_programs_can_call_it(app_server):
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    answer = client.predict(["mute"], "dog-and-guitar", "tiny-ms3", 1, api_name="/what_if")
    assert "no longer segmented" in answer["finding"] and len(answer["frames"]) == 5
    assert max(frame["after"] for frame in answer["frames"]) < 0.002
    with pytest.raises(Exception, match="Unknown change 'loud'"):
        client.predict(["loud"], "dog-and-guitar", "tiny-ms3", 1, api_name="/what_if")


@pytest.fixture
def page_with_request(browser, monkeypatch, tmp_path) -> Iterator:
    """A page served by this process, whose visitors find a request for What if when they open it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    requests = [WhatIfRequest(("mute", "shift=2"))]
    take = Visitor.take

    def take_request(visitor: Visitor, kind: type) -> object:
        return requests.pop() if kind is WhatIfRequest and requests else take(visitor, kind)

    monkeypatch.setattr(Visitor, "take", take_request)
    demo = build()
    _, address, _ = demo.launch(**launch_options(), server_name="127.0.0.1", prevent_thread_lock=True)
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    opened = context.new_page()
    opened.goto(address)
    yield opened
    context.close()
    demo.close()


def test_a_request_of_another_tab_ticks_its_changes_and_runs_them(page_with_request):
    page = page_with_request  # noqa: F811
    page.wait_for_selector("#go", timeout=QUICK)
    page.evaluate("scrollTo(0, 400)")
    open_tab(page)
    page.wait_for_selector("#wi-finding h1:has-text('Without sound')", timeout=WAIT)
    assert "shifted by +2 s and without sound" in page.inner_text("#wi-finding h1").lower()
    page.wait_for_selector("#wi-go", timeout=QUICK)
    ticked = ".wi-tick input:checked"
    expect(page.locator(ticked)).to_have_count(2)
    assert all(page.locator(f"#wi-{name} {ticked.split()[1]}").count() == 1 for name in ("mute", "shift"))
    expect(page.locator("#wi-shift-seconds input[type=number]")).to_have_value("2")
    assert page.evaluate("scrollY") == 0
