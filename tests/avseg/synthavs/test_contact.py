"""The contact sheet: same bytes every time, every class on it, small enough for a README."""

import numpy as np
import pytest
from PIL import Image

from avseg.data.labels import CLASS_INDEX
from avseg.errors import ConfigError
from avseg.synthavs import contact, objects, sounds


def test_every_drawn_class_has_a_sound_and_an_index():
    assert set(objects.NAMES) == set(sounds.SOUNDS) <= set(CLASS_INDEX)


def test_sheet_is_one_small_file_and_the_same_again(tmp_path):
    first = contact.write_sheet(tmp_path / "deep" / "one.png")
    again = contact.write_sheet(tmp_path / "two.png")
    assert first.read_bytes() == again.read_bytes()
    assert first.stat().st_size <= 1_000_000
    with Image.open(first) as picture:
        assert picture.mode == "RGB" and picture.width == contact.WIDTH


def test_each_entry_shows_its_class():
    rows = {
        name: np.asarray(contact.draw_sheet((name,))).tobytes()
        for name in ("lion", "train", "trumpet", "dog")
    }
    assert len(set(rows.values())) == 4
    pair, alone = (np.asarray(contact.draw_sheet(names)) for names in (("lion", "dog"), ("dog",)))
    half = contact.WIDTH // 2  # the dog's index is lower: it comes first, in the left column
    top = slice(110, None)
    assert pair.shape == alone.shape
    assert np.array_equal(pair[top, :half], alone[top, :half])
    assert not np.array_equal(pair[top, half:], alone[top, half:])


def test_a_class_without_a_drawing_is_refused():
    with pytest.raises(ConfigError):
        contact.draw_sheet(("accordion",))
