import json
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.errors import ClipError, ConfigError
from avseg.media.clip import read_clip
from avseg.media.export import Written, colours_of, write_clip, write_coco, write_prediction
from avseg.media.video import replace_audio
from avseg.predict import Prediction, Predictor
from tests.support.media import SINE, banner_of, counting, ffmpeg, number_of, pictures_of, sound_of
from tests.support.stand_in_model import BrightAndLoud


def beeping(path: Path, size: tuple[int, int] = (122, 161), rate: float = 10) -> Path:
    """4 s: white above, black below; a tone from 1 s to 2 s only, with an odd width."""
    box = f"color=c=white:s={size[1]}x{size[0]}:r={rate}:d=4,format=rgb24,drawbox=y=ih/2:color=black:t=fill"
    tone = f"{SINE},volume=4,volume='between(t,1,2)':eval=frame"
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv444p", "-c:a", "aac"]
    ffmpeg("-f", "lavfi", "-i", box, "-f", "lavfi", "-t", "4", "-i", tone, *codec, path)
    return path


@pytest.fixture(scope="module")
def prediction(tmp_path_factory: pytest.TempPathFactory) -> Prediction:
    clip = read_clip(beeping(tmp_path_factory.mktemp("source") / "beep.mp4"), fps=2)
    return Predictor(BrightAndLoud(), "cpu").predict(clip)


@pytest.fixture(scope="module")
def written(prediction: Prediction, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_prediction(prediction, tmp_path_factory.mktemp("out") / "deep" / "result")


def test_what_is_written(written: Written):
    assert sorted(entry.name for entry in written.folder.iterdir()) == [
        "masks",
        "overlay.mp4",
        "prediction.json",
    ]
    assert [path.name for path in written.masks] == [f"{i:04d}.png" for i in range(1, 9)]
    assert [entry.name for entry in written.folder.parent.iterdir()] == ["result"]
    assert written.seconds.write > 0


def test_masks_on_disk(written: Written, prediction: Prediction):
    for path, mask in zip(written.masks, prediction.masks, strict=True):
        picture = Image.open(path)
        assert picture.mode == "L" and picture.size == (161, 122)
        np.testing.assert_array_equal(np.asarray(picture), mask)
    assert np.asarray(Image.open(written.masks[2])).max() == 255


def test_record(written: Written, prediction: Prediction):
    record = json.loads(written.record.read_text(encoding="utf-8"))
    assert record["clip"] == "beep.mp4" and record["size"] == [122, 161] and record["fps"] == 2
    assert record["duration"] == pytest.approx(4) and record["threshold"] == 0.5
    assert (record["model"], record["weights"], record["device"]) == ("stand-in", "random", "cpu")
    assert record["precision"] == "exact"
    assert set(record["seconds"]) == {"decode", "model", "write"} and min(record["seconds"].values()) >= 0
    assert [frame["time"] for frame in record["frames"]] == prediction.clip.times.tolist()
    shares = [frame["foreground"] for frame in record["frames"]]
    np.testing.assert_allclose(shares, prediction.foreground, atol=1e-6)
    assert record["frames"][0]["mask"] == "masks/0001.png" and "frame" not in record["frames"][0]
    assert [frame["source_frame"] for frame in record["frames"]] == list(range(2, 40, 5))
    assert [frame["source_time"] for frame in record["frames"]] == [0.2 + i / 2 for i in range(8)]


def test_overlay_plays_with_masks_in_their_time_and_sound(written: Written):
    banner = banner_of(written.overlay)
    assert "h264" in banner and "yuv420p(tv, bt709" in banner and "160x122" in banner and "10 fps" in banner
    assert "Audio: aac" in banner and "16000 Hz" in banner
    pictures = pictures_of(written.overlay, (122, 160)).astype(int)
    assert len(pictures) == 40
    blue = pictures[:, 20:40, 40:120, 2].mean(axis=(1, 2))  # orange takes the blue out of white
    masked = np.flatnonzero(blue < 180)
    # Frames 1 to 4 (from 0.5 s to 2.5 s) hear the tone within their 0.96 s.
    assert masked.tolist() == list(range(5, 25))
    assert pictures[:, -20:].mean() < 12
    sound = np.abs(sound_of(written.overlay))
    assert np.argmax(sound > 0.1) / 16_000 == pytest.approx(1.0, abs=0.03)
    assert sound[18_000:30_000].max() > 0.2 and sound[34_000:].max() < 0.02
    assert len(sound) / 16_000 == pytest.approx(4, abs=0.1)


def test_overlay_can_start_before_it_is_loaded(written: Written):
    data = written.overlay.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_sound_that_was_heard_is_written(prediction: Prediction, tmp_path: Path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 64_000).astype(np.float32)
    heard = Predictor(BrightAndLoud(), "cpu").predict(prediction.clip, waveform=noise)
    sound = sound_of(write_prediction(heard, tmp_path / "noise").overlay)
    assert sound[3000:10_000].std() > 0.1 and sound[40_000:60_000].std() > 0.1


def test_semantic_masks_and_classes(tmp_path: Path, prediction: Prediction):
    semantic = Predictor(BrightAndLoud("avss"), "cpu").predict(prediction.clip)
    result = write_prediction(semantic, tmp_path / "avss")
    mask = np.asarray(Image.open(result.masks[2]))
    assert set(np.unique(mask)) == {0, 2, 17} and mask.shape == (122, 161)
    frame = json.loads(result.record.read_text())["frames"][2]
    assert set(frame["classes"]) == {"airplane", "dog"}
    assert sum(frame["classes"].values()) == pytest.approx(frame["foreground"], abs=1e-5)
    assert set(colours_of(semantic)) == {2, 17}


@pytest.mark.parametrize("task", ["ms3", "avss"])
def test_coco_run_lengths_decode_to_the_masks(prediction: Prediction, tmp_path: Path, task: str):
    from pycocotools.coco import COCO

    found = Predictor(BrightAndLoud(task), "cpu").predict(prediction.clip)
    data = COCO(write_coco(found, tmp_path / "coco.json"))
    assert len(data.imgs) == 8 and data.imgs[3]["file_name"] == "frames/0003.jpg"
    names = {1: "sounding"} if task == "ms3" else {2: "airplane", 17: "dog"}
    assert {index: category["name"] for index, category in data.cats.items()} == names
    for number, mask in enumerate(found.masks, start=1):
        again = np.zeros_like(mask)
        for annotation in data.imgToAnns[number]:
            again[data.annToMask(annotation) > 0] = 255 if task == "ms3" else annotation["category_id"]
            assert annotation["area"] == np.count_nonzero(data.annToMask(annotation))
        np.testing.assert_array_equal(again, mask)


def test_a_clip_is_written_plain_and_with_another_sound(prediction: Prediction, tmp_path: Path):
    clip = read_clip(prediction.clip.path, fps=2, start=0.5, seconds=2)
    video = write_clip(clip, tmp_path / "plain.mp4")
    pictures = pictures_of(video, (122, 160)).astype(int)
    assert len(pictures) == 20 and pictures[:, 20:40].mean() > 240 and pictures[:, -20:].mean() < 12
    assert np.argmax(np.abs(sound_of(video)) > 0.1) / 16_000 == pytest.approx(0.5, abs=0.03)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
    other = replace_audio(video, noise, tmp_path / "other.mp4", start=1.0)
    assert len(pictures_of(other, (122, 160))) == 20
    sound = sound_of(other)
    assert np.abs(sound[:14_000]).max() < 0.05 and sound[18_000:30_000].std() > 0.1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.mp4", "plain.mp4"]


def test_a_very_short_clip(tmp_path: Path):
    clip = read_clip(counting(tmp_path / "short.mp4", seconds=0.1, sound=None))
    result = write_prediction(Predictor(BrightAndLoud(), "cpu").predict(clip), tmp_path / "short")
    assert len(result.masks) == 1 and len(pictures_of(result.overlay, (64, 96))) == 1


def test_a_clip_that_never_was_a_file(tmp_path: Path):
    from tests.avseg.test_predict import clip_of

    made = Predictor(BrightAndLoud(), "cpu").predict(clip_of())
    result = write_prediction(made, tmp_path / "made", frames=True)
    assert pictures_of(result.overlay, (40, 62)).shape == (3, 40, 62, 3)
    assert [Image.open(path).size for path in result.frames] == [(63, 41)] * 3
    frame = json.loads(result.record.read_text())["frames"][2]
    assert frame["source_frame"] is None and frame["source_time"] is None


def test_frames_lie_beside_the_masks_at_their_size(prediction: Prediction, tmp_path: Path):
    source = counting(tmp_path / "count.mp4", seconds=7, size=(61, 95))
    clip = read_clip(source, fps=1, start=5.2, seconds=1.8)
    counted = Predictor(BrightAndLoud(), "cpu").predict(clip)
    steps = []
    result = write_prediction(
        counted, tmp_path / "out", on_progress=lambda *step: steps.append(step), frames=True
    )
    assert steps[-1] == (len(steps), len(steps))
    record = json.loads(result.record.read_text())["frames"]
    assert [entry["frame"] for entry in record] == ["frames/0001.jpg", "frames/0002.jpg"][: len(record)]
    for entry, mask in zip(record, result.masks, strict=True):
        picture = Image.open(result.folder / entry["frame"])
        assert picture.size == Image.open(mask).size == (95, 61)
        assert number_of(np.asarray(picture)) == entry["source_frame"] == round(entry["source_time"] * 10)
    source.unlink()
    with pytest.raises(ClipError, match="does not exist"):
        write_prediction(counted, tmp_path / "out", frames=True)
    assert len(list((tmp_path / "out" / "frames").iterdir())) == len(record)


def test_an_earlier_result_is_replaced(prediction: Prediction, tmp_path: Path):
    short = read_clip(prediction.clip.path, seconds=1)
    folder = tmp_path / "again"
    write_prediction(Predictor(BrightAndLoud(), "cpu").predict(short), folder)
    (folder / ".DS_Store").touch()
    seconds = read_clip(prediction.clip.path, seconds=2)
    result = write_prediction(Predictor(BrightAndLoud(), "cpu").predict(seconds), folder)
    assert len(list((folder / "masks").iterdir())) == len(result.masks) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["again"]


def test_cancelling_leaves_nothing_and_keeps_the_earlier_result(prediction: Prediction, tmp_path: Path):
    class Cancelled(Exception):
        pass

    folder, steps, threads = tmp_path / "kept", [], threading.active_count()

    def stop(done: int, total: int) -> None:
        steps.append((done, total))
        if done == 15:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_prediction(prediction, folder, on_progress=stop)
    assert not list(tmp_path.iterdir())
    assert steps[0] == (1, 48) and steps[-1] == (15, 48)
    folder.mkdir()
    (folder / "prediction.json").write_text("{}")
    steps.clear()
    with pytest.raises(Cancelled):
        write_prediction(prediction, folder, on_progress=stop)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert (folder / "prediction.json").read_text() == "{}"
    time.sleep(0.2)
    assert threading.active_count() <= threads


def test_folders_of_others_are_left_alone(prediction: Prediction, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        write_prediction(prediction, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "chapter 1"
    with pytest.raises(ConfigError, match="is a file"):
        write_prediction(prediction, tmp_path / "thesis.txt")
    mine = tmp_path / "mine"
    (mine / "masks").mkdir(parents=True)
    with pytest.raises(ConfigError, match="not an earlier result"):
        write_prediction(prediction, mine)


def test_a_video_that_cannot_be_heard_otherwise_is_said_in_words(tmp_path: Path, monkeypatch):
    def endless(command: list[str], **options: object) -> None:
        Path(command[-1]).write_bytes(b"half")
        raise subprocess.TimeoutExpired(command, 120)

    (tmp_path / "text.mp4").write_text("This is not a video.")
    for run in (subprocess.run, endless):
        monkeypatch.setattr("avseg.media.video.subprocess.run", run)
        with pytest.raises(ClipError, match=r"The sound of text\.mp4 could not be replaced"):
            replace_audio(tmp_path / "text.mp4", np.zeros(16_000, np.float32), tmp_path / "other.mp4")
        assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]
