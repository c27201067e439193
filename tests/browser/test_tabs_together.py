"""Segment, Inside and What if on one page: the same result, the same threshold, imported models."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from playwright.sync_api import expect

from avseg.checkpoints import Card, save_model
from avseg.models.avsegformer import AVSegFormer
from tests.browser.test_page import QUICK, WAIT, choose, painted, pixels, segment, slide, upload
from tests.support.media import counting
from tests.support.serving import running_app
from tests.support.small_model import SMALL

BARE = {"mixer": "none", "learnable_queries": False, "encoder_layers": 0}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """An app with two imported models, one of which lacks parts; both cards carry another name."""
    folder = tmp_path_factory.mktemp("together")
    torch.manual_seed(0)
    for name, changes in (("small", {}), ("bare", BARE)):
        model = AVSegFormer(replace(SMALL, **changes))
        save_model(folder / "models" / f"{name}.safetensors", model, Card("somebody's net", "random"))
    here = {"AVSEG_MODELS": str(folder / "models"), "AVSEG_RUNS": str(folder / "runs")}
    with running_app(folder / "app.log", GRADIO_TEMP_DIR=str(folder / "gradio"), **here) as address:
        yield address


@pytest.fixture
def page(address: str, browser) -> Iterator:
    """A fresh page; fails when a script breaks."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.wait_for_selector("#go", timeout=QUICK)
    choose(page, "dog-and-guitar")
    page.wait_for_selector("#context :text('Dog and guitar')", timeout=QUICK)
    yield page
    context.close()
    assert not broken


def open_tab(page, name: str, ready: str) -> None:
    page.click(f"button[role=tab]:text-is('{name}')")
    page.wait_for_selector(ready, timeout=WAIT)


def see(page) -> str:
    """Press What if's button; returns the sentence and the line below it."""
    before = page.inner_text("#wi-finding .prose")
    page.click("#wi-go")
    page.wait_for_function(
        "before => document.querySelector('#wi-finding .prose').innerText !== before",
        arg=before,
        timeout=WAIT,
    )
    return page.inner_text("#wi-finding .prose")


def take(page, where: str, words: str) -> None:
    """Choose from a dropdown."""
    page.click(f"{where} input")
    page.click(f"[role=option]:has-text('{words}')", timeout=QUICK)


def test_a_bundled_clip_keeps_its_threshold_from_tab_to_tab(page):
    finding = segment(page)
    before, _ = painted(page)
    slide(page, "threshold", 0.1)
    assert pixels(page)[0] > before
    open_tab(page, "Inside", "#inside-map .box")
    assert "Dog and guitar" in page.inner_text("#inside-head")
    page.click("#inside-map [data-value='mask']")
    page.wait_for_selector("#inside-view:has-text('above 0.10')", timeout=WAIT)
    page.click("#inside-head [data-action=frame][data-value='3']")
    page.wait_for_selector("#inside-head:has-text('Frame 4 of 5')", timeout=WAIT)
    open_tab(page, "What if", "#wi-go")
    page.click("#wi-mute input[type=checkbox]")
    assert "Threshold 0.10 for both." in see(page)
    open_tab(page, "Segment", "#go")
    page.wait_for_function(
        "words => document.querySelector('#finding .prose').innerText === words", arg=finding, timeout=QUICK
    )
    page.wait_for_selector("#player .player[data-frame='3']", timeout=QUICK)  # chosen in Inside
    page.press("#player .pl-sound", "Home")
    assert pixels(page)[0] > before


def test_dragging_over_the_sound_sets_the_range(page):
    segment(page)
    painted(page)
    sound = page.locator("#player .pl-sound")
    sound.scroll_into_view_if_needed()
    box = sound.bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 25, steps=4)
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.up()
    page.wait_for_selector("#go:has-text('Segment 2 frames')", timeout=QUICK)
    assert [page.input_value(f"#{name} input") for name in ("from", "to")] == ["1", "3"]
    expect(page.locator("#player .pl-band")).to_have_text("1.0 – 3.0 s")
    sound.click(position={"x": 0.5 * box["width"], "y": 20})  # a click only goes there
    assert not page.locator("#player .pl-band").is_visible() and page.input_value("#to input") == "3"


def test_an_uploaded_clip_goes_through_all_tabs_and_its_two_players_move_together(page, tmp_path):
    path = counting(tmp_path / "mine.mp4", seconds=4, rate=20)
    upload(page, path)
    page.wait_for_selector(f".about:text('{path.name}')", timeout=QUICK)
    assert "4 frames" in segment(page)
    open_tab(page, "Inside", "#inside-map .box")
    assert "mine.mp4" in page.inner_text("#inside-head")
    open_tab(page, "What if", "#wi-go")
    page.click("#wi-gain input[type=checkbox]")
    assert "mine.mp4" in see(page) and "not available for this clip" in page.inner_text("#wi-stats")
    page.click("#wi-play")
    page.wait_for_selector("#wi-players .player >> nth=1 >> .pl-thumbs canvas", timeout=WAIT)
    both = "[...document.querySelectorAll('#wi-players video')]"
    page.wait_for_function(f"{both}.every(v => v.readyState >= 3)", timeout=QUICK)
    one, other = (page.locator("#wi-players .player").nth(k) for k in (0, 1))
    width = one.locator(".pl-sound").bounding_box()["width"]
    one.locator(".pl-sound").click(position={"x": 0.625 * width, "y": 20})
    page.wait_for_function(f"{both}.every(v => Math.abs(v.currentTime - 2.5) < 0.1)", timeout=QUICK)
    assert other.get_attribute("data-frame") == one.get_attribute("data-frame") == "2"
    one.locator(".pl-sound").press("Home")
    one.locator(".pl-play").click()
    page.wait_for_function(f"{both}.every(v => !v.paused)", timeout=QUICK)
    assert page.evaluate(f"{both}.map(v => v.muted)") == [False, True]
    other.locator("[data-do=mute][aria-label]").click()  # to hear this one
    page.wait_for_function(f"{both}[0].muted && !{both}[1].muted", timeout=QUICK)
    other.locator(".pl-sound").press("End")
    page.wait_for_function(f"{both}.every(v => v.paused)", timeout=QUICK)
    assert other.get_attribute("data-frame") == one.get_attribute("data-frame") == "3"


def test_models_brought_along_are_offered_compared_and_lack_what_they_lack(page):
    open_tab(page, "What if", "#wi-go")
    page.click("#wi-checkpoint input[type=checkbox]")
    take(page, "#wi-checkpoint-model", "small · imported")
    page.wait_for_selector("#wi-mixer-off input:enabled", timeout=QUICK)
    take(page, "#wi-checkpoint-model", "bare · imported")
    page.wait_for_selector("#wi-mixer-off:has-text('This model has no mixer.')", timeout=QUICK)
    for row in ("mixer-off", "learnable-off", "encoder-off"):
        page.wait_for_selector(f"#wi-{row} input:disabled", timeout=QUICK)
    expect(page.locator("#wi-decoder-cut input[type=checkbox]")).to_be_enabled()
    words = see(page)
    assert words.startswith("With bare · imported, ") and "somebody's net" in words
    open_tab(page, "Segment", "#go")
    # The card inside the file has another name than the file.
    take(page, "#model", "small · imported")
    choose(page, "stage-duo")
    page.wait_for_selector(".about:text('piano')", timeout=QUICK)
    assert "somebody's net" in segment(page)
    open_tab(page, "Inside", "#inside-head:has-text('Stage duo')")
    page.wait_for_selector("#inside-map:has-text('32×16×16')", timeout=WAIT)


def test_photographs_get_the_model_for_filmed_video_and_no_mask_without_their_sound(page):
    choose(page, "video-call")
    page.wait_for_function("document.querySelector('#model input').value === 'small-real'", timeout=QUICK)
    page.wait_for_selector("text=Selected for this clip.", timeout=QUICK)
    finding = segment(page)
    assert "the cat is marked in the frame in which it sounds" in finding
    assert "Model small-real" in page.inner_text("#finding")
    assert painted(page)[0] > 5000
    open_tab(page, "What if", "#wi-go")
    page.click("#wi-mute input[type=checkbox]")
    assert "disappears" in see(page) or "no longer segmented" in page.inner_text("#wi-finding")
    open_tab(page, "Segment", "#go")
    choose(page, "dog-and-guitar")
    page.wait_for_function("document.querySelector('#model input').value === 'tiny-ms3'", timeout=QUICK)
