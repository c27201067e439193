"""The panel that patches the selected frame with another clip."""

from pathlib import Path

import pytest

from app.inside import patching
from app.services.clips import bundled


@pytest.fixture
def panel(visitor, monkeypatch):
    """The visitor of the panel, whose second frame of two is selected."""
    from app.inside import handlers

    monkeypatch.setattr(patching, "VISITORS", handlers.VISITORS)
    return visitor


def test_every_site_of_the_selected_frame_is_patched(panel):
    name = next(iter(bundled()))
    updates = patching.run(name)
    shown = updates.grid["value"]
    for words in (
        "decoder.queries",
        "other picture and sound: the mask changes",
        "into frame 2 of Two frames",
        "mask.mlp",
    ):
        assert words in shown
    csv, png = (Path(file["value"]) for file in updates.files)
    assert csv.read_text().startswith("pair,site,layer,recovered,change") and png.suffix == ".png"
    assert ">nan" not in shown


def test_what_is_missing_is_said(panel):
    assert "Select the clip" in patching.run("nothing").notice["value"]
    panel.result = None
    assert "Segment a clip first" in patching.run(next(iter(bundled()))).notice["value"]
