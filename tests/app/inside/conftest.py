"""A visitor with a result of two frames by a small model."""

import pytest

from app.inside import handlers, saving
from app.services import session
from app.services.session import ClipResult
from avseg.media.clip import read_clip
from tests.support.media import counting
from tests.support.small_model import small_predictor


@pytest.fixture
def visitor(tmp_path, monkeypatch) -> session.Visitor:
    """A visitor of their own server, whose second frame is selected."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    visitors, predictor = session.Visitors(), small_predictor()
    for module in (handlers, saving):
        monkeypatch.setattr(module, "VISITORS", visitors)
    monkeypatch.setattr(session.MODELS, "_predictor", lambda name: predictor)
    monkeypatch.setattr(session.MODELS, "config", lambda name: predictor.model.config)
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    visitors.of("local").result = ClipResult(predictor.predict(clip), "Two frames", "small", None, 1)
    return visitors.of("local")
