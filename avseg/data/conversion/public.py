"""Reads two public layouts: DDESeg's copy of AVSS, and AVS-Synthetic.

DDESeg (CVPR 2025; its authors' loader, not the data):

    *.csv                                     a row per frame: column 2 NAME_INDEX, 6 split, 7 subset
    {v1s,v1m,v2}/NAME/frames/INDEX.jpg
    {v1s,v1m,v2}/NAME/labels_semantic/INDEX.png
    {v1s,v1m,v2}/NAME/audios/INDEX.wav        the sound of that frame

AVS-Synthetic: see avseg/data/avsbench/synthetic.py.
"""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.data.avsbench.dataset import read_sound
from avseg.data.avsbench.index import find_tasks, layout_of, read_index
from avseg.data.avsbench.layout import LAYOUTS, SPLITS, SYNTHETIC, VIDEO_ID, Entry
from avseg.data.conversion.classes import ClassNames, require_known
from avseg.data.conversion.masks import PictureMasks
from avseg.data.conversion.pictures import FramePictures, JoinedSounds
from avseg.data.conversion.recording import Recording, newest
from avseg.data.labels import CLASSES
from avseg.errors import ConfigError, DatasetError
from avseg.files import find_file, read_text, visible
from avseg.media.audio import SAMPLE_RATE

SUBSETS = tuple(LAYOUTS["avss"].frames)  # v1s, v1m, v2
_NAME, _SPLIT, _SUBSET = 1, 5, 6  # columns, from 0


def is_ddeseg(source: Path) -> bool:
    """Return whether a folder follows DDESeg's layout."""
    folders = (source / subset for subset in SUBSETS)
    return any((path / "audios").is_dir() for folder in folders for path in _folders(folder))


def read_ddeseg(source: Path, task: str, classes: ClassNames) -> list[Recording]:
    """Return the clips of DDESeg's copy of AVSS; raises DatasetError without a table or for missing files."""
    if task == "s4" and not classes.label:
        raise ConfigError("The clips of s4 have one class: name it with --label, or convert to avss or ms3.")
    table = _frame_table(source)
    frames: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in table:
        name, _, number = row[_NAME].rpartition("_")
        frames[row[_SUBSET], name, row[_SPLIT]].append(int(number))
    recordings, missing = [], []
    for (subset, name, split), numbers in frames.items():
        numbers.sort()
        folder = source / subset / name
        parts = [
            [folder / part / f"{number}{ending}" for number in numbers]
            for part, ending in (("frames", ".jpg"), ("labels_semantic", ".png"), ("audios", ".wav"))
        ]
        missing += [path for paths in parts for path in paths if not path.is_file()]
        if missing:
            continue
        pictures, labels, sounds = map(tuple, parts)
        recordings.append(
            Recording(
                name=name,
                pictures=FramePictures(pictures, 1.0),
                masks=PictureMasks(labels, True, classes),
                sound=JoinedSounds(sounds),
                modified=newest(*pictures, *labels, *sounds),
                split=split,
                label=classes.label,
                origin=name[:VIDEO_ID],
                subset=subset,
            )
        )
    if missing:
        raise DatasetError(f"{len(missing)} files are missing, the first is {missing[0]}.")
    return recordings


def _frame_table(source: Path) -> list[list[str]]:
    """Return the rows of the table of frames, from the first CSV file that is one."""
    for path in [*visible(source.glob("*.csv")), *visible(source.parent.glob("*.csv"))]:
        rows = list(csv.reader(io.StringIO(read_text(path))))[1:]
        fits = [len(row) > _SUBSET and row[_NAME].rpartition("_")[2].isdecimal() for row in rows]
        if rows and all(fits) and {row[_SPLIT] for row in rows} <= {*SPLITS}:
            if wrong := {row[_SUBSET] for row in rows} - {*SUBSETS}:
                raise DatasetError(f"{path} has the subsets {', '.join(sorted(wrong))}; expected {SUBSETS}.")
            return rows
    raise DatasetError(
        f"{source} has DDESeg's folders and no table of their frames: put its CSV file, with the columns of "
        "AVSS and a row NAME_INDEX per frame, beside v1s, v1m or v2."
    )


def _folders(folder: Path) -> list[Path]:
    return [path for path in visible(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def is_synthetic(source: Path) -> bool:
    """Return whether a folder, or one in it, follows AVS-Synthetic's layout."""
    folder = find_tasks(source).get("s4")
    return folder is not None and layout_of(folder, "s4") is SYNTHETIC


@dataclass(frozen=True)
class SyntheticSound:
    """The second of a recording that AVS-Synthetic's loader takes."""

    folder: Path
    entry: Entry

    def read(self, start: float, seconds: float) -> np.ndarray:
        return read_sound(self.folder, self.entry)[: round(seconds * SAMPLE_RATE)]


def read_synthetic(source: Path, task: str, classes: ClassNames) -> list[Recording]:
    """Return the images of AVS-Synthetic as recordings of one second; raises DatasetError."""
    source = find_tasks(source)["s4"]
    entries = read_index(source, "s4")
    if task != "ms3" and not classes.label:
        require_known(classes, {entry.annotation for entry in entries}, source)
    recordings, missing = [], []
    for entry in entries:
        image = find_file(source / entry.frame(0), (".jpg", ".jpeg", ".png"))
        mask, sound = source / entry.masks(0)[0][0], source / entry.sound
        missing += [path for path in (image, mask, sound) if not path.is_file()]
        if missing:
            continue
        index = classes.index(entry.annotation)
        label = CLASSES[index] if index and index < len(CLASSES) else ""
        recordings.append(
            Recording(
                name=entry.name,
                pictures=FramePictures((image,), 1.0),
                masks=PictureMasks((mask,), False, ClassNames(label)),
                sound=SyntheticSound(source, entry),
                modified=newest(image, mask, sound),
                split=entry.split,
                label=label,
                origin=entry.image,
            )
        )
    if missing:
        raise DatasetError(f"{len(missing)} files are missing, the first is {missing[0]}.")
    return [item for item in recordings if item.label or task == "ms3"]
