"""The Segment tab's handlers, called without a server and with a stand-in for the model."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app import figures, session, text, theme
from app.clips import bundled
from app.measured import measure
from app.segmenting import run, source_of
from app.tabs import segment as tab
from avseg.clip import read_clip
from avseg.errors import CheckpointError, ClipError
from avseg.predict import Predictor
from tests.media import counting
from tests.standin import BrightAndLoud

SKIP = {"__type__": "update"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache and visitors of our own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    monkeypatch.setattr(tab, "VISITORS", session.Visitors())
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


def test_a_run_puts_finding_video_numbers_and_files_on_the_page(stand_in, tmp_path, cache):
    video = counting(tmp_path / "grey steps.mp4", seconds=5, rate=20)
    context, notice, finding, overlay, facts, timeline, files, *downloads, shown = tab.segment(
        None, str(video), "stand-in", 1
    )
    assert shown is True and files["visible"] and notice == SKIP | {"visible": False}
    assert "grey steps.mp4" in context and "random weights" in context
    # Grey 16 + 2 n passes the stand-in's middle grey between frames 2 and 4 of the five.
    record = json.loads(Path(downloads[2]["value"]).read_text())
    marked = sum(frame["foreground"] > 0 for frame in record["frames"])
    assert 0 < marked < 5
    assert f"in {marked} of 5 frames" in finding and "<h1>" in finding
    assert timeline["value"].count("<figure") == 5 and "0.94\N{NO-BREAK SPACE}s" in timeline["value"]
    assert "decode" in facts and f"{marked} of 5" in facts
    assert Path(overlay["value"]).is_relative_to(cache) and downloads[0]["value"] == overlay["value"]
    with zipfile.ZipFile(downloads[1]["value"]) as masks:
        assert len(masks.namelist()) == 5
    page = finding + facts + timeline["value"] + context + json.dumps(record)
    assert str(tmp_path) not in page


def test_a_clip_without_sound_gives_nothing_and_says_why(stand_in, tmp_path):
    video = counting(tmp_path / "silent.mp4", seconds=3, sound=None)
    result = tab.segment(None, str(video), "stand-in", 2)
    assert "Nothing is marked as sounding in any of the 6 frames." in result[2]
    assert "No sound track" in result[2] and "silence" in result[5]["value"]


@pytest.mark.parametrize(
    ("clip", "fps", "words"),
    [("no-such-clip", 1, "No clip is chosen"), ("../../app", 1, "No clip is chosen"), (None, 1, "No clip")],
)
def test_only_clips_of_the_table_are_read(stand_in, clip, fps, words):
    result = tab.segment(clip, None, "stand-in", fps)
    assert words in result[1]["value"] and 'role="alert"' in result[1]["value"]
    assert all(update == SKIP for update in (result[0], *result[2:]))


def test_rates_that_are_not_offered_are_refused(stand_in, tmp_path):
    with pytest.raises(ClipError, match="choose 1, 2, 4 or 8"):
        run(source_of("dog-and-guitar", None), "stand-in", 30, tmp_path, lambda *_: None)


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
    clip, upload, camera, about, button, length, _, shown, header = tab.check_upload(
        str(video), None, 2, False
    )
    assert clip is None and upload == str(video) and length == pytest.approx(3, abs=0.05)
    assert "mine.mp4: 96 × 64 px, 3.0 s, with sound." in about and button == "Segment 6 frames"
    # The stranger's file never reaches a video component: Gradio would hand it to ffmpeg as it is.
    assert camera["value"] is None and shown["value"] is None and "mine.mp4" in header


def test_a_text_file_is_refused_in_words(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a video\n" * 20)
    clip, upload, *_, notice, shown, header = tab.check_upload(str(path), None, 1, False)
    assert upload is None and clip == shown == header == SKIP
    assert "notes.mp4 is not a video" in notice["value"]


def test_choosing_a_clip_names_it_and_keeps_a_result():
    name = list(bundled())[1]
    *_, about, button, length, _, video, header = tab.choose_clip(name, None, 4, False)
    assert bundled()[name].shows in about and button == "Segment 20 frames" and length == 5
    assert video["value"] == str(bundled()[name].path) and bundled()[name].title in header
    assert tab.choose_clip(name, None, 4, True)[-2:] == (SKIP, SKIP)
    assert set(map(str, tab.choose_clip("../x", None, 4, True))) == {str(SKIP)}


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
    assert Path(good[3]["value"]).is_file()


def test_session_names_never_become_paths(cache):
    folder = session.Visitors().new_result("../../../etc")
    assert folder.is_relative_to(cache)


@pytest.mark.parametrize(
    ("seconds", "fps", "words"),
    [(5, 1, "Segment 5 frames"), (0.4, 1, "Segment 1 frame"), (None, 4, "Segment the clip"), (90, 1, "60")],
)
def test_the_button_says_what_will_happen(seconds, fps, words):
    assert words in text.button_words(seconds, fps)


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
    html = figures.facts(prediction, measured, prediction.seconds)
    assert "airplane" in html and "probability" not in html


def test_a_long_timeline_has_ten_pictures_and_every_number(tmp_path):
    prediction = prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), fps=8)
    html = figures.timeline(prediction, measure(prediction))
    assert html.count("<figure") == 10 and html.count("<tr>") == 41


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
