"""Regions of a frame: connected objects, boxes, and what is meant where the mask is empty."""

import numpy as np
import pytest

from avseg.errors import ConfigError
from avseg.interpret.regions import Region, connected, pixels_of

DRAWN = """
.##....#
.##...#.
........
#.####..
#.#..#..
#.#.##..
#...#...
.###....
"""
MASK = np.array([[cell == "#" for cell in line] for line in DRAWN.split()])


def test_objects_are_connected_at_sides_and_corners():
    objects = connected(MASK)
    assert sorted(np.bincount(objects.ravel())[1:]) == [2, 4, 17]
    assert (objects[~MASK] == 0).all() and objects[0, 7] == objects[1, 6] != objects[0, 1]
    assert objects[3, 0] == objects[7, 1] == objects[6, 4] == objects[3, 2]  # a spiral is one object
    assert not connected(np.zeros((4, 5), bool)).any()


def test_a_region_is_the_mask_an_object_of_it_or_the_frame():
    labels = MASK.astype(np.uint8) * 7
    np.testing.assert_array_equal(pixels_of(Region(), labels).where, MASK)
    assert pixels_of(Region("object"), labels).where.sum() == 17
    assert pixels_of(Region("object", 3), labels).where.sum() == 2
    assert pixels_of(Region("frame"), labels).where.all()
    half = Region("mask", box=(0.5, 0, 1, 0.25))
    assert pixels_of(half, labels).where.sum() == 2 and pixels_of(half, labels).masked
    assert (Region("object").words, half.words) == ("the largest object", "the mask inside the box")
    with pytest.raises(ConfigError, match="Object 4 does not exist: the mask has 3"):
        pixels_of(Region("object", 4), labels)


def test_where_the_mask_is_empty_the_whole_area_is_meant():
    empty = np.zeros((8, 8), np.uint8)
    whole = pixels_of(Region("object"), empty)
    assert whole.where.all() and not whole.masked
    corner = pixels_of(Region("mask", box=(0.8, 0.25, 0.81, 0.5)), MASK.astype(np.uint8))
    assert corner.where.sum() == 2 and not corner.masked


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0, 1, 2), (0, 0, float("nan"), 1)])
def test_impossible_regions_are_refused(box):
    with pytest.raises(ConfigError, match="is empty or leaves the frame"):
        Region("mask", box=box)
    with pytest.raises(ConfigError, match="objects count from 1"):
        Region("object", 0)
    with pytest.raises(ConfigError, match="choose mask, object, frame"):
        Region("sky")
