"""Clips of a data set as the models and a player take them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avseg.data.avsbench.clip import read_dataset_clip, truth_for, with_video
from avseg.data.avsbench.index import read_index
from avseg.data.avsbench.layout import Entry
from avseg.errors import DatasetError
from tests.support.avsbench_folders import write_drawn_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of seven drawn clips of MS3, of which one mask is missing."""
    return write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS") / "Multi-sources"


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


def entry_of(folder: Path, name: str = "", split: str = "") -> Entry:
    return next(entry for entry in read_index(folder, "ms3") if name in entry.name and split in entry.split)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_clip_gets_a_video_that_plays(folder, tmp_path, split):
    entry = entry_of(folder, split=split)
    content = read_dataset_clip(folder, entry)
    playable = with_video(content, folder, entry, tmp_path / "clip")
    assert playable.clip.path.parent == tmp_path / "clip" and playable.clip.duration == 5
    # Drawn videos are wide; without one, the square frames are held.
    assert playable.clip.size == ((180, 320) if split == "val" else (224, 224))
    np.testing.assert_array_equal(playable.clip.frames, content.clip.frames)


def test_ground_truth_has_the_classes_of_the_prediction(folder):
    truth = read_dataset_clip(folder, entry_of(folder)).truth
    assert truth_for(truth, "ms3", "avss") is None
    binary = truth_for(truth, "ms3", "ms3")
    assert all(set(np.unique(mask)) <= {0, 1} for mask in binary)


def test_a_damaged_clip_opens_with_what_can_be_read(folder):
    entry = entry_of(folder, name="te07_000001")
    content = read_dataset_clip(folder, entry)
    assert [mask is None for mask in content.truth] == [False, True, False, False, False]
    assert [str(notice) for notice in content.clip.notices] == [
        "ms3_data/gt_masks/test/te07_000001/te07_000001_2.png is missing."
    ]
    with pytest.raises(DatasetError, match="missing"):
        read_dataset_clip(folder, replace(entry, name="gone"))
