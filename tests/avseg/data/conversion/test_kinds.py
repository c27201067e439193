"""Every kind of source keeps its masks, at any clip length and rate; its folder shows what it is."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avseg.__main__ import main
from avseg.data.avsbench.check import check
from avseg.data.avsbench.clip import read_dataset_clip, with_video
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.avsbench.index import read_index
from avseg.data.avsbench.mask_index import foreground_shares
from avseg.data.conversion.convert import write
from avseg.data.conversion.plan import Source, Target, plan
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import IGNORED, UNNAMED
from avseg.data.transforms import ClipTensors, negative_sound
from avseg.evaluation.conditions import ConditionedClips
from avseg.media.audio import centred_patches
from avseg.media.video import write_wav
from tests.support.media import LOSSLESS, SINE, counting, ffmpeg, number_of, pictures_of
from tests.support.synthetic_images import write_synthetic

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


def noise(seed: int, values: tuple[int, ...]) -> np.ndarray:
    """Return a mask in which every pixel matters."""
    return np.random.default_rng(seed).choice(np.array(values, np.uint8), SIZE)


def save(mask: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def tone(path: Path, seconds: float, rise: float = 0.0) -> np.ndarray:
    """Write a tone, which gets louder by `rise` per second; returns it."""
    times = np.arange(round(16_000 * seconds)) / 16_000
    sound = ((0.2 + rise * times) * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, sound)
    return sound


def convert(source: Source, target: Target) -> dict[str, int]:
    made = plan(source, target)
    write(made)
    assert check(target.folder, target.task).errors == 0
    return made.counts


def test_frames_and_masks_of_their_number_with_a_sound_beside_them(tmp_path: Path):
    for number in range(20):  # two per second
        save(np.full((*SIZE, 3), 10 * number, np.uint8), tmp_path / f"own/frames/street/{number}.png")
        save(noise(number, (0, 3, 17, 255)), tmp_path / f"own/masks/street/{number}.png")
    sound = tone(tmp_path / "own/frames/street.wav", 10, rise=0.05)
    assert convert(Source(tmp_path / "own"), Target(tmp_path / "out", "avss", "val")) == {"val": 1}
    sample = AVSBench(tmp_path / "out", "avss", "val").read(0)
    for second in range(10):  # the picture at 15/16 of a second is the odd one
        expected = noise(2 * second + 1, (0, 3, 17, 255))
        assert np.array_equal(sample.classes[second], np.where(expected == 255, IGNORED, expected))
        assert abs(float(sample.frames[second].mean()) - 10 * (2 * second + 1)) < 3
    assert sample.waveform == pytest.approx(sound, abs=1e-3)


def test_short_clips_at_four_frames_per_second(tmp_path: Path):
    (tmp_path / "own/videos").mkdir(parents=True)
    counting(tmp_path / "own/videos/one.mp4", 5)
    for number in range(50):
        save(noise(number, (0, 7)), tmp_path / f"own/masks/one/{number:03d}.png")
    out = tmp_path / "out"
    assert convert(Source(tmp_path / "own"), Target(out, "avss", "test", seconds=2, fps=4)) == {"test": 2}
    clips = AVSBench(out, "avss", "test")
    assert (clips.seconds, clips.rate, len(clips)) == (8, 4.0, 2)
    for index, start in enumerate((0, 2)):
        sample = clips.read(index)
        numbers = [int((start + (k + 0.5) / 4) * 10 + 1e-6) for k in range(8)]
        assert [number_of(frame) for frame in sample.frames] == numbers
        for moment, number in enumerate(numbers):
            assert np.array_equal(sample.classes[moment], noise(number, (0, 7)))
        assert len(sample.waveform) == 32_000 and sample.labelled.all()
    batch = ClipTensors(clips, 32)[0]
    middle = (np.arange(8) + 0.5) / 4
    assert torch.equal(batch.log_mel, centred_patches(clips.waveform(0), middle))
    assert len(negative_sound(clips, 0, np.random.default_rng(1))) == 32_000  # silence, as long as a clip
    conditioned = ConditionedClips(clips, 32, [0, 1])[0]
    assert {len(patches) for patches in conditioned.audio.values()} == {8}
    entry = read_index(clips.folder, "avss")[0]
    assert entry == read_index(clips.folder, "avss")[0] and len(foreground_shares(clips.folder, entry)) == 8
    content = read_dataset_clip(clips.folder, entry)
    assert (content.clip.fps, content.clip.duration, len(content.truth)) == (4.0, 2.0, 8)
    assert content.clip.times == pytest.approx(middle)
    video = with_video(content, clips.folder, entry, tmp_path / "video").clip
    held = pictures_of(video.path, SIZE)
    assert number_of(held[len(held) // 16]) == int(0.125 * 10) and np.allclose(video.times, middle)


def test_a_variable_frame_rate_is_matched_by_number(tmp_path: Path):
    counting(tmp_path / "even.mp4", 5)
    (tmp_path / "videos").mkdir()
    late = "settb=1/1000,setpts='if(lt(N,30),N*0.05,1.5+(N-30)*0.175)/TB'"  # the last pictures last longer
    path = tmp_path / "videos/one.mp4"
    ffmpeg("-i", tmp_path / "even.mp4", "-vf", late, "-enc_time_base", "1/1000", *LOSSLESS, path)
    for number in range(50):
        save(noise(number, (0, 255)), tmp_path / f"masks/one/{number}.png")
    source = Source(videos=tmp_path / "videos", masks=tmp_path / "masks")
    made = plan(source, Target(tmp_path / "out", "avss", "train", 5))
    assert "variable frame rate; its masks are one per frame, matched by number" in "\n".join(made.lines)
    made = plan(Source(videos=source.videos, masks=source.masks, label="dog"), made.target)
    write(made)
    sample = AVSBench(tmp_path / "out", "avss", "train").read(0)
    shown = [number_of(frame) for frame in sample.frames]
    assert shown[0] == 18 and shown[-1] > 45  # not the 9 and 49 of a steady rate
    for number, classes in zip(shown, sample.classes, strict=True):
        assert np.array_equal(classes == CLASS_INDEX["dog"], noise(number, (0, 255)) > 0)


def test_a_compressed_mask_video_keeps_its_shapes(tmp_path: Path):
    for folder in ("videos", "masks"):
        (tmp_path / "own" / folder).mkdir(parents=True)
    counting(tmp_path / "own/videos/one.mp4", 5, size=(224, 320))
    disc = "255*lte(hypot(X-80-30*floor(T),Y-112),60)"
    source = f"color=c=black:s=320x224:r=10:d=5,format=gray,geq=lum='{disc}'"
    lossy = ["-c:v", "libx264", "-crf", "28", "-pix_fmt", "yuv420p"]
    ffmpeg("-f", "lavfi", "-i", source, *lossy, tmp_path / "own/masks/one.mp4")
    made = plan(Source(tmp_path / "own"), Target(tmp_path / "out", "ms3", "test"))
    assert made.kind == "mask-video"
    assert "a brightness of 128 and more of 255 is foreground" in "".join(made.notices)
    write(made)
    sample = AVSBench(tmp_path / "out", "ms3", "test").read(0)
    y, x = np.mgrid[:224, :224]
    for second, classes in enumerate(sample.classes):
        truth = np.hypot((x + 0.5) * 320 / 224 - 0.5 - 80 - 30 * second, y - 112) <= 60
        found = classes == UNNAMED
        assert (truth & found).sum() / (truth | found).sum() >= 0.99


def test_classes_of_coco_are_renamed_by_a_table(tmp_path: Path, capsys: pytest.CaptureFixture):
    for folder in ("videos", "sounds"):
        (tmp_path / "own" / folder).mkdir(parents=True)
    counting(tmp_path / "own/videos/a.mp4", 5, sound=None)
    tone(tmp_path / "own/sounds/a.wav", 5)
    names = ("Puppy", "dog barking", "shadow", "blur")
    boxes = [[[8 * k, 0, 8 * k + 7, 0, 8 * k + 7, 64, 8 * k, 64]] for k in range(4)]
    images = [{"id": n, "file_name": f"a_{n}.jpg", "height": 64, "width": 96} for n in range(5)]
    marks = [
        {"image_id": n, "category_id": k, "segmentation": box}
        for n in range(5)
        for k, box in enumerate(boxes)
    ]
    categories = [{"id": k, "name": name} for k, name in enumerate(names)]
    content = {"images": images, "annotations": marks, "categories": categories}
    (tmp_path / "own/annotations.json").write_text(json.dumps(content))
    command = ["convert", str(tmp_path / "out"), "--source", str(tmp_path / "own"), "--split", "test"]
    command += ["--task", "avss", "--seconds", "5"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "not among AVSBench's 71 classes: Puppy, blur, dog-barking, shadow. Name a class" in said
    (tmp_path / "names.csv").write_text(
        "name,class\nPUPPY,cat\nshadow,background\ndog barking,dog\nblur,ignore\n"
    )
    assert main([*command, "--classes", str(tmp_path / "names.csv")]) == 0
    said = capsys.readouterr().out
    assert "coco: 1 recordings, 1 clips" in said and "Errors: 0" in said and "no clips in train, val" in said
    sample = AVSBench(tmp_path / "out", "avss", "test").read(0)
    expected = [CLASS_INDEX["cat"], CLASS_INDEX["dog"], 0, IGNORED]
    assert sample.classes[0, 32, 4:36:8].tolist() == expected and np.abs(sample.waveform).max() > 0.1
    (tmp_path / "one.json").write_text('{"puppy": "dog", "dog-barking": "dog", "shadow": "", "blur": ""}')
    made = plan(
        Source(tmp_path / "own", classes=tmp_path / "one.json"), Target(tmp_path / "s4", "s4", "train")
    )
    write(made)
    clips = AVSBench(tmp_path / "s4", "s4", "train")
    assert clips.entry(0).labels == ("dog",) and clips.read(0).labelled.all()  # not the first mask alone


def test_indices_of_png_masks_are_renamed_by_a_table(tmp_path: Path):
    (tmp_path / "own/videos").mkdir(parents=True)
    counting(tmp_path / "own/videos/a.mp4", 5)
    for number in range(5):
        save(noise(number, (0, 1, 200)), tmp_path / f"own/masks/a/{number}.png")
    (tmp_path / "names.csv").write_text("1,violin\n200,piano\n")
    convert(
        Source(tmp_path / "own", classes=tmp_path / "names.csv"), Target(tmp_path / "out", "avss", "val", 5)
    )
    sample, mask = AVSBench(tmp_path / "out", "avss", "val").read(0), noise(2, (0, 1, 200))
    assert np.array_equal(sample.classes[2] == CLASS_INDEX["violin"], mask == 1)
    assert np.array_equal(sample.classes[2] == CLASS_INDEX["piano"], mask == 200)


def test_the_layout_of_ddeseg(tmp_path: Path):
    rows = [["vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"]]
    for name, subset, split, frames in (
        ("aaaaaaaaaaa_0_10000", "v2", "train", 10),
        ("bbbbbbbbbbb_0_5000", "v1s", "test", 5),
    ):
        for number in range(frames):
            folder = tmp_path / "own" / subset / name
            save(np.full((*SIZE, 3), 10 * number, np.uint8), folder / f"frames/{number}.jpg")
            save(noise(number, (0, 17)), folder / f"labels_semantic/{number}.png")
            tone(folder / f"audios/{number}.wav", 1.0 if number else 0.7)
            rows.append([name[:11], f"{name}_{number}", "0", "0", "dog", split, subset])
    with (tmp_path / "own/frames.csv").open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], *rows[:0:-1]])
    out = tmp_path / "out"
    assert convert(Source(tmp_path / "own"), Target(out, "avss")) == {"train": 1, "test": 1}
    for split, frames in (("train", 10), ("test", 5)):
        clips = AVSBench(out, "avss", split)
        assert clips.seconds == 10 and clips.entry(0).labels == ("dog",) and clips.entry(0).frames == frames
        sample = clips.read(0)
        assert sample.real.sum() == frames and np.array_equal(sample.classes[3], noise(3, (0, 17)))
        assert len(sample.waveform) == 16_000 * frames and not sample.waveform[11_300:15_900].any()
    with_binary_masks = plan(Source(tmp_path / "own"), Target(tmp_path / "ms3", "ms3"))
    assert with_binary_masks.counts == {"train": 2, "test": 1}  # of 5 s


def test_the_layout_of_avs_synthetic(tmp_path: Path):
    write_synthetic(tmp_path)
    (tmp_path / "names.csv").write_text("zebra,horse\n")
    source = Source(tmp_path, classes=tmp_path / "names.csv")
    assert convert(source, Target(tmp_path / "out", "s4")) == {"train": 4, "val": 2, "test": 2}
    clips = AVSBench(tmp_path / "out", "s4", "train")
    assert clips.seconds == 1 and {clips.entry(k).labels for k in range(4)} == {("dog",), ("horse",)}
    original = AVSBench(tmp_path / "AVS_Synthetic", "s4", "train")
    for index in range(4):
        row = next(k for k in range(4) if original.name(k) in clips.name(index))
        mask = Image.fromarray(original.read(row).classes[0]).resize((224, 224), Image.Resampling.NEAREST)
        sample = clips.read(index)
        assert np.array_equal(sample.classes[0] > 0, np.asarray(mask) > 0) and sample.labelled.all()
        assert sample.waveform == pytest.approx(original.waveform(row), abs=1e-3)


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "own/clips").mkdir(parents=True)
    counting(tmp_path / "own/clips/a.mp4", 5, sound=SINE)
    save(noise(1, (0, 255)), tmp_path / "own/masks/a/1.png")
    assert main(["convert", str(tmp_path / "out"), "--source", str(tmp_path / "own"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "png: 1 recordings, 1 clips of ms3, 5 s at 1 frames per second: train 1" in said
    assert "Nothing was written" in said and not (tmp_path / "out").exists()
