"""Data for training are refused before the first step where nothing can be learned from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.avsbench.write import GeneratedClip, write_split
from avseg.errors import DatasetError
from avseg.loaders import training_clips
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
