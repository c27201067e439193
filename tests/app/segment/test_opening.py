"""The result that the page opens with is what assets/opening/make.py makes."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from app.segment import handlers, opening
from app.services.clips import bundled
from app.services.handoff import WhatIfRequest
from avseg.media.clip import read_clip


@pytest.fixture(scope="module")
def make(root) -> dict:
    return runpy.run_path(str(root / "assets/opening/make.py"), run_name="make")


@pytest.mark.parametrize("sound", ["own", "bark"])
def test_the_command_makes_what_is_shipped(make, sound):
    clip = read_clip(bundled()[opening.record()["clip"]].path, fps=1, seconds=2)
    made = make["predictions"](clip, (sound,))[sound].probability[0] > 0.5
    shipped = opening.probabilities(sound)[0] > 0.5
    assert opening.record()["model"] == make["MODEL"] and shipped.any()
    assert (made & shipped).sum() / (made | shipped).sum() > 0.98


def test_every_sound_has_its_masks_and_is_heard():
    player, names = opening.opening_player(), opening.record()["names"]
    shares = {name: (opening.probabilities(name) > 0.5).mean((1, 2)) for name in names}
    assert shares["own"].min() > 0.01 and shares["silence"].max() == 0
    assert shares["late"][0] == 0 and shares["late"][1] == pytest.approx(shares["own"][0], abs=0.01)
    heard = {name: file and Path(file.path).name for name, file in zip(names, player.audio, strict=True)}
    assert heard == {"own": None, "silence": None, "bark": "bark.wav", "late": "late.wav"}
    assert [sound["silent"] for sound in player.about["sounds"]] == [False, True, False, False]


def test_other_tabs_find_the_opening_and_no_visitor_pays_for_its_memory():
    handlers.attach(None)
    visitor = handlers.VISITORS.of("local")
    result = visitor.result
    assert result.clip == opening.record()["clip"] and visitor.held == 0
    assert result.prediction.labels.shape == result.prediction.probability.shape
    assert np.array_equal(result.prediction.labels > 0, opening.probabilities("own") > 0.5)
    assert handlers.show_again(result.clip).player.about["opens"]
    visitor.displayed = result.prediction
    visitor.apply_threshold(0.7)
    assert visitor.held > 0 and not visitor.result.shared


def test_changing_the_sound_arrives_where_it_leads():
    assert handlers.change_sound().tabs.selected == "whatif"
    assert handlers.VISITORS.of("local").take(WhatIfRequest) == WhatIfRequest(("mute",), run=True)
