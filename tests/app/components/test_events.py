"""What browsers say in events."""

import re
from pathlib import Path

import pytest
from gradio import EventData

from app.components.events import Action, action_of, event_data, integer

APP = Path(__file__).resolve().parents[3] / "app"


@pytest.mark.parametrize("sent", [[1], None, "x", 3, True, [{"action": "open"}]])
def test_a_payload_that_is_no_object_is_an_empty_one(sent):
    assert event_data(EventData(None, sent)) == {} and action_of(EventData(None, sent)) is None


def test_an_action_has_a_name_and_any_value():
    assert action_of(EventData(None, {"action": "open", "value": [1]})) == Action("open", [1])
    assert action_of(EventData(None, {"action": ["open"]})) is None
    assert [integer(value, 0, 3) for value in (2, 3, -1, True, 1.0, "1", [1], None)] == [2, *[None] * 7]


def test_one_place_reads_the_private_payload():
    private = re.compile(r"event\._data|['\"]_data['\"]")
    readers = [path.name for path in APP.rglob("*.py") if private.search(path.read_text(encoding="utf-8"))]
    assert readers == ["events.py"]
