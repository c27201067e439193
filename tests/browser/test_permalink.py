"""A link in a fresh browser shows what was shown, and the address follows what one does."""

import re
from collections.abc import Callable, Iterator

import pytest

WAIT = 120_000  # milliseconds
CLIP = "clip=dog-and-guitar&model=tiny-ms3"
SLOW_SERVER = """
const send = window.fetch;
window.fetch = async (address, options) => {
  if (options?.method === "POST") await new Promise((done) => setTimeout(done, 1500));
  return send(address, options);
};
"""


@pytest.fixture
def visit(app_server: str, browser) -> Iterator[Callable]:
    """Open an address in a browser that has never seen the page."""
    contexts, broken = [], []

    def open_address(query: str, script: str = ""):
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 720}))
        page = contexts[-1].new_page()
        page.add_init_script(script)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(app_server + query if query.startswith("?") else query)
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert not broken


def test_a_part_of_the_model_and_a_change_are_restored(visit):
    page = visit(f"?tab=inside&{CLIP}&frame=2&part=decoder&layer=2&head=1&query=5")
    page.wait_for_selector("#inside-view h2:text-is('Decoder')", timeout=WAIT)
    assert page.inner_text("#inside-head h1").startswith("Frame 2 of 5")
    for name, value in (("layer", 2), ("head", 1), ("query", 5)):
        pressed = f"#inside-view [data-action={name}][data-value='{value}'][aria-pressed=true]"
        assert page.locator(pressed).count() >= 1, name
    page.click("#inside-view [data-action=layer][data-value='3']")
    page.wait_for_url(f"**/?tab=inside&{CLIP}&frame=2&part=decoder&layer=3&head=1&query=5", timeout=WAIT)

    page = visit(f"?tab=whatif&{CLIP}&frame=2&changes=mute;gain=-6")
    page.wait_for_selector("#wi-finding h1:has-text('the dog is no longer segmented')", timeout=WAIT)
    assert page.is_checked("#wi-mute input") and page.is_checked("#wi-gain input[type=checkbox]")
    page.click(".wi-cells button[data-value='0']")
    page.wait_for_url(
        re.compile(r"tab=whatif&clip=dog-and-guitar&model=tiny-ms3&frame=1&.*changes=gain=-6;mute")
    )


def test_segment_shows_the_clip_with_its_threshold_and_gives_the_link_away(visit):
    page = visit(f"?tab=segment&{CLIP}&frame=2&threshold=0.3&__theme=light")
    page.wait_for_selector("#finding h1:has-text('The dog is marked')", timeout=WAIT)
    page.wait_for_function("document.querySelector('#player .player').dataset.frame === '1'", timeout=WAIT)
    assert page.input_value("#player [data-set=threshold]") == "0.3"
    assert page.is_checked("#clips input[value='dog-and-guitar']")
    page.locator("#player [data-set=threshold]").fill("0.6")
    page.click("[data-tool=link]")
    page.wait_for_selector("#toast p", timeout=WAIT)
    assert page.url.endswith(f"/?tab=segment&__theme=light&{CLIP}&frame=2&threshold=0.6")


def test_how_a_clip_was_segmented_survives_a_reload_and_is_shared(visit):
    how = "letterbox=1&precision=fast"
    page = visit(f"?tab=segment&{CLIP}&frame=2&{how}")
    page.wait_for_selector("#finding h1:has-text('The dog is marked')", timeout=WAIT)
    page.click("button:has-text('Settings')")
    assert page.is_checked("#letterbox input") and page.is_checked("#precision input[value=fast]")
    page.click("#player .pl-thumbs canvas >> nth=2")
    page.wait_for_url(f"**/?tab=segment&{CLIP}&frame=3&{how}", timeout=WAIT)
    page.reload()
    page.wait_for_selector("#finding h1:has-text('The dog is marked')", timeout=WAIT)
    page.click("button:has-text('Settings')")
    page.wait_for_selector("#letterbox input:checked", timeout=WAIT)
    assert page.is_checked("#precision input[value=fast]")


def test_a_report_and_a_run_are_in_the_address(visit):
    page = visit("?tab=evaluate&report=bundled:tiny-ms3-mute&compared=bundled:tiny-ms3")
    page.wait_for_selector("#ev-body h2:has-text('compared with')", timeout=WAIT)
    page.click("#ev-reports button:has-text('tiny-avss')")
    page.wait_for_url("**/?tab=evaluate&report=bundled:tiny-avss", timeout=WAIT)
    page.click("button[role=tab]:text-is('Train')")
    page.wait_for_url("**/?tab=train&run=classroom%20%28bundled%29&preset=classroom", timeout=WAIT)
    page = visit("?tab=train&preset=tiny&run=gone")
    page.wait_for_selector("#tr-notice:has-text('the run gone, which does not exist here')", timeout=WAIT)
    page.wait_for_selector("#tr-command:has-text('avseg train tiny ')", timeout=WAIT)


def test_what_a_link_cannot_mean_is_said(visit):
    page = visit("?tab=segment&clip=gone&model=%3Cb%3E&frame=-3&threshold=9")
    page.wait_for_selector(
        "#link-notice p:has-text('the clip gone, which does not exist here')", timeout=WAIT
    )
    page.click("#link-notice button")
    page.wait_for_selector("#link-notice p", state="hidden", timeout=WAIT)
    page = visit("?tab=whatif&changes=loud;shift=x&sweep=mute&part=nonsense")
    page.wait_for_selector("#wi-notice [role=alert]:has-text('loud')", timeout=WAIT)


def test_a_clip_that_is_chosen_before_the_server_has_read_the_link_stays(visit):
    page = visit("?__theme=light", SLOW_SERVER)
    page.wait_for_selector("#finding .prose", timeout=WAIT)
    page.click("#clips label:has(input[value='dog-and-guitar'])")
    page.wait_for_selector("#finding h1:has-text('Dog and guitar')", timeout=WAIT)
    page.wait_for_timeout(5000)  # the events of the page's loading, one after another
    assert page.is_checked("#clips input[value='dog-and-guitar']")
    assert "Dog and guitar" in page.inner_text("#finding h1")
