"""The data sets of the Explore tab: a drawn sample, folders of AVSEG_DATA, folders that the owner adds.

A data set is named by its key, which says nothing about where it lies; paths never come from a visitor.
"""

import hashlib
import json
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.services.background import WORKS, Progress, Report
from app.services.host import may_train
from app.services.session import private_cache
from avseg.data.avsbench.dataset import find_tasks
from avseg.data.avsbench.index import cache_folder, read_index
from avseg.data.avsbench.layout import LAYOUTS, SPLITS
from avseg.errors import DatasetError
from avseg.files import atomic_write
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import TASK_FOLDERS, write

FORMATS = {"ms3": "MS3", "s4": "S4", "avss": "AVSS"}  # in the order of the page
# Clips of the drawn sample in train, val, test; drawn once, from seeds that no training uses.
SAMPLE_CLIPS = {"ms3": (24, 8, 16), "s4": (24, 8, 16), "avss": (12, 4, 8)}
SAMPLE_SEED = 41
SCENES = "scenes.json"  # beside the table of drawn data
NOT_HERE = (
    "Adding folders is off on this host, so that visitors cannot read its disk. Its owner names folders in "
    "AVSEG_DATA, or allows adding with AVSEG_ALLOW_TRAINING=1."
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
        """Whether its table is there; the sample is drawn when it is first looked at."""
        return (self.folder / LAYOUTS[self.task].table).is_file()

    @property
    def drawn(self) -> bool:
        """Whether it is SynthAVS, whose scenes are known."""
        return (self.folder / SCENES).is_file()


class Library:
    """The data sets that there are."""

    def __init__(self):
        self._lock = threading.Lock()

    def all(self) -> dict[str, DataSet]:
        """Return the data sets by key: those of AVSEG_DATA, added ones, then the sample."""
        found: dict[str, DataSet] = {}
        for origin, roots in (("environment", _named()), ("added", self._added())):
            for root in roots:
                for task, folder in _tasks(root).items():
                    one = DataSet(_key(origin, folder), _title(root, folder, task), task, folder, origin)
                    if folder not in {other.folder for other in found.values()}:
                        found[one.key] = one
        for task, words in FORMATS.items():
            key = f"sample-{task}"
            folder = sample_root() / TASK_FOLDERS[task]
            found[key] = DataSet(key, f"SynthAVS sample, {words}", task, folder, "sample")
        return found

    def first(self) -> str:
        """Return the key of the data set that is shown first."""
        return next(iter(self.all()))

    def get(self, key: str | None) -> DataSet:
        """Return a data set by its key; raises DatasetError when there is none (any more)."""
        found = self.all()
        if key not in found:
            raise DatasetError("This data set is not there any more. Choose another one.")
        return found[key]

    def add(self, path: str) -> tuple[str, str]:
        """Add a folder that the owner names; returns the key of its first data set, and what was found.

        Raises DatasetError on a public host, for a folder that is not there and for one that holds nothing.
        """
        if not may_train():
            raise DatasetError(NOT_HERE)
        if not path or not path.strip():
            raise DatasetError("Name the folder that AVSBench or SynthAVS was unpacked into.")
        root = Path(path.strip()).expanduser()
        if not root.is_absolute() or not root.is_dir():
            raise DatasetError(
                f"{path.strip()} is not a folder here; give a whole path, such as /data/AVSBench."
            )
        root = root.resolve()
        words = found_words(root)
        with self._lock:
            known = self._added()
            if root not in known:
                _keep([*known, root])
        folders = set(_tasks(root).values())
        return next(one.key for one in self.all().values() if one.folder in folders), words

    def _added(self) -> list[Path]:
        if not may_train():
            return []
        try:
            listed = json.loads(_added_file().read_text(encoding="utf-8"))
            return [Path(one) for one in listed if isinstance(one, str)]
        except (OSError, ValueError, TypeError):
            return []


LIBRARY = Library()


def sample_root() -> Path:
    """Return where the drawn sample is kept."""
    return _kept() / f"synthavs-sample-{SAMPLE_SEED}"


def draw_sample(task: str) -> Progress:
    """Draw the sample of a task in the background, once; returns how far it is."""
    return WORKS.start(f"sample {task}", lambda report: _write_sample(task, report), again=True)


def may_check(data: DataSet) -> bool:
    """Whether visitors may have every file of a data set read: strangers only those of the sample."""
    return may_train() or data.origin == "sample"


def found_words(root: Path) -> str:
    """Return a sentence about what a folder holds; raises DatasetError when it holds nothing of the kind."""
    tasks = _tasks(root)
    if not tasks:
        tables = ", ".join(f"{layout.folder}/{layout.table}" for layout in LAYOUTS.values())
        raise DatasetError(f"{root} holds no data set: looked for {tables}, also below data/.")
    return " ".join(_words_of(task, folder) for task, folder in tasks.items())


def _words_of(task: str, folder: Path) -> str:
    entries = read_index(folder, task)
    counts = Counter(entry.split for entry in entries)
    listed = ", ".join(f"{split} {counts[split]:,}" for split in dict.fromkeys((*SPLITS, *sorted(counts))))
    official = sum(LAYOUTS[task].official.values())
    if (folder / SCENES).is_file():
        kind = "drawn by SynthAVS"
    else:
        kind = "as many as AVSBench" if len(entries) == official else f"AVSBench has {official:,}"
    return f"Found {FORMATS[task]} by its {LAYOUTS[task].table}: {len(entries):,} clips ({listed}), {kind}."


def _write_sample(task: str, report: Report) -> None:
    """Draw every split; the table, which makes the data set ready, is moved into place last."""
    counts = SAMPLE_CLIPS[task]
    done = 0
    unfinished = sample_root() / f"unfinished-{os.getpid()}"
    for split, clips in zip(SPLITS, counts, strict=True):
        write(
            SynthAVS(task, split, SAMPLE_SEED, clips),
            unfinished,
            progress=lambda n, _, before=done: report(before + n, sum(counts)),
        )
        done += clips
    place = sample_root() / TASK_FOLDERS[task]
    if not place.exists():
        (unfinished / TASK_FOLDERS[task]).replace(place)


def _named() -> list[Path]:
    paths = os.environ.get("AVSEG_DATA", "").split(os.pathsep)
    return [Path(path).expanduser().resolve() for path in paths if path.strip()]


def _tasks(root: Path) -> dict[str, Path]:
    try:
        found = find_tasks(root)
    except OSError:
        return {}
    return {task: found[task] for task in FORMATS if task in found}


def _key(origin: str, folder: Path) -> str:
    return f"{origin}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _title(root: Path, folder: Path, task: str) -> str:
    name = root.parent.name if root.name == "data" else root.name
    kind = "SynthAVS " if (folder / SCENES).is_file() and "synthavs" not in name.lower() else ""
    return f"{kind}{name}, {FORMATS[task]}"


def _keep(roots: list[Path]) -> None:
    try:
        with atomic_write(_added_file()) as file:
            file.write_text(json.dumps([str(one) for one in roots]), encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"The folder could not be noted ({error.strerror}). Free some disk, or name it in AVSEG_DATA."
        ) from error


def _added_file() -> Path:
    return _kept() / "explore-folders.json"


def _kept() -> Path:
    try:
        return cache_folder()
    except DatasetError:
        return private_cache()
