"""Sentences about objects: marked while they sound, at other times, or never."""

import numpy as np

from avseg.data.labels import CLASS_INDEX
from avseg.interpret.marked_objects import MarkedObject, finding, marked_objects, where_marked

DOG, CAR = CLASS_INDEX["dog"], CLASS_INDEX["emergency-car"]


def test_an_object_counts_as_marked_from_half_of_its_pixels():
    in_view = np.zeros((3, 2, 6), np.uint8)
    in_view[:, :, :2], in_view[:, :, 4:] = DOG, CAR
    sounding = np.where(in_view == CAR, in_view, 0)
    sounding[2] = 0
    masks = np.zeros_like(in_view)
    masks[0, :, 4:], masks[1, 0, 4:], masks[2, :, :2] = 1, 1, 1  # all of the car, half of it, all of the dog
    car, dog = marked_objects(masks, sounding, in_view)
    assert (car.name, car.marked, car.sounding) == (
        "emergency car",
        (True, False, False),
        (True, True, False),
    )
    assert (dog.marked, any(dog.sounding)) == ((False, False, True), False)
    assert finding((car, dog)) == (
        "The emergency car is marked in 1 of the 2 frames in which it sounds, the silent dog in 1 frame."
    )
    assert where_marked((car, dog)) == "the emergency car is marked in frame 1, the dog in frame 3"


def test_a_clip_that_is_all_right_is_said_to_be_so():
    on, off = (True, True, False), (False, False, True)
    dog, cat, guitar = (
        MarkedObject(name, marked, sounding)
        for name, marked, sounding in (
            ("dog", on, on),
            ("cat", off, off),
            ("guitar", (False,) * 3, (False,) * 3),
        )
    )
    assert finding([dog, guitar]) == "The dog is marked in the 2 frames in which it sounds, and in no other."
    assert finding([dog, cat]) == (
        "The dog is marked in exactly the 2 frames in which it sounds, the cat in exactly its 1."
    )
    assert finding([guitar]) == "Nothing in view sounds, and nothing is marked."
    missed = MarkedObject("dog", (False,) * 3, on)
    assert finding([missed, guitar]) == "Nothing is marked, although the dog sounds in 2 frames."
    assert where_marked([missed, guitar]) == "nothing is marked"
    assert where_marked([MarkedObject("dog", (True,) * 5, on)]) == "the dog is marked in 5 of 5 frames"
