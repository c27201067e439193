"""What cannot be converted is said in a sentence before anything is written, and nothing is lost."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.avsbench.check import check
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.avsbench.index import layout_of
from avseg.data.avsbench.layout import CONVERSION
from avseg.data.conversion import convert as writing
from avseg.data.conversion.classes import read_classes
from avseg.data.conversion.convert import write
from avseg.data.conversion.plan import Source, Target, plan
from avseg.errors import AvsegError, ConfigError, DatasetError
from tests.support.media import LOSSLESS, counting, ffmpeg
from tests.support.synthetic_images import write_synthetic

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two videos of 10 s with a mask per second."""
    (tmp_path / "own/videos").mkdir(parents=True)
    counting(tmp_path / "own/videos/one.mp4", 10, rate=2)
    (tmp_path / "own/videos/two.mp4").write_bytes((tmp_path / "own/videos/one.mp4").read_bytes())
    for name in ("one", "two"):
        masks(tmp_path / "own/masks" / name)
    return tmp_path / "own"


def masks(folder: Path, size: tuple[int, int] = SIZE, count: int = 10) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        mask = np.zeros(size, np.uint8)
        mask[:, 4 * number :][:, :4] = 255
        Image.fromarray(mask).save(folder / f"{number}.png")


def refused(source: Source, target: Target) -> str:
    """Return the sentence with which a conversion is refused."""
    before = sorted(target.folder.rglob("*"))
    with pytest.raises(AvsegError) as error:
        plan(source, target)
    assert sorted(target.folder.rglob("*")) == before
    return str(error.value)


def test_videos_that_lack_something_are_named(own: Path, tmp_path: Path):
    target = Target(tmp_path / "out", "ms3")
    counting(own / "videos/two.mp4", 10, rate=2, sound=None)
    assert "No sound was found for two: put a sound file" in refused(Source(own), target)
    write(plan(Source(own, silence=True), target))
    report = check(target.folder, "ms3")
    assert report.errors == 0 and report.counts["silent sound"] == 2
    (own / "videos/two.mp4").write_bytes(b"no video")
    assert "two.mp4 is not a video file" in refused(Source(own), target)
    counting(own / "videos/one.mov", 10, rate=2)
    assert "are both called one: rename one" in refused(Source(own), target)
    missing = Source(videos=tmp_path / "nowhere", masks=own / "masks")
    assert "nowhere does not exist" in refused(missing, target)


def test_masks_that_do_not_fit_their_video_are_named(own: Path, tmp_path: Path):
    target = Target(tmp_path / "out", "ms3")
    masks(own / "masks/one", (128, 192))  # the same shape, larger
    assert sum(plan(Source(own), target).counts.values()) == 4
    masks(own / "masks/two", (64, 64))
    said = refused(Source(own), target)
    assert said == "two: its masks have 64 x 64 pixels, its pictures 96 x 64."
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", own / "videos/two.mp4", "-c", "copy", turned)
    turned.replace(own / "videos/two.mp4")
    masks(own / "masks/two")
    assert "the video is shown rotated, and the masks are not" in refused(Source(own), target)
    masks(own / "masks/two", SIZE[::-1])
    assert sum(plan(Source(own), target).counts.values()) == 4
    (own / "masks/one/3.png").write_bytes(b"no picture")
    assert "3.png" in refused(Source(own), target)


def test_a_mask_video_of_another_length_is_named(own: Path, tmp_path: Path):
    films = tmp_path / "films"
    films.mkdir()
    for name, seconds in (("one", 10), ("two", 7)):
        source = f"color=c=white:s=96x64:r=4:d={seconds}"
        ffmpeg("-f", "lavfi", "-i", source, *LOSSLESS, "-pix_fmt", "yuv420p", films / f"{name}.mp4")
    source = Source(videos=own / "videos", masks=films)
    said = refused(source, Target(tmp_path / "out", "ms3"))
    assert said == "two: its masks last 7.0 s, its pictures 10.0 s."
    assert "which avss needs: name one with --label" in refused(source, Target(tmp_path / "out", "avss"))


@pytest.mark.parametrize(
    ("segmentation", "sentence"),
    [
        ({"size": [64, 96], "counts": [10]}, "do not add up"),
        ({"size": [64, 96], "counts": [-1, 6145]}, "do not add up"),
        ({"size": [64, 96], "counts": "\\\\"}, "not a COCO instances file"),
        ({"counts": [6144]}, "not a COCO instances file"),
        ("polygon", "not a COCO instances file"),
    ],
)
def test_coco_annotations_that_are_none(own: Path, tmp_path: Path, segmentation: object, sentence: str):
    images = [
        {"id": n, "file_name": f"{('one', 'two')[n % 2]}/{n}.jpg", "height": 64, "width": 96}
        for n in range(4)
    ]
    annotations = [{"image_id": 2, "category_id": 1, "segmentation": segmentation}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    source = Source(videos=own / "videos", masks=tmp_path / "coco.json")
    assert sentence in refused(source, Target(tmp_path / "out", "avss"))


def test_a_clip_of_s4_has_one_class(own: Path, tmp_path: Path):
    images = [
        {"id": n, "file_name": f"{name}/1.jpg", "height": 64, "width": 96}
        for n, name in enumerate(("one", "two"))
    ]
    box = [[0, 0, 20, 0, 20, 20, 0, 20]]
    marks = [{"image_id": i, "category_id": c, "segmentation": box} for i, c in ((0, 1), (1, 1), (1, 2))]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    (tmp_path / "coco.json").write_text(
        json.dumps({"images": images, "annotations": marks, "categories": categories})
    )
    source = Source(videos=own / "videos", masks=tmp_path / "coco.json")
    assert "two has the classes cat, dog, and a clip of s4" in refused(source, Target(tmp_path / "out", "s4"))


def test_what_a_folder_lacks_is_said(own: Path, tmp_path: Path):
    target, empty = Target(tmp_path / "out", "ms3"), tmp_path / "empty"
    empty.mkdir()
    assert "is empty. Expected: v1s/, v1m/ or v2/" in refused(Source(empty), target)
    assert "videos/ (or frames/) and one COCO file (coco). Or name" in refused(Source(own, "coco"), target)
    assert "'film' is not a kind of source" in refused(Source(own, "film"), target)
    assert "Name --source" in refused(Source(videos=own), target)
    for name in "ab":
        (own / f"{name}.json").write_text("{}")
    assert "several JSON files (a.json, b.json): name one with --masks" in refused(Source(own), target)
    write_synthetic(tmp_path)
    synthetic = Source(tmp_path / "AVS_Synthetic")
    assert "71 classes: zebra. Name a class" in refused(synthetic, Target(tmp_path / "out", "s4"))
    assert "clips have 1 s. Leave out" in refused(synthetic, Target(tmp_path / "out", "ms3", seconds=5))
    (tmp_path / "AVS_Synthetic/audios/sound3.wav").unlink()
    assert "files are missing, the first is" in refused(synthetic, target)
    frames = tmp_path / "ddeseg/v2/a/audios"
    frames.mkdir(parents=True)
    assert "no table of their frames: put its CSV file" in refused(Source(tmp_path / "ddeseg"), target)


def test_lengths_and_rates_that_cannot_be(own: Path, tmp_path: Path):
    out = tmp_path / "out"
    for seconds, fps, sentence in (
        (2.5, 1, "would have 2.5 frames; choose --seconds and --fps whose product is a whole number"),
        (-5, 1, "whole number"),
        (5, 100, "--fps is 100; choose 0.2 to 30"),
        (60, 1, "No recording lasts 60 s"),
    ):
        assert sentence in refused(Source(own), Target(out, "ms3", seconds=seconds, fps=fps))


def test_tables_of_classes_that_cannot_be_read(tmp_path: Path):
    table = tmp_path / "names.csv"
    for text, sentence in (
        ("puppy,dog,cat\n", "a line has 3 cells"),
        ("puppy,unicorn\n", "renames to unicorn, which are not among"),
    ):
        table.write_text(text)
        with pytest.raises(DatasetError, match=sentence):
            read_classes(table, "")
    with pytest.raises(DatasetError, match="cannot be read as a table of classes"):
        read_classes(tmp_path / "none.json", "")


def test_other_folders_are_left_alone(own: Path, tmp_path: Path):
    out = tmp_path / "out"
    (out / "Multi-sources").mkdir(parents=True)
    (out / "Multi-sources/ms3_meta_data.csv").write_text("video_id,split\n")
    assert "contains Multi-sources, which no conversion wrote" in refused(Source(own), Target(out, "ms3"))
    (out / "Multi-sources/ms3_meta_data.csv").unlink()
    (out / "Multi-sources").rmdir()
    write(plan(Source(own), Target(out, "ms3", "train")))
    for target, sentence in (
        (
            Target(out, "ms3", "test"),
            "is in .* already, in split train, not test: a source stays in one split",
        ),
        (Target(out, "ms3", "train", seconds=2), "has clips of 5 frames at 1.0 per second, not 2 at 1"),
    ):
        with pytest.raises(AvsegError, match=sentence):
            plan(Source(own), target)
    own.rename(tmp_path / "other")
    assert "has clips of another one, from" in refused(
        Source(tmp_path / "other"), Target(out, "ms3", "train")
    )
    (out / "Multi-sources" / CONVERSION).write_text('{"frames": "many"}')
    with pytest.raises(DatasetError, match="is damaged"):
        layout_of(out / "Multi-sources", "ms3")
    with pytest.raises(ConfigError, match="is not a folder"):
        plan(Source(tmp_path / "other"), Target(own.parent / "other/masks/one/1.png", "ms3"))


def test_an_interrupted_conversion_continues(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "CHUNK", 1)
    target = Target(tmp_path / "out", "ms3", "train")

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(plan(Source(own), target), on_progress=stop)
    assert len(AVSBench(target.folder, "ms3", "train")) == 2  # the table has what is complete
    calls: list[tuple[int, int]] = []
    assert write(plan(Source(own), target), on_progress=lambda *call: calls.append(call)) == {"train": 2}
    assert calls == [(3, 4), (4, 4)] and check(target.folder, "ms3").errors == 0
    assert write(plan(Source(own), target)) == {}
    os.utime(own / "masks/two/3.png", (time.time() + 5, time.time() + 5))  # mended
    assert write(plan(Source(own), target)) == {"train": 2}
    assert write(plan(Source(own, label="dog"), target)) == {"train": 4}  # other settings
