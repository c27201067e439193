"""What a player is given: pictures, counts, colours; and what it may say."""

import io
import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio import EventData
from PIL import Image

from app.components.player.player import Player, selected_frame
from app.services.clips import bundled, lanes_of, truth_of
from avseg.data.labels import CLASS_INDEX, PALETTE
from avseg.media.clip import read_clip
from avseg.media.export import colours_of
from avseg.player.value import PlayerValue, player_value, preview
from avseg.predict import Prediction, Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud

DOG, AIRPLANE = CLASS_INDEX["dog"], CLASS_INDEX["airplane"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return read_clip(counting(tmp_path_factory.mktemp("player") / "a.mp4", seconds=5, rate=20), fps=2)


@pytest.fixture(scope="module")
def binary(clip) -> Prediction:
    """A prediction with every probability: a ramp to the right, higher in later frames."""
    found = Predictor(BrightAndLoud(), "cpu").predict(clip)
    ramp = np.linspace(0, 1, 64, dtype=np.float32) * np.ones((64, 1), np.float32)
    probability = np.stack([ramp * (frame + 1) / 10 for frame in range(10)])
    return replace(found, probability=probability).at_threshold(0.4)


@pytest.fixture(scope="module")
def semantic(clip) -> Prediction:
    return Predictor(BrightAndLoud("avss"), "cpu").predict(clip)


def table(value: PlayerValue, name: str) -> np.ndarray:
    offset, length = getattr(value.parts, name)
    return np.frombuffer(value.pack.read_bytes()[offset : offset + length], "<u4")


def picture(value: PlayerValue, piece) -> np.ndarray:
    offset, length, width, height = piece
    rows = zlib.decompress(value.pack.read_bytes()[offset : offset + length])
    return np.cumsum(np.frombuffer(rows, np.uint8).reshape(height, width), axis=1, dtype=np.uint8)


def marked(value: PlayerValue) -> np.ndarray:
    return table(value, "marked").reshape(len(value.times), value.parts.classes, 101)


def test_probabilities_travel_as_bytes(binary, tmp_path):
    value = player_value(binary, tmp_path)
    assert len(value.parts.probability) == len(value.times) == 10 and not value.parts.labels
    seen = np.stack([picture(value, piece) for piece in value.parts.probability])
    assert seen.dtype == np.uint8 and seen.shape == binary.probability.shape
    assert np.abs(seen / 255 - binary.probability).max() <= 0.5 / 255 + 1e-6
    assert (value.shows, value.threshold, value.fps, value.start) == ("prediction", 0.4, 2, 0)
    assert value.pack.stat().st_size < 100_000


def test_counts_are_those_of_the_masks_at_every_threshold(binary, tmp_path):
    value = player_value(binary, tmp_path)
    assert value.parts.pixels == 64 * 96
    for level in (0, 25, 40, 77, 100):
        shares = marked(value)[:, 0, level] / value.parts.pixels
        np.testing.assert_array_equal(shares, binary.at_threshold(level / 100).foreground)


def test_hits_and_areas_give_the_iou(binary, tmp_path):
    truth = [np.zeros((32, 48), np.uint8) for _ in range(10)]
    for mask in truth:
        mask[8:, 20:] = 255
    truth[3] = None
    value = player_value(binary, tmp_path, truth=truth)
    assert value.parts.truth[3] is None and picture(value, value.parts.truth[0]).max() == 1
    hits = table(value, "hits").reshape(10, 101)
    real = np.kron(truth[0] > 0, np.ones((2, 2), bool))
    for level in (10, 40, 60):
        found = binary.at_threshold(level / 100).mask(9) > 0
        assert hits[9, level] == (found & real).sum() and marked(value)[9, 0, level] == found.sum()
    assert table(value, "area").tolist() == [real.sum() if frame != 3 else 0 for frame in range(10)]


def test_classes_have_the_overlays_colours_and_avsbenchs(semantic, tmp_path):
    truth = np.zeros((10, 64, 96), np.uint8)
    truth[:, :20] = CLASS_INDEX["violin"]
    value = player_value(semantic, tmp_path, truth=truth)
    assert {c.index for c in value.classes} == {DOG, AIRPLANE, CLASS_INDEX["violin"]}
    assert value.threshold == 0 and len(value.parts.labels) == 10
    for c in value.classes:
        assert c.benchmark == "#{:02X}{:02X}{:02X}".format(*PALETTE[c.index])
        if c.index in colours_of(semantic):
            assert c.colour == "#{:02X}{:02X}{:02X}".format(*colours_of(semantic)[c.index])
    assert len({c.colour for c in value.classes}) == 3
    order = [c.index for c in value.classes]
    masks = np.stack(list(semantic.masks))
    for k, index in enumerate(order):  # where nothing but background competes, p is above a tiny threshold
        assert marked(value)[9, k, 0] == (masks[9] == index).sum()
    assert (table(value, "area").reshape(10, 3)[:, order.index(CLASS_INDEX["violin"])] == 20 * 96).all()


def test_ground_truth_alone(clip, tmp_path):
    truth = [np.full((10, 10), DOG, np.uint8), *[None] * 9]
    value = player_value(None, tmp_path, clip=clip, truth=truth, frame=99)
    assert (value.shows, value.frame, [c.name for c in value.classes]) == ("truth", 9, ["dog"])
    assert not value.parts.probability and value.parts.marked is None
    binary = player_value(None, tmp_path, clip=clip, truth=truth, task="ms3")
    assert [c.name for c in binary.classes] == ["sounding"]
    with pytest.raises(ValueError, match="needs a prediction"):
        player_value(None, tmp_path, clip=clip)


def test_bundled_clips_know_their_truth_and_sound():
    name = "siren-off-screen"
    truth = truth_of(name, (0.5, 3.5))
    assert [set(np.unique(mask)) for mask in truth] == [{0}, {0, DOG}] and truth[0].shape == (360, 640)
    lanes = lanes_of(bundled()[name], 1.5, 3.0)
    assert [(lane.name, lane.inside, lane.spans[0]) for lane in lanes] == [
        ("emergency-car", False, (0.0, 0.5)),
        ("dog", True, (1.5, 2.5)),
    ]


def test_a_long_clip_has_few_thumbnails_and_the_sound_once(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=10, rate=10), fps=8)
    value = player_value(Predictor(BrightAndLoud(), "cpu").predict(clip), tmp_path / "out")
    thumbs = value.parts.thumbs
    assert len(value.times) == 80 and len(thumbs) == 20
    assert [thumb.first for thumb in thumbs][1:] == [thumb.last + 1 for thumb in thumbs][:-1]
    assert all(thumb.first <= thumb.frame <= thumb.last for thumb in thumbs)
    offset, length = value.parts.sound
    assert Image.open(io.BytesIO(value.pack.read_bytes()[offset : offset + length])).height == 128


def test_what_travels_is_json_and_files(binary, tmp_path):
    value = player_value(binary, tmp_path, truth=np.zeros((10, 8, 8), np.uint8), title='<b>"x"</b>')
    data = Player().postprocess(value)
    about = json.loads(json.dumps(data.about))
    assert data.video.path == str(tmp_path / "video.mp4") and data.pack.path == str(value.pack)
    assert about["parts"]["probability"][0] == list(value.parts.probability[0])
    assert str(tmp_path) not in json.dumps(about)
    alone = Player().postprocess(preview(binary.clip, tmp_path / "alone", Path("a.mp4"), "A"))
    assert alone.about["shows"] == "nothing" and alone.video.path == "a.mp4"
    assert len(alone.about["times"]) == 10 and not alone.about["parts"]["probability"]
    assert Player().postprocess(None) is None and Player().preprocess(data) is None


@pytest.mark.parametrize("told", [10, -1, "3", 2.0, True, None, [2], {"a": 1}])
def test_a_frame_that_is_none_is_not_believed(told):
    assert selected_frame(EventData(None, {"frame": told}), 10) is None
    assert selected_frame(EventData(None, told), 10) is None


def test_a_frame_of_the_clip_is_taken():
    assert selected_frame(EventData(None, {"frame": 9}), 10) == 9
