"""Folders in AVSBench's format for tests: a few drawn clips, and tables without files."""

import csv
from pathlib import Path

import numpy as np

from avseg.data.labels import CLASSES
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write

FULL_SIZE = {"train": 8498, "val": 1304, "test": 1554}  # clips of AVSBench's AVSS
COLUMNS = ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label")


def write_drawn_folder(root: Path) -> Path:
    """Write MS3 as SynthAVS draws it: 3 training clips, 1 and 3 test clips; one test mask is missing."""
    for split, clips in (("train", 3), ("val", 1), ("test", 3)):
        write(SynthAVS("ms3", split, 7, clips), root, videos=split == "val")
    (root / "Multi-sources/ms3_data/gt_masks/test/te07_000001/te07_000001_2.png").unlink()
    return root


def write_avss_table(path: Path, clips: dict[str, int] = FULL_SIZE, seed: int = 0) -> None:
    """Write a table of AVSS with made-up clips: up to three classes each, some videos in two splits."""
    rng = np.random.default_rng(seed)
    names = [name for name in CLASSES if name != "background"]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for split, count in clips.items():
            for number in range(count):
                video = f"v{int(rng.integers(10**9)) if number % 20 else number:010d}"
                labels = "_".join(rng.choice(names, rng.integers(1, 4), replace=False))
                rows.writerow((video, f"{video}_{number}_{split}", 0, number, labels, split, "v2"))
