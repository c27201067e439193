"""A small folder in the layout of AVS-Synthetic."""

import csv
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.media.video import write_wav

HEADER = ("inst_id", "img_id", "bbox", "area", "cls_name", "cls_id", "dataset", "split", "audio_name")
SIZE = (48, 64)  # height and width of every image


def write_synthetic(root: Path) -> Path:
    """Write four training images and two of each other split, of two classes; the class decides the pitch."""
    folder = root / "AVS_Synthetic"
    for name in ("images", "masks", "audios"):
        (folder / name).mkdir(parents=True)
    rows = []
    for number in range(8):
        split = ("train", "train", "train", "train", "validate", "validate", "test", "test")[number]
        name, identity = (("dog", 3), ("zebra", 7))[number % 2]
        rows.append(
            (f"inst{number}", f"image{number}", "", "", name, identity, "lvis", split)
            + (("",) if split == "train" else (f"sound{identity}",))
        )
        picture = np.full((*SIZE, 3), 40 + 20 * number, np.uint8)
        mask = np.zeros(SIZE, np.uint8)
        mask[8:24, 8 : 16 + 4 * number] = 255
        picture[mask > 0] = 220
        Image.fromarray(picture).save(folder / f"images/image{number}.jpg")
        Image.fromarray(mask).save(folder / f"masks/inst{number}.png")
    for identity, hertz in ((3, 300), (7, 900)):
        seconds = np.arange(10 * 16000) / 16000
        loud = np.where(seconds < 0.96, 0.0, 0.4)  # what is heard begins at the second window
        write_wav(folder / f"audios/sound{identity}.wav", loud * np.sin(2 * np.pi * hertz * seconds))
    with (folder / "annotations.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    (folder / "category_for_vggsound_audios.pkl").write_bytes(pickle.dumps({3: ["sound3"], 7: ["sound7"]}))
    return folder
