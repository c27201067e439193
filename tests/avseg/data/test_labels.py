import numpy as np
import pytest

from avseg.data.labels import (
    CLASS_INDEX,
    CLASSES,
    DISPLAY_COLOURS,
    GREY,
    OKABE_ITO,
    PALETTE,
    S4_CATEGORY_CLASS,
    clip_colours,
    parse_objects,
)
from avseg.errors import DatasetError


def test_classes_stand_at_the_indices_of_avsbench():
    assert len(CLASSES) == len(set(CLASSES)) == 71
    known = {
        "background": 0,
        "bell": 6,
        "car": 11,
        "dog": 17,
        "emergency-car": 22,
        "guitar": 28,
        "helicopter": 35,
    }
    known |= {"marimba": 42, "piano": 47, "squirrel": 55, "tractor": 59, "utv": 66, "violin": 68, "woman": 70}
    assert {name: CLASS_INDEX[name] for name in known} == known
    assert all(CLASSES[index] == name for name, index in CLASS_INDEX.items())


def test_palette_is_the_bit_spread_map():
    assert PALETTE.shape == (71, 3) and PALETTE.dtype == np.uint8
    assert PALETTE[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert PALETTE[8].tolist() == [64, 0, 0]
    assert PALETTE[64].tolist() == [32, 0, 0]
    assert len(np.unique(PALETTE, axis=0)) == 71


def test_every_s4_category_has_a_class():
    assert len(S4_CATEGORY_CLASS) == 23
    assert set(S4_CATEGORY_CLASS.values()) <= set(CLASSES) - {"background"}
    assert S4_CATEGORY_CLASS["playing_glockenspiel"] == "marimba"


def test_every_class_has_a_home_colour():
    assert set(DISPLAY_COLOURS) == set(CLASSES)
    assert DISPLAY_COLOURS["background"] == GREY
    assert {DISPLAY_COLOURS[name] for name in CLASSES[1:]} == set(OKABE_ITO.values())
    assert DISPLAY_COLOURS["dog"] == (0xE6, 0x9F, 0x00)
    assert DISPLAY_COLOURS["clock"] == DISPLAY_COLOURS["bird"] == OKABE_ITO["green"]


def test_clip_keeps_home_colours_where_they_do_not_clash():
    assert clip_colours(["dog", "guitar"]) == {"dog": OKABE_ITO["orange"], "guitar": OKABE_ITO["sky"]}


def test_clash_takes_a_colour_that_nobody_in_the_clip_calls_home():
    colours = clip_colours(["guitar", "piano", "bird"])
    assert colours["guitar"] == OKABE_ITO["sky"]
    assert colours["bird"] == OKABE_ITO["green"]
    assert colours["piano"] == OKABE_ITO["vermilion"]
    assert list(colours) == ["guitar", "piano", "bird"]


def test_eighth_class_is_grey_and_background_has_no_colour():
    names = ["background", "dog", "cello", "baby", "lion", "truck", "trumpet", "axe", "hen", "dog"]
    colours = clip_colours(names)
    assert "background" not in colours
    assert len({colours[name] for name in names[1:8]}) == 7
    assert colours["hen"] == GREY


def test_clip_colours_refuses_unknown_names():
    with pytest.raises(DatasetError, match="unicorn"):
        clip_colours(["dog", "unicorn"])


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("guitar_tabla", ("guitar", "tabla")),
        ("h orse", ("horse",)),
        (" dog ", ("dog",)),
        ("man_off-the-screen", ("man",)),
        ("off-the-screen", ()),
        ("background", ()),
        ("", ()),
        ("emergency-car_man_man", ("emergency-car", "man")),
    ],
)
def test_parse_objects(value, names):
    assert parse_objects(value) == names


def test_parse_objects_refuses_unknown_names():
    with pytest.raises(DatasetError, match="unicorn"):
        parse_objects("dog_unicorn")
