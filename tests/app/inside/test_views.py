"""Every view of every kind of model, and its pictures as files."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from app.inside.model_map import model_map
from app.inside.state import Choice, InsideState
from app.inside.views import VIEWS, view_of, write_pictures
from avseg.interpret.attribution import Attribution, attribute
from avseg.interpret.inspection import inspect, record_site
from avseg.interpret.regions import Region
from avseg.interpret.tpavi import inspect_model
from avseg.media.clip import Clip, read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import small_predictor
from tests.support.small_tpavi import small_tpavi


def sources(predictor: Predictor, clip: Clip, frame: int) -> tuple:
    """Return what `view_of` takes for a view that needs more than an inspection."""

    def quick(method: str, region: str) -> Attribution:
        return attribute(predictor, clip, frame, method, Region(region), steps=2)

    return partial(record_site, predictor, clip, frame), quick


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
    predictor = small_predictor(**changes)
    inspection = inspect(predictor, clip, 0)
    for name in VIEWS:
        view = view_of(inspection, Choice(name), *sources(predictor, clip, 0))
        html = view.html()
        assert words.get(name, "") in html
        assert ">nan" not in html and ":nan" not in html and "inf<" not in html
        assert view.sentence and view.shapes and (view.number or view.equation)
        assert json.dumps(dict(view.numbers))
        for group in view.groups:
            assert group.tiles


LACKED = ("audio", "queries", "encoder", "feature", "mixer", "decoder", "layers", "head")


def test_every_view_of_tpavi_shows_it_or_says_what_it_lacks(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    predictor = Predictor(small_tpavi(), "cpu")
    inspection = inspect_model(predictor, clip, 1)
    for name in VIEWS:
        view = view_of(inspection, Choice(name), *sources(predictor, clip, 1))
        html, plan = view.html(), model_map(inspection, name)
        assert ("TPAVI has no" in html) == (name in LACKED)
        assert ">nan" not in html and json.dumps(dict(view.numbers)) and "no mixer" in plan
        assert len(write_pictures(view, tmp_path / name)) >= 1
    for chosen, shown in ((1, 1), (4, 4), (9, 2), (None, 2)):
        assert view_of(inspection, Choice("tpavi", stage=chosen), None, None).numbers["stage"] == shown
    assert view_of(inspection, Choice("backbone", stage=9, unit=999), None, None).numbers["channel"] == 16


def test_a_model_without_tpavi_says_so_in_its_view(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1), fps=1)
    inspection = inspect(small_predictor(), clip, 0)
    assert "This model has no TPAVI" in view_of(inspection, Choice("tpavi"), None, None).html()


def test_pictures_are_written_at_the_frames_shape(visitor, tmp_path):
    inspection = visitor.state(InsideState).inspections.inspection(visitor.result)
    paths = write_pictures(view_of(inspection, Choice("mixer"), None, None), tmp_path / "out")
    assert len(paths) == 2 + 2 * 18 + 2 and len({path.name for path in paths}) == len(paths)
    picture = np.asarray(Image.open(next(path for path in paths if "before-the-mixer" in path.name)))
    assert picture.shape[1] / picture.shape[0] == pytest.approx(96 / 64, abs=0.01)
