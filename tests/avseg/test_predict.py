from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import avseg.predict
from avseg.data.transforms import normalise, pad_to_square
from avseg.errors import ClipError, ConfigError
from avseg.interpret.inspection import inspect
from avseg.interpret.sites import record
from avseg.interventions.run import what_if
from avseg.media.clip import Clip
from avseg.media.draw import resize
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor, audio_for
from avseg.runtime.accelerate import Plan
from avseg.runtime.memory import MOST, frames_within
from tests.support.media import SINE, counting, ffmpeg
from tests.support.small_model import SMALL, small_predictor
from tests.support.stand_in_model import BrightAndLoud


def clip_of(count: int = 3, size: tuple[int, int] = (41, 63), fps: float = 1.0, loud: bool = True) -> Clip:
    """A clip whose frames are white in the upper half, with a tone or silence."""
    frames = np.zeros((count, 40, 62, 3), np.uint8)
    frames[:, :20] = 255
    duration = count / fps
    moments = np.arange(round(duration * 16_000)) / 16_000
    sound = (0.5 * np.sin(2 * np.pi * 440 * moments) if loud else 0 * moments).astype(np.float32)
    times = (np.arange(count) + (15 / 16 if fps == 1 else 0.5)) / fps
    return Clip("made", None, frames, sound, times, fps, size, duration, 0.0, loud)


def test_masks_are_at_source_size_and_follow_the_picture():
    prediction = Predictor(BrightAndLoud(), "cpu").predict(clip_of())
    assert prediction.probability.shape == prediction.labels.shape == (3, 64, 64)
    assert prediction.probability.dtype == np.float32 and prediction.labels.dtype == np.uint8
    assert len(prediction.masks) == 3
    mask = prediction.masks[0]
    assert mask.shape == (41, 63) and mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert mask[:19].all() and not mask[22:].any()
    assert [m.shape for m in prediction.masks] == [(41, 63)] * 3
    np.testing.assert_array_equal(prediction.masks[-1], prediction.masks[2])
    with pytest.raises(IndexError):
        prediction.masks[3]
    np.testing.assert_allclose(prediction.foreground, 0.5, atol=0.03)
    assert (prediction.model, prediction.weights, prediction.device) == ("stand-in", "random", "cpu")
    assert prediction.seconds.model > 0


def test_a_model_that_was_just_constructed_predicts():
    prediction = Predictor(AVSegFormer(SMALL)).predict(clip_of())
    assert (prediction.model, prediction.weights) == ("untitled", "random")


def test_semantic_labels_stay_whole():
    prediction = Predictor(BrightAndLoud("avss"), "cpu").predict(clip_of(size=(97, 131)))
    mask = prediction.masks[1]
    assert mask.shape == (97, 131) and set(np.unique(mask)) == {0, 2, 17}
    assert mask[10, 10] == 2 and mask[10, 120] == 17 and mask[90, 10] == 0
    assert prediction.probability[0, 5, 5] > 0.9 and prediction.probability[0, 60, 5] < 0.1


def test_the_given_sound_is_heard_instead_and_fitted():
    predictor, clip = Predictor(BrightAndLoud(), "cpu"), clip_of()
    muted = predictor.predict(clip, waveform=np.zeros(100, np.float32))
    assert not any(mask.any() for mask in muted.masks)
    assert muted.clip.waveform.shape == clip.waveform.shape and not muted.clip.waveform.any()
    assert clip.waveform.any()
    first_second = predictor.predict(clip, waveform=clip.waveform[:12_000])
    assert first_second.foreground.tolist() == [pytest.approx(0.5, abs=0.03), 0, 0]


def test_centred_patches_at_other_rates():
    clip = clip_of(count=12, fps=4)
    sound = clip.waveform.copy()
    sound[16_000:] = 0
    foreground = Predictor(BrightAndLoud(), "cpu").predict(clip, waveform=sound).foreground
    assert (foreground[:5] > 0.4).all() and (foreground[6:] == 0).all()


def test_batches_and_progress():
    model, seen = BrightAndLoud(), []
    Predictor(model, "cpu", batch=4).predict(
        clip_of(10), on_frame=lambda done, total: seen.append((done, total))
    )
    assert model.batches == [4, 4, 2]
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_batches_shrink_to_bound_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(avseg.predict, "MAX_LOGITS", 2 * 71 * 64 * 64)
    assert Predictor(BrightAndLoud("avss"), "cpu").batch == 2
    monkeypatch.setattr(avseg.predict, "MAX_LOGITS", 1)
    assert Predictor(BrightAndLoud("avss"), "cpu").batch == 1


def test_on_masks_hears_of_every_batch_before_on_frame_does():
    seen, clip = [], clip_of(10)
    found = Predictor(BrightAndLoud(), "cpu", batch=4).predict(
        clip,
        on_masks=lambda of, first, labels: seen.append((of.name, first, labels)),
        on_frame=lambda done, total: seen.append(done),
    )
    assert seen[1::2] == [4, 8, 10] and [(name, first) for name, first, _ in seen[::2]] == [
        (clip.name, first) for first in (0, 4, 8)
    ]
    assert (np.concatenate([labels for *_, labels in seen[::2]]) == found.labels).all()


def test_on_frame_may_cancel():
    class Cancelled(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        Predictor(BrightAndLoud(), "cpu", batch=1).predict(clip_of(), on_frame=stop)
    assert not torch.is_inference_mode_enabled()


def test_batch_size_does_not_change_the_masks():
    whole = Predictor(BrightAndLoud(), "cpu", batch=8).predict(clip_of(5))
    single = Predictor(BrightAndLoud(), "cpu", batch=1).predict(clip_of(5))
    np.testing.assert_array_equal(whole.probability, single.probability)


def test_coarse_logits_are_brought_to_model_size():
    prediction = Predictor(BrightAndLoud(stride=4), "cpu").predict(clip_of(1))
    assert prediction.probability.shape == (1, 64, 64)
    assert prediction.foreground[0] == pytest.approx(0.5, abs=0.05)


def test_threshold_moves_without_the_model():
    prediction = Predictor(BrightAndLoud(), "cpu").predict(clip_of(1))
    strict = prediction.at_threshold(0.9999)
    assert strict.threshold == 0.9999 and strict.foreground[0] < prediction.foreground[0] + 1e-9
    assert not strict.labels.any() and prediction.labels.any()


def test_normalise_squashes_and_averages():
    frames = torch.zeros(1, 8, 16, 3, dtype=torch.uint8)
    frames[:, :, ::2] = 255
    ready = normalise(frames, 4)
    assert ready.shape == (1, 3, 4, 4)
    grey = ready * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) + torch.tensor(
        [0.485, 0.456, 0.406]
    ).view(3, 1, 1)
    assert grey.mean().item() == pytest.approx(0.5, abs=0.02) and grey.std() < 0.1


def test_wrong_arguments():
    with pytest.raises(ConfigError, match="batch"):
        Predictor(BrightAndLoud(), "cpu", batch=0)
    with pytest.raises(ConfigError, match="device"):
        Predictor(BrightAndLoud(), "abacus")
    with pytest.raises(ConfigError, match="threshold"):
        Predictor(BrightAndLoud(), "cpu").predict(clip_of(), threshold=2)


def test_one_model_computes_at_several_precisions(monkeypatch):
    first = small_predictor()
    assert first.at("exact") is first  # what auto came to for a small model
    monkeypatch.setattr("avseg.runtime.runner.plan_for", lambda _, choice: Plan(head=choice == "fast"))
    fast = first.at("fast")
    assert fast.model is first.model and fast.precision == "fast" and first.precision == "exact"
    assert first.at("fast") is fast
    with pytest.raises(ConfigError, match="The precision is 'half'; choose auto, exact, fast"):
        first.at("half")


def test_compiled_code_gives_the_same_masks_and_is_left_out_where_it_is_watched(monkeypatch):
    compiled = []

    def compile(function):
        def run(*args):
            compiled.append(function.__name__)
            return function(*args)

        return run

    monkeypatch.setattr("torch.compile", compile)
    clip, plain = clip_of(2), small_predictor()
    predictor = Predictor(plain.model, "cpu", compile=True)
    np.testing.assert_array_equal(predictor.predict(clip).probability, plain.predict(clip).probability)
    assert compiled == ["encode_frames", "decode"]
    with record(predictor.model, ["mixer.weights"]) as recording:
        predictor.predict(clip)
    assert recording["mixer.weights"] and compiled == ["encode_frames", "decode"]


def test_as_many_frames_as_fit_into_half_of_the_memory():
    assert frames_within(free=1000, one=150, two=200) == 8  # 100 for all, 50 for each
    assert frames_within(free=100, one=150, two=200) == 1
    assert frames_within(free=10**12, one=150, two=150) == MOST


@pytest.mark.gpu
def test_the_batch_of_a_gpu_fits_and_changes_nothing():
    predictor, clip = Predictor(small_predictor().model, "cuda"), clip_of(4)
    assert 1 <= predictor.batch <= MOST
    found = predictor.predict(clip).probability
    predictor.batch = 1
    np.testing.assert_allclose(found, predictor.predict(clip).probability, atol=1e-3)


@pytest.mark.gpu
def test_compiled_code_agrees_on_a_gpu():
    model, clip = small_predictor().model, clip_of(4)
    plain, compiled = (Predictor(model, "cuda", compile=compile) for compile in (False, True))
    np.testing.assert_allclose(compiled.predict(clip).probability, plain.predict(clip).probability, atol=1e-3)


@pytest.mark.gpu
def test_gpu_agrees_with_cpu():
    clip = clip_of(4)
    there, here = (
        Predictor(BrightAndLoud(), "cuda").predict(clip),
        Predictor(BrightAndLoud(), "cpu").predict(clip),
    )
    assert there.device.startswith("cuda")
    np.testing.assert_allclose(there.probability, here.probability, atol=1e-4)


# --- sounds to hear instead


def test_original_mute_and_noise():
    clip = clip_of()
    assert audio_for("original", clip) is clip.waveform
    mute = audio_for("mute", clip)
    assert mute.shape == clip.waveform.shape and not mute.any()
    noise = audio_for("noise", clip, seed=1)
    assert noise.shape == clip.waveform.shape and noise.dtype == np.float32
    assert np.sqrt((noise**2).mean()) == pytest.approx(0.1, rel=0.02)
    np.testing.assert_array_equal(noise, audio_for("noise", clip, seed=1))
    assert not np.array_equal(noise, audio_for("noise", clip, seed=2))


def test_sound_of_another_file_is_padded_and_trimmed(tmp_path: Path):
    for seconds in (1, 9):
        ffmpeg("-f", "lavfi", "-t", str(seconds), "-i", SINE, tmp_path / "tone.flac")
        waveform = audio_for(tmp_path / "tone.flac", clip_of())
        assert waveform.shape == (48_000,) and waveform[:15_000].any()
        assert waveform[17_000:].any() == (seconds == 9)


def test_sound_of_a_file_without_any(tmp_path: Path):
    silent = counting(tmp_path / "silent.mp4", seconds=0.5, sound=None)
    with pytest.raises(ClipError, match="no readable audio track"):
        audio_for(silent, clip_of())
    with pytest.raises(ClipError, match="does not exist"):
        audio_for("nothing.wav", clip_of())


def test_clips_compare_by_identity():
    clip = clip_of()
    assert clip == clip and clip != replace(clip)


def test_mute_change_is_measured_with_shared_visual_features():
    torch.manual_seed(0)
    model = AVSegFormer(SMALL).eval()
    clip = clip_of()
    plain = Predictor(model, "cpu").predict(clip)
    measured = Predictor(model, "cpu", batch=2).predict(clip, measure_mute=True)
    np.testing.assert_allclose(measured.probability, plain.probability, atol=1e-5)
    assert plain.mute_change is None
    muted = Predictor(model, "cpu").predict(clip, np.zeros_like(clip.waveform))
    common, either = (measured.labels & muted.labels).sum(), (measured.labels | muted.labels).sum()
    assert either and measured.mute_change == pytest.approx(1 - common / either, abs=0.01)
    silent = Predictor(model, "cpu").predict(clip, np.zeros_like(clip.waveform), measure_mute=True)
    assert silent.mute_change == pytest.approx(0, abs=1e-3)
    assert Predictor(BrightAndLoud(), "cpu").predict(clip, measure_mute=True).mute_change is None


@pytest.mark.parametrize("upright", [False, True])
def test_the_letterbox_keeps_the_place_of_every_pixel(upright):
    clip = clip_of(1, size=(40, 62))
    if upright:
        clip = replace(clip, frames=clip.frames.transpose(0, 2, 1, 3).copy(), size=(62, 40))
    bright = clip.frames[0, ..., 0] > 0
    mask = Predictor(BrightAndLoud(), "cpu", letterbox=True).predict(clip).mask(0)
    assert mask.shape == bright.shape and (mask == bright).mean() > 0.97


def test_a_clip_keeps_its_geometry_for_every_model_and_change():
    torch.manual_seed(0)
    predictor, clip = Predictor(AVSegFormer(SMALL).eval(), "cpu"), clip_of(1, size=(40, 62))
    stretched = predictor.predict(clip)
    padded = predictor.predict(replace(clip, letterbox=True))  # the same frames: nothing kept is used
    assert not np.allclose(padded.probability, stretched.probability, atol=1e-3)
    again = Predictor(predictor.model, "cpu", letterbox=True).predict(clip)
    assert again.clip.letterbox and not stretched.clip.letterbox
    np.testing.assert_allclose(again.probability, padded.probability, atol=1e-5)
    unchanged = what_if(predictor, padded.clip, [])
    np.testing.assert_allclose(unchanged.probability, padded.probability, atol=1e-5)
    inspection = inspect(predictor, padded.clip, 0)
    assert inspection.frame.shape == (62, 62, 3)
    whole = inspection.final.probability[11:-11]  # 11 of 62 rows of padding, of an image of 64
    assert (
        np.corrcoef(resize(whole, padded.probability[0].shape).flat, padded.probability[0].flat)[0, 1] > 0.9
    )


def test_the_padding_is_the_mean_colour_around_the_frame():
    square = pad_to_square(torch.full((2, 10, 21, 3), 255, dtype=torch.uint8))
    assert square.shape == (2, 21, 21, 3) and (square[:, 5:15] == 255).all()
    assert normalise(square, 21)[:, :, [0, -1]].abs().max() < 0.02
