"""The Inside tab: handlers without a server, the endpoint, and the page in a browser."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from app.inside import inspections as looking
from app.inside import tab
from app.inside.elements import render
from app.inside.state import Choice, changed, settled
from app.inside.views import VIEWS, view_of
from app.services import session
from app.services.clips import bundled
from app.services.session import ClipResult
from avseg.checkpoints import Card, bundled_models
from avseg.interpret.inspection import inspect
from avseg.media.clip import read_clip
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import SMALL

WAIT = 120_000  # milliseconds


def predictor_of(**changes) -> Predictor:
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, **changes))
    model.card = Card("small", "random", "")
    return Predictor(model, "cpu")


@pytest.fixture
def visitor(tmp_path, monkeypatch) -> session.Visitor:
    """A visitor with a result of two frames by a small model."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    visitors, predictor = session.Visitors(), predictor_of()
    monkeypatch.setattr(tab, "VISITORS", visitors)
    monkeypatch.setattr(tab, "LOOKS", looking.Looks())
    monkeypatch.setattr(session.MODELS, "_predictor", lambda name: predictor)
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    visitors.of("local").result = ClipResult(predictor.predict(clip), "Two frames", "small", None, 1)
    return visitors.of("local")


def sent(**data) -> SimpleNamespace:
    return SimpleNamespace(_data=data)


def test_before_a_result_clips_are_offered(visitor):
    visitor.result = None
    _, top, plan, view, _ = tab.look(Choice())
    assert "followed through the model" in top and plan["visible"] is False
    assert view.count('data-set="clip"') == 3 and next(iter(bundled())) in view


def test_the_selected_frame_is_shown_and_another_one_can_be_picked(visitor):
    _, top, plan, view, context = tab.look(Choice())
    assert "Frame 2 of 2" in top and "Two frames" in context and "Mixer" in view
    assert set(re.findall(r'data-set="view" data-to="(\w+)"', plan["value"])) == set(VIEWS)
    assert "32×16×16" in plan["value"]
    _, top, *_ = tab.choose_frame(Choice(), sent(frame=0))
    assert "Frame 1 of 2" in top and visitor.result.frame == 0
    tab.choose_frame(Choice(), sent(frame=99))
    tab.choose_frame(Choice(), sent(frame="x"))
    assert visitor.result.frame == 0


def test_choosing_runs_no_model(visitor, monkeypatch):
    tab.look(Choice())
    monkeypatch.setattr(session.MODELS, "_predictor", None)
    choice, plan, view = tab.choose(Choice(), sent(view="decoder"))
    assert choice.view == "decoder" and "Query, by contribution" in view and 'aria-pressed="true"' in plan
    views = {view}
    for data in ({"layer": 1}, {"head": 2}, {"query": 0}):
        choice, plan, view = tab.choose(choice, sent(**data))
        assert plan == {"__type__": "update"} and view not in views
        views.add(view)


def test_what_is_no_choice_is_ignored():
    views = dict.fromkeys(VIEWS)
    wrong = {"view": "../x", "layer": "2", "head": True, "nonsense": 3, "query": None}
    assert changed(Choice(), wrong, views) == Choice()
    assert changed(Choice(), {"layer": 99}, views).layer == 99


def test_impossible_numbers_become_possible(visitor, tmp_path):
    seen = tab.LOOKS.of("local", visitor.result)
    wild = Choice("decoder", 9, 999, 7, 99, 99, -4, 5000, 0, 99, 99, 999)
    calm = settled(wild, seen)
    assert (calm.layer, calm.head, calm.stage, calm.level) == (3, 0, 2, 1)
    assert calm.query - 1 == seen.kept[0] and calm.channel - 1 == seen.mixer_weights.argmax()
    assert settled(Choice(channel=3, layer=2, query=0), seen).channel == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mixer": "gated"}, {"mixer": "opens or closes a gate"}),
        ({"mixer": "cross"}, {"mixer": "1 at every pixel and head"}),
        ({"mixer": "none"}, {"mixer": "This model has no mixer"}),
        ({"reformer": "none"}, {"layers": "no intermediate masks", "decoder": "no intermediate masks"}),
        ({"encoder_layers": 0}, {"encoder": "no encoder layers"}),
        ({"task": "avss"}, {"mask": "the largest class wins"}),
    ],
)
def test_every_view_of_every_kind_of_model(tmp_path, changes, words):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1), fps=1)
    seen = inspect(predictor_of(**changes), clip, 0)
    for name in VIEWS:
        view = view_of(seen, Choice(name))
        html = render(view)
        assert words.get(name, "") in html
        assert ">nan" not in html and ":nan" not in html and "inf<" not in html
        assert view.sentence and view.shapes and (view.number or view.equation)
        assert json.dumps(dict(view.numbers))
        for group in view.groups:
            assert group.tiles


def test_pictures_are_written_at_the_frames_shape(visitor, tmp_path):
    view = view_of(tab.LOOKS.of("local", visitor.result), Choice("mixer"))
    paths = looking.written(view, tmp_path / "out")
    assert len(paths) == 2 + 2 * 18 + 2 and len({path.name for path in paths}) == len(paths)
    picture = np.asarray(Image.open(next(path for path in paths if "before-the-mixer" in path.name)))
    assert picture.shape[1] / picture.shape[0] == pytest.approx(96 / 64, abs=0.01)


def test_the_endpoint_gives_numbers_and_pictures(visitor, tmp_path):
    video = str(counting(tmp_path / "b.mp4", seconds=2))
    numbers, files = tab.inspect_clip(None, video, "small", 2, "decoder", 1)
    assert numbers["frame"] == 2 and numbers["model"] == "small" and "A 2×4×84" in numbers["shapes"]
    assert len(numbers["numbers"]["contributions"]) == 4 and all(Path(file).is_file() for file in files)
    with pytest.raises(gr.Error, match="no frame 9"):
        tab.inspect_clip(None, video, "small", 9, "decoder", 1)
    with pytest.raises(gr.Error, match="no view 'x'"):
        tab.inspect_clip(None, video, "small", 1, "x", 1)
    with pytest.raises(gr.Error, match="No clip is chosen"):
        tab.inspect_clip("../x", None, "small", 1, "mask", 1)


def test_inspections_of_few_visitors_are_kept(visitor):
    looks = looking.Looks(kept=1)
    first = looks.of("a", visitor.result)
    assert looks.of("a", visitor.result) is first
    looks.of("b", visitor.result)
    assert looks.of("a", visitor.result) is not first


def test_other_programs_can_call_it(app_server):
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    model = next(iter(bundled_models()))
    numbers, files = client.predict(
        clip="dog-and-guitar", upload=None, model=model, frame=2, view="mixer", fps=1, api_name="/inspect"
    )
    assert numbers["frame"] == 2 and len(numbers["numbers"]["weights"]) == 64
    assert len(files) > 20 and Path(files[0]).suffix == ".png"


@pytest.fixture
def page(app_server, browser):
    """The Inside tab with a bundled clip opened in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app_server)
    page.wait_for_selector("#go", timeout=WAIT)
    page.click("button[role=tab]:has-text('Inside')")
    page.click(".offer[data-to='dog-and-guitar']", timeout=WAIT)
    page.wait_for_selector("#inside-map .box", timeout=WAIT)
    yield page
    context.close()
    assert not broken


def opened(page, name: str, title: str) -> None:
    page.click(f"#inside-map [data-to='{name}']")
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
    click_changes(page, "[data-set=layer][data-to='1']")
    click_changes(page, "[data-set=head][data-to='2']")
    click_changes(page, ".bar[data-set=query] >> nth=3")
    opened(page, "mixer", "Mixer")
    click_changes(page, ".right [data-set=channel] >> nth=4", ".left .pic img >> nth=0")
    assert page.locator("#inside-view .chart g").count() == 64
    opened(page, "encoder", "Encoder")
    click_changes(page, ".place", ".place img >> nth=0")
    page.click("#inside-head [data-set=frame][data-to='0']")
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


def test_a_phone_has_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for name, title in (("decoder", "Decoder"), ("mixer", "Mixer"), ("encoder", "Encoder")):
        opened(page, name, title)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
