"""What the table of a data set says of its clips and, where the clips are drawn, what their scenes add."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from app.services.datasets import SCENES, DataSet
from avseg.data.avsbench.index import find_tasks, read_index
from avseg.data.avsbench.layout import SPLITS, Entry
from avseg.data.labels import CLASSES
from avseg.errors import DatasetError

OFF_SCREEN = "off-the-screen"  # a name in AVSS's a_obj
MAX_SCENES_BYTES = 256 * 2**20

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
    def table(self) -> pd.DataFrame:
        """One row per clip; `sounding_objects` is NA where the data do not say; `text` is searched."""
        rows = list(zip(self.entries, self.labels, self.scenes, strict=True))
        table = pd.DataFrame(
            {
                "split": [entry.split for entry in self.entries],
                "clip": [entry.name for entry in self.entries],
                "classes": [" ".join(labels) for labels in self.labels],
                "sounding_objects": [len(row[1]) if _says_what_sounds(*row) else None for row in rows],
                "video": [entry.video for entry in self.entries],
                "subset": [entry.subset for entry in self.entries],
                "frames": [entry.frames for entry in self.entries],
                "labelled_frames": [entry.labelled for entry in self.entries],
                "offscreen": [_has_offscreen_sound(entry, scene) for entry, _, scene in rows],
                "text": [
                    " ".join((entry.name, *labels, entry.annotation, entry.split)).lower()
                    for entry, labels, _ in rows
                ],
            }
        )
        return table.astype(
            {"split": str, "clip": str, "sounding_objects": "Int16", "offscreen": bool, "text": str}
        )

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that occur, the usual ones first."""
        occurring = set(self.table["split"])
        return tuple(split for split in (*SPLITS, *sorted(occurring - {*SPLITS})) if split in occurring)

    @cached_property
    def sounding(self) -> pd.DataFrame:
        """Which classes sound in which clip, bool [N, C], most frequent class first."""
        column = {name: k for k, name in enumerate(CLASSES)}
        table = np.zeros((len(self), len(CLASSES)), bool)
        for row, names in enumerate(self.labels):
            table[row, [column[name] for name in names]] = True
        counts = table.sum(axis=0)
        order = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
        return pd.DataFrame(table[:, order], columns=[CLASSES[k] for k in order])

    @cached_property
    def rows(self) -> dict[ClipName, int]:
        """Row of every clip."""
        return {(entry.split, entry.name): row for row, entry in enumerate(self.entries)}

    def row_of(self, name: str, split: str = "") -> int | None:
        """Return the row of a clip, in the first split that has it if none is given; None without one."""
        if split:
            return self.rows.get((split, name))
        return next((row for (_, other), row in self.rows.items() if other == name), None)


def read_facts(dataset: DataSet) -> ClipFacts:
    """Read the table of a data set, and the scenes of a drawn one.

    MS3's table names no classes: they come from the scenes, or from AVSS's table beside it, whose v1m clips
    are MS3's. Raises DatasetError if the table cannot be read.
    """
    entries: dict[ClipName, Entry] = {}
    for entry in read_index(dataset.folder, dataset.task):
        entries.setdefault((entry.split, entry.name), entry)
    scene_of = _read_scenes(dataset.folder)
    avss_labels = {} if scene_of or dataset.task != "ms3" else _labels_of_avss(dataset.folder)
    rows = tuple(entries.values())
    scenes = tuple(scene_of.get(entry.name) for entry in rows)
    labels = tuple(
        entry.labels or _sounding_in_view(scene) or avss_labels.get(entry.name, ())
        for entry, scene in zip(rows, scenes, strict=True)
    )
    return ClipFacts(rows, labels, scenes)


def _says_what_sounds(entry: Entry, labels: tuple[str, ...], scene: Scene | None) -> bool:
    return bool(labels or scene or (entry.layout.annotation and not entry.unknown))


def _has_offscreen_sound(entry: Entry, scene: Scene | None) -> bool:
    return OFF_SCREEN in entry.annotation or bool(scene and set(scene.sounding) - set(scene.visible))


def _sounding_in_view(scene: Scene | None) -> tuple[str, ...]:
    return tuple(name for name in scene.sounding if name in scene.visible) if scene else ()


def _read_scenes(folder: Path) -> dict[str, Scene]:
    """Return the scenes of drawn clips by the names of the table; an empty dict for other data."""
    path = folder / SCENES
    try:
        if path.stat().st_size > MAX_SCENES_BYTES:
            return {}
        scenes = {}
        for name, scene in json.loads(path.read_text(encoding="utf-8")).items():
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
