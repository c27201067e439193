"""The Segment tab's handlers, called without a server and with a stand-in for the model."""

import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio import EventData

from app.components import html as figures
from app.components import text, theme
from app.segment import input_handlers as choosing
from app.segment import tab
from app.segment.preview import Growing
from app.segment.run import Choice, run, source_of, write_files
from app.services import session
from app.services.clips import bundled
from app.services.mask_statistics import measure
from avseg.errors import CheckpointError, ClipError, ConfigError
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud

SKIP = {"__type__": "update"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache and visitors of our own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    visitors = session.Visitors()
    for module in (tab, choosing):
        monkeypatch.setattr(module, "VISITORS", visitors)
    return folder


@pytest.fixture
def stand_in(monkeypatch):
    """Any model name gives a model that masks what is bright while it hears something."""
    predictors = {}

    def use(task: str = "ms3") -> None:
        predictors["model"] = Predictor(BrightAndLoud(task), "cpu")

    use()
    monkeypatch.setattr(session.MODELS, "_predictor", lambda name: predictors["model"])
    return use


def prediction_of(path: Path, task: str = "ms3", fps: float = 1):
    return Predictor(BrightAndLoud(task), "cpu").predict(read_clip(path, fps=fps))


def test_a_run_puts_finding_player_and_timings_on_the_page(stand_in, tmp_path, cache):
    video = counting(tmp_path / "grey steps.mp4", seconds=5, rate=20)
    out = tab.segment(None, str(video), "stand-in", 1)
    context, notice, finding, player, last, files, writing, *_, shown, wanted = out
    assert shown is True and files["visible"] and writing["visible"] and notice == SKIP | {"visible": False}
    assert "grey steps.mp4" in context and "random weights" in context and "1 of 5" in context
    # Grey 16 + 2 n passes the stand-in's middle grey between frames 2 and 4 of the five.
    result = tab.VISITORS.of("local").result
    marked = int((result.prediction.foreground > 0).sum())
    assert 0 < marked < 5 and f"in {marked} of 5 frames" in finding and "<h1>" in finding
    assert player.shows == "prediction" and len(player.times) == 5 and player.title == "grey steps.mp4"
    assert player.video.is_relative_to(cache) and player.pack.is_relative_to(cache)
    assert "decode" in last["value"] and wanted[0] == player.pack.parent.parent.name
    assert (result.title, result.clip, result.frame) == ("grey steps.mp4", None, 0)
    assert str(tmp_path) not in finding + context + last["value"]


def test_a_result_that_another_tab_made_is_shown_once_with_its_truth(stand_in, tmp_path, cache):
    path = counting(tmp_path / "a.mp4", seconds=3)
    assert all(update == SKIP for update in tab.arrive()[:-1]) and tab.arrive()[-1] is None
    found, truth = prediction_of(path), tuple(np.ones((4, 6), np.uint8) * k for k in range(3))
    tab.VISITORS.set_result(
        "local", session.ClipResult(found, "<b>From a data set</b>", "stand-in", None, 1, truth)
    )
    context, _notice, finding, player, last, *_, shown, wanted = tab.arrive()
    assert (
        "&lt;b&gt;From a data set" in context and "2 of 3" in context and "<b>From" not in finding + context
    )
    assert player.frame == 1 and len(player.parts.truth) == 3 and player.video.is_relative_to(cache)
    assert shown is True and wanted[0] == player.pack.parent.parent.name and "decode" in last["value"]
    assert Path(tab.write(wanted)[-1]["value"]).name == "prediction.json"
    again = tab.arrive()
    assert "2 of 3" in again[0] and again[3]["at"][0] == 1 and again[-1] is None
    assert all(update == SKIP for update in (*again[1:3], *again[4:6]))


def test_finished_frames_are_shown_while_a_long_run_goes_on(stand_in, tmp_path, monkeypatch):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=4), fps=8)
    labels, growing = np.ones((32, 8, 8), np.uint8), Growing()
    growing.add(clip, 0, labels[:8])
    assert growing.news() == ""  # a short run shows its result instead
    monkeypatch.setattr("app.segment.preview.PATIENCE", 0)
    assert "8 of 32 frames are done; the latest 8" in growing.news() and growing.news() == ""
    growing.add(clip, 8, labels[8:24])
    shown = growing.news()
    assert "24 of 32 frames" in shown and shown.count("<img") == 10
    tab.VISITORS.of("local").growing = growing
    assert tab.grow() == SKIP
    growing.add(clip, 24, labels[24:])
    assert "32 of 32" in tab.grow()["value"] and tab.begin()[3].active and tab.grow() == SKIP


def test_the_players_threshold_is_taken_over_only_where_it_is_the_players_own(stand_in, tmp_path):
    visitor = tab.VISITORS.of("local")
    tab.segment(None, str(counting(tmp_path / "a.mp4", seconds=3)), "stand-in", 1)
    first = visitor.result.prediction
    for nonsense in (None, float("nan"), -0.1, 2, "0.3", 0.5):
        tab.VISITORS.cut("local", nonsense)
        assert visitor.result.prediction is first
    tab.VISITORS.cut("local", 0.25)
    assert visitor.result.prediction.threshold == 0.25 and visitor.staged is visitor.result.prediction
    assert (visitor.result.prediction.labels == (first.probability > 0.25)).all()
    tab.VISITORS.set_result("local", session.ClipResult(first, "another", "stand-in"))
    tab.VISITORS.cut("local", 0.75)  # Segment's player does not show this one
    assert visitor.result.prediction is first


def test_a_part_marked_in_the_player_becomes_the_range(stand_in, tmp_path):
    def drag(clip, upload, **told):
        return choosing.drag_range(clip, upload, 2, None, EventData(None, told))

    video = str(counting(tmp_path / "a.mp4", seconds=5))
    assert all(update == SKIP for update in drag(None, video, **{"from": 0, "to": 1}))
    tab.segment(None, video, "stand-in", 2, 1.5, 4)
    start, end, button, _, notice = drag(None, video, **{"from": 0.5, "to": 2.0})
    assert (start, end, button, notice["visible"]) == (2.0, 3.5, "Segment 3 frames", False)
    *unchanged, notice = drag("dog-and-guitar", None, **{"from": 0.5, "to": 2.0})
    assert all(update == SKIP for update in unchanged) and "a.mp4" in notice["value"]
    for told in ({"from": 2, "to": 1}, {"from": 0, "to": 99}, {"from": "0", "to": 1}, {"to": 1}, {}):
        assert all(update == SKIP for update in drag(None, video, **told))


def test_a_folder_that_is_taken_away_while_files_are_written_is_told_in_words(stand_in, tmp_path):
    found = prediction_of(counting(tmp_path / "a.mp4", seconds=2))

    def leave(share: float, words: str) -> None:
        if share == 1:  # everything is written but the zip
            shutil.rmtree(tmp_path / "files", ignore_errors=True)

    with pytest.raises(ConfigError, match="could not be written"):
        write_files(found, tmp_path / "files" / "inner", leave)


def test_files_are_written_after_the_masks_are_shown(stand_in, tmp_path, cache):
    video = counting(tmp_path / "a.mp4", seconds=3)
    wanted = tab.segment(None, str(video), "stand-in", 2)[-1]
    writing, last, *buttons = tab.write(wanted)
    assert writing == SKIP | {"visible": False} and "files" in last["value"]
    everything, overlay, masks, coco, record = (Path(button["value"]) for button in buttons)
    assert all(path.is_relative_to(cache) for path in (everything, overlay, masks, coco, record))
    with zipfile.ZipFile(masks) as packed:
        assert len(packed.namelist()) == 6
    with zipfile.ZipFile(everything) as packed:
        names = set(packed.namelist())
    assert {"overlay.mp4", "prediction.json", "coco.json", "masks/0006.png"} < names
    assert len(json.loads(coco.read_text())["images"]) == len(json.loads(record.read_text())["frames"]) == 6


def test_only_a_result_of_ones_own_is_written(stand_in, tmp_path):
    tab.segment(None, str(counting(tmp_path / "a.mp4", seconds=1)), "stand-in", 1)
    for wanted in (None, ("../../etc", None), ("elsewhere", None)):
        assert all(update == SKIP for update in tab.write(wanted))


def test_the_selected_frame_is_kept_and_checked(stand_in, tmp_path):
    def tell(frame):
        return tab.select_frame(EventData(None, {"frame": frame}))

    assert all(update == SKIP for update in tell(0))
    tab.segment(None, str(counting(tmp_path / "a.mp4", seconds=3)), "stand-in", 1)
    assert "3 of 3" in tell(2)[0] and tab.VISITORS.of("local").result.frame == 2
    for nonsense in (3, -1, "1", 1.0, True, None, [1]):
        assert all(update == SKIP for update in tell(nonsense))
    assert tab.VISITORS.of("local").result.frame == 2


def test_a_range_is_segmented(stand_in, tmp_path):
    video = counting(tmp_path / "a.mp4", seconds=5)
    result = tab.segment(None, str(video), "stand-in", 2, 1.5, 3.0)
    assert len(result[3].times) == 3 and result[3].duration == pytest.approx(1.5, abs=0.05)
    assert "from 1.5 to 3 s" in result[2]
    for start, end, words in (
        (3, 2, "ends at 2 s"),
        (0, 70, "more than 60 s"),
        (90, 100, "no picture from 90"),
    ):
        failed = tab.segment(None, str(video), "stand-in", 1, start, end)
        assert words in failed[1]["value"].replace("would end", "ends") and failed[3] == SKIP


def test_a_bundled_clip_comes_with_its_ground_truth(stand_in):
    player = tab.segment("dog-and-guitar", None, "stand-in", 2, 1, 4)[3]
    assert player.video == bundled()["dog-and-guitar"].path and player.start == 1
    assert len(player.parts.truth) == 6 and None not in player.parts.truth
    assert [(lane.name, lane.spans) for lane in player.lanes] == [("dog", ((0.0, 1.0), (2.0, 3.0)))]


def test_other_programs_get_the_record_and_files(stand_in, tmp_path):
    video = counting(tmp_path / "a.mp4", seconds=3)
    record, *files = tab.answer(None, str(video), "stand-in", 1, threshold=0.75)
    assert record["threshold"] == 0.75 and len(record["frames"]) == 3
    assert [Path(path).suffix for path in files] == [".zip", ".mp4", ".zip", ".json", ".json"]
    with pytest.raises(gr.Error, match="No clip is chosen"):
        tab.answer("no-such", None, "stand-in")


def test_a_clip_without_sound_gives_nothing_and_says_why(stand_in, tmp_path):
    video = counting(tmp_path / "silent.mp4", seconds=3, sound=None)
    result = tab.segment(None, str(video), "stand-in", 2)
    assert "Nothing is marked as sounding in any of the 6 frames." in result[2]
    assert "No audio track" in result[2] and result[3].silent


@pytest.mark.parametrize(
    ("clip", "fps", "words"),
    [("no-such-clip", 1, "No clip is chosen"), ("../../app", 1, "No clip is chosen"), (None, 1, "No clip")],
)
def test_only_clips_of_the_table_are_read(stand_in, clip, fps, words):
    result = tab.segment(clip, None, "stand-in", fps)
    assert words in result[1]["value"] and 'role="alert"' in result[1]["value"]
    assert all(update == SKIP for update in (result[0], *result[2:-1])) and result[-1] is None


def test_rates_that_are_not_offered_are_refused(stand_in, tmp_path):
    with pytest.raises(ClipError, match="choose 1, 2, 4 or 8"):
        run(Choice(source_of("dog-and-guitar", None), "stand-in", 30), tmp_path, lambda *_: None)


def test_a_model_that_is_gone_is_an_error_in_words(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1))
    with pytest.raises(CheckpointError, match="no model 'gone'"):
        session.Models().predict("gone", clip)


def test_stop_ends_a_run_and_leaves_the_page_as_it_is(stand_in, tmp_path, cache):
    video = counting(tmp_path / "long.mp4", seconds=5, rate=20)

    def press_stop(share, desc):
        tab.stop()

    result = tab.segment(None, str(video), "stand-in", 8, progress=press_stop)
    assert "Stopped" in result[1]["value"] and 'class="notice note"' in result[1]["value"]
    assert result[2] == SKIP and not list(cache.rglob("*.mp4"))


def test_an_upload_is_looked_at_at_once(tmp_path):
    video = counting(tmp_path / "mine.mp4", seconds=3)
    clip, upload, camera, about, button, start, end, _, player, header = choosing.check_upload(
        str(video), None, 2, False
    )
    assert clip is None and upload == str(video) and start == 0 and end == pytest.approx(3, abs=0.05)
    assert "mine.mp4: 96 × 64 px, 3.0 s, with sound." in about and button == "Segment 6 frames"
    # The stranger's file is never served as it is.
    assert camera["value"] is None and player is None and "mine.mp4" in header


def test_a_text_file_is_refused_in_words(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a video\n" * 20)
    clip, upload, *_, notice, shown, header = choosing.check_upload(str(path), None, 1, False)
    assert upload is None and clip == shown == header == SKIP
    assert "notes.mp4 is not a video" in notice["value"]


def test_choosing_a_clip_names_it_and_keeps_a_result():
    name = list(bundled())[1]
    *_, about, button, start, end, _, player, header = choosing.choose_clip(name, None, 4, False)
    assert bundled()[name].shows in about and button == "Segment 20 frames" and (start, end) == (0, 5)
    assert player.video == bundled()[name].path and bundled()[name].title in header
    assert choosing.choose_clip(name, None, 4, True)[-2:] == (SKIP, SKIP)
    assert set(map(str, choosing.choose_clip("../x", None, 4, True))) == {str(SKIP)}


def test_leaving_deletes_files_unless_another_visitor_has_the_same_upload(tmp_path, cache):
    visitors = session.Visitors()
    mine, shared = tmp_path / "mine.mp4", tmp_path / "shared.mp4"
    for path in (mine, shared):
        path.write_bytes(b"x")
    visitors.of("a").uploads.update({mine, shared})
    visitors.of("b").uploads.add(shared)
    results = [visitors.new_result("a") for _ in range(4)]
    assert [folder.exists() for folder in results] == [False, False, True, True]
    visitors.leave("a")
    assert not mine.exists() and shared.exists() and not any(folder.exists() for folder in results)
    visitors.leave("b")
    visitors.leave("b")
    assert not shared.exists()


def test_failed_runs_push_no_result_out(stand_in, tmp_path):
    good = tab.segment(None, str(counting(tmp_path / "a.mp4", seconds=1)), "stand-in", 1)
    for _ in range(session.RESULTS_KEPT + 1):
        tab.segment("no-such-clip", None, "stand-in", 1)
    assert good[3].video.is_file() and good[3].pack.is_file()


def test_session_names_never_become_paths(cache):
    folder = session.Visitors().new_result("../../../etc")
    assert folder.is_relative_to(cache)


@pytest.mark.parametrize(
    ("start", "end", "fps", "words"),
    [
        (0, 5, 1, "Segment 5 frames"),
        (None, 0.4, 1, "Segment 1 frame"),
        (1.5, 4, 2, "Segment 5 frames"),
        (0, None, 4, "Segment the clip"),
        (3, 2, 4, "Segment the clip"),
        (0, 90, 1, "60"),
    ],
)
def test_the_button_says_what_will_happen(start, end, fps, words):
    assert words in text.button_words(start, end, fps)


def test_findings_are_counted_on_the_masks(tmp_path):
    five = prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20))
    measured = measure(five)
    assert measured.shares == pytest.approx(five.foreground)
    words = text.finding(measured)
    assert f"{measured.marked} of 5 frames" in words and f"{100 * measured.mean:.1f}" in words


def test_classes_are_named_with_their_frames_and_shares(tmp_path):
    prediction = prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), "avss")
    measured = measure(prediction)
    names = {count.name for count in measured.classes}
    assert names == {"airplane", "dog"} and all(0 < count.frames < 5 for count in measured.classes)
    assert text.finding(measured).startswith(f"{measured.classes[0].name}: in ")


def test_words_from_files_are_escaped():
    nasty = "<img src=x onerror=alert(1)>.mp4"
    card = SimpleNamespace(weights="toy", note=nasty)
    pieces = (
        figures.context(nasty, nasty, "toy"),
        figures.heading(nasty, nasty),
        figures.about(nasty),
        figures.notices([nasty]),
        figures.small(text.card_words(card)),
    )
    assert not any("<img" in piece for piece in pieces)


def test_the_look_needs_no_network():
    sheet = theme.css()
    assert "http" not in sheet and "@import" not in sheet and sheet.count("data:image/jpeg") == len(bundled())
    assert not theme.theme()._stylesheets and "static/fonts" in "".join(theme.theme()._font_css)


def test_pictures_are_drawn_for_frames_of_any_shape():
    wide, tall = np.zeros((2, 900, 3), np.uint8), np.zeros((900, 2, 3), np.uint8)
    assert all("data:image/jpeg" in figures.about("", picture) for picture in (wide, tall))
