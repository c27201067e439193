"""On a full disk every action of the page that writes says so in one sentence and leaves no half file."""

import os
from pathlib import Path

import gradio as gr
import psutil
import pytest

from app.components.updates import Updates, named
from app.services import evaluations, runs
from app.services.evaluations import EvaluationRequest
from app.services.host import error_text
from app.services.session import Visitors
from avseg.errors import ConfigError, ReportError, RunError, WriteError
from avseg.media.clip import read_clip
from avseg.media.downloads import write_downloads
from avseg.media.video import replace_audio
from avseg.player.value import player_value
from avseg.predict import Prediction, Predictor
from tests.support.full_disk import file_size_limit
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud
from tests.support.training_runs import own_runs  # noqa: F401 (a fixture)

SENTENCE = "could not be written: it is larger than"


@pytest.fixture(scope="module")
def prediction(tmp_path_factory: pytest.TempPathFactory) -> Prediction:
    clip = read_clip(counting(tmp_path_factory.mktemp("clip") / "a.mp4", seconds=2), fps=1)
    return Predictor(BrightAndLoud("ms3"), "cpu").predict(clip)


def test_a_handler_that_meets_a_full_disk_shows_a_sentence(monkeypatch):
    def handler() -> Updates:
        raise OSError(28, os.strerror(28))

    with pytest.raises(gr.Error, match=r"A file could not be written: the disk is full\. Free some space"):
        named(handler, object())()
    error = WriteError(28, os.strerror(28), "/home/me/result")
    assert "/home/me/result could not" in error_text(error)
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert error_text(error).startswith("A file could not be written: the disk is full.")


@pytest.mark.parametrize("limit", [0, 2000])
def test_a_result_without_space_leaves_no_half_file(limit: int, prediction: Prediction, tmp_path: Path):
    clip, files = prediction.clip, tmp_path / "files"
    with file_size_limit(limit):
        with pytest.raises(WriteError, match=SENTENCE):
            player_value(prediction, tmp_path, video=clip.path)
        with pytest.raises(WriteError, match=SENTENCE):
            player_value(prediction, tmp_path)
        with pytest.raises(WriteError, match=SENTENCE):
            replace_audio(clip.path, clip.waveform, tmp_path / "heard.mp4")
        with pytest.raises(ConfigError, match="The files could not be written: it is larger than"):
            write_downloads(prediction, files)
    assert not list(tmp_path.iterdir())
    assert write_downloads(prediction, files).everything.is_file()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    visitors = Visitors()
    visitors.of("me").folder = tmp_path / "file" / "me"
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Not a directory"):
        visitors.new_result("me")


def test_jobs_that_cannot_be_recorded_do_not_start(own_runs: None, tmp_path: Path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(tmp_path / "evaluations"))
    with file_size_limit(0):
        with pytest.raises(ReportError, match="cannot be stored here: File too large"):
            evaluations.submit(EvaluationRequest("tiny-ms3", "synth-ms3", clips=2))
        with pytest.raises(RunError, match="cannot be written: File too large"):
            runs.start(["-c", "import time; time.sleep(60)"], runs.run_folder("new"))
    assert not list((tmp_path / "evaluations").iterdir())
    left = [child for child in psutil.Process().children() if "time.sleep(60)" in command_of(child)]
    assert not psutil.wait_procs(left, timeout=20)[1]


def command_of(process: psutil.Process) -> str:
    """Return the command line of a process, "" when it has ended: other tests have children too."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # a zombie has none
        return ""
