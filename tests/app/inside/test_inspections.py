"""The cache of inspections."""

import gc

from app.inside import handlers
from app.inside.inspections import CACHE, inspection_of
from app.inside.state import InsideState


def test_inspections_are_cached_and_go_with_the_visitor(visitor):
    result, state = visitor.result, InsideState()
    first = inspection_of(state.key, result)
    assert inspection_of(state.key, result) is first and len(CACHE) == 1
    other = InsideState()
    assert inspection_of(other.key, result) is not first and len(CACHE) == 2
    del state
    gc.collect()
    assert len(CACHE) == 1
    handlers.show(visitor)
    assert len(CACHE) == 2
    handlers.VISITORS.leave("local")
    del visitor, other
    gc.collect()
    assert len(CACHE) <= 1  # the fixture still holds the visitor


def test_few_are_cached(visitor, monkeypatch):
    monkeypatch.setattr(CACHE, "_size", 1)
    states = InsideState(), InsideState()
    first = inspection_of(states[0].key, visitor.result)
    inspection_of(states[1].key, visitor.result)
    assert inspection_of(states[0].key, visitor.result) is not first
