"""Which objects of a clip a model marks, and when: known where every object in view has an outline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.data.labels import CLASSES

MARKED = 0.5  # share of an object's pixels from which it counts as marked
FRAMES_NAMED = 4


@dataclass(frozen=True)
class MarkedObject:
    """An object in view; both tuples have a value per frame."""

    name: str
    marked: tuple[bool, ...]
    sounding: tuple[bool, ...]

    @property
    def frames(self) -> int:
        """Number of frames in which it is marked."""
        return sum(self.marked)

    @property
    def right(self) -> bool:
        """It is marked when it sounds, and only then."""
        return self.marked == self.sounding


def marked_objects(masks: np.ndarray, sounding: np.ndarray, in_view: np.ndarray) -> tuple[MarkedObject, ...]:
    """Return the objects of a clip, in the order in which they sound; those that never sound come last.

    masks: uint8 [T, h, w], foreground above 0. sounding, in_view: class indices uint8 [T, h, w] of the
    objects that sound, and of all.
    """
    objects = []
    for index in np.unique(in_view[in_view > 0]):
        area = (in_view == index).sum((1, 2))
        hit = ((in_view == index) & (masks > 0)).sum((1, 2))
        marked = tuple(map(bool, hit > MARKED * np.maximum(area, 1)))
        heard = tuple(map(bool, (sounding == index).any((1, 2))))
        objects.append(MarkedObject(CLASSES[index].replace("-", " "), marked, heard))
    never = len(masks)
    return tuple(sorted(objects, key=lambda o: o.sounding.index(True) if any(o.sounding) else never))


def finding(objects: Sequence[MarkedObject]) -> str:
    """Return a sentence about a clip with its own sound: is each object marked while it sounds?"""
    heard = [o for o in objects if any(o.sounding)]
    others = [o for o in objects if o.frames and not any(o.sounding)]
    if not any(o.frames for o in objects):
        if not heard:
            return "Nothing in view sounds, and nothing is marked."
        count = sum(heard[0].sounding)
        return f"Nothing is marked, although the {heard[0].name} sounds in {_count(count)}."
    if heard and not others and all(o.right for o in heard):
        first, *more = heard
        if not more:
            when = f"the {_frames(first.frames)} in which it sounds"
            return f"The {first.name} is marked in {when}, and in no other."
        rest = "".join(f", the {o.name} in exactly its {o.frames}" for o in more)
        return f"The {first.name} is marked in exactly the {_frames(first.frames)} in which it sounds{rest}."
    parts = []
    for o in heard:
        hits, total = sum(map(min, o.marked, o.sounding)), sum(o.sounding)
        where = f"{hits} of the {total} frames in which it sounds"
        if total == 1:
            where = "the frame in which it sounds"
        verb = "is" if hits or total > 1 else "is not"
        wrong = f" and in {o.frames - hits} other" if o.frames > hits else ""
        parts.append(f"the {o.name} {verb} marked in {where}{wrong}")
    parts += [f"the silent {o.name} in {_count(o.frames)}" for o in others]
    return _sentence(parts)


def where_marked(objects: Sequence[MarkedObject]) -> str:
    """Return what is marked with another sound: "the clock is marked in frames 2 and 3, the cat in 5"."""
    parts = [f"the {o.name} {{}}in {_numbers(o.marked)}" for o in objects if o.frames]
    if not parts:
        return "nothing is marked"
    return ", ".join([parts[0].format("is marked "), *(part.format("") for part in parts[1:])])


def _numbers(marked: Sequence[bool]) -> str:
    numbers = [number for number, on in enumerate(marked, start=1) if on]
    if len(numbers) == 1:
        return f"frame {numbers[0]}"
    if len(numbers) > FRAMES_NAMED:
        return f"{len(numbers)} of {len(marked)} frames"
    return f"frames {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _frames(count: int) -> str:
    return "frame" if count == 1 else f"{count} frames"


def _count(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _sentence(parts: Sequence[str]) -> str:
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "."
