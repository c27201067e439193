"""avseg/interpret/neighbours.py and projection.py: planted duplicates, outliers and directions are found."""

import numpy as np
import pytest

from avseg.errors import ConfigError
from avseg.interpret import neighbours as module
from avseg.interpret import projection
from avseg.interpret.neighbours import neighbours
from avseg.interpret.projection import UMAP_MISSING, project


def crowd(count: int = 60, width: int = 16) -> np.ndarray:
    """Vectors in the first half of the dimensions, none like another."""
    values = np.zeros((count, width), np.float16)
    values[:, : width // 2] = np.random.default_rng(0).normal(size=(count, width // 2))
    return values + np.float16(3)  # what all have in common


@pytest.mark.parametrize("block", [7, 1024])
def test_a_planted_duplicate_and_a_planted_outlier_are_found(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    values = crowd()
    values[41] = values[5]  # a duplicate, a thousandth away
    values[41, 0] += 0.004
    values[13] = 3
    values[13, 15] = 9  # alone in a direction of its own
    values[20] = np.nan
    found = neighbours(values, near=0.99, count=3)
    assert [pair[:2] for pair in found.pairs] == [(5, 41)] and found.found == 1
    assert found.pairs[0][2] == pytest.approx(1, abs=1e-3)
    assert found.order[0] == 13 and np.isnan(found.distance[20]) and 20 not in found.order
    assert len(found.order) == 59 and found.distance[13] == np.nanmax(found.distance)


def test_distances_and_pairs_are_those_of_all_similarities(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 11)
    values = crowd(40)
    unit = values.astype(np.float64) - values.astype(np.float64).mean(0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    similarity = unit @ unit.T
    pairs = [(i, j) for i in range(40) for j in range(i + 1, 40) if similarity[i, j] >= 0.5]
    found = neighbours(values, near=0.5, count=4, most=5)
    assert found.found == len(pairs) > 5
    best = sorted(pairs, key=lambda pair: -similarity[pair])[:5]
    assert [pair[:2] for pair in found.pairs] == best
    np.fill_diagonal(similarity, -2)
    expected = 1 - np.sort(similarity, axis=1)[:, -4:].mean(1)
    np.testing.assert_allclose(found.distance, expected, atol=1e-4)


def test_fewer_than_two_vectors_have_no_neighbours():
    found = neighbours(np.full((3, 4), np.nan))
    assert not found.pairs and not len(found.order) and np.isnan(found.distance).all()
    with pytest.raises(ConfigError, match="near lies in"):
        neighbours(np.zeros((2, 2)), near=1.5)


def test_principal_components_are_the_directions_of_the_planted_spread():
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(12, 12)))[0][:2]
    axes = axes * np.sign(axes[[0, 1], np.abs(axes).argmax(1)])[:, None]
    planted = rng.normal(size=(300, 2)) * (5, 2)
    planted -= planted.mean(0)
    values = planted @ axes + 7
    values[4] = np.nan
    result = project(values)
    kept = np.delete(np.arange(300), 4)
    assert np.isnan(result.points[4]).all()
    for axis in range(2):
        correlation = np.corrcoef(result.points[kept, axis], planted[kept, axis])[0, 1]
        assert abs(correlation) > 0.99
    assert sum(result.explained) == pytest.approx(1) and result.explained[0] > result.explained[1]
    np.testing.assert_array_equal(project(values).points[kept], result.points[kept])
    assert not project(np.full((2, 3), np.nan)).points[0, 0] > 0


def test_umap_says_what_to_install_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(projection, "umap_installed", lambda: False)
    with pytest.raises(ConfigError, match="pip install") as told:
        project(np.zeros((9, 3)), "umap")
    assert str(told.value) == UMAP_MISSING
    with pytest.raises(ConfigError, match="choose pca, umap"):
        project(np.zeros((9, 3)), "tsne")


def test_umap_keeps_planted_groups_apart():
    pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 40)
    values = rng.normal(size=(80, 8)) * 0.05 + np.eye(8)[groups] * 3
    points = project(values, "umap").points
    middle = [points[groups == group].mean(0) for group in (0, 1)]
    spread = max(points[groups == group].std() for group in (0, 1))
    assert np.linalg.norm(middle[0] - middle[1]) > 2 * spread
