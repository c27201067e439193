"""Data for training are refused before the first step where nothing can be learned from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.config import Config
from avseg.data.avsbench.write import GeneratedClip, write_split
from avseg.data.joined import JoinedClips
from avseg.errors import ConfigError, DatasetError
from avseg.loaders import (
    clips_per_epoch,
    comes_again,
    join_data,
    run_size,
    split_data,
    training_clips,
    validation_clips,
)
from avseg.presets import PRESETS
from tests.support.small_model import small_config


def clip(index: int) -> GeneratedClip:
    frames = np.zeros((5, 224, 224, 3), np.uint8)
    return GeneratedClip(f"tr{index:09d}", frames, frames[..., 0], np.zeros(80_000, np.float32), ())


def test_training_on_empty_masks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    config = small_config()
    config = replace(config, model=replace(config.model, task="ms3"))
    folder = write_split("ms3", "train", tmp_path / "data", 2, clip)
    with pytest.raises(DatasetError, match=r"Every training mask of .*Multi-sources is empty"):
        training_clips(str(tmp_path / "data"), config)
    mask = next(folder.rglob("gt_masks/**/*.png"))
    Image.fromarray(np.eye(224, dtype=np.uint8)).save(mask)
    assert len(training_clips(str(tmp_path / "data"), config)) == 2


def own_folder(root: Path, splits: dict[str, int], frames: int = 5, task: str = "ms3") -> str:
    """Write clips in which something sounds; returns the folder."""
    for split, count in splits.items():

        def make(index: int, split: str = split) -> GeneratedClip:
            pictures = np.full((frames, 224, 224, 3), 10 * index, np.uint8)
            masks = np.full((frames, 224, 224), 255 if task == "ms3" else 17, np.uint8)
            sound = np.zeros(16_000 * frames, np.float32)
            return GeneratedClip(f"{split[:2]}{root.name}{index:08d}", pictures, masks, sound, ("dog",))

        folder = write_split(task, split, root, count, make)
    if frames != 5:
        (folder / "conversion.json").write_text(f'{{"task": "{task}", "frames": {frames}, "rate": 1}}')
    return str(root)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    base = small_config()
    train = replace(base.train, epochs=2, synth_clips=4, batch_size=2, validation_clips=0)
    return replace(base, model=replace(base.model, task="ms3"), train=train)


def test_several_data_sets_are_one(tmp_path: Path, config: Config):
    first = own_folder(tmp_path / "a", {"train": 3, "val": 2})
    second = own_folder(tmp_path / "b", {"train": 2})
    clips = training_clips(join_data([first, second, second]), config)
    assert len(clips) == clips_per_epoch(clips, config) == 3 + 2 + 2 and comes_again(clips)
    assert [clips.name(k) for k in (0, 3, 5)] == ["0/tra00000000", "1/trb00000000", "2/trb00000000"]
    assert [int(clips.read(k, [0]).frames.max()) for k in range(7)] == [0, 10, 20, 0, 10, 0, 10]
    validation = validation_clips(join_data([first, second, second]), config)
    assert len(validation) == 2 and validation.split == "val"  # the second has none
    assert first in clips.reference.root and second in clips.reference.root


def test_drawn_clips_beside_a_folder_are_new_in_every_epoch(tmp_path: Path, config: Config):
    folder = own_folder(tmp_path / "a", {"train": 3, "val": 1})
    clips = training_clips(join_data([folder, "synth"]), config)
    assert isinstance(clips, JoinedClips) and not comes_again(clips)
    assert clips_per_epoch(clips, config) == 3 + 4 and len(clips) == 2 * 7
    names = [clips.name(k) for k in range(14)]
    assert names[:3] == names[7:10] and not {*names[3:7]} & {*names[10:]}
    assert run_size(join_data([folder, "synth"]), config).steps == 2 * (7 // 2)


def test_data_sets_that_do_not_fit_are_refused(tmp_path: Path, config: Config):
    first = own_folder(tmp_path / "a", {"train": 2, "val": 1})
    longer = own_folder(tmp_path / "b", {"train": 2, "val": 1}, frames=8)
    other = own_folder(tmp_path / "c", {"train": 2, "val": 1}, task="s4")
    with pytest.raises(ConfigError, match=r"do not fit into one training: .*clips of 5 .*clips of 8 frames"):
        training_clips(join_data([first, longer]), config)
    with pytest.raises(DatasetError, match=r"contains only s4; expected Multi-sources"):
        training_clips(join_data([first, other]), config)
    assert len(training_clips(longer, config)) == 2
    tpavi = PRESETS["ms3-pvt-avsbench"]
    with pytest.raises(ConfigError, match="TPAVI needs clips of 5 frames, and these have 8"):
        training_clips(longer, tpavi)
    with pytest.raises(ConfigError, match="rename it"):
        join_data(["a + b", "c"])


def test_the_name_of_several_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert join_data([]) == join_data(["synth"]) == "synth"
    assert split_data(join_data(["a", "b", "b"])) == ["a", "b", "b"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a + b").mkdir()
    assert split_data(join_data(["a + b"])) == ["a + b"]
