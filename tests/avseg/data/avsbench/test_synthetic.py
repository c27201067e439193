"""AVS-Synthetic: its table, images, masks and sounds, read as S4 clips of one frame."""

import os
import pickle
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from avseg.__main__ import main
from avseg.data.avsbench import synthetic
from avseg.data.avsbench.check import check
from avseg.data.avsbench.clip import read_dataset_clip, with_video
from avseg.data.avsbench.dataset import AVSBench, find_tasks
from avseg.data.avsbench.files import read_wav
from avseg.data.avsbench.index import read_index
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import UNNAMED
from avseg.errors import DatasetError
from avseg.loaders import evaluation_clips
from avseg.media.audio import benchmark_patches, released_patches
from avseg.media.video import write_wav
from tests.support.synthetic_images import SIZE, write_synthetic


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_synthetic(tmp_path / "data")


def test_a_row_is_a_clip_of_one_frame(folder):
    assert find_tasks(folder.parent) == find_tasks(folder) == {"s4": folder}
    clips = AVSBench(folder.parent, "s4", "val")  # "validate" in the table
    assert (len(clips), clips.seconds, clips.name(0)) == (2, 1, "inst4")
    sample = clips.read(0)
    assert sample.frames.shape == (1, *SIZE, 3) and sample.labelled.all() and sample.real.all()
    mask = np.zeros(SIZE, bool)
    mask[8:24, 8:32] = True
    assert ((sample.classes[0] > 0) == mask).all()
    assert set(np.unique(sample.classes)) == {0, CLASS_INDEX["dog"]}
    assert set(np.unique(clips.read(1).classes)) == {0, UNNAMED}  # zebra is not one of AVSBench's classes
    assert clips.sounding_classes(1) == {"zebra"} and clips.entry(1).video == "image5"
    assert read_index(folder, "s4") == read_index(folder, "s4")  # the second time from the cache


def test_the_second_window_of_the_sound_is_heard(folder):
    clips = AVSBench(folder, "s4", "test")
    heard = benchmark_patches(clips.read(0).waveform, clips.seconds)
    whole = released_patches(read_wav(folder / "audios/sound3.wav"), 2)
    np.testing.assert_allclose(heard[0], whole[1], atol=1e-4)
    assert not np.allclose(heard[0], whole[0], atol=0.5)
    write_wav(folder / "audios/sound3.wav", np.full(8000, 0.2, np.float32))  # shorter than the first window
    assert len(clips.read(0).waveform) == 8000


def test_training_images_get_a_sound_of_their_class(folder):
    clips = AVSBench(folder, "s4", "train")
    assert [clips.entry(k).audio for k in range(4)] == ["sound3", "sound7", "sound3", "sound7"]
    several = defaultdict(list, {np.int64(3): ["a.wav", "b", "c"], 7: ("d",)})
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (folder / synthetic.SOUNDS).write_bytes(pickle.dumps(several, protocol))
        assert synthetic.read_sound_names(folder) == {3: ("a", "b", "c"), 7: ("d",)}
    row = {"audio_name": "", "cls_id": "3.0", "inst_id": "x"}
    assert synthetic.sound_of(row, {3: ("a", "b")}) in ("a", "b")


def test_nothing_in_the_list_of_sounds_is_executed(folder, tmp_path):
    class Attack:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "executed"),)

    for content in (pickle.dumps({3: Attack()}), pickle.dumps([1]), b"\x80\x04garbage", b""):
        (folder / synthetic.SOUNDS).write_bytes(content)
        with pytest.raises(DatasetError, match="cannot be read as lists of names"):
            synthetic.read_sound_names(folder)
    assert not (tmp_path / "executed").exists()


def test_check_knows_the_layout(folder):
    report = check(folder, "s4")
    assert report.errors == 0 and report.files == {"frames": 8, "masks": 8, "sounds": 8}
    assert report.clips == {"train": 4, "val": 2, "test": 2} and not report.findings
    (folder / "masks/inst2.png").unlink()
    (folder / "audios/sound7.wav").unlink()
    assert check(folder, "s4").counts == {"missing mask": 1, "missing sound": 4}


def test_other_tables_are_not_taken_for_it(tmp_path):
    (tmp_path / "annotations.csv").write_text("image,label\n")
    assert find_tasks(tmp_path) == {}


def test_a_clip_is_shown_with_its_truth(folder, tmp_path):
    entry = read_index(folder, "s4")[0]
    content = with_video(read_dataset_clip(folder, entry), folder, entry, tmp_path / "video")
    assert len(content.clip.frames) == 1 and content.clip.duration == 1 and content.clip.has_sound
    assert content.truth[0].any() and content.clip.path.is_file()


def test_it_is_trained_on_and_evaluated(folder, tmp_path, capsys):
    options = ["--train.epochs", "1", "--train.batch-size", "2", "--device", "cpu", "--workers", "0"]
    small = ["--model.task", "s4", "--model.image-size", "64", "--train.audio-pretrain-steps", "0"]
    small += ["--train.visual-pretrain-steps", "0"]
    run = tmp_path / "run"
    assert main(["train", "tiny", "--data", str(folder), "--out", str(run), *small, *options]) == 0
    model = str(next(run.glob("*.safetensors")))
    report = ["--data", str(folder), "--out", str(tmp_path / "report"), "--device", "cpu", "--workers", "0"]
    assert main(["evaluate", "--model", model, *report]) == 0
    assert "2 clips" in capsys.readouterr().out
    assert evaluation_clips(str(folder), "s4", "test", 64).seconds == 1
