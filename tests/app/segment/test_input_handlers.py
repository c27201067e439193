"""The sidebar of the Segment tab, called without a server."""

import numpy as np
import pytest
from gradio import EventData

from app.components.updates import UNCHANGED
from app.segment import handlers, input_handlers, text
from app.services.clips import bundled
from tests.support.media import counting, ffmpeg


def test_a_range_dragged_in_the_player_is_selected(stand_in, tmp_path):
    def drag(clip, upload, **span):
        return input_handlers.drag_range(clip, upload, 2, None, EventData(None, span))

    video = str(counting(tmp_path / "a.mp4", seconds=5))
    assert not drag(None, video, **{"from": 0, "to": 1}).changes()
    handlers.segment(None, video, "stand-in", 2, 1.5, 4)
    updates = drag(None, video, **{"from": 0.5, "to": 2.0})
    assert (updates.start, updates.end, updates.go) == (2.0, 3.5, "Segment 3 frames")
    assert not updates.notice["visible"]
    updates = drag("dog-and-guitar", None, **{"from": 0.5, "to": 2.0})
    assert set(updates.changes()) == {"notice"} and "a.mp4" in updates.notice["value"]
    for span in ({"from": 2, "to": 1}, {"from": 0, "to": 99}, {"from": "0", "to": 1}, {"to": 1}, {}):
        assert not drag(None, video, **span).changes()


def test_an_upload_is_checked_at_once_and_can_be_played(tmp_path, cache):
    video = counting(tmp_path / "mine.mp4", seconds=3)
    updates = input_handlers.check_upload(str(video), None, 2)
    assert updates.clip is None and updates.upload == str(video)
    assert updates.start["value"] == 0 and updates.end["value"] == pytest.approx(3, abs=0.05)
    assert updates.start["maximum"] == updates.end["maximum"] == updates.end["value"]
    assert "mine.mp4: 96 × 64 px, 3.0 s, with sound." in updates.about and updates.go == "Segment 6 frames"
    # A visitor's file is never served as it is.
    assert updates.camera["value"] is None and "mine.mp4" in updates.header
    assert updates.player.video.is_relative_to(cache) and updates.player.shows == "nothing"
    assert updates.player.parts.thumbs and not updates.player.silent


def test_a_channel_is_offered_where_the_channels_cancel_each_other(stand_in, tmp_path):
    video, opposite = counting(tmp_path / "mine.mp4", seconds=2), tmp_path / "opposite.mp4"
    ffmpeg("-i", video, "-c:v", "copy", "-af", "pan=stereo|c0=c0|c1=-1*c0", opposite)
    offered = input_handlers.check_upload(str(opposite), None, 1)
    assert offered.channel["visible"] and offered.channel["value"] == text.MEAN
    for updates in (
        input_handlers.check_upload(str(video), None, 1),
        input_handlers.choose_clip(next(iter(bundled())), None, 1),
    ):
        assert not updates.channel["visible"] and updates.channel["value"] == text.MEAN
    loudness = {}
    for channel in (*text.CHANNELS, "nonsense"):
        handlers.segment(None, str(opposite), "stand-in", 1, 0, None, channel)
        heard = handlers.VISITORS.of("local").result.prediction.clip.waveform
        loudness[channel] = np.abs(heard).max()
    assert loudness["Left"] > 0.05 and loudness["Right"] > 0.05
    assert loudness[text.MEAN] == loudness["nonsense"] < 0.01


def test_the_model_follows_the_clip_until_the_visitor_picks_one(tmp_path, monkeypatch):
    video = str(counting(tmp_path / "mine.mp4", seconds=1))
    monkeypatch.setattr(input_handlers, "recommended_model", lambda path: f"model for {path.stem}")
    updates = input_handlers.check_upload(video, "tiny-ms3", 1)
    assert updates.model == "model for mine" and "Selected for this clip." in updates.card
    assert "model for mine" in updates.header or "none" in updates.header
    assert input_handlers.choose_clip("dog-and-guitar", updates.model, 1).model == "model for dog-and-guitar"
    assert "Selected for this clip." in input_handlers.choose_range(0, 1, 2, "tiny-ms3").card
    picked = input_handlers.choose_model("dog-and-guitar", "tiny-ms3", 1)
    assert "Selected for this clip." not in picked.card
    for updates in (
        input_handlers.check_upload(video, "tiny-ms3", 1),
        input_handlers.choose_clip("dog-and-guitar", "tiny-ms3", 1),
    ):
        assert updates.model is UNCHANGED


def test_a_text_file_is_refused_with_a_reason(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a video\n" * 20)
    updates = input_handlers.check_upload(str(path), None, 1)
    assert updates.upload is None and set(updates.changes()) == {"upload", "notice"}
    assert "notes.mp4 is not a video" in updates.notice["value"]


def test_a_run_keeps_the_video_of_the_upload_that_is_on_the_page(stand_in, tmp_path):
    video = str(counting(tmp_path / "mine.mp4", seconds=3))
    shown = input_handlers.check_upload(video, None, 1).player.video
    assert handlers.segment(None, video, "stand-in", 1, 1, 3).player.video == shown
    one_channel = handlers.segment(None, video, "stand-in", 1, 0, 3, "Left")
    assert one_channel.player is UNCHANGED or one_channel.player.video != shown


def test_selecting_a_clip_shows_it_and_its_own_result_alone(stand_in):
    name = list(bundled())[1]
    updates = input_handlers.choose_clip(name, None, 4)
    assert bundled()[name].shows in updates.about and updates.go.startswith("Segment 20 frames")
    assert (updates.start["value"], updates.end["value"]) == (0, 5)
    assert updates.player.video == bundled()[name].path and bundled()[name].title in updates.header
    assert updates.player.shows == "nothing" and len(updates.player.times) == 5
    handlers.segment("street-siren", None, "stand-in", 1)
    updates = input_handlers.choose_clip(name, None, 4)
    assert updates.player.shows == "nothing" and bundled()[name].title in updates.finding
    assert not updates.whatif["interactive"] and handlers.VISITORS.of("local").displayed is None
    again = input_handlers.choose_clip("street-siren", None, 1)
    assert again.player.shows == "prediction" and again.inside["interactive"]
    assert not input_handlers.choose_clip("../x", None, 4).changes()
