import numpy as np
import pytest

from avseg.errors import ConfigError
from avseg.interpret.inspection import inspect, record_frame, record_site
from avseg.interpret.tpavi import TPAVIInspection, inspect_model
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_tpavi import small_tpavi


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(small_tpavi(), "cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return read_clip(counting(tmp_path_factory.mktemp("clips") / "steps.mp4", seconds=7, rate=5), fps=1)


@pytest.mark.parametrize(("frame", "window"), [(3, 5), (6, 2)])
def test_a_frame_is_recorded_within_its_window(predictor, clip, frame: int, window: int):
    inspection = inspect_model(predictor, clip, frame)
    assert isinstance(inspection, TPAVIInspection) and len(inspection.moments) == window
    assert inspection.moments.index(inspection.moment) == frame % 5
    for side, weights, stage in zip((16, 8, 4, 2), inspection.attention, inspection.mixed, strict=True):
        assert weights.shape == (window, side, side) and stage.shape == (32, side, side)
        assert stage.min() >= 0
    prediction = predictor.predict(clip)
    np.testing.assert_allclose(inspection.final.probability, prediction.probability[frame], atol=1e-5)


def test_sites_are_those_of_tpavi(predictor, clip):
    recording = record_frame(predictor, clip, 6)
    assert list(recording) == ["backbone.stage", "tpavi.context", "tpavi.attention", "tpavi.stage"]
    assert recording["tpavi.attention"][0].shape == (2, 2, 16, 16)
    activation = record_site(predictor, clip, 6, "tpavi.stage", 4)
    assert activation.values.shape == (32, 2, 2) and activation.layers["tpavi.stage"] == 4
    with pytest.raises(ConfigError, match="has no site queries"):
        record_frame(predictor, clip, 0, ["queries"])


def test_what_needs_queries_says_so(predictor, clip):
    with pytest.raises(ConfigError, match="no queries"):
        inspect(predictor, clip, 0)
