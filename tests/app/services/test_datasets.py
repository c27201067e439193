"""The registry of data sets, and work in the background."""

import time
from pathlib import Path

import pytest

from app.services import datasets
from app.services.background import BackgroundTasks
from app.services.datasets import LIBRARY
from avseg.data.avsbench.index import read_index
from avseg.errors import DatasetError
from tests.support.avsbench_folders import write_avss_table, write_drawn_folder

PUBLIC = ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING", "AVSEG_DATA")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("table") / "AVSS"
    folder.mkdir()
    write_avss_table(folder / "metadata.csv", {"train": 280, "val": 40, "test": 80}, seed=3)
    return folder.parent


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    for name in PUBLIC:
        monkeypatch.delenv(name, raising=False)


def test_the_data_sets_are_those_of_the_variable_then_the_sample(drawn, table, monkeypatch):
    assert [one.origin for one in LIBRARY.all().values()] == ["sample"] * 3
    monkeypatch.setenv("AVSEG_DATA", f"{drawn}:{table}:/nowhere")
    ours = list(LIBRARY.all().values())
    assert [one.task for one in ours[:2]] == ["ms3", "avss"] and LIBRARY.first() == ours[0].key
    assert ours[0].title == "SynthAVS folder, MS3" and str(drawn) not in ours[0].key
    with pytest.raises(DatasetError, match="no longer exists"):
        LIBRARY.get(str(drawn))


def test_a_folder_is_added_with_a_summary_and_stays(drawn, table):
    key, summary = LIBRARY.add(str(table))
    assert summary == (
        "Found AVSS by its metadata.csv: 400 clips (train 280, val 40, test 80), AVSBench has 11,356."
    )
    assert LIBRARY.get(key).origin == "added" and datasets.Library().get(key).folder == table / "AVSS"
    assert "drawn by SynthAVS" in LIBRARY.add(str(drawn))[1]
    for path, message in (
        ("", "Enter the folder"),
        ("relative", "absolute path"),
        (str(Path(__file__).parent), "contains no data"),
    ):
        with pytest.raises(DatasetError, match=message):
            LIBRARY.add(path)


def test_only_an_owner_adds_folders_on_a_public_host(drawn, monkeypatch):
    key, _ = LIBRARY.add(str(drawn))
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    with pytest.raises(DatasetError, match="off on this host"):
        LIBRARY.add(str(drawn))
    assert key not in LIBRARY.all()
    monkeypatch.setenv("AVSEG_ALLOW_TRAINING", "1")
    assert LIBRARY.add(str(drawn))[0] == key


def test_the_sample_is_drawn_once_and_completely(monkeypatch):
    monkeypatch.setattr(datasets, "SAMPLE_CLIPS", {"ms3": (1, 1, 1)})
    reports = []
    assert not LIBRARY.get("sample-ms3").ready
    datasets._write_sample("ms3", lambda done, total: reports.append((done, total)))
    sample = LIBRARY.get("sample-ms3")
    assert sample.ready and sample.drawn and reports == [(1, 3), (2, 3), (3, 3)]
    assert [entry.split for entry in read_index(sample.folder, "ms3")] == ["train", "val", "test"]


def test_a_failure_in_the_background_is_reported():
    tasks = BackgroundTasks()

    def fail(report) -> None:
        report(1, 2)
        raise DatasetError("no such table")

    tasks.start("it", fail)
    deadline = time.monotonic() + 10
    while tasks.progress("it").running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tasks.progress("it").error == "no such table" and tasks.progress("it").share == 0.5
