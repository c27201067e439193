"""The open view as files."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from app.inside import handlers, saving
from app.inside.state import InsideState
from app.services import session
from tests.support.media import banner_of


def test_the_selected_frame_is_a_picture_with_title_and_scales(visitor, monkeypatch):
    visitor.state(InsideState).choice = handlers.Choice("decoder")
    updates = saving.save(".png")
    path = Path(updates.file)
    assert path.name == "two-frames-decoder-frame-2.png" and updates.notice["visible"] is False
    picture = np.asarray(Image.open(path))
    assert picture.shape[2] == 3 and 0.1 < (picture < 250).any(2).mean() < 0.95
    monkeypatch.setattr(session.MODELS, "_predictor", None)  # the frame is not run again
    assert Path(saving.save(".png").file).read_bytes() == path.read_bytes()


def test_all_frames_become_a_gif_and_a_video_with_sound(visitor):
    with Image.open(saving.save(".gif").file) as gif:
        assert gif.n_frames == 2 and gif.info["duration"] == 1000
    banner = banner_of(saving.save(".mp4").file)
    assert "Video: h264" in banner and "Audio: aac" in banner and "00:00:02" in banner
    assert visitor.result.frame == 1  # as selected


def test_an_enlarged_picture_is_written_with_its_name(visitor):
    def click(number: object) -> object:
        return saving.save_picture(SimpleNamespace(_data={"picture": number})).file

    path = Path(click(0))
    assert path.name.startswith("two-frames-frame-2-channel-") and Image.open(path).width == 1200
    assert [click(number) for number in (-1, 10_000, "0", None)] == [None] * 4


@pytest.mark.parametrize("kind", ["", ".svg", "/../x.png", None])
def test_other_kinds_write_nothing(visitor, kind):
    assert saving.save(kind).file is None


def test_without_a_result_nothing_is_written(visitor):
    visitor.result = None
    assert saving.save(".png").file is None and saving.save_picture(SimpleNamespace(_data={})).file is None
