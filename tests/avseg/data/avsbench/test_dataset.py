"""AVSBench on disk: the three formats, splits, the index and its cache, sound, damaged files."""

import csv
import io
import os
import shutil
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.avsbench import index as index_module
from avseg.data.avsbench.dataset import LAYOUTS, AVSBench, find_task, find_tasks, open_data
from avseg.data.avsbench.index import read_index
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import IGNORED, UNNAMED
from avseg.data.transforms import ClipTensors
from avseg.errors import ConfigError, DatasetError
from avseg.media.audio import SAMPLE_RATE
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write

TABLES = Path(__file__).resolve().parents[5] / "shared" / "avsbench_meta"
HEADER = "vid,uid,s_min,s_sec,a_obj,split,label"
Change = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def drawn() -> dict[str, SynthAVS]:
    return {task: SynthAVS(task, "test", 0, 2) for task in LAYOUTS}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, drawn: dict[str, SynthAVS]) -> Path:
    """A folder with two test clips of every task and one training clip of S4."""
    folder = tmp_path_factory.mktemp("written")
    for clips in (*drawn.values(), SynthAVS("s4", "train", 0, 1)):
        write(clips, folder, videos=False)
    return folder


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "copy"))


def edit(table: Path, change: Change) -> None:
    """Change every row of a table."""
    with table.open(newline="") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    table.write_text(text.getvalue())


def shorten(root: Path, split: str) -> None:
    """Make the AVSS clips v1s: five frames from second 6 of their video, of training clips one label."""
    folder = root / "AVSS"
    (folder / "v2").rename(folder / "v1s")
    for number in range(10):
        for clip in (folder / "v1s").iterdir():
            if number > 4:
                (clip / f"frames/{number}.jpg").unlink()
            if number > (0 if split == "train" else 4):
                (clip / f"labels_semantic/{number}.png").unlink()
                (clip / f"labels_rgb/{number}.png").unlink()
    edit(folder / "metadata.csv", lambda row: row | {"label": "v1s", "s_sec": "6", "split": split})


def test_frames_masks_and_sound_are_what_was_drawn(data: Path, drawn: dict[str, SynthAVS]):
    for task in ("s4", "ms3"):
        clips = AVSBench(data, task, "test")
        assert (clips.task, clips.split, clips.seconds, len(clips)) == (task, "test", 5, 2)
        for index in range(2):
            sample, truth = clips.read(index), drawn[task].read(index)
            assert sample.name == truth.name == clips.name(index) and sample.moments == truth.moments
            assert np.array_equal(sample.frames, truth.frames)
            expected = truth.classes if task == "s4" else np.where(truth.classes, UNNAMED, 0)
            assert sample.classes.dtype == np.uint8 and np.array_equal(sample.classes, expected)
            assert sample.waveform.dtype == np.float32 and sample.waveform.shape == truth.waveform.shape
            assert np.abs(sample.waveform - truth.waveform).max() < 1e-4
            assert sample.labelled.all() and sample.real.all()


def test_avss_keeps_its_size_and_classes(data: Path):
    clips = AVSBench(data, "avss", "test")
    sample, entry = clips.read(0), clips.entry(0)
    assert clips.seconds == 10 and sample.frames.shape == (10, 270, 480, 3)
    assert sample.labelled.all() and sample.real.all()
    assert set(np.unique(sample.classes)) - {0} == {CLASS_INDEX[name] for name in entry.labels}
    some = clips.read(0, [7, 2])
    assert some.moments == (7, 2)
    assert np.array_equal(some.frames, sample.frames[[7, 2]])
    assert np.array_equal(some.classes, sample.classes[[7, 2]])


def test_labels_in_colour_are_read_where_there_are_no_others(copy: Path):
    before = AVSBench(copy, "avss", "test").read(1)
    for clip in (copy / "AVSS/v2").iterdir():
        shutil.rmtree(clip / "labels_semantic")
    assert np.array_equal(AVSBench(copy, "avss", "test").read(1).classes, before.classes)
    path = copy / "AVSS/v2" / before.name / "labels_rgb/3.png"
    pixels = np.array(Image.open(path))
    pixels[5, 5] = 1, 2, 3
    Image.fromarray(pixels).save(path)
    with pytest.raises(DatasetError, match=r"3\.png has the colour \(1, 2, 3\) \(1 pixels\)"):
        AVSBench(copy, "avss", "test").read(1)


def test_s4_training_clips_have_one_label(data: Path):
    sample = AVSBench(data, "s4", "train").read(0)
    assert sample.labelled.tolist() == [True] + [False] * 4 and sample.real.all()
    assert sample.classes[0].any() and not sample.classes[1:].any()
    assert AVSBench(data, "s4", "train").read(0, [3]).labelled.tolist() == [False]


@pytest.mark.parametrize("split,labels", [("train", 1), ("test", 5)])
def test_short_clips_of_avss_are_filled_up(copy: Path, split: str, labels: int):
    shorten(copy, split)
    clips = AVSBench(copy, "avss", split)
    first = copy / "AVSS/v1s" / clips.name(0)
    (first / "frames/4.jpg").unlink()  # at second 6 of a video of 10 s there are four
    for index, there in ((0, 4), (1, 5)):
        sample = clips.read(index)
        assert sample.frames.shape[0] == sample.classes.shape[0] == 10
        assert sample.real.tolist() == [moment < there for moment in range(10)]
        assert sample.labelled.tolist() == [moment < min(there, labels) for moment in range(10)]
        assert not sample.frames[there:].any() and not sample.classes[min(there, labels) :].any()
    (first / "frames/3.jpg").unlink()
    with pytest.raises(DatasetError, match=r"3\.jpg is missing.*avseg check"):
        clips.read(0)


def test_every_file_that_is_promised_must_be_there(copy: Path):
    clips = AVSBench(copy, "ms3", "test")
    name = clips.name(0)
    for path in (
        f"visual_frames/{name}/{name}.mp4_5.png",
        f"gt_masks/test/{name}/{name}_2.png",
        f"audio_wav/test/{name}.wav",
    ):
        file = copy / "Multi-sources/ms3_data" / path
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(DatasetError, match=f"{file.name} .*missing"):
            clips.read(0)
        file.write_bytes(b"This is text.")
        with pytest.raises(DatasetError, match=f"{file.name} is not a"):
            clips.read(0)
        file.write_bytes(content[: len(content) // 2])
        if file.suffix == ".png":
            with pytest.raises(DatasetError, match=f"{file.name} is a damaged image"):
                clips.read(0)
        file.write_bytes(content)
    clips.read(0)


def test_masks_are_cut_at_the_middle_and_made_to_fit(copy: Path):
    clips = AVSBench(copy, "s4", "test")
    entry = clips.entry(0)
    mask, frame = copy / "Single-source" / entry.masks(0)[0][0], copy / "Single-source" / entry.frame(1)
    grey = np.tile(np.arange(224, dtype=np.uint8) + 16, (224, 1))
    value = CLASS_INDEX[entry.labels[0]]
    expected = np.where(grey > 127, value, 0)
    for picture in (Image.fromarray(grey), Image.fromarray(grey).convert("RGB")):
        picture.save(mask)
        assert np.array_equal(clips.read(0, [0]).classes[0], expected)
    Image.fromarray(grey).resize((112, 112), Image.Resampling.NEAREST).save(mask)
    Image.new("L", (100, 50), 200).save(frame)
    sample = clips.read(0)
    assert sample.classes.shape == (5, 224, 224) and set(np.unique(sample.classes[0])) == {0, value}
    assert sample.frames.shape == (5, 224, 224, 3) and (sample.frames[1] == 200).all()


def test_a_clip_in_another_rate_is_read(copy: Path):
    clips = AVSBench(copy, "ms3", "test")
    with wave.open(str(copy / "Multi-sources" / clips.entry(0).sound), "wb") as file:
        file.setparams((2, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(4 * 4 * 48_000))
    assert clips.read(0).waveform.shape == (4 * SAMPLE_RATE,)
    assert ClipTensors(clips, 64)[0].log_mel.shape == (
        5,
        1,
        96,
        64,
    )  # the last patch repeats


def test_the_folder_may_be_named_at_any_height(data: Path, tmp_path: Path):
    (tmp_path / "above").mkdir()
    (tmp_path / "above/data").symlink_to(data)
    for root in (data, tmp_path / "above", data / "Multi-sources"):
        assert len(open_data(root, "ms3")) == 2
    assert list(find_tasks(data)) == ["s4", "ms3", "avss"]
    assert find_task(data / "AVSS") == open_data(str(data / "AVSS")).task == "avss"
    with pytest.raises(DatasetError, match="contains s4, ms3, avss; select one"):
        open_data(data)


def test_data_sets_one_or_two_levels_deeper_are_found(copy: Path, tmp_path: Path):
    root = tmp_path / "root"
    (root / "AVSBench/AVSBench_object").mkdir(parents=True)
    (root / "AVSBench/.hidden").mkdir()
    shutil.copytree(copy / "AVSS", root / "AVSBench/.hidden/AVSS")
    (copy / "Single-source").rename(root / "AVSBench/AVSBench_object/Single-source")
    (copy / "Multi-sources").rename(root / "AVSBench/AVSBench_object/ms3")
    (copy / "AVSS").rename(root / "AVSBench/AVSBench_semantic")
    assert list(find_tasks(root / "AVSBench")) == ["s4", "avss"]
    assert list(find_tasks(root / "AVSBench/AVSBench_object")) == ["s4"]
    assert len(open_data(root, "s4")) == 2 and len(open_data(root / "AVSBench/AVSBench_object/ms3")) == 2
    shutil.copytree(root / "AVSBench/AVSBench_semantic", root / "AVSBench/again")
    assert list(find_tasks(root / "AVSBench")) == ["s4"]
    with pytest.raises(
        DatasetError, match=r"same task several times: name one of .*AVSBench_semantic, .*again"
    ):
        open_data(root / "AVSBench", "avss")


def test_a_search_reads_a_bounded_part_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index_module, "MAX_LISTED", 50)
    for number in range(100):
        (tmp_path / f"{number}").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(index_module._subfolders(tmp_path)) <= 50
    with pytest.raises(DatasetError, match="expected Single-source"):
        find_task(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_that_went_through_a_spreadsheet(copy: Path, encoding: str, separator: str):
    table = copy / "Single-source/s4_meta_data.csv"
    before = read_index(copy / "Single-source", "s4")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    rows = [
        ["", *rows[0]],
        *([f"{n}", a, f"{start}.0", b, f"{c} "] for n, (a, start, b, c) in enumerate(rows[1:])),
    ]
    rows[0] = [cell.title() for cell in rows[0]]
    table.unlink()
    text = "\r\n".join(separator.join(row) for row in rows)
    table.with_suffix(".CSV").write_bytes(text.encode(encoding))
    assert read_index(copy / "Single-source", "s4") == before
    assert len(AVSBench(copy, "s4", "test")) == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b,soon,dog_barking,test", "line 3, column start: 'soon' is not a number of seconds"),
        ("#NAME?,0,dog_barking,test", r"line 3, column name: #NAME\? is what a spreadsheet makes"),
        ("b,0,../dog,test", "line 3, column category: '../dog' is not the name of a file"),
    ],
)
def test_what_a_table_gets_wrong_is_named_with_line_and_column(tmp_path: Path, row: str, words: str):
    (tmp_path / "s4_meta_data.csv").write_text(f"name,start,category,split\na,0,dog_barking,test\n{row}\n")
    with pytest.raises(DatasetError, match=words):
        AVSBench(tmp_path, "s4", "test")


def test_endings_in_upper_case_and_frames_as_jpeg(copy: Path):
    clips = AVSBench(copy, "ms3", "test")
    before, entry = clips.read(0), clips.entry(0)
    folder = copy / "Multi-sources"
    for moment in range(5):
        frame, mask = folder / entry.frame(moment), folder / entry.masks(moment)[0][0]
        Image.open(frame).save(frame.with_suffix(".JPG"), quality=100)
        frame.unlink()
        mask.rename(mask.with_suffix(".PNG"))
    (folder / entry.sound).rename((folder / entry.sound).with_suffix(".WAV"))
    after = clips.read(0)
    assert np.array_equal(after.classes, before.classes) and np.array_equal(after.waveform, before.waveform)
    assert np.abs(after.frames.astype(int) - before.frames).mean() < 3


def test_masks_of_zeros_and_ones_train(copy: Path):
    masks = [*(copy / "Multi-sources/ms3_data/gt_masks").rglob("*.png")]
    before = AVSBench(copy, "ms3", "test").read(0).classes
    for path in masks:
        Image.fromarray((np.asarray(Image.open(path)) > 0).astype(np.uint8)).save(path)
    clips = AVSBench(copy, "ms3", "test")
    assert np.array_equal(clips.read(0).classes, before) and clips.has_foreground()
    for path in masks:
        Image.new("L", (224, 224)).save(path)
    assert not clips.has_foreground()


def test_ignored_pixels_of_a_label_reach_the_sample(copy: Path):
    clips = AVSBench(copy, "avss", "test")
    path = copy / "AVSS" / clips.entry(0).masks(0)[0][0]
    label = np.array(Image.open(path))
    label[:2] = 255
    Image.fromarray(label).save(path)
    classes = clips.read(0, [0]).classes[0]
    assert (classes[:2] == IGNORED).all() and (classes[2:] == label[2:]).all()


def test_folders_that_hold_something_else(data: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match=r"is not a folder; expected Single-source/s4_meta_data.csv"):
        find_task(tmp_path / "nowhere")
    (tmp_path / "photos").mkdir()
    with pytest.raises(DatasetError, match=r"is empty; .*v1s/, v1m/, v2/"):
        open_data(tmp_path / "photos")
    (tmp_path / "photos/cat.jpg").touch()
    with pytest.raises(DatasetError, match=r"contains cat\.jpg; expected"):
        open_data(tmp_path / "photos")
    with pytest.raises(DatasetError, match="contains only ms3; expected AVSS"):
        AVSBench(data / "Multi-sources", "avss", "test")
    with pytest.raises(DatasetError, match="no clips of split val; splits with clips: test"):
        AVSBench(data, "ms3", "val")
    for task, split in (("s5", "test"), ("s4", "dev"), ("s4", "ms3-leakfree")):
        with pytest.raises(ConfigError, match=r"tasks are|splits are"):
            AVSBench(data, task, split)


def test_leak_free_clips_come_from_videos_that_training_has_not(copy: Path):
    table = copy / "Multi-sources/ms3_meta_data.csv"
    name = AVSBench(copy, "ms3", "test").name(0)
    with table.open("a") as file:
        file.write(f"{name[:11]}_7,train\n")
    for split in ("test-leakfree", "ms3-leakfree"):
        kept = AVSBench(copy, "ms3", split)
        assert kept.split == "test-leakfree" and len(kept) == 1 and kept.name(0) != name


def test_labels_and_dirty_labels(tmp_path: Path):
    rows = [("horse", "h orse"), ("", "off-the-screen"), ("guitar tabla", "guitar_tabla")]
    rows += [("dog", "dog_unicorn")]
    lines = [f"a{n:010d},a{n:010d}_0_10000,0,0,{given},test,v2" for n, (_, given) in enumerate(rows)]
    (tmp_path / "metadata.csv").write_text("\n".join([HEADER, *lines]))
    entries = AVSBench(tmp_path, "avss", "test").entries
    assert [" ".join(entry.labels) for entry in entries] == [labels for labels, _ in rows]
    assert [entry.unknown for entry in entries] == [(), (), (), ("unicorn",)]
    (tmp_path / "s4_meta_data.csv").write_text(
        "name,start,category,split\na,0,dog_barking,test\nb,0,x,test\n"
    )
    dog, strange = AVSBench(tmp_path, "s4", "test").entries
    assert (dog.labels, dog.unnamed) == (("dog",), CLASS_INDEX["dog"])
    assert (strange.unknown, strange.unnamed) == (("x",), UNNAMED)


def test_tables_that_cannot_be_used(tmp_path: Path):
    table = tmp_path / "ms3_meta_data.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match=r"columns a, b; expected video_id, split"):
        AVSBench(tmp_path, "ms3", "test")
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read as a table"):
        AVSBench(tmp_path, "ms3", "test")
    table.write_text("\ufeffvideo_id,split,more\nx,test,1\n\nx,test,2\ny\n", encoding="utf-8")
    clips = AVSBench(tmp_path, "ms3", "test")
    assert len(clips) == 1 and len(read_index(tmp_path, "ms3")) == 3
    for index in (-1, 1):
        with pytest.raises(IndexError):
            clips.read(index)


@pytest.mark.parametrize("subset", ["..", "/etc", "v2/..", "a\\b"])
def test_a_table_cannot_lead_out_of_its_folder(subset: str, tmp_path: Path):
    (tmp_path / "metadata.csv").write_text(f"{HEADER}\nv,v_0_10000,0,0,dog/man,test,{subset}\n")
    with pytest.raises(DatasetError, match="remove that row"):
        AVSBench(tmp_path, "avss", "test")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real tables, or where they are not at hand, ones of their size."""
    folder = tmp_path_factory.mktemp("large")
    if TABLES.is_dir():
        for name in ("s4_meta_data.csv", "ms3_meta_data.csv", "metadata.csv"):
            shutil.copyfile(TABLES / name, folder / name)
        return folder
    splits = [split for split, count in LAYOUTS["avss"].official.items() for _ in range(count)]
    rows = [f"v{n:010d},v{n:010d}_0_10000,0,0,dog_man,{split},v2" for n, split in enumerate(splits)]
    (folder / "metadata.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


def test_an_index_of_full_size_is_quick_and_cached(large: Path, cache: Path):
    began = time.process_time()
    made = read_index(large, "avss")
    assert time.process_time() - began < 5  # seconds of one core; it takes about half a second
    assert len(made) == 11_356 and sum(entry.split == "train" for entry in made) == 8_498
    (kept,) = cache.iterdir()
    written = kept.stat().st_mtime_ns
    assert read_index(large, "avss") == made and kept.stat().st_mtime_ns == written
    kept.write_text('{"key": [1]')
    assert read_index(large, "avss") == made
    os.utime(large / "metadata.csv", ns=(1, 1))
    assert read_index(large, "avss") == made
    assert '"key": [5, ' in kept.read_text()[:20]


def test_an_index_follows_its_table_and_needs_no_cache(copy: Path, monkeypatch: pytest.MonkeyPatch):
    assert len(read_index(copy / "Multi-sources", "ms3")) == 2
    with (copy / "Multi-sources/ms3_meta_data.csv").open("a") as file:
        file.write("another,train\n")
    assert len(read_index(copy / "Multi-sources", "ms3")) == 3
    for place in (copy / "Multi-sources/cache", copy / "Multi-sources/ms3_meta_data.csv/not-a-folder"):
        monkeypatch.setenv("AVSEG_CACHE", str(place))
        assert len(read_index(copy / "Multi-sources", "ms3")) == 3 and not place.exists()
    monkeypatch.setenv("AVSEG_CACHE", str(copy / "Single-source/s4_meta_data.csv"))  # a file is in the way
    assert len(read_index(copy / "Multi-sources", "ms3")) == 3


@pytest.mark.skipif(not TABLES.is_dir(), reason="needs AVSBench's own tables")
def test_the_real_tables(large: Path):
    for task, layout in LAYOUTS.items():
        for split, count in layout.official.items():
            clips = AVSBench(large, task, split)
            assert len(clips) == count and not any(entry.unknown for entry in clips.entries)
    assert len(AVSBench(large, "ms3", "ms3-leakfree")) == 26
    assert len(AVSBench(large, "avss", "test-leakfree")) == 1554 - 53
    late = [entry for entry in read_index(large, "s4") if entry.required == 4]
    assert len(late) == 14 and {entry.frames for entry in late} == {5}
