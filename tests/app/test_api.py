"""The endpoints for other programs: models compared, masks attributed, and what agents read about them."""

import importlib.util

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_function_description
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from app import page
from app.inside.api import attribute
from app.segment.api import compare
from app.services import session
from app.services.clips import bundled, truth_of
from app.services.gate import Gate
from avseg.checkpoints import Card
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.small_model import small_predictor
from tests.support.stand_in_model import BrightAndLoud


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return page.build()


def use(monkeypatch: pytest.MonkeyPatch, predictors: dict[str, Predictor]) -> None:
    monkeypatch.setattr(session.MODELS, "_predictor", predictors.__getitem__)
    monkeypatch.setattr(session.MODELS, "config", lambda name: predictors[name].model.config)


def test_models_are_compared_in_pairs_and_with_the_truth(monkeypatch):
    models = {name: BrightAndLoud() for name in ("same", "alike", "nothing")}
    for name, model in models.items():
        model.card = Card(name, "random")
    forward = models["nothing"].forward

    def empty(frames, log_mel):
        output = forward(frames, log_mel)
        output.logits = output.logits - 99
        return output

    models["nothing"].forward = empty
    use(monkeypatch, {name: Predictor(model, "cpu") for name, model in models.items()})
    answer = compare([*models], "dog-and-guitar")
    assert [pair["models"] for pair in answer["pairs"]] == [
        ["same", "alike"],
        ["same", "nothing"],
        ["alike", "nothing"],
    ]
    assert [pair["iou"] for pair in answer["pairs"]] == [1, 0, 0]
    assert len(answer["times"]) == len(answer["pairs"][0]["frames"]) == 5
    same, _, nothing = answer["models"]
    assert (same["model"], same["weights"]) == ("same", "random") and max(same["foreground"]) > 0
    assert nothing["foreground"] == [0] * 5
    filled = [bool((mask > 0).any()) for mask in truth_of("dog-and-guitar", tuple(answer["times"]))]
    assert nothing["truth_iou"] == [float(not mask) for mask in filled]
    for wrong, words in (
        (["same"], "two to 4"),
        (["same", "same"], "two to 4"),
        ([*"abcde"], "two to 4"),
        ("same", "two to 4"),
    ):
        with pytest.raises(gr.Error, match=words):
            compare(wrong)
    with pytest.raises(gr.Error, match="No clip is selected"):
        compare(["same", "alike"], "/etc/passwd")


def test_a_mask_is_attributed_in_numbers(monkeypatch):
    use(monkeypatch, {"small": small_predictor()})
    answer = attribute("dog-and-guitar", "small", frame=2, method="gradient")
    clip = read_clip(bundled()["dog-and-guitar"].path, seconds=2.5)
    assert answer["frame"] == 2 and answer["moment"] == pytest.approx(clip.times[1])
    assert answer["method"] == "gradient" and np.isfinite(answer["sound"]["output"])
    assert answer["sound"]["output"] == pytest.approx(answer["picture"]["output"], abs=1e-4)
    assert answer["findings"] and all(isinstance(text, str) for text in answer["findings"])
    for wrong in ({"method": "shap"}, {"region": "sky"}, {"frame": 0}, {"fps": 3}, {"clip": "gone"}):
        with pytest.raises(gr.Error):
            attribute(**{"model": "small", **wrong})


def test_every_endpoint_says_what_it_is_for(demo):
    named = demo.get_api_info()["named_endpoints"]
    assert {"/segment", "/inspect", "/what_if", "/attribute", "/compare", "/evaluate"} <= named.keys()
    for fn in demo.fns.values():
        if f"/{fn.api_name}" in named:
            description, parameters, _ = get_function_description(fn.fn)
            own = {p["parameter_name"] for p in named[f"/{fn.api_name}"]["parameters"]}
            assert len(description.split()) > 8, fn.api_name
            assert all(parameters.get(name) for name in own), (fn.api_name, own, parameters)


def test_tools_are_offered_only_where_they_are_turned_on(monkeypatch):
    async def inner(scope, receive, send):
        await PlainTextResponse("tools")(scope, receive, send)

    client = TestClient(Gate(inner, 1), base_url="http://localhost")
    assert client.get("/gradio_api/mcp/sse").status_code == 404
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    assert client.get("/gradio_api/mcp/sse").text == client.get("/gradio_api/mcp").text == "tools"
    assert client.get("/gradio_api/mcphost").status_code == 404


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="needs the extra mcp")
def test_agents_get_the_endpoints_as_tools(demo):
    from gradio.mcp import GradioMCPServer

    tools = GradioMCPServer(demo).tool_to_endpoint
    assert tools["segment_clip"] == "/segment" and tools["compare"] == "/compare" and len(tools) >= 7
