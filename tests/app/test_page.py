"""The page in a browser, served by `python app.py`."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media import counting, ffmpeg

WAIT = 120_000  # milliseconds; a model may have to be loaded on a busy machine
QUICK = 60_000


@pytest.fixture
def page(app_server: str, browser) -> Iterator:
    """A fresh page at the app; fails when it asks another host for anything or a script breaks."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    outside, broken = [], []
    ours = (app_server, "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(ours) or outside.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app_server)
    page.wait_for_selector("#go", timeout=QUICK)
    yield page
    context.close()
    assert not outside and not broken


def choose(page, name: str) -> None:
    page.locator("#clips label", has=page.locator(f"input[value='{name}']")).click()


def segment(page) -> str:
    """Press the button; returns the finding."""
    before = page.inner_text("#finding")
    page.click("#go")
    page.wait_for_function(
        "before => document.querySelector('#finding').innerText !== before", arg=before, timeout=WAIT
    )
    page.wait_for_selector("#go", timeout=QUICK)
    return page.inner_text("#finding")


def upload(page, path: Path) -> None:
    page.set_input_files("#upload input[type=file]", str(path))


def test_a_bundled_clip_is_segmented_and_plays(page):
    choose(page, "stage-duo")
    page.wait_for_selector("#context :text('Stage duo')", timeout=QUICK)
    assert page.inner_text("#go") == "Segment 5 frames"
    finding = segment(page)
    assert "5 frames" in finding and "Stage duo" in finding
    assert page.locator("#timeline figure img").count() == 5
    assert page.locator("#context .tag").count() <= 1
    video = "document.querySelector('#overlay video')"
    page.wait_for_function(f"{video}.src.endsWith('overlay.mp4') && {video}.readyState >= 3", timeout=QUICK)
    assert page.evaluate(f"{video}.duration") == pytest.approx(5, abs=0.2)
    page.evaluate(f"{video}.muted = true, {video}.play()")
    page.wait_for_function(f"{video}.currentTime > 0.3", timeout=QUICK)
    for name in ("Overlay video", "PNG masks", "prediction.json"):
        assert page.locator("#files", has_text=name).is_visible()
    with page.expect_download() as download:
        page.click("#files :text('prediction.json')")
    assert len(json.loads(Path(download.value.path()).read_text())["frames"]) == 5


def test_files_as_phones_and_browsers_make_them(page, tmp_path):
    video = counting(tmp_path / "plain.mp4", seconds=3)
    turned, webm = tmp_path / "turned.mp4", tmp_path / "clip.webm"
    ffmpeg("-display_rotation", "90", "-i", video, "-c", "copy", turned)
    ffmpeg("-i", video, "-c:v", "libvpx", "-b:v", "300k", "-c:a", "libopus", webm)
    silent = counting(tmp_path / "silent.mp4", seconds=3, sound=None)
    for path, about, notice in (
        (turned, "64 × 96 px, 3.0 s, with sound", ""),
        (webm, "96 × 64 px, 3.0 s, with sound", ""),
        (silent, "without sound", "No sound track: the model hears silence."),
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


def test_a_phone_has_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    segment(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_files_that_are_no_upload_are_not_read(app_server):
    stolen = {"path": str(Path(__file__).resolve()), "meta": {"_type": "gradio.FileData"}}
    events = _call(app_server, [None, stolen, _first_model(app_server), 1])
    assert "event: error" in events and "test_page" not in events


def test_other_programs_can_call_it(app_server):
    events = _call(app_server, ["dog-and-guitar", None, _first_model(app_server), 1])
    assert "event: complete" in events and "5 frames" in events


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
