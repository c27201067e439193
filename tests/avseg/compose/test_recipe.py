"""A recipe's folder as --data: clips for training and evaluation, and clips written in AVSBench's formats."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from avseg.__main__ import main
from avseg.checkpoints import load_model
from avseg.compose.dataset import AudioClips
from avseg.compose.recipe import FILE, compositions
from avseg.compose.scenes import SPEEDS, Audio, mix
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import COMPOSED, RemixableClips
from avseg.errors import DatasetError
from avseg.loaders import training_clips
from avseg.media.audio import SAMPLE_RATE
from avseg.models.avsegformer import AVSegFormer
from avseg.models.pretrained import load_pretrained
from avseg.training.trainer import train
from tests.avseg.compose.test_compositions import TONES, write_sources
from tests.support.small_model import small_config


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("recipe")
    write_sources(folder)
    options = [f"--{name}={folder / name}" for name in ("images", "masks", "sounds")]
    options += ["--clips", "2", "--task", "avss", "--size", "64", "--workers", "1"]
    assert main(["compose", str(out), *options]) == 0
    return out


def test_clips_of_a_recipe_are_written_as_avsbench(recipe):
    clips = AVSBench(recipe, "avss", "train")
    generated = compositions(recipe, "avss", "train", 0, 2, 64)
    assert len(clips) == 2 and (recipe / FILE).is_file()
    for index in range(2):
        written, made = clips.read(index), generated.read(index)
        assert np.array_equal(written.classes, made.classes)
        assert np.abs(written.frames.astype(int) - made.frames).mean() < 12  # JPEG


def test_compositions_can_be_remixed(recipe):
    clips = compositions(recipe, "ms3", "test", 3, 12, 64)
    assert isinstance(clips, RemixableClips) and clips.reference.kind == COMPOSED
    assert str(recipe) in clips.reference.description
    switched = 0
    for index in range(len(clips)):
        rng = np.random.default_rng(index)
        assert clips.waveform(index).shape == clips.off_screen_audio(index, rng).shape == (5 * SAMPLE_RATE,)
        assert clips.sounding_classes(index) <= set(TONES)
        sounding = [item.mask & item.sounding[:, None, None] for item in clips.visible_classes(index)]
        assert np.array_equal(np.any(sounding, axis=0), clips.read(index).classes > 0)
        pair = clips.isolated_classes(index, rng)
        switched += bool(pair)
        for isolated in pair:
            assert isolated.mask.shape == (5, 64, 64) and isolated.mask.any()
    assert switched


def test_audible_classes_are_those_of_the_spectrum(recipe):
    clips = AudioClips(compositions(recipe, "ms3", "train", 3, 0, 64), 8)
    names = {CLASS_INDEX[name]: hertz for name, hertz in TONES.items()}
    for index in range(len(clips)):
        waveform, audible = clips.read(index)
        assert audible.shape == (5, 71) and set(np.flatnonzero(audible.any(0))) <= set(names)
        for second in np.flatnonzero(audible.sum(1) == 1):
            spectrum = np.abs(np.fft.rfft(waveform[second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE]))
            strongest = np.fft.rfftfreq(SAMPLE_RATE, 1 / SAMPLE_RATE)[spectrum.argmax()]
            (label,) = np.flatnonzero(audible[second])
            assert strongest == pytest.approx(names[label], rel=0.05)


def test_some_audio_for_pretraining_is_loud_noise_with_nothing_audible(recipe):
    clips = AudioClips(compositions(recipe, "ms3", "train", 3, 0, 64), 40)
    loud = 0
    for index in range(len(clips)):
        waveform, audible = clips.read(index)
        levels = np.sqrt(np.mean(waveform.reshape(5, SAMPLE_RATE)[~audible.any(1)] ** 2, axis=1))
        loud += int((levels > 0.02).sum())
    assert loud >= 3


def test_a_model_trains_and_is_evaluated_on_a_recipe(recipe, tmp_path):
    config = small_config(frames_per_clip=1, audio_pretrain_steps=2, synth_clips=4, batch_size=2, epochs=1)
    model = train(config, tmp_path / "run", str(recipe), device="cpu", workers=0)
    assert load_model(model).config == config.model
    kinds = [
        json.loads(line)["kind"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    ]
    assert kinds == ["pretraining"] * 2 + ["audio_pretrain_steps", "step", "step", "validation"]
    out = tmp_path / "report"
    options = ["--model", str(model), "--data", str(recipe), "--clips", "3", "--out", str(out)]
    assert main(["evaluate", *options]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["data"]["kind"] == COMPOSED and report["robustness"]["offscreen"] is not None


def test_a_damaged_recipe_is_named(recipe, tmp_path):
    (tmp_path / FILE).write_text("{")
    with pytest.raises(DatasetError, match=r"compose\.json"):
        compositions(tmp_path, "ms3", "train", 0, 1, 64)
    values = json.loads((recipe / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(values | {"sounds": str(tmp_path / "gone")}))
    with pytest.raises(DatasetError, match="does not exist"):
        compositions(tmp_path, "ms3", "train", 0, 1, 64)


def test_training_clips_come_in_takes_and_others_do_not(recipe):
    clips = compositions(recipe, "ms3", "train", 0, 4, 48)
    assert np.array_equal(clips.read(0).frames, clips.read(1).frames)
    assert compositions(recipe, "ms3", "val", 0, 4, 48).takes == 1


def test_recordings_play_at_other_speeds_in_training_only(recipe):
    for resample in (False, True):
        clips = compositions(recipe, "ms3", "train", 3, 12, 48, resample)
        tracks = [track for index in range(12) for track in clips.scene(index)[2].tracks]
        speeds = {track.speed for track in tracks}
        assert (speeds == {1.0}) != resample
        assert all(SPEEDS[0] <= speed <= SPEEDS[1] for speed in speeds)
    track = next(track for track in tracks if track.speed != 1)
    wave = mix(Audio((replace(track, on=(True, True), low_pass=8000.0),), 2, 0.0, -120.0, 0))
    spectrum = np.abs(np.fft.rfft(wave))
    strongest = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)[spectrum.argmax()]
    assert strongest == pytest.approx(TONES[track.recording.name] * track.speed, rel=0.02)


def test_a_training_clip_is_as_long_as_its_frames_where_every_second_has_its_own_sounds(recipe):
    for resample, seconds in ((True, 1), (False, 5)):
        config = small_config(frames_per_clip=1, resample_sounds_every_second=resample)
        assert training_clips(str(recipe), config).seconds == seconds


def test_audio_weights_are_read_from_a_whole_model(recipe, tmp_path):
    config = small_config(frames_per_clip=1, audio_pretrain_steps=1, synth_clips=2, batch_size=2, epochs=1)
    model = train(config, tmp_path / "ear", str(recipe), device="cpu", workers=0)
    lines = (tmp_path / "ear" / "events.jsonl").read_text().splitlines()
    (held_out,) = [event["held_out"] for event in map(json.loads, lines) if "held_out" in event]
    assert 0 <= held_out <= 1
    again = AVSegFormer(config.model)
    load_pretrained(again, small_config(audio_weights=str(model)))
    expected = load_model(model).audio_backbone.state_dict()
    assert all(torch.equal(v, expected[name]) for name, v in again.audio_backbone.state_dict().items())
