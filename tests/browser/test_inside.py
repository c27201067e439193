"""The Inside tab in a browser."""

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_page import choose, segment

WAIT = 120_000  # milliseconds


@pytest.fixture(scope="module")
def inside(app_server, browser):
    """The Inside tab with a bundled clip opened in it, for all tests of this file."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app_server)
    page.wait_for_selector("#go", timeout=WAIT)
    choose(page, "dog-and-guitar")
    page.wait_for_selector("#context :text('Dog and guitar')", timeout=WAIT)
    segment(page)
    page.click("button[role=tab]:has-text('Inside')")
    page.wait_for_selector("#inside-map .box", timeout=WAIT)
    yield page
    context.close()
    assert not broken


@pytest.fixture
def page(inside):
    inside.set_viewport_size({"width": 1440, "height": 900})
    return inside


def opened(page, name: str, title: str) -> None:
    page.click(f"#inside-map [data-value='{name}']")
    page.wait_for_selector(f"#inside-view h2:text-is('{title}')", timeout=WAIT)


def picture(page, at: str = ".right img >> nth=0") -> str:
    return page.get_attribute(f"#inside-view {at}", "src")


def click_changes(page, selector: str, at: str = ".right .pic img >> nth=0") -> None:
    before = picture(page, at)
    page.click(f"#inside-view {selector}")
    page.wait_for_function(
        "([at, before]) => document.querySelector('#inside-view ' + at).src !== before",
        arg=[at.removesuffix(" >> nth=0"), before],
        timeout=WAIT,
    )


def test_boxes_open_their_views_and_choices_change_the_picture(page):
    for name, title in (("encoder", "Encoder"), ("head", "Mask head"), ("layers", "Layer masks")):
        opened(page, name, title)
    opened(page, "decoder", "Decoder")
    click_changes(page, "[data-action=layer][data-value='1']")
    click_changes(page, "[data-action=head][data-value='2']")
    click_changes(page, ".bar[data-action=query] >> nth=3")
    opened(page, "mixer", "Mixer")
    click_changes(page, ".right [data-action=channel] >> nth=4", ".left .pic img >> nth=0")
    expect(page.locator("#inside-view .chart g")).to_have_count(64)
    opened(page, "encoder", "Encoder")
    click_changes(page, ".position", ".position img >> nth=0")
    page.click("#inside-head [data-action=frame][data-value='0']")
    page.wait_for_selector("#inside-head h1:has-text('Frame 1 of 5')", timeout=WAIT)


def test_a_picture_is_enlarged_and_downloaded(page, tmp_path):
    opened(page, "mixer", "Mixer")
    page.hover("#inside-view .right .pic >> nth=0")
    page.click("#inside-view .right .pic .zoom >> nth=0")
    page.wait_for_selector("#inside-zoom dialog[open] .scale", timeout=WAIT)
    with page.expect_download() as download:
        page.click("#inside-zoom .download")
    download.value.save_as(tmp_path / "a.png")
    assert download.value.suggested_filename.endswith("-before-the-mixer.png")
    assert Image.open(tmp_path / "a.png").size[0] >= 960
    page.keyboard.press("Escape")
    page.wait_for_selector("#inside-zoom dialog[open]", state="hidden", timeout=WAIT)
    with page.expect_download(timeout=WAIT) as download:
        page.click("#inside-save-gif")
    assert download.value.suggested_filename == "dog-and-guitar-mixer.gif"
    assert Image.open(download.value.path()).n_frames == 5


def test_a_phone_has_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for name, title in (("decoder", "Decoder"), ("mixer", "Mixer"), ("encoder", "Encoder")):
        opened(page, name, title)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_any_recorded_site_is_drawn(page):
    page.click("#inside-map .hint [data-value='activations']")
    page.wait_for_selector("#inside-view h2:text-is('Activations')", timeout=WAIT)
    page.click("#inside-view [data-action=site][data-value='decoder.attention']")
    page.wait_for_selector("#inside-view .says:has-text('decoder.attention')", timeout=WAIT)
    click_changes(page, "[data-action=site_layer][data-value='1']")
    page.click("#inside-view [data-action=site][data-value='mask_feature.mixed']")
    page.wait_for_selector("#inside-view h3:text-is('Channels 1 to 36 of 64')", timeout=WAIT)
    page.click("#inside-view .pager [aria-label='Next page']")
    page.wait_for_selector("#inside-view h3:text-is('Channels 37 to 64 of 64')", timeout=WAIT)


def test_an_attribution_shows_both_heats_and_what_they_say(app_server, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    where = "clip=dog-and-guitar&model=tiny-avss&frame=2&part=attribution&method=gradient"
    page.goto(f"{app_server.rstrip('/')}/?tab=inside&{where}")
    page.wait_for_selector("#inside-view h2:text-is('Attribution')", timeout=WAIT)
    said = page.inner_text("#inside-view .left")
    assert "the evidence from the sound lies between" in said and "rank correlation" in said
    assert "4 kHz" in page.inner_text("#inside-view .ticks.up")
    assert "1.92 s" in page.inner_text("#inside-view .ticks.along")
    page.click("#inside-view [data-action=region][data-value=object]")
    page.wait_for_selector("#inside-view .says:has-text('over the largest object')", timeout=WAIT)
    expect(page.locator("#inside-view .right .pic img")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.close()
