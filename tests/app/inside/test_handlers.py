"""The handlers of Inside, called without a server, and the endpoint."""

import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from app.inside import handlers, paper_figures
from app.inside.state import Choice, InsideState
from app.inside.views import VIEWS
from app.services import session
from app.services.clips import bundled
from app.services.handoff import InsideRequest, WhatIfRequest
from avseg.checkpoints import bundled_models
from avseg.interpret.inspection import inspect
from avseg.interpret.maps import attention_of
from avseg.media.clip import read_clip
from tests.support.media import counting
from tests.support.small_model import small_predictor


def sent(action: str, value: object) -> SimpleNamespace:
    return SimpleNamespace(_data={"action": action, "value": value})


def test_before_a_result_clips_are_offered(visitor):
    visitor.result = None
    updates = handlers.show(visitor)
    assert "one frame through the model" in updates.head and updates.map["visible"] is False
    assert updates.head.count('data-action="clip"') == 3 and next(iter(bundled())) in updates.head
    assert updates.view["visible"] is False


def test_the_selected_frame_is_shown_and_another_one_can_be_selected(visitor):
    updates = handlers.show(visitor)
    assert "Frame 2 of 2" in updates.head and "Two frames" in updates.header
    assert "2 of 2" in updates.header and "Mixer" in updates.view["value"]
    plan = updates.map["value"]
    assert set(re.findall(r'data-action="view" data-value="(\w+)"', plan)) == {*VIEWS} - {"tpavi"}
    assert "32×16×16" in plan
    assert "Frame 1 of 2" in handlers.choose_source(sent("frame", 0)).head and visitor.result.frame == 0
    for value in (99, "x", True, None, {"frame": 1}):
        handlers.choose_source(sent("frame", value))
        assert visitor.result.frame == 0


def test_choosing_runs_no_model(visitor, monkeypatch):
    handlers.show(visitor)
    monkeypatch.setattr(session.MODELS, "_predictor", None)
    updates = handlers.choose(sent("view", "decoder"))
    assert visitor.state(InsideState).choice.view == "decoder"
    assert "Queries by contribution" in updates.view and 'aria-pressed="true"' in updates.map
    views = {updates.view}
    for name, value in (("layer", 1), ("head", 0), ("query", 0)):
        updates = handlers.choose(sent(name, value))
        assert updates.changes().keys() == {"notice", "view"} and updates.view not in views
        views.add(updates.view)


def test_another_tab_asks_for_a_view(visitor):
    visitor.hand_over(InsideRequest("decoder", layer=2, head=1))
    handlers.arrive()
    updates = handlers.show_asked()
    choice = visitor.state(InsideState).choice
    assert (choice.view, choice.layer, choice.head, choice.query) == ("decoder", 2, 1, None)
    assert "Layer 2, head 1" in updates.view["value"]
    visitor.hand_over(InsideRequest("nonsense"))
    handlers.arrive()
    assert visitor.state(InsideState).choice == choice


def test_any_query_is_shown_by_its_number(visitor, monkeypatch):
    visitor.state(InsideState).choice = Choice("decoder", layer=1, head=0)
    monkeypatch.setattr("avseg.interpret.inspection.QUERIES_KEPT", 2)
    shown = handlers.show(visitor).view["value"]
    kept = {int(number) for number in re.findall(r'data-action="query" data-value="(\d+)"', shown)} - {0}
    other = next(number for number in range(1, 5) if number not in kept)
    assert handlers.choose(sent("query", str(other))).asked  # it needs the model
    shown = handlers.show_asked().view["value"]
    assert f"query {other}" in shown and f'value="{other}" data-action="query"' in shown
    inspection = visitor.state(InsideState).inspections.inspection(visitor.result)
    monkeypatch.undo()
    clip, frame = visitor.result.prediction.clip, visitor.result.frame
    whole = inspect(small_predictor(), clip, frame)
    for head in range(2):
        np.testing.assert_array_equal(
            attention_of(inspection, 0, head, other - 1), attention_of(whole, 0, head, other - 1)
        )
    handlers.choose(sent("query", "99"))  # the model has four
    assert handlers.show(visitor).view["value"]


def test_a_part_is_dropped_where_it_is_shown(visitor):
    visitor.state(InsideState).choice = Choice("decoder", layer=2, head=1, query=3)
    shown = handlers.show(visitor).view["value"]
    changes = re.findall(r'data-action="drop" data-value="([^"]+)"', shown)
    assert changes == ["drop-queries=3", "decoder-head=1,2"]
    assert handlers.choose(sent("drop", changes[0])).tabs.selected == "whatif"
    assert visitor.take(WhatIfRequest) == WhatIfRequest(("drop-queries=3",))
    assert not handlers.choose(sent("drop", "everything")).changes() and not visitor.take(WhatIfRequest)


def test_a_figure_is_drawn_of_the_clip_above(visitor, monkeypatch):
    monkeypatch.setattr(paper_figures, "VISITORS", handlers.VISITORS)
    for number, models in (("6", ["small"]), ("7", ["small", "small"])):
        updates = paper_figures.draw(number, ["current"], models, None, lambda *_, **__: None)
        png, pdf = (Path(update["value"]) for update in updates.files)
        assert png.name == f"figure-{number}.png" and pdf.stat().st_size > 1000
        assert updates.picture["value"].startswith("<img") and not updates.notice["visible"]
    for clips, models, words in (
        ([], ["small"], "at least one clip"),
        (["gone"], ["small"], "no clip above"),
    ):
        failed = paper_figures.draw("6", clips, models, None, lambda *_, **__: None)
        assert words in failed.notice["value"] and failed.changes().keys() == {"notice"}


def test_the_endpoint_gives_numbers_and_pictures(visitor, tmp_path):
    video = str(counting(tmp_path / "b.mp4", seconds=2))
    numbers, files = handlers.inspect_clip(None, video, "small", 2, "decoder", 1)
    assert numbers["frame"] == 2 and numbers["model"] == "small" and "A 2×4×84" in numbers["shapes"]
    assert len(numbers["numbers"]["contributions"]) == 4 and all(Path(file).is_file() for file in files)
    with pytest.raises(gr.Error, match="Frame 9 does not exist"):
        handlers.inspect_clip(None, video, "small", 9, "decoder", 1)
    with pytest.raises(gr.Error, match="view 'x' does not exist"):
        handlers.inspect_clip(None, video, "small", 1, "x", 1)
    with pytest.raises(gr.Error, match="No clip is selected"):
        handlers.inspect_clip("../x", None, "small", 1, "mask", 1)


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [("frame", value, "does not exist: choose 1 to 60") for value in (0, 61, 1.5, float("nan"), None, [1])]
    + [("fps", value, "choose 1, 2, 4 or 8") for value in (30, 0.2, None, [1])]
    + [("view", [], "The view"), ("clip", [], "No clip is selected")],
)
def test_the_endpoint_checks_every_argument_before_work(argument, value, words, visitor, monkeypatch):
    monkeypatch.setattr(handlers, "read_clip", None)
    with pytest.raises(gr.Error, match=words):
        handlers.inspect_clip(**{"clip": "dog-and-guitar", "model": "small", argument: value})


def test_the_endpoint_decodes_no_more_than_the_frame_needs(visitor, monkeypatch):
    lengths = []

    def read(path, fps, seconds):
        lengths.append(seconds)
        return read_clip(path, fps=fps, seconds=seconds)

    monkeypatch.setattr(handlers, "read_clip", read)
    clip = "dog-and-guitar"
    for fps, frame in ((1, 2), (8, 9)):
        numbers, _ = handlers.inspect_clip(clip, None, "small", frame, "decoder", fps)
        whole = read_clip(bundled()[clip].path, fps=fps)
        inspection = inspect(small_predictor(), whole, frame - 1)
        assert numbers["moment"] == inspection.moment
        drops = numbers["numbers"]["contributions"]
        np.testing.assert_allclose(drops, inspection.contributions.drop, atol=1e-4)
    assert lengths == [2.5, 9 / 8 + 0.5]


def test_other_programs_can_call_it(app_server):
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    model = next(iter(bundled_models()))
    numbers, files = client.predict(
        clip="dog-and-guitar", upload=None, model=model, frame=2, view="mixer", fps=1, api_name="/inspect"
    )
    assert numbers["frame"] == 2 and len(numbers["numbers"]["weights"]) == 64
    assert len(files) > 20 and Path(files[0]).suffix == ".png"


def test_an_attribution_is_asked_for_once_and_cancelled_by_another_click(visitor, monkeypatch):
    handlers.show(visitor)
    assert handlers.choose(sent("view", "attribution")).changes() == {"asked": 1}
    shown = handlers.show_asked().view["value"]
    for words in ("Integrated gradients", "rank correlation", "1.92 s", "7.5 kHz", "Evidence in the sound"):
        assert words in shown
    assert 'data-address="part=attribution&amp;method=ig&amp;region=mask"' in shown
    assert handlers.choose(sent("view", "mixer")).changes().keys() == {"notice", "view", "map"}
    assert "Integrated" in handlers.choose(sent("view", "attribution")).view  # kept
    for name, value in (("method", "shap"), ("region", "sky"), ("region", "frame"), ("method", 1)):
        assert "Integrated" in handlers.choose(sent(name, value)).view
    assert handlers.choose(sent("method", "occlusion")).changes() == {"asked": 2}
    passes = []

    def click_during(name, work, *args, on_frame=None, **named):
        passes.append(work)
        handlers.choose(sent("method", "gradient"))
        on_frame(1, 8)
        raise AssertionError("an attribution that nobody waits for goes on")

    monkeypatch.setattr(session.MODELS, "run", click_during)
    assert handlers.show_asked().changes() == {} and len(passes) == 1


def test_a_link_opens_an_attribution(visitor):
    selection = (("method", "gradient"), ("region", "object"))
    visitor.hand_over(InsideRequest("attribution", selection=selection))
    handlers.arrive()
    assert "Gradient × input" in handlers.show_asked().view["value"]
    choice = visitor.state(InsideState).choice
    assert (choice.view, choice.method, choice.region) == ("attribution", "gradient", "object")
