"""What the table of a data set says of its clips and, where the clips are drawn, what their scenes add."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from avseg.data.avsbench.index import find_tasks, read_index
from avseg.data.avsbench.layout import SCENES, SPLITS, Entry
from avseg.data.labels import CLASSES
from avseg.errors import DatasetError
from avseg.files import read_json

OFF_SCREEN = "off-the-screen"  # a name in AVSS's a_obj

ClipName = tuple[str, str]
"""Split and name of a clip; a name may occur in several splits."""


@dataclass(frozen=True)
class Scene:
    """What the description of a drawn clip says."""

    visible: tuple[str, ...]  # classes in view
    sounding: Mapping[str, int]  # class: seconds in which it sounds, in view or not


@dataclass(frozen=True, eq=False)
class ClipFacts:
    """The clips of a data set in the order of its table; all fields have one item per clip."""

    entries: tuple[Entry, ...]
    labels: tuple[tuple[str, ...], ...]  # classes that sound in view; empty where the data do not say
    scenes: tuple[Scene | None, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def sounding_objects(self) -> list[int | None]:
        """How many visible objects sound in each clip; None where the data do not say."""
        return [
            len(labels) if labels or scene or (entry.layout.annotation and not entry.unknown) else None
            for entry, labels, scene in zip(self.entries, self.labels, self.scenes, strict=True)
        ]

    @cached_property
    def offscreen(self) -> list[bool]:
        """Whether something off screen sounds in each clip, as far as the data say."""
        return [
            OFF_SCREEN in entry.annotation or bool(scene and {*scene.sounding} - {*scene.visible})
            for entry, scene in zip(self.entries, self.scenes, strict=True)
        ]

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that occur, the usual ones first."""
        occurring = {entry.split for entry in self.entries}
        return tuple(split for split in (*SPLITS, *sorted(occurring - {*SPLITS})) if split in occurring)

    @cached_property
    def rows(self) -> dict[ClipName, int]:
        """Row of every clip."""
        return {(entry.split, entry.name): row for row, entry in enumerate(self.entries)}

    def row_of(self, name: str, split: str = "") -> int | None:
        """Return the row of a clip, in the first split that has it if none is given; None without one."""
        if split:
            return self.rows.get((split, name))
        return next((row for (_, other), row in self.rows.items() if other == name), None)


def read_facts(folder: Path, task: str) -> ClipFacts:
    """Read the table in a task's folder, and the scenes of drawn data.

    MS3's table names no classes: they come from the scenes, or from AVSS's table beside it, whose v1m clips
    are MS3's. Raises DatasetError if the table cannot be read.
    """
    entries: dict[ClipName, Entry] = {}
    for entry in read_index(folder, task):
        entries.setdefault((entry.split, entry.name), entry)
    rows = tuple(entries.values())
    scene_of = _read_scenes(folder)
    scenes = tuple(scene_of.get(entry.name) for entry in rows)
    labels_of = _labels_of_avss(folder) if task == "ms3" and not scene_of else {}
    for name, scene in scene_of.items():
        labels_of[name] = tuple(sound for sound in scene.sounding if sound in scene.visible)
    return ClipFacts(rows, tuple(entry.labels or labels_of.get(entry.name, ()) for entry in rows), scenes)


def _read_scenes(folder: Path) -> dict[str, Scene]:
    """Return the scenes of drawn clips by the names of the table; an empty dict for other data."""
    path = folder / SCENES
    try:
        scenes = {}
        for name, scene in read_json(path).items():
            visible = tuple(sorted({str(thing["name"]) for thing in scene["things"]} & {*CLASSES}))
            seconds = {str(sound["name"]): sum(map(bool, sound["on"])) for sound in scene["sounds"]}
            sounding = {sound: count for sound, count in seconds.items() if count and sound in CLASSES}
            scenes[name] = Scene(visible, sounding)
            if scene["task"] == "avss":  # the table's name also has the start and end, in ms
                scenes[f"{name}_0_{1000 * int(scene['seconds'])}"] = scenes[name]
        return scenes
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _labels_of_avss(folder: Path) -> dict[str, tuple[str, ...]]:
    avss = find_tasks(folder.parent).get("avss")
    try:
        return {entry.name: entry.labels for entry in read_index(avss, "avss")} if avss else {}
    except DatasetError:
        return {}
