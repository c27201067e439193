"""What each tab saves as a web page: that which it shows, or a sentence why not."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.components import saving
from app.components.gradio_helpers import HIDDEN
from app.components.updates import UNCHANGED
from app.evaluate import web_page as evaluate
from app.evaluate.ablations import web_page as ablations
from app.evaluate.clips import _PICTURES, _picture_key
from app.evaluate.state import EvaluateState
from app.segment import web_page as segment
from app.segment.opening import opening_result
from app.services.runs import EXAMPLE
from app.services.session import VISITORS, Visitor
from app.train import web_page as train
from app.train.state import TrainState
from avseg.errors import ConfigError
from tests.avseg.share.test_documents import checked


def silent(_share: float, _words: str) -> None:
    """No progress."""


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path)


def test_the_opening_result_with_its_ground_truth_and_command(visitor, tmp_path):
    assert segment.write(visitor, tmp_path, silent) is None
    visitor.result = opening_result()
    path = segment.write(visitor, tmp_path, silent)
    tags = checked(path)
    prediction = visitor.result.prediction
    shares = [frame["foreground"] for frame in tags.record()["frames"]]
    assert shares == pytest.approx(prediction.foreground.tolist(), abs=1e-6)
    assert path.name == f"{saving.file_name(visitor.result.title, visitor.result.model)}.html"
    assert (
        "python -m avseg predict assets/clips/" in tags.text and "ground truth as a white line" in tags.text
    )


def test_the_threshold_of_the_player_is_applied(visitor, tmp_path):
    visitor.result = opening_result()
    visitor.displayed = visitor.result.prediction
    before = visitor.result.prediction.foreground
    visitor.apply_threshold(0.99)
    shares = checked(segment.write(visitor, tmp_path, silent)).record()["frames"]
    assert np.mean([frame["foreground"] for frame in shares]) < before.mean()


def test_the_report_in_view_with_the_pictures_that_are_drawn(visitor, tmp_path):
    stored = visitor.state(EvaluateState).report()
    worst = stored.evaluation.clips[0].name
    key = _picture_key(stored, worst)
    held = _PICTURES.get(key)
    _PICTURES.put(key, "data:image/jpeg;base64,AAAA")
    try:
        tags = checked(evaluate.write_report(visitor, tmp_path, silent))
    finally:
        _PICTURES.put(key, held or "")
    assert [a["alt"] for tag, a in tags.found if tag == "img" and worst in a["alt"]]
    assert tags.record()["miou"] == stored.evaluation.report.miou


def test_the_study_in_view(visitor, tmp_path):
    tags = checked(ablations.write(visitor, tmp_path, silent))
    assert "Ablation study" in tags.text and len(tags.record()) > 5


def test_the_selected_run(visitor, tmp_path):
    assert train.write(visitor, tmp_path, silent) is None
    visitor.state(TrainState).run = EXAMPLE
    tags = checked(train.write(visitor, tmp_path, silent))
    assert "python -m avseg train classroom" in tags.text
    visitor.state(TrainState).run = "../../etc"
    assert train.write(visitor, tmp_path, silent) is None


def handler_of(write, monkeypatch):
    """Return the handler that the button calls."""
    found = []
    monkeypatch.setattr(saving, "download", lambda event, handler, *others, **options: found.append(handler))
    layout = saving.WebPageLayout(None, type("Button", (), {"click": None}), None)
    saving.wire_web_page(layout, write, None)
    return found[0]


def test_the_button_hands_over_the_file_or_says_why_not(monkeypatch):
    def refuse(*_):
        raise ConfigError("It is too large.")

    def write(_visitor, folder, _report):
        (folder / "a.html").write_text("a")
        return folder / "a.html"

    saved = handler_of(write, monkeypatch)()
    assert saved.notice == HIDDEN and Path(saved.file).read_text() == "a"
    assert Path(saved.file).is_relative_to(VISITORS.of("local").folder)
    assert "It is too large." in json.dumps(handler_of(refuse, monkeypatch)().notice)
    none = handler_of(lambda *_: None, monkeypatch)()
    assert "nothing to save yet" in json.dumps(none.notice) and none.file is UNCHANGED
