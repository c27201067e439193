"""The page in a browser, served by `python app.py`."""

import json
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests.support.media import banner_of, counting, ffmpeg

WAIT = 120_000  # milliseconds; a model may have to be loaded on a busy machine
QUICK = 60_000


@contextmanager
def opened(address: str, browser) -> Iterator:
    """A fresh page of the app; fails when it asks another host for anything or a script breaks."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    outside, broken = [], []
    ours = (address, "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(ours) or outside.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    choose(page, "dog-and-guitar")
    page.wait_for_selector("#context :text('Dog and guitar')", timeout=QUICK)
    yield page
    context.close()
    assert not outside and not broken


@pytest.fixture
def page(app_server: str, browser) -> Iterator:
    """A page of one test."""
    with opened(app_server, browser) as page:
        yield page


@pytest.fixture(scope="module")
def result(app_server: str, browser) -> Iterator:
    """A page with a segmented clip, which several tests of this file look at."""
    with opened(app_server, browser) as page:
        segment(page)
        page.wait_for_selector("#files button:has-text('Download all')", timeout=WAIT)
        yield page


@pytest.fixture(scope="module")
def phone(app_server: str, browser) -> Iterator:
    """A page as wide as a phone, which several tests of this file look at."""
    with opened(app_server, browser) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        yield page


def choose(page, name: str) -> None:
    page.locator("#clips label", has=page.locator(f"input[value='{name}']")).click()


def segment(page) -> str:
    """Press the button; returns the finding."""
    before = page.inner_text("#finding .prose")
    page.click("#go")
    page.wait_for_function(
        "before => document.querySelector('#finding .prose').innerText !== before", arg=before, timeout=WAIT
    )
    page.wait_for_selector("#stop", state="hidden", timeout=QUICK)
    return page.inner_text("#finding .prose")


def upload(page, path: Path) -> None:
    page.set_input_files("#upload input[type=file]", str(path))


def pixels(page) -> list[int]:
    """How many pixels of the mask canvas are painted, and the sum of their opacity."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector("#player .pl-picture canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let painted = 0, sum = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i]) painted++, sum += data[i];
            return [painted, sum];
        }"""
    )


def painted(page) -> list[int]:
    """Wait until the canvas holds a mask."""
    page.wait_for_function("document.querySelector('#player .pl-thumbs canvas')?.width > 1", timeout=QUICK)
    for _ in range(100):
        if pixels(page)[0]:
            break
        page.wait_for_timeout(100)
    return pixels(page)


def frame(page) -> int:
    return int(page.get_attribute("#player .player", "data-frame"))


def slide(page, name: str, value: float) -> None:
    slider = page.locator(f"#player [data-set={name}]")
    slider.evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: 1})); }",
        value,
    )
    page.wait_for_timeout(100)


def test_a_bundled_clip_is_segmented_and_plays(page):
    choose(page, "stage-duo")
    page.wait_for_selector("#context :text('Stage duo')", timeout=QUICK)
    expect(page.locator("#go")).to_contain_text("Segment 5 frames")  # and how long it will take, once known
    finding = segment(page)
    assert "5 frames" in finding and "Stage duo" in finding
    painted(page)
    expect(page.locator("#player .pl-thumbs canvas")).to_have_count(5)
    assert page.locator("#context .tag").count() <= 1
    video = "document.querySelector('#player video')"
    page.wait_for_function(f"{video}.readyState >= 3", timeout=QUICK)
    assert page.evaluate(f"{video}.duration") == pytest.approx(5, abs=0.2)
    size = f"[{video}.videoWidth, {video}.videoHeight]"
    canvas = "document.querySelector('#player .pl-picture canvas')"
    assert page.evaluate(f"[{canvas}.width, {canvas}.height]") == page.evaluate(size) == [640, 360]
    page.evaluate(f"{video}.muted = true")
    page.click("#player .pl-play")
    page.wait_for_function(f"{video}.currentTime > 1.3 && !{video}.paused", timeout=QUICK)
    page.keyboard.press("Space")  # after a click with the mouse the keys are the player's
    page.wait_for_function(f"{video}.paused", timeout=QUICK)
    assert frame(page) == int(page.evaluate(f"{video}.currentTime"))


def test_the_result_survives_a_change_of_tab(result):
    page = result
    finding = page.inner_text("#finding .prose")
    before = painted(page)
    tabs = page.locator("#views [role=tab]")
    if tabs.count() > 1:
        tabs.nth(1).click()
        page.wait_for_timeout(500)
        tabs.nth(0).click()
    page.wait_for_function(
        "words => document.querySelector('#finding .prose').innerText === words", arg=finding, timeout=QUICK
    )
    assert painted(page) == before


def test_downloads_open(result):
    page = result
    found = {}
    for name in ("Download all", "Overlay video", "PNG masks", "COCO RLE", "prediction.json"):
        with page.expect_download() as download:
            page.click(f"#files button:has-text('{name}')")
        found[name] = Path(download.value.path())
    assert len(json.loads(found["prediction.json"].read_text())["frames"]) == 5
    assert len(json.loads(found["COCO RLE"].read_text())["images"]) == 5
    assert len(zipfile.ZipFile(found["PNG masks"]).namelist()) == 5
    assert "overlay.mp4" in zipfile.ZipFile(found["Download all"]).namelist()
    assert "h264" in banner_of(found["Overlay video"])


def test_what_is_drawn_changes_without_a_request(result):
    page = result
    before, opacity = painted(page)
    page.wait_for_timeout(500)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    share = page.inner_text("#player .pl-classes tbody td:nth-child(2)")
    slide(page, "opacity", 0.9)
    assert pixels(page)[0] == before and pixels(page)[1] > 1.2 * opacity
    slide(page, "threshold", 0.05)
    assert pixels(page)[0] > before
    assert page.inner_text("#player .pl-classes tbody td:nth-child(2)") != share
    slide(page, "threshold", 0.5)
    for style in ("outline", "cutout", "heat", "mask"):
        now = pixels(page)
        page.click(f"#player [data-style={style}]")
        assert pixels(page) != now or style == "mask"
    page.click("#player [data-class='1']")  # nothing but the white ground truth is left
    page.click("#player [data-set=truth]")
    assert page.get_attribute("#player [data-class='1']", "aria-pressed") == "false"
    assert pixels(page)[0] == 0
    for key, empty in (("1", False), ("m", True), ("m", False), ("g", False), ("e", False)):
        page.keyboard.press(key)
        assert (pixels(page)[0] == 0) == empty, key
    assert "false alarm" in page.inner_text("#player .pl-legend")
    assert not [url for url in asked if not url.startswith(("blob:", "data:"))]


def test_seeking_by_sound_bar_thumbnail_and_keys(page):
    page.click("#rate label:has-text('2')")
    segment(page)
    painted(page)
    width = page.locator("#player .pl-sound").bounding_box()["width"]
    page.click("#player .pl-sound", position={"x": width * 0.62, "y": 20})
    video = "document.querySelector('#player video')"
    page.wait_for_function(f"Math.abs({video}.currentTime - 3.1) < 0.05", timeout=QUICK)
    assert frame(page) == 6 and "Frame 7" in page.inner_text("#player .pl-head")
    page.wait_for_selector("#context :text('7 of 10')", timeout=QUICK)
    slider = page.locator("#player .pl-sound")
    assert slider.get_attribute("aria-valuetext") == "3.10 seconds, frame 7 of 10"
    page.click("#player .pl-bars", position={"x": width * 0.25, "y": 30})
    assert frame(page) == 2 and slider.get_attribute("aria-valuetext").startswith("1.25 seconds")
    page.click("#player .pl-thumbs > div:nth-child(9)")
    assert frame(page) == 8
    for key, expected in (
        ("ArrowLeft", 7),
        ("Shift+ArrowLeft", 5),
        ("Home", 0),
        ("End", 9),
        ("ArrowRight", 9),
    ):
        page.keyboard.press(key)
        assert frame(page) == expected, key
    page.keyboard.press("]")
    page.keyboard.press(".")
    assert page.locator("#player output").all_inner_texts() == ["0.50", "0.52"]
    page.keyboard.press("?")
    expect(page.locator("#player .pl-help")).to_be_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#player .pl-help").is_visible()


def test_a_long_run_shows_its_finished_frames_and_can_be_stopped(page, tmp_path):
    upload(page, counting(tmp_path / "long.mp4", seconds=50, rate=2))
    page.click("#rate label:has-text('8')")  # while the file is still being looked at
    page.click("#go:has-text('400 frames')", timeout=QUICK)
    page.wait_for_selector("#progress:has-text('of 400')", timeout=WAIT)
    page.wait_for_selector("#preview img", timeout=WAIT)
    assert " of 400 frames done" in page.inner_text("#preview")
    page.click("#stop")
    page.wait_for_selector("#preview", state="hidden", timeout=WAIT)
    assert page.is_visible("#go") and "Stopped" in page.inner_text("#notice")


def test_two_visitors_see_their_own_clips(page, app_server, browser):
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    other.goto(app_server)
    other.wait_for_selector("#go", timeout=QUICK)
    choose(other, "street-siren")
    other.wait_for_selector("#context :text('Street siren')", timeout=QUICK)
    page.click("#go")
    other.click("#go")
    for visitor, title in ((page, "Dog and guitar"), (other, "Street siren")):
        visitor.wait_for_selector(f"#finding :text('{title}')", timeout=WAIT)
        painted(visitor)
        assert title in visitor.get_attribute("#player .player", "aria-label")
    other.click("#player .pl-thumbs > div:nth-child(1)")
    other.wait_for_selector("#context :text('1 of 5')", timeout=QUICK)
    assert "4 of 5" in page.inner_text("#context") and frame(page) == 3  # the largest mask
    other.context.close()


def test_files_as_phones_and_browsers_make_them(page, tmp_path):
    video = counting(tmp_path / "plain.mp4", seconds=3)
    turned, webm = tmp_path / "turned.mp4", tmp_path / "clip.webm"
    ffmpeg("-display_rotation", "90", "-i", video, "-c", "copy", turned)
    ffmpeg("-i", video, "-c:v", "libvpx", "-b:v", "300k", "-c:a", "libopus", webm)
    silent = counting(tmp_path / "silent.mp4", seconds=3, sound=None)
    for path, about, notice in (
        (turned, "64 × 96 px, 3.0 s, with sound", ""),
        (webm, "96 × 64 px, 3.0 s, with sound", ""),
        (silent, "without sound", "No audio track: the model gets silence."),
    ):
        upload(page, path)
        page.wait_for_selector(f".about:text('{path.name}')", timeout=QUICK)
        assert about in page.inner_text("p.about")
        finding = segment(page)
        assert path.name in finding and "3 frames" in finding and notice in finding
        page.click("#upload button[aria-label='Clear']")
        page.wait_for_selector("#upload [data-testid='upload-text']", timeout=QUICK)


def test_a_text_file_is_refused_and_the_page_goes_on(page, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a video\n" * 20)
    upload(page, path)
    page.wait_for_selector("#notice [role=alert]", timeout=QUICK)
    assert "notes.mp4 is not a video" in page.inner_text("#notice")
    choose(page, "quiet-seaside")
    page.wait_for_selector("#notice", state="detached", timeout=QUICK)
    assert "Quiet seaside" in segment(page)


def test_a_phone_has_no_sideways_scroll(phone):
    page = phone
    segment(page)
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.locator("#player .pl-seg").is_visible()  # folded
    page.click("#player summary:has-text('Display')")
    expect(page.locator("#player .pl-seg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_tab_that_a_button_opens_comes_into_view_on_a_phone(phone):
    page = phone
    tab = "#views [role=tab][data-tab-id={}]"
    for name in ("learn", "segment"):
        page.evaluate("tab => document.querySelector(tab).click()", tab.format(name))
        box = page.locator(tab.format(name)).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, name


def test_a_long_name_in_the_header_is_cut_before_the_tabs(result):
    page = result
    page.evaluate("document.querySelector('#context b').textContent = 'a long name '.repeat(40)")
    for width in (1440, 1024, 900, 800, 740):
        page.set_viewport_size({"width": width, "height": 768})
        tabs = page.locator("#views [role=tab][data-tab-id=learn]").bounding_box()
        for part in ("#context", "#toolbar .prose"):
            shown = page.locator(part)
            if shown.is_visible():
                assert tabs["x"] + tabs["width"] <= shown.bounding_box()["x"], (width, part)


def test_files_that_are_no_upload_are_not_read(app_server):
    stolen = {"path": str(Path(__file__).resolve()), "meta": {"_type": "gradio.FileData"}}
    events = _call(app_server, [None, stolen, _first_model(app_server), 1, 0, 5, 0.5])
    assert "event: error" in events and "test_page" not in events


def test_other_programs_can_call_it(app_server):
    client = Client(app_server, verbose=False)
    record, everything, overlay, masks, coco, written = client.predict(
        "dog-and-guitar", None, _first_model(app_server), 2, 1, 4, 0.6, api_name="/segment"
    )
    assert (record["start"], record["fps"], record["threshold"], len(record["frames"])) == (1, 2, 0.6, 6)
    assert json.loads(Path(written).read_text()) == record
    assert len(zipfile.ZipFile(masks).namelist()) == 6 and "h264" in banner_of(overlay)
    assert {"overlay.mp4", "coco.json"} < set(zipfile.ZipFile(everything).namelist())
    assert json.loads(Path(coco).read_text())["categories"] == [{"id": 1, "name": "sounding"}]


def test_other_programs_can_send_a_video(app_server, tmp_path):
    video = counting(tmp_path / "mine.mp4", seconds=2)
    client = Client(app_server, verbose=False)
    record, *_ = client.predict(
        clip=None, video=handle_file(video), model=_first_model(app_server), end=2, api_name="/segment"
    )
    assert record["clip"] == "mine.mp4" and len(record["frames"]) == 2
    with pytest.raises(AppError, match="60 s"):
        client.predict("dog-and-guitar", None, _first_model(app_server), 1, 0, 99, 0.5, api_name="/segment")


def _first_model(server: str) -> str:
    with _open(server + "config") as reply:
        parts = json.load(reply)["components"]
    return next(part for part in parts if part["props"].get("elem_id") == "model")["props"]["value"]


def _call(server: str, data: list) -> str:
    """Call the endpoint as any HTTP client would; returns its stream of events."""
    body = json.dumps({"data": data}).encode()
    headers = {"Content-Type": "application/json"}
    with _open(urllib.request.Request(f"{server}gradio_api/call/segment", body, headers)) as reply:
        event = json.load(reply)["event_id"]
    with _open(f"{server}gradio_api/call/segment/{event}") as reply:
        return reply.read().decode()


def _open(request):
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120)
