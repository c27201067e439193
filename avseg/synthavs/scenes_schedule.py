"""The classes of a scene and when they sound, sampled independently of their appearance."""

from dataclasses import dataclass

import numpy as np

from avseg.synthavs.objects import NAMES

SILENT_SHARE = 0.10  # only ambience
OFF_SCREEN_SHARE = 0.12  # half of them throughout the clip
CHANGE_SHARE = 0.37  # of the other clips; with the half of the off-screen clips that change: 35 % of all
TWO_AT_ONCE_SHARE = 0.40
TWIN_SHARE = 0.12  # a class is visible twice

On = dict[str, tuple[bool, ...]]


@dataclass(frozen=True)
class Plan:
    """Visible classes (a twin appears twice), and the seconds in which each audible class sounds."""

    names: tuple[str, ...]
    on: On


def plan(rng: np.random.Generator, seconds: int, task: str, resample_sounds: bool = False) -> Plan:
    """Sample the visible classes and the schedule.

    All classes are treated alike, so visibility is equally informative about sounding for each of them. One
    visible class never sounds. Task "s4" has one class that sounds through the whole clip. `resample_sounds`
    resamples the sounding classes every second, for training only: one image with many sounds and masks.
    """
    two = task != "s4" and rng.random() < TWO_AT_ONCE_SHARE
    count = int(rng.choice([3, 4], p=[0.4, 0.6]) if two else rng.choice([2, 3, 4], p=[0.25, 0.4, 0.35]))
    order = [str(name) for name in rng.permutation(NAMES)]
    names, away = order[:count], order[count]
    kind = rng.random()
    if resample_sounds:
        on = _resample_sounds(rng, seconds, names, away)
    elif task == "s4":
        on = {names[0]: (True,) * seconds}
    elif kind < SILENT_SHARE:
        on = {}
    elif kind < SILENT_SHARE + OFF_SCREEN_SHARE:
        on = _off_screen(rng, seconds, names[0], away)
    elif rng.random() < CHANGE_SHARE:
        on = _changing(rng, seconds, names, two)
    else:
        on = dict.fromkeys(names[: 1 + two], (True,) * seconds)
    if count < 4 and rng.random() < TWIN_SHARE:
        names = [*names, names[int(rng.integers(count))]]
    return Plan(tuple(names[i] for i in rng.permutation(len(names))), on)


def _span(seconds: int, start: int, stop: int) -> tuple[bool, ...]:
    return tuple(start <= second < stop for second in range(seconds))


def _opposite(on: tuple[bool, ...]) -> tuple[bool, ...]:
    return tuple(not value for value in on)


def _off_screen(rng: np.random.Generator, seconds: int, first: str, away: str) -> On:
    if rng.random() < 0.5:
        return {away: (True,) * seconds}
    before = _span(seconds, 0, int(rng.integers(1, seconds)))
    if rng.random() < 0.5:
        before = _opposite(before)
    return {first: before, away: _opposite(before)}


def _resample_sounds(rng: np.random.Generator, seconds: int, names: list[str], away: str) -> On:
    """Return a memoryless schedule: each second is silent, off screen, or one or two of the classes."""
    sets: list[set[str]] = []
    for kind in rng.random(seconds):
        count = 2 if len(names) > 2 and rng.random() < TWO_AT_ONCE_SHARE else 1
        sounding = {str(name) for name in rng.choice(names, count, replace=False)}
        off_screen = kind < SILENT_SHARE + OFF_SCREEN_SHARE / 2
        sets.append(set() if kind < SILENT_SHARE else {away} if off_screen else sounding)
    return {name: tuple(name in s for s in sets) for name in [*names, away] if any(name in s for s in sets)}


def _changing(rng: np.random.Generator, seconds: int, names: list[str], two: bool) -> On:
    """Return a schedule that changes at one or two second boundaries; the last of `names` stays silent."""
    first, second = names[0], names[1]
    cut = int(rng.integers(1, seconds))
    early, late = _span(seconds, 0, cut), _span(seconds, cut, seconds)
    part = early if rng.random() < 0.5 else late
    draw = rng.random()
    if two:
        return {first: (True,) * seconds if draw < 0.75 else part, second: part}
    if len(names) > 2 and draw < 0.5:
        return {first: part, second: _opposite(part)}
    if draw < 0.85:
        return {first: part}
    low, high = sorted(rng.choice(np.arange(1, seconds), 2, replace=False))
    pause = _span(seconds, int(low), int(high))
    return {first: _opposite(pause) if rng.random() < 0.5 else pause}
