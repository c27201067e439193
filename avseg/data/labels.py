"""The 71 classes of AVSBench-semantic, their palette, the S4 categories and the colours on screen."""

from collections.abc import Iterable

import numpy as np

from avseg.errors import DatasetError

CLASSES: tuple[str, ...] = (
    *("background", "accordion", "airplane", "axe", "baby", "bassoon", "bell", "bird", "boat", "boy"),
    *("bus", "car", "cat", "cello", "clarinet", "clipper", "clock", "dog", "donkey", "drum"),
    *("duck", "elephant", "emergency-car", "erhu", "flute", "frying-food", "girl", "goose", "guitar", "gun"),
    *("guzheng", "hair-dryer", "handpan", "harmonica", "harp", "helicopter", "hen", "horse", "keyboard"),
    *("leopard", "lion", "man", "marimba", "missile-rocket", "motorcycle", "mower", "parrot", "piano", "pig"),
    *("pipa", "saw", "saxophone", "sheep", "sitar", "sorna", "squirrel", "tabla", "tank", "tiger", "tractor"),
    *("train", "trombone", "truck", "trumpet", "tuba", "ukulele", "utv", "vacuum-cleaner", "violin", "wolf"),
    "woman",
)
CLASS_INDEX: dict[str, int] = {name: index for index, name in enumerate(CLASSES)}

S4_CATEGORY_CLASS: dict[str, str] = {
    "ambulance_siren": "emergency-car",
    "baby_laughter": "baby",
    "cap_gun_shooting": "gun",
    "cat_meowing": "cat",
    "chainsawing_trees": "saw",
    "coyote_howling": "wolf",
    "dog_barking": "dog",
    "driving_buses": "bus",
    "female_singing": "woman",
    "helicopter": "helicopter",
    "horse_clip-clop": "horse",
    "lawn_mowing": "mower",
    "lions_roaring": "lion",
    "male_speech": "man",
    "mynah_bird_singing": "bird",
    "playing_acoustic_guitar": "guitar",
    "playing_glockenspiel": "marimba",
    "playing_piano": "piano",
    "playing_tabla": "tabla",
    "playing_ukulele": "ukulele",
    "playing_violin": "violin",
    "race_car": "car",
    "typing_on_computer_keyboard": "keyboard",
}

# Values of a_obj in metadata.csv that name no object.
_NOT_OBJECTS = ("", "background", "off-the-screen")


def _palette(count: int) -> np.ndarray:
    """Return the bit-spread colour map: three bits of the index at a time fill R, G, B downwards."""
    index = np.arange(count)
    colours = np.zeros((count, 3), np.uint8)
    for digit in range(8):
        for channel in range(3):
            bit = (index >> (3 * digit + channel)) & 1
            colours[:, channel] |= (bit << (7 - digit)).astype(np.uint8)
    return colours


PALETTE: np.ndarray = _palette(len(CLASSES))
"""AVSBench's label colours, uint8 [71, 3] RGB; row 0 (background) is black."""

Colour = tuple[int, int, int]

OKABE_ITO: dict[str, Colour] = {
    "orange": (0xE6, 0x9F, 0x00),
    "sky": (0x56, 0xB4, 0xE9),
    "green": (0x00, 0x9E, 0x73),
    "vermilion": (0xD5, 0x5E, 0x00),
    "purple": (0xCC, 0x79, 0xA7),
    "blue": (0x00, 0x72, 0xB2),
    "yellow": (0xF0, 0xE4, 0x42),
}
GREY: Colour = (0x8F, 0x93, 0x9D)

# Classes that often occur together (voices, strings, vehicles) are in different rows.
_PREFERRED = {
    "orange": "dog cello baby lion truck trumpet axe hen gun sitar",
    "sky": "guitar piano airplane boat duck vacuum-cleaner harmonica train sheep clarinet",
    "green": "bird clock mower tractor erhu boy parrot accordion handpan utv",
    "vermilion": "emergency-car drum horse saxophone tank saw leopard frying-food pipa bassoon",
    "purple": "violin helicopter woman cat pig flute guzheng hair-dryer motorcycle tuba",
    "blue": "car keyboard man elephant harp wolf trombone goose missile-rocket clipper",
    "yellow": "bell bus girl tabla tiger marimba squirrel donkey ukulele sorna",
}
DISPLAY_COLOURS: dict[str, Colour] = {"background": GREY} | {
    name: OKABE_ITO[colour] for colour, names in _PREFERRED.items() for name in names.split()
}
"""Preferred colour on screen of every class (RGB); use `clip_colours` for several classes."""


def clip_colours(classes: Iterable[str]) -> dict[str, Colour]:
    """Assign each class of a clip its own colour, in order of first appearance; background is left out.

    A class gets its preferred colour unless an earlier one has it; then the next colour that no class of the
    clip has or prefers. The eighth and later ones are grey.
    Raises DatasetError for a name that is not one of the 71.
    """
    names = [name for name in dict.fromkeys(classes) if name != "background"]
    if unknown := [name for name in names if name not in CLASS_INDEX]:
        raise DatasetError(
            f"'{unknown[0]}' is not one of AVSBench's 71 classes; see avseg.data.labels.CLASSES."
        )
    colours: dict[str, Colour] = {}
    for name in names:
        if DISPLAY_COLOURS[name] not in colours.values():
            colours[name] = DISPLAY_COLOURS[name]
    wheel = list(OKABE_ITO.values())
    for name in names:
        if name not in colours:
            start = wheel.index(DISPLAY_COLOURS[name])
            free = [colour for colour in wheel[start:] + wheel[:start] if colour not in colours.values()]
            colours[name] = free[0] if free else GREY
    return {name: colours[name] for name in names}


def parse_objects(value: str) -> tuple[str, ...]:
    """Return the class names in an `a_obj` value such as "guitar_tabla", each once, in order.

    Stray spaces ("h orse") are removed, `off-the-screen` and `background` are dropped.
    Raises DatasetError for any other name that is not one of the 71. Source: AVSBench metadata.csv.
    """
    names = ["".join(part.split()).lower() for part in value.split("_")]
    names = [name for name in dict.fromkeys(names) if name not in _NOT_OBJECTS]
    if unknown := [name for name in names if name not in CLASS_INDEX]:
        raise DatasetError(
            f"Found the object '{unknown[0]}' in '{value}', expected class names of AVSBench joined by '_'; "
            "correct the a_obj column of metadata.csv."
        )
    return tuple(names)
