"""Photographs and masks are read upright, and one that cannot be read is named."""

import numpy as np
import pytest
from PIL import Image

from avseg.compose.sources import Photo, read_photo
from avseg.errors import DatasetError


def test_photographs_and_masks_are_turned_as_their_exif_says(tmp_path):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:10, :10] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: to be turned clockwise
    Image.fromarray(picture).save(tmp_path / "a.png", exif=turned)
    Image.fromarray(picture[..., 0]).save(tmp_path / "mask.png", exif=turned)
    seen, masks = Photo(tmp_path / "a.png", (("dog", tmp_path / "mask.png"),), "a").read()
    assert seen.shape == (60, 40, 3) and seen[:10, -10:].min() == 255 and seen[:10, :10].max() == 0
    assert np.array_equal(masks["dog"], seen[..., 0] > 0)


def test_a_photograph_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"b\.jpg cannot be read"):
        read_photo(tmp_path / "b.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png")
    with pytest.raises(DatasetError, match=r"A mask of .*c\.png cannot be read"):
        Photo(tmp_path / "c.png", (("dog", tmp_path / "b.jpg"),), "c").read()
