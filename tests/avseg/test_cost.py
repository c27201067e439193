"""What a large model costs: measured once, and said before its first run."""

import os
from pathlib import Path

import pytest

from app.segment import input_handlers
from app.services.session import MODELS
from avseg import cost
from avseg.__main__ import main
from avseg.checkpoints import Card, save_model
from avseg.cost import known_cost
from avseg.models.avsegformer import AVSegFormer
from tests.support.media import counting
from tests.support.small_model import SMALL


@pytest.fixture
def large(tmp_path, monkeypatch) -> Path:
    """An imported model that counts as large."""
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(cost, "LARGE", 1)
    return save_model(tmp_path / "models/mine.safetensors", AVSegFormer(SMALL), Card("mine"))


def test_predict_says_what_a_large_model_costs_before_it_starts(large, tmp_path, capsys):
    video = str(counting(tmp_path / "a.mp4", seconds=1))
    assert main(["info", "mine"]) == 0 and "not measured yet" in capsys.readouterr().out
    assert main(["predict", video, "--model", "mine", "--out", str(tmp_path / "out")]) == 0
    measuring, says, result, *_ = capsys.readouterr().out.splitlines()
    measured = known_cost(large)
    assert "measuring" in measuring and says == f"mine: {measured.sentence}." and "1 frames" in result
    assert measured.seconds_per_frame > 0 and measured.device == "cpu"
    assert main(["info", "mine"]) == 0 and measured.sentence in capsys.readouterr().out
    assert main(["predict", video, "--model", "mine", "--out", str(tmp_path / "out")]) == 0
    assert "measuring" not in capsys.readouterr().out
    os.utime(large, ns=(2**62, 2**62))  # another model under the same name
    assert known_cost(large) is None


@pytest.mark.parametrize(
    "command",
    [
        ("what-if", "VIDEO", "--change", "mute", "--out", "OUT"),
        ("record", "VIDEO", "--out", "OUT/a.npz", "--site", "mixer.weights"),
        ("figure", "7", "VIDEO", "--out", "OUT"),
    ],
    ids=lambda command: command[0],
)
def test_other_commands_say_it_before_they_run_a_model(large, tmp_path, capsys, command):
    places = {"VIDEO": str(counting(tmp_path / "a.mp4", seconds=1)), "OUT": str(tmp_path / "out")}
    arguments = [places.get(part, part.replace("OUT", places["OUT"])) for part in command]
    assert main([*arguments, "--model", "mine"]) == 0
    measuring, says, *_ = capsys.readouterr().out.splitlines()
    assert "measuring" in measuring and says == f"mine: {known_cost(large).sentence}."


def test_the_page_measures_a_large_model_when_it_is_selected(large):
    name = "mine · imported"
    assert "Measuring" in input_handlers.choose_model("dog-and-guitar", name, 1).card
    updates = input_handlers.measure_model(name, 1, 0, 5)
    assert "per frame on this machine" in updates.card and "about" in updates.go
    assert MODELS.cost(name) == known_cost(large)
    assert not input_handlers.measure_model(name, 1).changes()  # known
    assert not input_handlers.measure_model(None, 1).changes()
