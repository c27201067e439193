"""Selections: what a click changes, and defaults for a frame."""

import pytest

from app.components.events import Action
from app.inside.state import Choice, InsideState, changed, settled
from app.inside.views import VIEWS
from avseg.interpret.maps import mixing, most_on_mask


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("view", "../x"),
        ("layer", "2"),
        ("head", True),
        ("nonsense", 3),
        ("query", None),
        ("site", "x"),
        ("view", ["mask"]),
        ("position", {"x": 1}),
        ("position", 3),
        ("__class__", 1),
    ],
)
def test_what_the_page_does_not_have_is_ignored(name, value):
    assert changed(Choice(), Action(name, value), VIEWS) == Choice()


def test_a_click_changes_one_thing():
    assert changed(Choice(), Action("layer", 99), VIEWS).layer == 99
    assert changed(Choice(), Action("view", "mask"), VIEWS).view == "mask"
    cell = changed(Choice(), Action("attention", 203), VIEWS)
    assert (cell.layer, cell.head) == (2, 3)
    clicked = changed(Choice(), Action("position", {"x": 250, "y": 900}), VIEWS)
    assert (clicked.x, clicked.y) == (250, 900)
    assert changed(Choice(page=3, site_layer=2), Action("site", "queries"), VIEWS) == Choice(site="queries")


def test_impossible_numbers_become_possible(visitor):
    inspection = visitor.state(InsideState).inspections.inspection(visitor.result)
    calm = settled(Choice("decoder", 9, 999, 7, 99, 99, -4, 5000, 0, 99, 99, 999), inspection)
    assert (calm.layer, calm.stage, calm.level) == (3, 2, 1)
    assert 0 <= calm.x <= 1000 and 0 <= calm.y <= 1000
    assert (calm.head - 1, calm.query - 1) == most_on_mask(inspection, 2)
    assert calm.channel - 1 == mixing(inspection).effect_order[0]
    assert settled(Choice(by_weight=1), inspection).channel - 1 == inspection.mixer_weights.argmax()
    assert settled(Choice(channel=3, layer=2, query=0), inspection).channel == 3
