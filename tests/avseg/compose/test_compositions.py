"""Compositions of generated pictures and tones: the masks are where the sounding object was pasted."""

import csv
import json
import wave

import numpy as np
import pytest
from PIL import Image, ImageDraw

from avseg.compose import Compositions, read_sources
from avseg.compose.scenes import class_map, decode, draw_audio, draw_view, mix, render
from avseg.data.labels import CLASS_INDEX
from avseg.errors import ConfigError, DatasetError
from avseg.media.audio import SAMPLE_RATE

COLOURS = {"dog": (220, 30, 30), "cat": (30, 200, 30), "violin": (40, 60, 230)}
TONES = {"dog": 300.0, "cat": 900.0, "violin": 2310.0, "bell": 5000.0}
COPIES = 6


def write_tone(path, hertz, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", "not compressed"))
        file.writeframes((tone * 16000).astype("<i2").tobytes())


def write_sources(root):
    """Write photographs of one coloured disc each, a mask of it, and tones by class."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / "masks" / name).mkdir(parents=True)
        for copy in range(COPIES):
            photo = Image.fromarray(rng.integers(60, 110, (120, 160, 3), dtype=np.uint8))
            mask = Image.new("1", photo.size)
            box = (50, 30, 110, 90)
            ImageDraw.Draw(photo).ellipse(box, fill=colour)
            ImageDraw.Draw(mask).ellipse(box, fill=1)
            (root / "images").mkdir(exist_ok=True)
            photo.save(root / "images" / f"{name}_{copy}.png")
            mask.save(root / "masks" / name / f"{name}_{copy}.png")
    for name, hertz in TONES.items():
        for copy in range(COPIES):
            write_tone(root / "sounds" / name / f"{copy}.wav", hertz, seconds=2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("compose")
    write_sources(root)
    return root


@pytest.fixture(scope="module")
def sources(folder):
    return read_sources(folder / "images", folder / "masks", folder / "sounds")


def test_sources_are_found_and_split_by_original(sources):
    assert sources.sounding == ("cat", "dog", "violin") and len(sources.recordings) == len(TONES) * COPIES
    parts = [sources.split(split) for split in ("train", "val", "test")]
    for items in ("photos", "recordings"):
        originals = [{item.original for item in getattr(part, items)} for part in parts]
        assert sum(map(len, originals)) == len(set.union(*originals)) == len(getattr(sources, items))
        assert all(originals)
    assert all(part.sounding == sources.sounding for part in parts)


def test_pieces_of_one_recording_stay_in_one_split(folder, sources, tmp_path):
    index = tmp_path / "index.csv"
    with index.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "original"))
        writer.writerows((f"sounds/dog/{copy}.wav", f"tape-{copy // 2}") for copy in range(COPIES))
    read = read_sources(folder / "images", folder / "masks", folder / "sounds", index=index)
    for split in ("train", "val", "test"):
        tapes = [r.original for r in read.split(split).by_sound["dog"]]
        assert len(tapes) == 2 * len(set(tapes)) > 0


def test_a_clip_follows_from_seed_split_and_index(sources):
    first, again, other = (Compositions(sources, "ms3", "train", seed, 8, size=64) for seed in (1, 1, 2))
    one, two, three = (dataset.read(3) for dataset in (first, again, other))
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.waveform, two.waveform)
    assert np.array_equal(one.classes, two.classes)
    assert not np.array_equal(one.frames, three.frames)
    part = first.read(3, moments=(2, 4))
    assert np.array_equal(part.frames, one.frames[[2, 4]]) and np.array_equal(
        part.classes, one.classes[[2, 4]]
    )


def test_what_is_labelled_is_the_object_that_sounds(sources):
    """Every labelled pixel has the colour of its class, and the class is one of those that sound then."""
    dataset = Compositions(sources, "avss", "train", 5, 12, size=96)
    labelled = 0
    for index in range(len(dataset)):
        sample, (view, _, audio) = dataset.read(index), dataset.scene(index)
        for second in range(dataset.seconds):
            names = {name for name, number in CLASS_INDEX.items() if (sample.classes[second] == number).any()}
            names -= {"background"}
            assert names <= audio.sounding(second) <= set(view.classes)
            for name in names:
                pixels = sample.frames[second][sample.classes[second] == CLASS_INDEX[name]].mean(axis=0)
                assert pixels.argmax() == np.argmax(COLOURS[name]), (index, second, name)
                labelled += 1
    assert labelled > 20


def test_the_sound_is_that_of_the_sounding_class(sources):
    rng = np.random.default_rng(3)
    for _ in range(12):
        audio = draw_audio(rng, sources, ("dog", "cat"), 4, "s4")
        (track,) = [t for t in audio.tracks if t.owner]
        spectrum = np.abs(np.fft.rfft(mix(audio)[:SAMPLE_RATE]))
        strongest = np.fft.rfftfreq(SAMPLE_RATE, 1 / SAMPLE_RATE)[spectrum.argmax()]
        assert strongest == pytest.approx(TONES[track.owner], rel=0.05)


def test_off_screen_sounds_are_of_nothing_in_view_and_silence_occurs(sources):
    rng = np.random.default_rng(4)
    kinds = set()
    for _ in range(60):
        audio = draw_audio(rng, sources, ("dog",), 5, "ms3")
        for track in audio.tracks:
            if track.owner is None:
                assert track.recording.name != "dog"
        for second in range(5):
            away = any(t.owner is None and t.on[second] for t in audio.tracks)
            kinds.add((bool(audio.sounding(second)), away))
    assert kinds == {(True, False), (True, True), (False, True), (False, False)}


def test_one_view_is_heard_with_several_sounds(sources):
    dataset = Compositions(sources, "ms3", "train", 9, 12, size=48, takes=3)
    samples = [dataset.read(index) for index in range(12)]
    for first in range(0, 12, 3):
        group = samples[first : first + 3]
        assert all(np.array_equal(sample.frames, group[0].frames) for sample in group)
        assert len({sample.waveform.tobytes() for sample in group}) == 3
    assert not np.array_equal(samples[0].frames, samples[3].frames)


def test_an_object_in_front_hides_the_one_behind(sources):
    rng = np.random.default_rng(0)
    for _ in range(30):
        view = draw_view(rng, sources)
        layers = decode(view)
        frame, masks = render(view, layers, 0.0, 5, 80)
        total = sum(mask.astype(int) for mask in masks.values())
        assert frame.shape == (80, 80, 3) and np.max(total, initial=0) <= 1
    assert class_map(masks, frozenset(), 80).max() == 0


def test_coco_annotations_in_place_of_folders_of_masks(folder, tmp_path):
    images = [{"id": k, "file_name": f"dog_{k}.png"} for k in range(COPIES)]
    ring = [110, 60, 80, 90, 50, 60, 80, 30]
    annotations = [
        *({"image_id": k, "category_id": 18, "iscrowd": 0, "segmentation": [ring]} for k in range(COPIES)),
        {"image_id": 0, "category_id": 18, "iscrowd": 1, "segmentation": {"counts": [1], "size": [1, 1]}},
    ]
    file = tmp_path / "instances.json"
    categories = [{"id": 18, "name": "dog"}]
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    sources = read_sources(folder / "images", file, folder / "sounds")
    assert sources.sounding == ("dog",) and len(sources.photos) == COPIES
    picture, masks = sources.photos[0].read()
    assert masks["dog"].shape == picture.shape[:2] and masks["dog"][60, 80] and not masks["dog"][0, 0]


def test_what_does_not_fit_is_said(folder, sources, tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        read_sources(tmp_path / "none", folder / "masks", folder / "sounds")
    (tmp_path / "sounds" / "owl").mkdir(parents=True)
    write_tone(tmp_path / "sounds" / "owl" / "a.wav", 500.0, seconds=1.0)
    with pytest.raises(DatasetError, match="the same class names"):
        read_sources(folder / "images", folder / "masks", tmp_path / "sounds")
    (tmp_path / "coco.json").write_text("[]")
    with pytest.raises(DatasetError, match="COCO"):
        read_sources(folder / "images", tmp_path / "coco.json", folder / "sounds")
    with pytest.raises(ConfigError, match="task"):
        Compositions(sources, "s5", "train", 1, 1)
    with pytest.raises(IndexError):
        Compositions(sources, "ms3", "train", 1, 2).read(2)
