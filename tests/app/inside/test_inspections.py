"""What a visitor's result recorded, and for how long it is kept."""

from dataclasses import replace
from types import SimpleNamespace

from app.inside import handlers
from app.inside.inspections import Inspections
from app.services import session
from avseg.interpret.sites import SITES


def test_inspections_are_kept_while_the_visitor_stays_with_the_result(visitor):
    result, kept = visitor.result, Inspections()
    first = kept.inspection(result)
    assert kept.has(result) and kept.inspection(result) is first
    assert not kept.has(replace(result, frame=0))
    site, layer = SITES[0].name, 0
    assert not kept.has(result, site)
    assert kept.activation(result, site, layer) is kept.activation(result, site, layer)
    assert kept.has(result, site)
    other = replace(result, prediction=result.prediction.at_threshold(0.25))
    assert kept.inspection(other) is not first and not kept.has(result)


def test_nothing_is_held_for_departed_visitors(visitor):
    handlers.show(visitor)
    assert visitor.held > visitor.result.prediction.clip.frames.nbytes
    handlers.VISITORS.leave("local")  # the fixture still has the visitor, as a job that is ending may have
    assert visitor.held == 0 and handlers.VISITORS.of("local") is not visitor


def test_what_a_view_needs_decides_whether_a_click_waits_for_the_model(visitor, monkeypatch):
    assert handlers.arrive().changes() == {"asked": 1}
    assert "Frame 2 of 2" in handlers.show_asked().head
    monkeypatch.setattr(session.MODELS, "_predictor", None)  # the model is busy
    click = SimpleNamespace(_data={"action": "view", "value": "decoder"})
    assert "Queries by contribution" in handlers.choose(click).view
    click = SimpleNamespace(_data={"action": "view", "value": "activations"})
    assert handlers.choose(click).changes() == {"asked": 2}


def test_a_result_that_made_room_for_others_is_named_once(visitor):
    handlers.show(visitor)
    visitor.release()
    assert "Your last result was removed" in handlers.arrive().notice["value"]
    assert handlers.arrive().notice["visible"] is False
