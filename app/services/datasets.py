"""The registry of data sets: folders named in AVSEG_DATA, folders that the owner adds, and a drawn sample.

A data set is addressed by a key that does not reveal its path; visitors never send paths.
"""

import hashlib
import json
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.services.background import BACKGROUND, Progress, Report
from app.services.host import may_train
from app.services.session import private_cache
from avseg.data.avsbench.dataset import find_tasks
from avseg.data.avsbench.index import cache_folder, layout_of, read_index, table_file
from avseg.data.avsbench.layout import LAYOUTS, SCENES, SPLITS, SYNTHETIC
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_json
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import TASK_FOLDERS, write

FORMATS = {"ms3": "MS3", "s4": "S4", "avss": "AVSS"}  # in the order of the page
# Clips of the drawn sample in train, val, test; from a seed that no training uses.
SAMPLE_CLIPS = {"ms3": (24, 8, 16), "s4": (24, 8, 16), "avss": (12, 4, 8)}
SAMPLE_SEED = 41
NOT_HERE = (
    "Adding folders is off on this host, so that visitors cannot read its disk. Its owner can name folders "
    "in AVSEG_DATA, or allow adding them with AVSEG_ALLOW_TRAINING=1."
)


@dataclass(frozen=True)
class DataSet:
    """One task of one folder."""

    key: str
    title: str
    task: str  # s4, ms3 or avss
    folder: Path  # the task's own
    origin: str  # sample, environment or added

    @property
    def ready(self) -> bool:
        """Its table exists; the sample is drawn when it is first opened."""
        return table_file(self.folder, self.task).is_file()

    @property
    def drawn(self) -> bool:
        """It is SynthAVS, whose scenes are known."""
        return (self.folder / SCENES).is_file()


class Library:
    """All data sets of this server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def all(self) -> dict[str, DataSet]:
        """Return the data sets by key: those of AVSEG_DATA, added ones, then the sample."""
        datasets: dict[str, DataSet] = {}
        folders: set[Path] = set()
        for origin, roots in (("environment", _environment_roots()), ("added", self._added_roots())):
            for root in roots:
                for task, folder in _tasks(root).items():
                    if folder not in folders:
                        folders.add(folder)
                        key = f"{origin}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
                        datasets[key] = DataSet(key, _title(root, folder, task), task, folder, origin)
        for task, name in FORMATS.items():
            folder = sample_root() / TASK_FOLDERS[task]
            key = f"sample-{task}"
            datasets[key] = DataSet(key, f"SynthAVS sample, {name}", task, folder, "sample")
        return datasets

    def first(self) -> str:
        """Return the key of the data set that is open at first."""
        return next(iter(self.all()))

    def get(self, key: str | None) -> DataSet:
        """Return a data set by its key; raises DatasetError if it does not exist."""
        dataset = self.all().get(key) if key is not None else None
        if dataset is None:
            raise DatasetError("This data set no longer exists. Choose another one.")
        return dataset

    def add(self, path: str) -> tuple[str, str]:
        """Add a folder of the owner's; returns the key of its first data set and a summary of its contents.

        Raises DatasetError on a public host, for a path that is not a folder, and for a folder without data.
        """
        if not may_train():
            raise DatasetError(NOT_HERE)
        path = (path or "").strip()
        if not path:
            raise DatasetError("Enter the folder that AVSBench or SynthAVS was unpacked into.")
        root = Path(path).expanduser()
        if not root.is_absolute() or not root.is_dir():
            raise DatasetError(
                f"{path} is not a folder on this machine. Enter an absolute path such as /data/AVSBench."
            )
        root = root.resolve()
        summary = describe_folder(root)
        with self._lock:
            roots = self._added_roots()
            if root not in roots:
                _save_added([*roots, root])
        folders = set(_tasks(root).values())
        return next(dataset.key for dataset in self.all().values() if dataset.folder in folders), summary

    def _added_roots(self) -> list[Path]:
        if not may_train():
            return []
        try:
            paths = read_json(_added_file())
            return [Path(path) for path in paths if isinstance(path, str)]
        except (OSError, ValueError, TypeError):
            return []


LIBRARY = Library()


def sample_root() -> Path:
    """Return the folder of the drawn sample."""
    return _cache() / f"synthavs-sample-{SAMPLE_SEED}"


def draw_sample(task: str) -> Progress:
    """Draw the sample of a task in the background, once; returns the progress."""
    return BACKGROUND.start(f"sample {task}", lambda report: _write_sample(task, report))


def may_check(dataset: DataSet) -> bool:
    """Visitors may have every file of this data set read: on a public host, only those of the sample."""
    return may_train() or dataset.origin == "sample"


def describe_folder(root: Path) -> str:
    """Return what a folder contains, a sentence per task; raises DatasetError if it contains no data set."""
    tasks = _tasks(root)
    if not tasks:
        tables = ", ".join(f"{layout.folder}/{layout.table}" for layout in LAYOUTS.values())
        raise DatasetError(f"{root} contains no data set: expected {tables}, directly or below data/.")
    return " ".join(_describe_task(task, folder) for task, folder in tasks.items())


def _describe_task(task: str, folder: Path) -> str:
    entries = read_index(folder, task)
    counts = Counter(entry.split for entry in entries)
    splits = ", ".join(f"{split} {counts[split]:,}" for split in dict.fromkeys((*SPLITS, *sorted(counts))))
    layout = layout_of(folder, task)
    official = sum(layout.official.values())
    if layout is SYNTHETIC:
        kind = "AVS-Synthetic, clips of one frame"
    elif (folder / SCENES).is_file():
        kind = "drawn by SynthAVS"
    else:
        kind = "as many as AVSBench" if len(entries) == official else f"AVSBench has {official:,}"
    return f"Found {FORMATS[task]} by its {layout.table}: {len(entries):,} clips ({splits}), {kind}."


def _write_sample(task: str, report: Report) -> None:
    """Draw every split in a folder of our own, which is moved into place when it is complete."""
    counts, done = SAMPLE_CLIPS[task], 0
    unfinished = sample_root() / f"unfinished-{os.getpid()}"
    for split, clips in zip(SPLITS, counts, strict=True):

        def on_clip(count: int, _: int, before: int = done) -> None:
            report(before + count, sum(counts))

        write(SynthAVS(task, split, SAMPLE_SEED, clips), unfinished, progress=on_clip)
        done += clips
    folder = sample_root() / TASK_FOLDERS[task]
    if not folder.exists():
        (unfinished / TASK_FOLDERS[task]).replace(folder)


def _environment_roots() -> list[Path]:
    paths = os.environ.get("AVSEG_DATA", "").split(os.pathsep)
    return [Path(path).expanduser().resolve() for path in paths if path.strip()]


def _tasks(root: Path) -> dict[str, Path]:
    try:
        tasks = find_tasks(root)
    except OSError:
        return {}
    return {task: tasks[task] for task in FORMATS if task in tasks}


def _title(root: Path, folder: Path, task: str) -> str:
    name = root.parent.name if root.name == "data" else root.name
    if layout_of(folder, task) is SYNTHETIC:
        return "AVS-Synthetic"
    if (folder / SCENES).is_file():
        name = "SynthAVS folder" if name.lower() == "synthavs" else f"SynthAVS folder {name}"
    return f"{name}, {FORMATS[task]}"


def _save_added(roots: list[Path]) -> None:
    try:
        with atomic_write(_added_file()) as file:
            file.write_text(json.dumps([str(root) for root in roots]), encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"The folder could not be saved ({error.strerror}). Free some disk space, or name the folder in "
            "AVSEG_DATA."
        ) from error


def _added_file() -> Path:
    return _cache() / "explore-folders.json"


def _cache() -> Path:
    try:
        return cache_folder()
    except DatasetError:
        return private_cache()
