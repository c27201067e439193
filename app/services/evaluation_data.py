"""What can be evaluated on: SynthAVS, drawn while evaluating, and folders that the owner named."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.services.datasets import LIBRARY
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.samples import SYNTHAVS
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.evaluation.report import Report
from avseg.loaders import SYNTH, SYNTH_EVALUATION_CLIPS
from avseg.synthavs.dataset import SynthAVS

TASKS = ("ms3", "s4", "avss")
SYNTH_SPLITS = ("test", "val", "train")
FOLDER_SPLITS = ("test", "val", "train", "test-leakfree", "val-leakfree")
DISPLAY_SIZE = (360, 640)  # height, width of SynthAVS clips on the page
ENDLESS = 10**6  # a clip of SynthAVS does not depend on how many there are


@dataclass(frozen=True)
class EvaluationData:
    """A data set to evaluate on."""

    key: str
    title: str
    task: str
    folder: Path | None = None  # None: SynthAVS

    @property
    def argument(self) -> str:
        """The value of --data."""
        return SYNTH if self.folder is None else str(self.folder)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return SYNTH_SPLITS if self.folder is None else FOLDER_SPLITS

    def clips(self, split: str) -> int:
        """Return the number of clips of a split; for SynthAVS, the default number. 0 if unreadable."""
        if split not in self.splits:
            raise ConfigError(f"Unknown split {split!r}: choose {', '.join(self.splits)}.")
        if self.folder is None:
            return SYNTH_EVALUATION_CLIPS
        try:
            return len(AVSBench(self.folder, self.task, split))
        except AvsegError:
            return 0


def list_data() -> dict[str, EvaluationData]:
    """Return all data sets by key; a sample that has not been generated yet is left out."""
    data = [EvaluationData(f"synth-{task}", f"SynthAVS, {task.upper()}", task) for task in TASKS]
    ready = [item for item in LIBRARY.all().values() if item.ready]
    data += [EvaluationData(item.key, item.title, item.task, item.folder) for item in ready]
    return {item.key: item for item in data}


def get_data(key: str | None) -> EvaluationData:
    """Return the data set of a key; raises DatasetError if it does not exist."""
    data = list_data()
    if key not in data:
        raise DatasetError("This data set no longer exists. Select another one.")
    return data[key]


def data_of_report(report: Report) -> EvaluationData | None:
    """Return the data set that a report was evaluated on, None if this machine does not have it."""
    if is_synthetic(report):
        return list_data()[f"synth-{report.task}"]
    folders = (item for item in list_data().values() if item.folder is not None and item.task == report.task)
    return next((item for item in folders if str(item.folder) == report.data.root), None)


def is_synthetic(report: Report) -> bool:
    """Return whether a report was evaluated on SynthAVS, drawn while evaluating."""
    return report.data.kind == SYNTHAVS


def data_title(report: Report) -> str:
    """Return data set and split of a report, without the path of a folder."""
    data = data_of_report(report)
    if data is not None:
        return f"{data.title}{',' if data.folder else ''} {report.split}"
    name = re.split(r"[/\\]", report.data.root.rstrip("/\\"))[-1] or "a folder"
    return f"{name}, {report.task.upper()} {report.split}"


def open_clips(report: Report, size: tuple[int, int]) -> SynthAVS | AVSBench | None:
    """Return the clips of a report, SynthAVS drawn at a size; None if this machine does not have them."""
    if is_synthetic(report) and report.data.seed is not None:
        return SynthAVS(report.task, report.split, report.data.seed, ENDLESS, size)
    data = data_of_report(report)
    if data is None or data.folder is None:
        return None
    try:
        return _open_folder(data.folder, data.task, report.split, data.folder.stat().st_mtime_ns)
    except (AvsegError, OSError):
        return None


@lru_cache(maxsize=4)
def _open_folder(folder: Path, task: str, split: str, _written: int) -> AVSBench:
    return AVSBench(folder, task, split)
