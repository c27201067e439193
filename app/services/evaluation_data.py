"""What can be measured on: SynthAVS drawn anew, and folders that the owner named; never a visitor's path."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.services.datasets import LIBRARY
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.avsbench.index import read_index
from avseg.data.loaders import SYNTH, SYNTH_EVALUATION_CLIPS
from avseg.data.samples import SYNTHAVS, Clips
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.evaluation.report import Report
from avseg.synthavs.dataset import SynthAVS

TASKS = {"ms3": "MS3", "s4": "S4", "avss": "AVSS"}
SYNTH_SPLITS = ("test", "val", "train")
FOLDER_SPLITS = ("test", "val", "train", "test-leakfree", "val-leakfree")
SYNTH_NAME = re.compile(r"(?:tr|va|te)\d{2,6}_(\d{6})")
DRAWN = (360, 640)  # height, width of SynthAVS clips on screen
ENDLESS = 10**6  # a clip of SynthAVS does not depend on how many there are


@dataclass(frozen=True)
class Data:
    """Something to measure on."""

    key: str
    title: str
    task: str
    folder: Path | None = None  # None: SynthAVS, drawn while measuring

    @property
    def word(self) -> str:
        """What follows --data."""
        return SYNTH if self.folder is None else str(self.folder)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are."""
        return SYNTH_SPLITS if self.folder is None else FOLDER_SPLITS

    def clips(self, split: str) -> int:
        """Return how many clips a split has; of SynthAVS, how many are drawn. 0 where it cannot be read."""
        if split not in self.splits:
            raise ConfigError(f"There is no split {split!r} here; splits are {', '.join(self.splits)}.")
        if self.folder is None:
            return SYNTH_EVALUATION_CLIPS
        plain = split.removesuffix("-leakfree")
        try:
            if plain != split:
                return len(AVSBench(self.folder, self.task, split))
            return len({entry.name for entry in read_index(self.folder, self.task) if entry.split == plain})
        except AvsegError:
            return 0


def all_data() -> dict[str, Data]:
    """Return what can be measured on, by key; a sample that nobody looked at yet is left out."""
    found = {
        f"synth-{task}": Data(f"synth-{task}", f"SynthAVS, {name}", task) for task, name in TASKS.items()
    }
    for one in LIBRARY.all().values():
        if one.ready:
            found[one.key] = Data(one.key, one.title, one.task, one.folder)
    return found


def data_of(key: str | None) -> Data:
    """Return the data of a key; raises DatasetError when there is none (any more)."""
    found = all_data()
    if key not in found:
        raise DatasetError("This data set is not there any more. Choose another one.")
    return found[key]


def known(report: Report) -> Data | None:
    """Return the data that a report was measured on, None where they are not here."""
    if is_synth(report):
        return all_data()[f"synth-{report.task}"]
    same = (one for one in all_data().values() if one.folder is not None and one.task == report.task)
    return next((one for one in same if str(one.folder) == report.data.root), None)


def is_synth(report: Report) -> bool:
    """Say whether a report was measured on SynthAVS drawn anew."""
    return report.data.kind == SYNTHAVS


def words(report: Report) -> str:
    """Return what a report was measured on, without the path of a folder."""
    if is_synth(report):
        return f"SynthAVS, {TASKS[report.task]} {report.split}"
    data = known(report)
    if data:
        return f"{data.title}, {report.split}"
    name = re.split(r"[/\\]", report.data.root.rstrip("/\\"))[-1] or "a folder"
    return f"{name}, {TASKS[report.task]} {report.split}"


def open_clips(report: Report, size: tuple[int, int]) -> Clips | None:
    """Return the clips that a report speaks of, SynthAVS drawn at a size; None where they are not here."""
    if is_synth(report):
        return SynthAVS(report.task, report.split, report.data.seed, ENDLESS, size)
    data = known(report)
    if data is None:
        return None
    try:
        return _on_disk(data.folder, data.task, report.split, _written(data.folder))
    except AvsegError:
        return None


def index_of(clips: Clips, name: str) -> int | None:
    """Return the index of a clip by its name, None when it is none of them."""
    if isinstance(clips, SynthAVS):
        match = SYNTH_NAME.fullmatch(name)
        index = int(match[1]) if match else -1
        return index if match and clips.name(index) == name else None
    return _names(clips).get(name)


@lru_cache(maxsize=4)
def _on_disk(folder: Path, task: str, split: str, _written: int) -> AVSBench:
    return AVSBench(folder, task, split)


def _written(folder: Path) -> int:
    return folder.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _names(clips: AVSBench) -> dict[str, int]:
    return {clips.name(index): index for index in range(len(clips))}
