"""Every view of every kind of model, and its pictures as files."""

import json

import numpy as np
import pytest
from PIL import Image

from app.inside.state import Choice, InsideState
from app.inside.views import VIEWS, view_of, write_pictures
from avseg.interpret.inspection import inspect, record_site
from avseg.media.clip import read_clip
from tests.support.media import counting
from tests.support.small_model import small_predictor


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
        view = view_of(
            inspection, Choice(name), lambda site, layer: record_site(predictor, clip, 0, site, layer)
        )
        html = view.html()
        assert words.get(name, "") in html
        assert ">nan" not in html and ":nan" not in html and "inf<" not in html
        assert view.sentence and view.shapes and (view.number or view.equation)
        assert json.dumps(dict(view.numbers))
        for group in view.groups:
            assert group.tiles


def test_pictures_are_written_at_the_frames_shape(visitor, tmp_path):
    inspection = visitor.state(InsideState).inspections.inspection(visitor.result)
    paths = write_pictures(view_of(inspection, Choice("mixer"), None), tmp_path / "out")
    assert len(paths) == 2 + 2 * 18 + 2 and len({path.name for path in paths}) == len(paths)
    picture = np.asarray(Image.open(next(path for path in paths if "before-the-mixer" in path.name)))
    assert picture.shape[1] / picture.shape[0] == pytest.approx(96 / 64, abs=0.01)
