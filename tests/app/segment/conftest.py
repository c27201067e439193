"""A cache and visitors of our own, and a stand-in for the model."""

from pathlib import Path

import pytest

from app.segment import handlers, input_handlers
from app.services import session
from avseg.predict import Predictor
from tests.support.stand_in_model import BrightAndLoud


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The folder of results; every test has its own visitors."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    visitors = session.Visitors()
    for module in (handlers, input_handlers):
        monkeypatch.setattr(module, "VISITORS", visitors)
    return folder


@pytest.fixture
def stand_in(monkeypatch) -> None:
    """Any model name gives a model that segments what is bright while the clip is audible."""
    predictor = Predictor(BrightAndLoud("ms3"), "cpu")
    monkeypatch.setattr(session.MODELS, "_predictor", lambda name: predictor)
    monkeypatch.setattr(session.MODELS, "config", lambda name: predictor.model.config)
