"""The first minute: the page opens on a result, and nothing jumps or loses its place during a run."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from app.segment.opening import record

WAIT = 120_000  # milliseconds

SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver(list => list.getEntries().forEach(entry => shifts.push(entry.value)))
    .observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture
def page(app_server: str, browser) -> Iterator:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="no-preference")
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app_server)
    page.wait_for_function("document.querySelector('#player')?.querySelector('.pl-thumbs canvas')?.width > 1")
    yield page
    context.close()
    assert not broken


def painted(page) -> int:
    return page.evaluate(
        """() => {
          const canvas = document.querySelector("#player .pl-picture canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0), 0);
        }"""
    )


def test_the_page_opens_on_a_masked_clip_whose_sound_can_be_swapped_in_place(page):
    video = "document.querySelector('#player video')"
    page.wait_for_function(f"!{video}.paused && {video}.currentTime > 0.1 && {video}.muted", timeout=WAIT)
    assert page.is_visible("#player .pl-unmute")  # it plays, and is not heard until someone wants to
    for part in ("#finding h1", "#player .pl-sounds p", "#player .pl-times", "#go"):
        box = page.locator(part).bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= 720, part
    asked = []
    page.wait_for_timeout(500)
    page.on("request", lambda request: asked.append(request.url))
    findings = [sound["finding"] for sound in record()["player"]["sounds"]]
    page.click("#player [data-sound='1']")  # silence
    page.wait_for_function(f"document.querySelector('#player .pl-sounds p').textContent === '{findings[1]}'")
    page.focus("#player .player")
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('#player .player').dataset.frame === '0'")
    page.evaluate(f"{video}.pause()")
    page.wait_for_timeout(300)
    assert painted(page) == 0 and page.evaluate(f"{video}.muted")
    expect(page.locator("#player .pl-classes td").last).to_have_text("–")  # no IoU: it has no ground truth
    page.keyboard.press("s")  # the dog's bark, heard in place of the video's own sound
    page.wait_for_function(f"document.querySelector('#player .pl-sounds p').textContent === '{findings[2]}'")
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    assert painted(page) > 1000 and page.evaluate(f"{video}.muted")
    page.keyboard.press("s")
    page.keyboard.press("s")
    page.wait_for_function(f"document.querySelector('#player .pl-sounds p').textContent === '{findings[0]}'")
    assert not page.evaluate(f"{video}.muted")
    ours = [
        url for url in asked if "/queue/" not in url and "/run/" not in url and not url.startswith("blob:")
    ]
    assert all(url.endswith(".wav") for url in ours)  # the masks of every sound are there already


def test_nothing_jumps_or_loses_the_focus_during_a_run(page):
    page.locator("#clips label", has=page.locator("input[value='dog-and-guitar']")).click()
    page.wait_for_selector("#finding h1:has-text('Dog and guitar')", timeout=WAIT)
    page.wait_for_function("document.querySelector('#player .pl-thumbs canvas')?.width > 1", timeout=WAIT)
    page.wait_for_timeout(700)  # shifts right after a click do not count
    page.evaluate(SHIFTS)
    page.evaluate(
        """() => {
          window.lost = []; window.blank = 0;
          const source = document.querySelector("#player video").src;
          setInterval(() => {
            if (document.activeElement === document.body) lost.push(performance.now());
            const video = document.querySelector("#player video");
            if (video.src !== source || !video.videoWidth || !video.offsetHeight) window.blank++;
          }, 30);
        }"""
    )
    page.focus("#go")
    page.evaluate("window.lost = []; window.shifts = []")
    page.keyboard.press("Enter")
    page.wait_for_selector("#finding h1:has-text('The dog is marked')", timeout=WAIT)
    page.wait_for_selector("#files button:has-text('Download all')", timeout=WAIT)
    page.wait_for_timeout(700)
    assert page.evaluate("lost.length") == 0 and page.evaluate("document.activeElement.id") == "go"
    assert page.evaluate("blank") == 0
    assert page.evaluate("shifts.reduce((a, b) => a + b, 0)") <= 0.02
    assert page.locator(
        "#finding[aria-live=polite], #finding [aria-live=polite]"
    ).count()  # the result is announced


def test_a_lecturer_shows_what_decides_the_mask_in_three_clicks(page):
    page.click("[data-tool=present]")  # 1
    picture = page.locator("#player .pl-picture").bounding_box()
    assert picture["width"] > 1200 and picture["height"] > 360  # of 1280 x 720
    for part in ("#clips", "#views > .tab-wrapper", "#foot", "#player .pl-side"):
        assert not page.is_visible(part), part
    size = "([part, scale]) => parseFloat(getComputedStyle(document.querySelector(part)).fontSize) * scale"
    zoom = page.evaluate(
        "Number(getComputedStyle(document.querySelector('#player').closest('.tabitem')).zoom)"
    )
    assert page.evaluate(size, ["#player .pl-sounds p", zoom]) >= 22
    findings = [sound["finding"] for sound in record()["player"]["sounds"]]
    for key in ("2", "3", "1"):
        page.keyboard.press(key)
        page.wait_for_selector(f"#player .pl-sounds p:text-is('{findings[int(key) - 1]}')", timeout=WAIT)
    playing = "!document.querySelector('#player video').paused"
    page.keyboard.press(" ")
    page.wait_for_function(f"!({playing})")
    frame = page.get_attribute("#player .player", "data-frame")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#player .player').dataset.frame === '1'")
    assert frame is not None
    page.keyboard.press("Escape")
    page.wait_for_selector("#clips", timeout=WAIT)
    page.click("#to-whatif")  # 2: arrives with the sound muted, and run
    page.wait_for_selector("#wi-finding h1:has-text('Without sound')", timeout=WAIT)
    assert page.is_checked("#wi-mute input")
    page.click("#wi-presets button:text-is('One second late')")  # 3
    page.wait_for_selector("#wi-finding h1:has-text('shifted by +1 s')", timeout=WAIT)
    page.wait_for_selector("#wi-range .wi-column", timeout=WAIT)
    box = page.locator("#wi-range .wi-range").bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] <= 720  # the sweep is in view
    before, after = (
        page.get_attribute(f".wi-{side} img:not([hidden])", "src") for side in ("before", "after")
    )
    assert before != after


def test_the_address_names_the_open_tab(page, app_server):
    page.click("#finding a:text-is('Learn how it works')")
    page.wait_for_selector("[role=tab].selected:text-is('Learn')", timeout=WAIT)
    page.click("[role=tab]:text-is('What if')")
    page.wait_for_url("**/?tab=whatif&clip=*")
    page.reload()
    page.wait_for_selector("[role=tab].selected:text-is('What if')", timeout=WAIT)
    page.goto(f"{app_server}?tab=nothing")
    page.wait_for_selector("[role=tab].selected:text-is('Segment')", timeout=WAIT)
