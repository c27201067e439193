"""Any site of the table is drawn by the shape of what it recorded."""

import pytest
from torch import nn

from app.inside import activations, state
from app.inside.state import Choice
from app.inside.views import view_of
from avseg.interpret import sites
from avseg.interpret.inspection import inspect, record_site
from avseg.interpret.sites import SITES, Site
from avseg.media.clip import read_clip
from tests.support.media import counting
from tests.support.small_model import small_predictor


@pytest.fixture
def draw(tmp_path):
    """A function from a choice to the view of the activations."""
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1), fps=1)
    predictor = small_predictor()

    def view(**choice):
        inspection = inspect(predictor, clip, 0)
        return view_of(
            inspection,
            Choice("activations", **choice),
            lambda site, layer: record_site(predictor, clip, 0, site, layer),
            None,
        )

    view.predictor = predictor
    return view


def test_every_site_is_drawn(draw):
    sites = [site for site in SITES if not site.name.startswith("tpavi.")]
    for site in sites:
        view = draw(site=site.name)
        assert view.numbers["site"] == site.name and site.what in view.sentence
        assert view.html() and view.numbers["sites"] == [row.name for row in sites]
        maps = "×" in view.shapes and len(view.groups) == 2
        spatial = ("backbone.stage", "mask_feature", "mask_feature.mixed", "mask.product", "mask.mlp")
        assert maps == (site.name in (*spatial, "mixer.attention", "intermediate")), site.name


def test_layers_and_pages(draw, monkeypatch):
    monkeypatch.setattr(activations, "PAGE", 20)
    first, last = draw(site="decoder.queries", site_layer=1), draw(site="decoder.queries")
    assert (first.numbers["layer"], last.numbers["layer"]) == (1, 3)
    assert first.numbers["mean"] != last.numbers["mean"]
    pages = [draw(site="backbone.stage", site_layer=4, page=page).groups[1].title for page in (0, 1, 99)]
    assert pages == ["Channels 1 to 20 of 32", "Channels 21 to 32 of 32", "Channels 21 to 32 of 32"]


def test_a_new_row_of_the_table_appears_by_itself(draw, monkeypatch):
    model = draw.predictor.model
    model.mask_generation.linear = nn.Sequential(*model.mask_generation.linear)
    row = Site("mask.last", r"mask_generation\.linear\.0", "the first layer of the head", "[B*T, C, h, w]")
    table = (*SITES, row)
    for module in (sites, state, activations):
        monkeypatch.setattr(module, "SITES", table)
    monkeypatch.setattr(sites, "SITE", {site.name: site for site in table})
    view = draw(site="mask.last")
    assert view.numbers["site"] == "mask.last" and "the first layer of the head" in view.html()
    assert ">mask.last</button>" in view.html() and len(view.groups) == 2
