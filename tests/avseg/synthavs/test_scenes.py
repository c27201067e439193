"""SynthAVS: determinism, schedules, ground truth, the written formats, the examples."""

import csv
import dataclasses
import hashlib
import json
import subprocess
import sys
import wave
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.labels import CLASS_INDEX, PALETTE
from avseg.errors import ConfigError, DatasetError, WriteError
from avseg.synthavs import backgrounds, examples, objects, scenes
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import Scene, Sound, audible, frame_time, render, sounding
from avseg.synthavs.scenes_schedule import plan
from avseg.synthavs.video import write_video
from avseg.synthavs.writers import write

SMALL = (64, 64)
CLIPS = 500


@cache
def sampled(task: str) -> tuple[Scene, ...]:
    data = SynthAVS(task, "train", 0, CLIPS)
    return tuple(data.scene(index) for index in range(CLIPS))


def per_second(scene: Scene, what=sounding) -> list[tuple[str, ...]]:
    return [what(scene, second) for second in range(scene.seconds)]


def fingerprint(task: str, index: int) -> str:
    sample = SynthAVS(task, "val", 5, 4, SMALL)[index]
    parts = (sample.frames, sample.waveform, sample.classes)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def crowded() -> Scene:
    """A scene with four things in view and something sounding from the start."""
    return next(s for s in sampled("ms3") if len(s.things) == 4 and sounding(s, 0))


def test_samples_are_the_same_in_another_process_and_order():
    here = [fingerprint("ms3", index) for index in (0, 2)]
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_scenes as t; "
        "print(t.fingerprint('ms3', 2), t.fingerprint('ms3', 0))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == here[::-1]
    assert here[0] != here[1]


def test_sample_shapes_and_kinds():
    sample = SynthAVS("ms3", "train", 1, 2, (48, 80))[1]
    assert sample.frames.shape == (5, 48, 80, 3) and sample.frames.dtype == np.uint8
    assert sample.classes.shape == (5, 48, 80) and sample.classes.dtype == np.uint8
    assert sample.waveform.shape == (80_000,) and sample.waveform.dtype == np.float32
    assert np.abs(sample.waveform).max() <= 0.951
    assert SynthAVS("avss", "test", 1, 1).seconds == 10


def test_unknown_task_split_and_index():
    with pytest.raises(ConfigError, match="s4, ms3, avss"):
        SynthAVS("s5", "train", 0, 1)
    with pytest.raises(ConfigError):
        SynthAVS("s4", "dev", 0, 1)
    with pytest.raises(IndexError):
        SynthAVS("s4", "train", 0, 1)[1]


@pytest.mark.parametrize("task", ["ms3", "avss"])
def test_shares_of_silent_off_screen_and_changing_clips(task):
    drawn = sampled(task)
    silent = np.mean([not any(per_second(s, audible)) for s in drawn])
    away = np.mean([per_second(s, audible) != per_second(s) for s in drawn])
    changing = np.mean([len(set(per_second(s, audible))) > 1 for s in drawn])
    assert silent == pytest.approx(0.10, abs=0.035)
    assert away == pytest.approx(0.12, abs=0.035)
    assert changing == pytest.approx(0.35, abs=0.05)


def test_off_screen_seconds_have_nothing_sounding_in_view():
    for scene in sampled("ms3"):
        for all_sounding, seen in zip(per_second(scene, audible), per_second(scene), strict=True):
            assert seen in (all_sounding, ())
            assert len(all_sounding) <= 2


@pytest.mark.parametrize("task", ["s4", "ms3", "avss"])
def test_every_clip_has_a_silent_distractor(task):
    for scene in sampled(task):
        ever = {name for second in per_second(scene) for name in second}
        assert set(scene.visible) - ever
        assert 2 <= len(scene.things) <= 4
        assert all(0.149 <= thing.height <= 0.551 for thing in scene.things)


def test_s4_has_one_class_sounding_throughout():
    for scene in sampled("s4"):
        assert len(set(per_second(scene))) == 1 and len(sounding(scene, 0)) == 1


def test_being_in_view_says_the_same_about_sounding_for_every_class():
    seen, loud = Counter(), Counter()
    for seed in range(4000):
        drawn = plan(np.random.default_rng(seed), 5, "ms3")
        in_view = set(drawn.names)
        seen.update(in_view)
        loud.update(in_view & set(drawn.on))
    assert set(seen) == set(objects.NAMES) and len(seen) == 16
    counts = np.array([seen[name] for name in objects.NAMES])
    priors = np.array([loud[name] / seen[name] for name in objects.NAMES])
    assert counts.max() / counts.min() < 1.2
    assert priors.max() - priors.min() < 0.08
    assert 0.25 < priors.mean() < 0.5


def test_looks_do_not_depend_on_what_sounds():
    """Place in the depth order, size and motion are spread alike over sounding and silent things."""
    rows = []
    for scene in sampled("ms3"):
        now = sounding(scene, 0)
        for order, thing in enumerate(scene.things):
            size = thing.height / np.mean(objects.OBJECTS[thing.name].heights)
            rows.append((size, order / (len(scene.things) - 1), abs(thing.speed), thing.name in now))
    table = np.array(rows, float)
    loud, quiet = table[table[:, 3] > 0, :3], table[table[:, 3] == 0, :3]
    spread = table[:, :3].std(0)
    assert (np.abs(loud.mean(0) - quiet.mean(0)) < 0.2 * spread).all()


def test_pictures_do_not_depend_on_the_schedule():
    scene = crowded()
    others = [
        dataclasses.replace(scene, sounds=()),
        dataclasses.replace(scene, sounds=tuple(Sound(n, 1, 1.0, (True,) * 5) for n in scene.visible)),
    ]
    for t in (0.0, 0.4, frame_time(1), frame_time(4)):
        rgb, _ = render(scene, t, (90, 160))
        for other in others:
            assert np.array_equal(rgb, render(other, t, (90, 160))[0])


def test_hidden_pixels_are_not_ground_truth():
    scene = crowded()
    back, front = scene.things[0], scene.things[-1]
    covering = dataclasses.replace(front, x=back.x, y=back.y, height=back.height, speed=back.speed, bob=0.0)
    pair = dataclasses.replace(
        scene, things=(back, covering), sounds=(Sound(back.name, 1, 1.0, (True,) * 5),)
    )
    alone = dataclasses.replace(pair, things=(back,))
    only_front = dataclasses.replace(
        pair, things=(covering,), sounds=(Sound(covering.name, 1, 1.0, (True,) * 5),)
    )
    size = (180, 320)
    whole, cover = render(alone, 0.5, size)[1] > 0, render(only_front, 0.5, size)[1] > 0
    seen = render(pair, 0.5, size)[1]
    assert back.name != front.name and (whole & cover).sum() > 50
    assert np.array_equal(seen > 0, whole & ~cover)
    assert set(np.unique(seen)) <= {0, CLASS_INDEX[back.name]}


def test_masks_follow_the_schedule_and_twins_count_both():
    twin = next(s for s in sampled("ms3") if len(s.visible) < len(s.things))
    name = next(n for n, count in Counter(t.name for t in twin.things).items() if count == 2)
    scene = dataclasses.replace(twin, sounds=(Sound(name, 1, 1.0, (True, False, True, True, True)),))
    both = render(scene, frame_time(0), SMALL)[1] > 0
    assert not render(scene, frame_time(1), SMALL)[1].any()
    for thing in (t for t in scene.things if t.name == name):
        rest = tuple(t for t in scene.things if t is not thing)
        assert (
            render(dataclasses.replace(scene, things=rest), frame_time(0), SMALL)[1] > 0
        ).sum() != both.sum()


def test_sound_is_there_only_when_the_schedule_says_so():
    scene = dataclasses.replace(crowded(), sounds=(Sound("dog", 4, 1.0, (False, True, True, False, False)),))
    level = np.sqrt((scenes.mix(scene).reshape(5, -1) ** 2).mean(1))
    assert level[1:3].min() > 4 * level[[0, 3, 4]].max()


def test_scene_survives_json():
    scene = crowded()
    assert scenes.scene_from_dict(json.loads(json.dumps(scene.as_dict()))) == scene


def test_splits_look_different():
    for name in objects.NAMES:
        first = {objects.banked(name, split, 0)[0].tobytes() for split in ("train", "test")}
        assert len(first) == 2, name
    assert len({backgrounds.banked("room", split, 0).tobytes() for split in objects.SPLITS}) == 3
    with pytest.raises(ConfigError):
        objects.banked("unicorn", "train", 0)


@pytest.mark.parametrize("name", objects.NAMES)
def test_styles_differ_and_poses_change_the_picture(name):
    bank = [objects.banked(name, "train", variant) for variant in range(6)]
    assert len({poses[0].tobytes() for poses in bank}) == 6
    assert all(len({pose.tobytes() for pose in poses}) == len(objects.POSES) for poses in bank)


def test_sprite_follows_its_generator():
    first, again, other = (objects.sprite("cat", np.random.default_rng(seed), 60) for seed in (1, 1, 2))
    assert first.shape[0] <= 60 and first.shape[2] == 4 and first[..., 3].max() == 255
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def check_wav(path: Path, seconds: int) -> None:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
        assert file.getnframes() == seconds * 16_000


def check_mask(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "L" and picture.size == (224, 224)
        values = np.asarray(picture)
    assert set(np.unique(values)) <= {0, 255}
    return values


def test_s4_folder(tmp_path):
    for split in ("train", "test", "train"):  # the second writing of train must not add rows
        write(SynthAVS("s4", split, 0, 1), tmp_path, videos=False)
    base = tmp_path / "Single-source"
    lines = (base / "s4_meta_data.csv").read_text().splitlines()
    assert lines[0] == "name,start,category,split" and len(lines) == 3
    for row in rows_of(base / "s4_meta_data.csv"):
        name, middle = row["name"], Path(row["split"]) / row["category"]
        frames = sorted((base / "s4_data/visual_frames" / middle / name).iterdir())
        masks = sorted((base / "s4_data/gt_masks" / middle / name).iterdir())
        assert [f.name for f in frames] == [f"{name}_{i}.png" for i in range(1, 6)]
        assert [m.name for m in masks] == [
            f"{name}_{i}.png" for i in range(1, 2 if row["split"] == "train" else 6)
        ]
        with Image.open(frames[0]) as picture:
            assert picture.mode == "RGB" and picture.size == (224, 224)
        assert check_mask(masks[0]).any()
        check_wav(base / "s4_data/audio_wav" / middle / f"{name}.wav", 5)
    assert len(json.loads((base / "scenes.json").read_text())) == 2


def test_ms3_folder_with_video(tmp_path):
    data = SynthAVS("ms3", "val", 2, 1)
    write(data, tmp_path)
    base, name = tmp_path / "Multi-sources", data.name(0)
    assert (base / "ms3_meta_data.csv").read_text() == f"video_id,split\n{name},val\n"
    sample = data[0]
    for i in range(1, 6):
        with Image.open(base / f"ms3_data/visual_frames/{name}/{name}.mp4_{i}.png") as picture:
            assert np.array_equal(np.asarray(picture), sample.frames[i - 1])
        mask = check_mask(base / f"ms3_data/gt_masks/val/{name}/{name}_{i}.png")
        assert np.array_equal(mask > 0, sample.classes[i - 1] > 0)
    check_wav(base / f"ms3_data/audio_wav/val/{name}.wav", 5)
    data_bytes = (base / f"ms3_data/videos/{name}.mp4").read_bytes()
    assert (
        data_bytes.find(b"moov") < data_bytes.find(b"mdat")
        and b"mp4a" in data_bytes
        and b"avc1" in data_bytes
    )
    assert not list(tmp_path.rglob("*.pkl"))


def test_avss_folder(tmp_path):
    data = SynthAVS("avss", "train", 0, 1)
    write(data, tmp_path, videos=False)
    base, uid = tmp_path / "AVSS", f"{data.name(0)}_0_10000"
    (row,) = rows_of(base / "metadata.csv")
    assert list(row) == ["vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"]
    assert (row["uid"], row["label"], row["split"]) == (uid, "v2", "train")
    classes = set()
    for i in range(10):
        with Image.open(base / f"v2/{uid}/labels_semantic/{i}.png") as picture:
            assert picture.mode == "L"
            labels = np.asarray(picture)
        with Image.open(base / f"v2/{uid}/labels_rgb/{i}.png") as picture:
            assert np.array_equal(np.asarray(picture), PALETTE[labels])
        with Image.open(base / f"v2/{uid}/frames/{i}.jpg") as picture:
            assert picture.size == labels.shape[::-1]
        classes |= set(np.unique(labels).tolist()) - {0}
    assert classes == {CLASS_INDEX[name] for name in row["a_obj"].split("_")} - {0}
    check_wav(base / f"v2/{uid}/audio.wav", 10)
    index = json.loads((base / "label2idx.json").read_text())
    assert index["background"] == 1 and index["woman"] == 71 and len(index) == 71


def test_a_foreign_csv_and_a_moved_clip_are_refused(tmp_path):
    data = SynthAVS("ms3", "test", 0, 1)
    write(data, tmp_path, videos=False)
    path = tmp_path / "Multi-sources/ms3_meta_data.csv"
    path.write_text(path.read_text().replace("test", "train"))
    with pytest.raises(DatasetError, match="empty folder"):
        write(data, tmp_path, videos=False)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="columns a, b; expected video_id, split"):
        write(dataclasses.replace(data, seed=9), tmp_path, videos=False)
    assert not [*tmp_path.rglob("te09*")]  # said before anything is drawn


def test_examples_are_in_view_and_say_what_they_show():
    assert len(examples.EXAMPLES) >= 8
    kinds = Counter()
    for name, example in examples.EXAMPLES.items():
        scene = examples.compose(example)
        at = per_second(scene)
        kinds["silent"] += not any(per_second(scene, audible))
        kinds["off screen"] += at != per_second(scene, audible)
        kinds["two at once"] += max(map(len, at)) == 2
        kinds["change"] += len(set(at)) > 1
        assert set(scene.visible) - {n for second in at for n in second}, f"{name} has no silent thing"
        for second in range(scene.seconds):
            _, classes = render(scene, frame_time(second), (90, 160))
            assert set(np.unique(classes)) - {0} == {CLASS_INDEX[n] for n in at[second]}
    assert all(kinds[kind] for kind in ("silent", "off screen", "two at once", "change"))


def test_a_video_that_cannot_be_written_says_so(tmp_path):
    scene = dataclasses.replace(crowded(), seconds=1, sounds=())
    (tmp_path / "taken.mp4").mkdir()
    with pytest.raises(WriteError, match="could not be written: Is a directory"):
        write_video(tmp_path / "taken.mp4", scene, (90, 160))


def test_two_processes_write_what_one_writes(tmp_path):
    data = SynthAVS("ms3", "test", 3, 3)
    for name, workers in (("one", 1), ("two", 2)):
        write(data, tmp_path / name, videos=False, workers=workers)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) == 3 * (5 + 5 + 1) + 2
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file
