"""Two models whose masks are known, and visitors of their own."""

import pytest

from app.services import session
from app.whatif import effect, handlers, layout, saving
from avseg.checkpoints import Card
from avseg.predict import Predictor
from tests.support.stand_in_model import BrightAndLoud


@pytest.fixture
def models(monkeypatch):
    """`model` masks what is bright while the audio is not silent, `other` never masks anything."""
    visitors = session.Visitors()
    for module in (handlers, saving):
        monkeypatch.setattr(module, "VISITORS", visitors)
    deaf = BrightAndLoud()
    forward = deaf.forward

    def nothing(frames, log_mel):
        output = forward(frames, log_mel)
        output.logits = output.logits - 99
        return output

    deaf.forward, deaf.card = nothing, Card("other", "random")
    predictors = {"model": Predictor(BrightAndLoud(), "cpu"), "other": Predictor(deaf, "cpu")}
    monkeypatch.setattr(session.MODELS, "_predictor", predictors.__getitem__)
    monkeypatch.setattr(session.MODELS, "config", lambda name: predictors[name].model.config)
    for module in (handlers, effect, layout):
        monkeypatch.setattr(module, "available_models", lambda: dict.fromkeys(predictors))
    predictors["model"].model.card = Card("model", "random")
