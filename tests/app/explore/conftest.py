"""Data sets for the Explore tab's tests; every test has a cache, visitors and open data sets of its own."""

from pathlib import Path

import numpy as np
import pytest

from app.explore import clip_handlers, collection, handlers, maps, state
from app.explore.collection import Collection, Collections
from app.services import datasets, session
from app.services.background import BackgroundTasks
from app.services.datasets import LIBRARY
from tests.support.avsbench_folders import write_avss_table, write_drawn_folder

PUBLIC = ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING", "AVSEG_DATA")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """A folder with seven drawn clips of MS3, of which one mask is missing."""
    return write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS")


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> Path:
    """A folder with AVSS's table alone, 400 clips without files."""
    folder = tmp_path_factory.mktemp("table") / "AVSS"
    folder.mkdir()
    write_avss_table(folder / "metadata.csv", {"train": 280, "val": 40, "test": 80}, seed=3)
    return folder.parent


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    """Isolate a test from the machine and from other tests, on a host that is not public."""
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(tmp_path / "evaluations"))
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    for name in PUBLIC:
        monkeypatch.delenv(name, raising=False)
    visitors, collections, tasks = session.Visitors(), Collections(), BackgroundTasks()
    for module in (state, handlers, clip_handlers):
        monkeypatch.setattr(module, "VISITORS", visitors)
    for module in (collection, state, handlers):
        monkeypatch.setattr(module, "COLLECTIONS", collections)
    for module in (collection, datasets, maps):
        monkeypatch.setattr(module, "BACKGROUND", tasks)


@pytest.fixture
def open_folder(monkeypatch):
    """A function that opens the data set of a folder."""

    def open_dataset(root: Path, task: str = "ms3") -> Collection:
        monkeypatch.setenv("AVSEG_DATA", str(root))
        ours = [one for one in LIBRARY.all().values() if one.origin == "environment" and one.task == task]
        return collection.COLLECTIONS.of(ours[0])

    return open_dataset


@pytest.fixture
def drawn_clips(drawn, open_folder) -> Collection:
    """The drawn clips, their masks not yet read."""
    return open_folder(drawn)


@pytest.fixture
def table_clips(table, open_folder) -> Collection:
    """The clips of the table, with made-up masks."""
    clips = open_folder(table, "avss")
    rng = np.random.default_rng(0)
    shape = clips.masks.share.shape
    clips.masks.share[:] = np.where(rng.random(shape) < 0.6, rng.random(shape) * 0.5, 0)
    clips.masks.share[rng.random(shape) < 0.1] = np.nan
    clips.masks.done[:] = rng.random(len(clips)) < 0.9
    return clips


def read_masks(clips: Collection) -> None:
    """Read the masks of a data set at once."""
    folder, entries = clips.dataset.folder, clips.facts.entries
    clips.masks.read_masks(folder, entries, None, clips.key, lambda done, total: None)
