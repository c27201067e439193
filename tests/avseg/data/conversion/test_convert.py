"""Own videos with masks of every origin become clips in AVSBench's format, which its check accepts."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.__main__ import main
from avseg.data.avsbench.check import check
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.coco import RunLengths, mask_of, read_coco
from avseg.data.conversion.convert import convert
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import ConfigError, DatasetError
from tests.support.media import LOSSLESS, counting, ffmpeg, number_of

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 5 s and one of 10 s."""
    folder = tmp_path_factory.mktemp("videos")
    for name, seconds in (("one", 5), ("two", 5), ("long one", 10)):
        counting(folder / f"{name}.mp4", seconds, rate=10)
    (folder / "._one.mp4").write_bytes(b"x")
    (folder / "notes.txt").write_text("not a video")
    return folder


def bar(column: int, value: int = 255) -> np.ndarray:
    """Return a mask with a bar that says which one it is."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 8 * column : 8 * column + 8] = value
    return mask


def columns(classes: np.ndarray) -> list[int]:
    """Return which bar each mask shows."""
    return [int(np.flatnonzero(mask[mask.shape[0] // 2])[0] / mask.shape[1] * 12 + 0.5) for mask in classes]


def test_folders_of_png_masks(videos: Path, tmp_path: Path):
    for name, count in (("one", 5), ("two", 50), ("long one", 10)):
        (tmp_path / "masks" / name).mkdir(parents=True)
        for number in range(count):
            mask = bar(number * 10 // count if name == "long one" else number * 5 // count, 1)
            Image.fromarray(mask).save(tmp_path / f"masks/{name}/{number}.png")
    counts = convert(videos, tmp_path / "masks", tmp_path / "out", "ms3", "test")
    clips = AVSBench(tmp_path / "out", "ms3", "test")
    assert counts == {"test": 4} and len(clips) == 4
    by_video = {clips.name(index).partition("-")[2]: clips.read(index) for index in range(4)}
    assert set(by_video) == {"one_0", "two_0", "long-one_0", "long-one_1"}
    for name, first in (("one_0", 0), ("two_0", 0), ("long-one_0", 0), ("long-one_1", 5)):
        sample = by_video[name]
        assert columns(sample.classes) == [first + second for second in range(5)], name
        assert [number_of(frame) for frame in sample.frames] == [10 * (first + k) + 9 for k in range(5)]
        assert set(np.unique(sample.classes)) == {0, UNNAMED} and np.abs(sample.waveform).max() > 0.05
    assert check(tmp_path / "out", "ms3").errors == 0
    assert len({entry.video for entry in clips.entries}) == 3


def coco_file(path: Path, name: str, frames: int = 10) -> Path:
    """Write annotations of a video's frames: a polygon in even ones, compressed run lengths in odd ones."""
    from pycocotools import mask as coco

    images, annotations = [], []
    for number in range(frames):
        images.append(
            {"id": number, "file_name": f"{name}/{number}.jpg", "height": SIZE[0], "width": SIZE[1]}
        )
        left = 8 * number
        shape = [[left, 0, left + 7, 0, left + 7, SIZE[0], left, SIZE[0]]]
        if number % 2:
            run = coco.encode(np.asfortranarray(bar(number) // 255))
            shape = {"size": run["size"], "counts": run["counts"].decode()}
        annotations.append({"image_id": number, "category_id": 18, "segmentation": shape})
    crowd = {"size": list(SIZE), "counts": [0, 64, 64 * 95]}  # the first column
    annotations.append({"image_id": 5, "category_id": 18, "iscrowd": 1, "segmentation": crowd})
    categories = [{"id": 18, "name": "dog"}]
    path.write_text(
        json.dumps({"images": images[::-1], "annotations": annotations, "categories": categories})
    )
    return path


def test_coco_annotations_with_classes(videos: Path, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/long.mp4").symlink_to(videos / "long one.mp4")
    file = coco_file(tmp_path / "coco.json", "long")
    arguments = [
        "--videos",
        str(tmp_path / "videos"),
        "--masks",
        str(file),
        "--task",
        "avss",
        "--split",
        "val",
    ]
    assert main(["convert", str(tmp_path / "out"), *arguments]) == 0
    clips = AVSBench(tmp_path / "out", "avss", "val")
    sample = clips.read(0)
    assert set(np.unique(sample.classes)) == {0, CLASS_INDEX["dog"], IGNORED} and clips.entry(0).labels == (
        "dog",
    )
    assert columns(np.where(sample.classes == IGNORED, 0, sample.classes)) == list(range(10))
    assert (sample.classes[5, :, 0] == IGNORED).all() and not (sample.classes[4] == IGNORED).any()
    report = check(tmp_path / "out", "avss")
    assert report.errors == 0 and report.counts["ignored pixels"] == 1


def test_masks_as_a_video_and_classes_of_s4(videos: Path, tmp_path: Path):
    source = f"color=c=black:s={SIZE[1]}x{SIZE[0]}:r=10:d=5"
    box = "geq=lum='if(between(X,8*floor(T),8*floor(T)+7),235,16)':cb=128:cr=128"
    for name in ("one", "two", "long one"):
        (tmp_path / "masks").mkdir(exist_ok=True)
        duration = source.replace("d=5", "d=10") if name == "long one" else source
        ffmpeg("-f", "lavfi", "-i", duration, "-vf", box, *LOSSLESS, tmp_path / f"masks/{name}.mkv")
    counts = convert(videos, tmp_path / "masks", tmp_path / "out", "s4", label="dog")
    assert sum(counts.values()) == 4 and {"train", "val", "test"} == set(counts)
    for split in counts:
        clips = AVSBench(tmp_path / "out", "s4", split)
        sample = clips.read(0)
        assert clips.entry(0).labels == ("dog",) and set(np.unique(sample.classes)) == {0, CLASS_INDEX["dog"]}
    assert check(tmp_path / "out", "s4").errors == 0


def test_what_is_lacking_is_said_before_anything_is_written(videos: Path, tmp_path: Path):
    (tmp_path / "masks/one").mkdir(parents=True)
    Image.fromarray(bar(0)).save(tmp_path / "masks/one/1.png")
    out = tmp_path / "out"
    with pytest.raises(DatasetError, match=r"no masks for long one\.mp4, two\.mp4; expected"):
        convert(videos, tmp_path / "masks", out, "ms3")
    with pytest.raises(DatasetError, match="neither a folder nor a COCO file"):
        convert(videos, tmp_path / "none", out, "ms3")
    with pytest.raises(DatasetError, match="contains no videos"):
        convert(tmp_path, tmp_path / "masks", out, "ms3")
    with pytest.raises(ConfigError, match="--label"):
        convert(videos, tmp_path / "masks", out, "s4")
    with pytest.raises(ConfigError, match="71 classes"):
        convert(videos, tmp_path / "masks", out, "s4", label="unicorn")
    file = coco_file(tmp_path / "coco.json", "one")
    file.write_text(file.read_text().replace('"dog"', '"unicorn"'))
    with pytest.raises(DatasetError, match="not among AVSBench's 71 classes: unicorn"):
        convert(videos, file, out, "avss")
    assert not out.exists()


def test_run_lengths_that_do_not_add_up(tmp_path: Path):
    for counts in ((1, 2), (-1, 13), (10**12,)):
        with pytest.raises(DatasetError, match="do not add up"):
            mask_of(RunLengths((3, 4), counts), (3, 4))
    (tmp_path / "coco.json").write_text(
        '{"images": [], "annotations": [{"segmentation": 3}], "categories": []}'
    )
    with pytest.raises(DatasetError, match="not a COCO instances file"):
        read_coco(tmp_path / "coco.json")
