"""Runs of the Segment tab, called without a server and with a stand-in for the model."""

import asyncio
import json
import threading
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio import EventData

from app.components.updates import UNCHANGED
from app.segment import handlers, run, text
from app.segment.run import Choice, predict
from app.segment.state import SegmentState
from app.services import session
from app.services.clips import bundled, source_of
from app.services.handoff import SegmentRequest
from app.services.line import Line, Waiting
from app.services.models import available_models
from avseg.errors import CheckpointError, ClipError
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


def prediction_of(path: Path, task: str = "ms3", fps: float = 1):
    return Predictor(BrightAndLoud(task), "cpu").predict(read_clip(path, fps=fps))


def visitor() -> session.Visitor:
    return handlers.VISITORS.of("local")


def test_a_run_puts_finding_player_and_timings_on_the_page(stand_in, tmp_path, cache):
    video = counting(tmp_path / "grey steps.mp4", seconds=5, rate=20)
    updates = handlers.segment(None, str(video), "stand-in", 1)
    header, finding, player = updates.header, updates.finding, updates.player
    assert updates.whatif["interactive"] and updates.preparing["visible"] and not updates.notice["visible"]
    assert "grey steps.mp4" in header and "random weights" in header
    # Grey 16 + 2 n passes the stand-in's middle grey between frames 2 and 4 of the five.
    result = visitor().result
    # The frame that the other tabs open at shows something.
    assert result.frame == result.prediction.foreground.argmax() and f"{result.frame + 1} of 5" in header
    nonempty = int((result.prediction.foreground > 0).sum())
    assert 0 < nonempty < 5 and f"in {nonempty} of 5 frames" in finding and "<h1>" in finding
    assert player.shows == "prediction" and len(player.times) == 5 and player.title == "grey steps.mp4"
    assert player.video.is_relative_to(cache) and player.pack.is_relative_to(cache)
    assert "decode" in updates.last_run["value"]
    assert visitor().state(SegmentState).unsaved.folder == player.pack.parent.parent
    assert (result.title, result.clip) == ("grey steps.mp4", None)
    assert str(tmp_path) not in finding + header + updates.last_run["value"]


def test_a_result_of_another_tab_is_shown_once_with_its_truth(stand_in, tmp_path, cache):
    path = counting(tmp_path / "a.mp4", seconds=3)
    assert not handlers.arrive(None, 1).changes() and not handlers.write_files().changes()
    prediction, truth = prediction_of(path), tuple(np.ones((4, 6), np.uint8) * k for k in range(3))
    result = session.ClipResult(prediction, "<b>From a data set</b>", "stand-in", None, 1, truth)
    handlers.VISITORS.set_result("local", result)
    updates = handlers.arrive(None, 1)
    header, finding, player = updates.header, updates.finding, updates.player
    assert "&lt;b&gt;From a data set" in header and "2 of 3" in header and "<b>From" not in finding + header
    assert player.frame == 1 and len(player.parts.truth) == 3 and player.video.is_relative_to(cache)
    assert "decode" in updates.last_run["value"] and updates.inside["value"] == "Look inside frame 2"
    assert Path(handlers.write_files().downloads[-1]["value"]).name == "prediction.json"
    again = handlers.arrive(None, 1)
    assert "2 of 3" in again.header and again.player["at"][0] == 1
    assert set(again.changes()) == {"header", "inside", "player"} and not handlers.write_files().changes()


def test_a_model_that_another_tab_asked_for_is_selected_once():
    name = list(available_models())[-1]
    visitor().hand_over(SegmentRequest(name))
    updates = handlers.arrive("dog-and-guitar", 1)
    assert updates.model["value"] == name and name in updates.header and "Dog and guitar" in updates.header
    assert not handlers.arrive("dog-and-guitar", 1).changes()
    visitor().hand_over(SegmentRequest("no such model"))
    assert not handlers.arrive("dog-and-guitar", 1).changes()


def test_finished_frames_are_shown_while_a_long_run_goes_on(stand_in, tmp_path, monkeypatch):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=4), fps=8)
    labels, preview = np.ones((32, 8, 8), np.uint8), handlers.Preview()
    preview.add(clip, 0, labels[:8])
    assert preview.render() == ""  # a short run shows its result instead
    monkeypatch.setattr("app.segment.preview.DELAY", 0)
    assert "8 of 32 frames done" in preview.render() and preview.render() == ""
    preview.add(clip, 8, labels[8:24])
    drawn = preview.render()
    assert "24 of 32 frames" in drawn and drawn.count("<img") == 10
    visitor().state(SegmentState).preview = preview
    assert not handlers.draw_preview().changes()
    preview.add(clip, 24, labels[24:])
    assert "32 of 32" in handlers.draw_preview().preview["value"]
    assert handlers.begin().timer.active and not handlers.draw_preview().changes()


def test_the_players_threshold_applies_only_to_what_the_player_shows(stand_in, tmp_path):
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=3)), "stand-in", 1)
    first = visitor().result.prediction
    for nonsense in (None, float("nan"), -0.1, 2, "0.3", 0.5):
        visitor().apply_threshold(nonsense)
        assert visitor().result.prediction is first
    visitor().apply_threshold(0.25)
    assert visitor().result.prediction.threshold == 0.25
    assert visitor().displayed is visitor().result.prediction
    assert (visitor().result.prediction.labels == (first.probability > 0.25)).all()
    handlers.VISITORS.set_result("local", session.ClipResult(first, "another", "stand-in"))
    visitor().apply_threshold(0.75)  # Segment's player does not show this one
    assert visitor().result.prediction is first


def test_files_are_written_after_the_masks_are_shown(stand_in, tmp_path, cache):
    video = counting(tmp_path / "a.mp4", seconds=3)
    handlers.segment(None, str(video), "stand-in", 2)
    updates = handlers.write_files()
    assert not updates.preparing["visible"] and "files" in updates.last_run["value"]
    everything, overlay, masks, coco, record = (Path(button["value"]) for button in updates.downloads)
    assert all(path.is_relative_to(cache) for path in (everything, overlay, masks, coco, record))
    with zipfile.ZipFile(masks) as archive:
        assert len(archive.namelist()) == 6
    with zipfile.ZipFile(everything) as archive:
        names = set(archive.namelist())
    assert {"overlay.mp4", "prediction.json", "coco.json", "masks/0006.png"} < names
    assert len(json.loads(coco.read_text())["images"]) == len(json.loads(record.read_text())["frames"]) == 6


def test_files_belong_to_the_result_that_they_were_asked_for(stand_in, tmp_path):
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=2)), "stand-in", 1)
    other = prediction_of(counting(tmp_path / "other.mp4", seconds=3))
    handlers.VISITORS.set_result("local", session.ClipResult(other, "From a data set", "stand-in"))
    record = json.loads(Path(handlers.write_files().downloads[-1]["value"]).read_text())
    assert record["clip"] == "a.mp4" and len(record["frames"]) == 2


def test_a_newer_result_ends_the_writing_of_files_and_other_jobs_go_on(stand_in, tmp_path, monkeypatch):
    video = str(counting(tmp_path / "a.mp4", seconds=2))
    handlers.segment(None, video, "stand-in", 1)
    scoring, write = visitor().jobs.start("explore"), handlers.write_downloads

    def interrupted(prediction, folder, report):
        files = write(prediction, folder, report)
        handlers.begin()
        monkeypatch.setattr(handlers, "write_downloads", write)
        updates = handlers.segment(None, video, "stand-in", 2)
        assert all(not button["visible"] for button in updates.downloads)
        return files

    monkeypatch.setattr(handlers, "write_downloads", interrupted)
    assert not handlers.write_files().changes()
    assert len(json.loads(Path(handlers.write_files().downloads[-1]["value"]).read_text())["frames"]) == 4
    handlers.stop()
    assert not scoring.cancelled


def test_only_a_result_of_ones_own_is_written(stand_in, tmp_path):
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=1)), "stand-in", 1)
    stranger = type("Request", (), {"session_hash": "another"})
    assert not handlers.write_files(stranger).changes() and handlers.write_files().downloads


def test_the_selected_frame_is_kept_and_checked(stand_in, tmp_path):
    def select(frame):
        return handlers.select_frame(EventData(None, {"frame": frame}))

    assert not select(0).changes()
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=3)), "stand-in", 1)
    assert "3 of 3" in select(2).header and visitor().result.frame == 2
    for nonsense in (3, -1, "1", 1.0, True, None, [1]):
        assert not select(nonsense).changes()
    assert visitor().result.frame == 2


def test_a_range_is_segmented(stand_in, tmp_path):
    video = counting(tmp_path / "a.mp4", seconds=5)
    updates = handlers.segment(None, str(video), "stand-in", 2, 1.5, 3.0)
    assert len(updates.player.times) == 3 and updates.player.duration == pytest.approx(1.5, abs=0.05)
    assert "from 1.5 to 3 s" in updates.finding
    for start, end, words in (
        (3, 2, "ends at 2 s"),
        (0, 70, "at most 60 s"),
        (90, 100, "no frames after 90"),
    ):
        failed = handlers.segment(None, str(video), "stand-in", 1, start, end)
        assert words in failed.notice["value"] and failed.player is UNCHANGED


def test_the_aspect_ratio_is_kept_where_asked_and_the_command_says_so(stand_in, tmp_path):
    video = counting(tmp_path / "my clip.mp4", seconds=2)
    plain = handlers.segment(None, str(video), "stand-in", 1)
    assert "aspect" not in plain.finding and "--letterbox" not in plain.last_run["value"]
    kept = handlers.segment(None, str(video), "stand-in", 2, 0.5, 1.5, text.MEAN, True)
    assert visitor().result.prediction.clip.letterbox and "aspect ratio kept" in kept.finding
    line = "avseg predict &#39;my clip.mp4&#39; --model "
    assert (
        line in kept.last_run["value"]
        and "--fps 2 --start 0.5 --end 1.5 --precision exact --letterbox<" in kept.last_run["value"]
    )
    record, *_ = handlers.segment_clip("dog-and-guitar", None, "stand-in", end=1, letterbox=True)
    assert record["geometry"] == "letterbox"
    record, *_ = handlers.segment_clip("dog-and-guitar", None, "stand-in", end=1, letterbox="yes")
    assert record["geometry"] == "stretched"


def test_a_bundled_clip_comes_with_its_ground_truth(stand_in):
    player = handlers.segment("dog-and-guitar", None, "stand-in", 2, 1, 4).player
    assert player.video == bundled()["dog-and-guitar"].path and player.start == 1
    assert len(player.parts.truth) == 6 and None not in player.parts.truth
    assert [(lane.name, lane.spans) for lane in player.lanes] == [("dog", ((0.0, 1.0), (2.0, 3.0)))]


def test_other_programs_get_the_record_and_files(stand_in, tmp_path):
    video = counting(tmp_path / "a.mp4", seconds=3)
    record, *files = handlers.segment_clip(None, str(video), "stand-in", 1, threshold=0.75)
    assert record["threshold"] == 0.75 and len(record["frames"]) == 3
    assert [Path(path).suffix for path in files] == [".zip", ".mp4", ".zip", ".json", ".json"]
    with pytest.raises(gr.Error, match="No clip is selected"):
        handlers.segment_clip("no-such", None, "stand-in")
    assert len(handlers.segment_clip(clip="dog-and-guitar", model="stand-in", end=2)[0]["frames"]) == 2
    assert len(handlers.segment_clip(video=str(video), model="stand-in")[0]["frames"]) == 3


NAN = float("nan")


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [("threshold", value, "it must be a number between 0 and 1") for value in (7, -1, NAN, None, [1], True)]
    + [("frames_per_second", value, "choose 1, 2, 4 or 8") for value in (30, NAN, None, [1])]
    + [("start", value, "choose 0 or more") for value in (-1, NAN, 1e300, [1], "x")]
    + [("end", value, "ends at") for value in (0, -1, NAN, [1], "x")]
    + [("end", 61, "at most 60 s"), ("model", "gone", "no longer exists"), ("model", [], "no longer exists")]
    + [("precision", value, "choose auto, exact, fast") for value in ("double", None, [1])]
    + [("clip", value, "No clip is selected") for value in (None, ["x"], {}, "../x")],
)
def test_every_argument_is_checked_before_work(argument, value, words, monkeypatch):
    monkeypatch.setattr(run, "read_clip", None)  # nothing is decoded
    with pytest.raises(gr.Error, match=words):
        handlers.segment_clip(**{"clip": "dog-and-guitar", argument: value})


def test_other_programs_may_leave_out_what_has_a_default(app_server):
    from gradio_client import Client

    endpoint = Client(app_server, verbose=False).view_api(return_format="dict")["named_endpoints"]
    for name in ("/segment", "/inspect", "/what_if", "/evaluate", "/attribute", "/compare"):
        required = [
            p["parameter_name"] for p in endpoint[name]["parameters"] if not p["parameter_has_default"]
        ]
        needed = {"/what_if": ["changes"], "/evaluate": ["model"], "/compare": ["models"]}
        assert required == needed.get(name, [])


def test_a_clip_without_sound_gives_nothing_and_says_why(stand_in, tmp_path):
    video = counting(tmp_path / "silent.mp4", seconds=3, sound=None)
    updates = handlers.segment(None, str(video), "stand-in", 2)
    assert "No sounding object found in these 6 frames." in updates.finding
    assert "No audio track" in updates.finding and updates.player.silent


@pytest.mark.parametrize(
    ("clip", "fps", "words"),
    [
        ("no-such-clip", 1, "No clip is selected"),
        ("../../app", 1, "No clip is selected"),
        (None, 1, "No clip"),
    ],
)
def test_only_clips_of_the_table_are_read(stand_in, clip, fps, words):
    updates = handlers.segment(clip, None, "stand-in", fps)
    assert words in updates.notice["value"] and 'role="alert"' in updates.notice["value"]
    assert set(updates.changes()) == {"notice"} and not handlers.write_files().changes()


def test_rates_that_are_not_offered_are_refused(stand_in):
    with pytest.raises(ClipError, match="choose 1, 2, 4 or 8"):
        predict(Choice(source_of("dog-and-guitar", None), "stand-in", 30), lambda *_: None)


def test_a_model_that_is_gone_is_an_error_message(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1))
    with pytest.raises(CheckpointError, match="The model 'gone' no longer exists"):
        session.Models().predict("gone", clip)


def test_stop_ends_a_run_and_leaves_the_page_as_it_is(stand_in, tmp_path, cache):
    video = counting(tmp_path / "long.mp4", seconds=5, rate=20)

    def press_stop(share, desc):
        handlers.stop()

    updates = handlers.segment(None, str(video), "stand-in", 8, progress=press_stop)
    assert "Stopped" in updates.notice["value"] and 'class="notice note"' in updates.notice["value"]
    assert set(updates.changes()) == {"notice"} and not list(cache.rglob("*.mp4"))


def test_failed_runs_push_no_result_out(stand_in, tmp_path):
    good = handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=1)), "stand-in", 1).player
    for _ in range(session.RESULTS_KEPT + 1):
        handlers.segment("no-such-clip", None, "stand-in", 1)
    assert good.video.is_file() and good.pack.is_file()


def test_buttons_open_the_tabs_that_go_on_with_the_result():
    for tab in ("whatif", "inside"):
        assert handlers.open_tab(tab).tabs.selected == tab


def test_a_reloaded_page_shows_what_it_had(stand_in, tmp_path):
    old, new, third = (type("Request", (), {"session_hash": name}) for name in ("old", "new", "third"))
    key = "k" * 32
    assert not handlers.attach(key, old).changes()
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=2)), "stand-in", 1, request=old)
    handlers.VISITORS.away("old")
    assert not handlers.attach(key, new).changes()
    shown = asyncio.run(handlers.show_attached(new))
    assert "a.mp4" in shown.header and len(shown.player.times) == 2 and shown.player.pack.is_file()
    assert handlers.write_files(new).downloads and shown.go is UNCHANGED
    assert not asyncio.run(handlers.show_attached(third)).changes()


def test_a_clip_that_was_selected_at_once_is_not_replaced_by_the_opening(stand_in):
    new = type("Request", (), {"session_hash": "quick"})
    handlers.attach("q" * 32, new)
    assert handlers.VISITORS.of("quick").result.shared
    assert not asyncio.run(handlers.show_attached(new)).changes()


def test_a_run_goes_on_without_its_page(stand_in, tmp_path):
    old, new = (type("Request", (), {"session_hash": name}) for name in ("old", "new"))
    key, shown = "k" * 32, []

    def lose_the_connection(share, desc):
        if not shown:
            handlers.VISITORS.away("old")
            updates = handlers.attach(key, new)
            assert updates.stop["visible"] and updates.timer.active
            shown.append(
                threading.Thread(target=lambda: shown.append(asyncio.run(handlers.show_attached(new))))
            )
            shown[0].start()

    handlers.attach(key, old)
    handlers.begin(old)
    video = str(counting(tmp_path / "a.mp4", seconds=3))
    handlers.segment(None, video, "stand-in", 8, request=old, progress=lose_the_connection)
    shown[0].join()
    assert len(shown[1].player.times) == 24 and shown[1].go == "Segment the clip"
    assert not shown[1].stop["visible"] and not shown[1].timer.active


def test_a_run_that_waited_when_the_connection_was_lost_is_named(stand_in, monkeypatch):
    old, new = (type("Request", (), {"session_hash": name}) for name in ("old", "new"))
    handlers.attach("k" * 32, old)
    handlers.begin(old)
    monkeypatch.setattr(handlers, "LINE", Line())
    handlers.LINE.note("old", Waiting(2, 30))
    assert "2 calls are before yours, about 30 s" in handlers.draw_preview(old).preview["value"]
    assert "lost while your run was waiting" in handlers.attach("k" * 32, new).notice["value"]
    assert not handlers.attach("k" * 32, new).changes()


def test_a_result_that_made_room_for_others_leaves_a_sentence_in_place_of_downloads(stand_in, tmp_path):
    handlers.segment(None, str(counting(tmp_path / "a.mp4", seconds=1)), "stand-in", 1)
    visitor().release()
    assert "Your last result was removed" in handlers.write_files().preparing
    assert (
        not handlers.write_files().changes()
        and not handlers.select_frame(EventData(None, {"frame": 0})).changes()
    )
