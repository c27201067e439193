"""What is known of every clip without opening a picture: the table, and a drawn clip's scene."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from app.services.datasets import SCENES, DataSet
from avseg.data.avsbench.index import find_tasks, read_index
from avseg.data.avsbench.layout import SPLITS, Entry
from avseg.data.labels import CLASSES
from avseg.errors import DatasetError

UNKNOWN = -1
OFF_SCREEN = "off-the-screen"  # a name in AVSS's a_obj
LARGEST_SCENES = 256 * 2**20  # bytes; a larger file is left alone


@dataclass(frozen=True)
class Scene:
    """What a drawn clip's own description says."""

    seen: tuple[str, ...]  # classes in view
    heard: Mapping[str, int]  # class: seconds in which it is heard, in view or not


@dataclass(frozen=True, eq=False)
class Facts:
    """The clips of a data set, N rows in the table's order, each name once per split."""

    entries: tuple[Entry, ...]
    labels: tuple[tuple[str, ...], ...]  # what sounds in view, by name; empty where nobody says
    scenes: tuple[Scene | None, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that occur, the usual ones first."""
        there = {entry.split for entry in self.entries}
        return tuple(split for split in (*SPLITS, *sorted(there - {*SPLITS})) if split in there)

    @cached_property
    def split(self) -> np.ndarray:
        """Position of every clip's split in `splits`, int8 [N]."""
        place = {split: k for k, split in enumerate(self.splits)}
        return np.array([place[entry.split] for entry in self.entries], np.int8)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes that sound in any clip, most clips first."""
        counts = self._has.sum(axis=0)
        order = np.argsort(-counts, kind="stable")
        return tuple(CLASSES[k] for k in order if counts[k])

    @cached_property
    def has(self) -> np.ndarray:
        """Which classes sound in a clip, bool [N, len(classes)]."""
        return self._has[:, [CLASSES.index(name) for name in self.classes]]

    @cached_property
    def _has(self) -> np.ndarray:
        place = {name: k for k, name in enumerate(CLASSES)}
        has = np.zeros((len(self), len(CLASSES)), bool)
        for row, names in enumerate(self.labels):
            has[row, [place[name] for name in names]] = True
        return has

    @cached_property
    def objects(self) -> np.ndarray:
        """How many kinds of object sound in view, int8 [N]; UNKNOWN where the data do not say."""
        said = [
            len(names) if names or scene or (entry.layout.given and not entry.unknown) else UNKNOWN
            for names, entry, scene in zip(self.labels, self.entries, self.scenes, strict=True)
        ]
        return np.array(said, np.int8)

    @cached_property
    def offscreen(self) -> np.ndarray:
        """Whether something is heard that is not in view, bool [N]."""
        return np.array(
            [
                OFF_SCREEN in entry.given or bool(scene and set(scene.heard) - set(scene.seen))
                for entry, scene in zip(self.entries, self.scenes, strict=True)
            ],
            bool,
        )

    @cached_property
    def video(self) -> np.ndarray:
        """The video that a clip was cut from, str [N]."""
        return np.array([entry.video for entry in self.entries], str)

    @cached_property
    def pairs(self) -> dict[str, np.ndarray]:
        """By "train and test" and so on: the clips of both whose video is in both, bool [N]."""
        homes: dict[str, int] = defaultdict(int)
        for entry, k in zip(self.entries, self.split, strict=True):
            homes[entry.video] |= 1 << int(k)
        both = np.array([homes[entry.video] for entry in self.entries], np.int64)
        found = {}
        for a in range(len(self.splits)):
            for b in range(a + 1, len(self.splits)):
                mine = (self.split == a) | (self.split == b)
                shared = (both >> a & 1).astype(bool) & (both >> b & 1).astype(bool)
                found[f"{self.splits[a]} and {self.splits[b]}"] = mine & shared
        return found

    @cached_property
    def words(self) -> np.ndarray:
        """What a search looks into, lower case str [N]: name, classes, category, split."""
        return np.array(
            [
                " ".join((entry.name, *names, entry.given, entry.split)).lower()
                for entry, names in zip(self.entries, self.labels, strict=True)
            ],
            str,
        )

    @cached_property
    def rows(self) -> dict[tuple[str, str], int]:
        """Row of every clip by (split, name)."""
        return {(entry.split, entry.name): row for row, entry in enumerate(self.entries)}

    def row_of(self, name: str, split: str = "") -> int | None:
        """Return the row of a clip by its name, in any split when none is given; None when there is none."""
        if split:
            return self.rows.get((split, name))
        return next((row for (_, other), row in self.rows.items() if other == name), None)


def read_facts(data: DataSet) -> Facts:
    """Read the table of a data set, and the scenes of a drawn one.

    MS3's table names no classes: they come from the scenes, or from AVSS's table where that stands beside
    it (its v1m clips are MS3's). Raises DatasetError when the table cannot be read.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for entry in read_index(data.folder, data.task):
        entries.setdefault((entry.split, entry.name), entry)
    rows = tuple(entries.values())
    known = _scenes(data.folder)
    scenes = tuple(known.get(entry.name) for entry in rows)
    beside = {} if known or data.task != "ms3" else _names_beside(data.folder)
    labels = tuple(
        entry.labels or _sounding(scene) or beside.get(entry.name, ())
        for entry, scene in zip(rows, scenes, strict=True)
    )
    return Facts(rows, labels, scenes)


def _sounding(scene: Scene | None) -> tuple[str, ...]:
    return tuple(name for name in scene.heard if name in scene.seen) if scene else ()


def _scenes(folder: Path) -> dict[str, Scene]:
    """Return the scenes of drawn clips by the names of the table; empty where there are none."""
    path = folder / SCENES
    try:
        if path.stat().st_size > LARGEST_SCENES:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
        scenes = {}
        for name, about in found.items():
            seen = tuple(sorted({str(thing["name"]) for thing in about["things"]} & {*CLASSES}))
            heard = {str(one["name"]): sum(map(bool, one["on"])) for one in about["sounds"]}
            scene = Scene(seen, {one: count for one, count in heard.items() if count and one in CLASSES})
            scenes[name] = scene
            if about["task"] == "avss":  # the table's name has the moments too
                scenes[f"{name}_0_{1000 * int(about['seconds'])}"] = scene
        return scenes
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _names_beside(folder: Path) -> dict[str, tuple[str, ...]]:
    avss = find_tasks(folder.parent).get("avss")
    if avss is None:
        return {}
    try:
        return {entry.name: entry.labels for entry in read_index(avss, "avss")}
    except DatasetError:
        return {}
