import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avseg.media.audio import (
    HOP,
    MEL_BANDS,
    PATCH_FRAMES,
    SAMPLE_RATE,
    centred_patches,
    hertz_to_mel,
    log_mel,
    mel_bank,
    patches_for,
    released_patches,
    resampled,
    samples_of_rows,
)
from tests.support.reference_fill import REFERENCE

SILENCE = math.log(0.01)
quiet = settings(deadline=None, derandomize=True, max_examples=25)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (0.3 * random.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def click(at: float, seconds: float) -> np.ndarray:
    """Silence with one loud sample."""
    sound = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    sound[round(at * SAMPLE_RATE)] = 1.0
    return sound


def loudest_row(patch: torch.Tensor) -> int:
    """The row of a patch [1, 96, 64] that holds the click."""
    return patch[0].sum(1).argmax().item()


@pytest.mark.parametrize("inputs", ["inputs_t5", "inputs_t10"])
def test_log_mel_agrees_with_the_released_front_end(inputs: str):
    stored = np.load(REFERENCE / f"{inputs}.npz")
    rows = log_mel(stored["wav"] / np.float32(32768)).numpy()
    count = len(stored["log_mel"])
    expected = stored["log_mel"].reshape(count * PATCH_FRAMES, MEL_BANDS)
    assert np.abs(rows[: len(expected)] - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("seconds", "rows", "patches"),
    [
        (0.02, 0, 0),
        (0.025, 1, 0),
        (1.0, 98, 1),
        (4.8, 478, 4),
        (5.0, 498, 5),
        (5.02, 500, 5),
        (10.0, 998, 10),
    ],
)
def test_rows_and_whole_patches_of_a_length(seconds: float, rows: int, patches: int):
    assert log_mel(np.zeros(round(seconds * SAMPLE_RATE))).shape == (rows, 64)
    assert rows // PATCH_FRAMES == patches


def test_five_patches_need_4_815_seconds_of_sound():
    assert samples_of_rows(5 * PATCH_FRAMES) == round(4.815 * SAMPLE_RATE)
    assert samples_of_rows(6 * PATCH_FRAMES) == round(5.775 * SAMPLE_RATE)


@quiet
@given(st.integers(1, 600))
def test_samples_of_rows_is_the_shortest_sound_with_that_many_rows(rows: int):
    samples = samples_of_rows(rows)
    assert len(log_mel(np.zeros(samples))) == rows
    assert len(log_mel(np.zeros(samples - 1))) == rows - 1


def test_silence_is_the_logarithm_of_the_offset():
    rows = log_mel(np.zeros(SAMPLE_RATE))
    torch.testing.assert_close(rows, torch.full((98, 64), SILENCE))


def test_a_row_describes_25_ms_from_its_start():
    sound = noise(1.0)
    alone = log_mel(sound[30 * HOP : 30 * HOP + 400])
    torch.testing.assert_close(log_mel(sound)[30:31], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("hertz", [250, 1000, 4000])
def test_a_tone_is_loudest_in_its_own_band(hertz: int):
    sound = np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    centres = np.linspace(hertz_to_mel(125), hertz_to_mel(7500), 66)[1:-1]
    nearest = np.abs(centres - hertz_to_mel(hertz)).argmin()
    assert abs(log_mel(sound).mean(0).argmax().item() - nearest) <= 1


def test_twice_the_amplitude_adds_the_logarithm_of_two():
    sound = noise(1.0)
    offset = torch.tensor(0.01)
    once, twice = ((log_mel(s).exp() - offset) for s in (sound, 2 * sound))
    torch.testing.assert_close(twice, 2 * once, rtol=1e-3, atol=1e-3)


def test_mel_weights_are_triangles_without_the_constant():
    bank = mel_bank()
    assert bank.shape == (257, 64) and not bank[0].any()
    assert ((bank >= 0) & (bank <= 1)).all() and (bank.sum(0) > 0).all()
    hertz = torch.linspace(0, SAMPLE_RATE / 2, 257)
    assert not bank[(hertz <= 125) | (hertz >= 7500)].any()
    # Between the first and the last peak every bin is shared by two neighbours, whole.
    inner = bank[(hertz > 170) & (hertz < 7100)]
    torch.testing.assert_close(inner.sum(1), torch.ones(len(inner)))


def test_kinds_of_arrays_are_all_the_same():
    sound = noise(1.0)
    for other in (sound.astype(np.float64), torch.from_numpy(sound), torch.from_numpy(sound).double()):
        torch.testing.assert_close(log_mel(other), log_mel(sound))


@pytest.mark.parametrize("channels_first", [True, False])
def test_stereo_is_refused(channels_first: bool):
    stereo = np.stack([noise(1.0), noise(1.0, 1)], 0 if channels_first else 1)
    for reading in (log_mel, lambda s: released_patches(s, 1)):
        with pytest.raises(ValueError, match="mono"):
            reading(stereo)


def test_released_patches_follow_each_other_without_a_gap():
    sound = noise(5.0)
    patches = released_patches(sound, 5)
    assert patches.shape == (5, 1, 96, 64) and patches.dtype == torch.float32
    torch.testing.assert_close(patches.view(-1, 64), log_mel(sound)[: 5 * 96])


@pytest.mark.parametrize("patch", [0, 2, 4])
def test_a_released_patch_hears_its_own_window_only(patch: int):
    sound = noise(5.0)
    before = released_patches(sound, 5)
    changed = sound.copy()
    changed[round(0.96 * patch * SAMPLE_RATE) : round((0.96 * patch + 0.975) * SAMPLE_RATE)] = 0
    after = released_patches(changed, 5)
    torch.testing.assert_close(after[patch], torch.full((1, 96, 64), SILENCE))
    # Neighbours share 15 ms with it; those farther away do not notice.
    others = [i for i in range(5) if abs(i - patch) > 1]
    torch.testing.assert_close(after[others], before[others])


@pytest.mark.parametrize("seconds", [0.0, 0.01, 2.0, 4.814])
def test_missing_sound_is_silence(seconds: float):
    sound = noise(seconds)
    patches = released_patches(sound, 5).view(-1, 64)
    padded = np.concatenate([sound, np.zeros(5 * SAMPLE_RATE, np.float32)])
    torch.testing.assert_close(patches, log_mel(padded)[: 5 * 96])
    beyond = min(math.ceil(len(sound) / HOP), 480)
    torch.testing.assert_close(patches[beyond:], torch.full((480 - beyond, 64), SILENCE))


def test_surplus_sound_is_left_out():
    sound = noise(6.0)
    torch.testing.assert_close(released_patches(sound, 5), released_patches(sound[: samples_of_rows(480)], 5))
    torch.testing.assert_close(released_patches(sound, 2), released_patches(sound, 5)[:2])


@quiet
@given(st.floats(0, 3.99))
def test_centred_patches_have_their_time_in_the_middle(at: float):
    patch = centred_patches(click(at, 4.0), np.array([at]))[0]
    assert patch.shape == (1, 96, 64) and loudest_row(patch) in (47, 48)


def test_centred_patches_hear_half_a_second_to_both_sides():
    times = np.array([1.05, 1.25, 1.5, 1.9, 2.25])
    patches = centred_patches(click(1.5, 4.0), times)
    rows = [loudest_row(patch) for patch in patches[:4]]
    assert np.abs(np.array(rows) - (47.5 + (1.5 - times[:4]) * 100)).max() <= 1.5
    torch.testing.assert_close(patches[4], torch.full((1, 96, 64), SILENCE))


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_centred_patches_are_silent_outside_the_sound(seconds: float):
    sound = noise(seconds)
    times = np.array([0.0, seconds, seconds + 0.6, seconds + 9.0])
    patches = centred_patches(sound, times)
    assert patches.shape == (4, 1, 96, 64)
    torch.testing.assert_close(patches[2:], torch.full((2, 1, 96, 64), SILENCE))
    torch.testing.assert_close(patches[0, 0, :45], torch.full((45, 64), SILENCE))
    torch.testing.assert_close(patches[1, 0, 50:], torch.full((46, 64), SILENCE))


def test_centred_patches_of_many_times_are_those_of_each():
    sound, times = noise(2.0), np.array([0.1, 0.9, 1.8])
    one_by_one = torch.cat([centred_patches(sound, times[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(centred_patches(sound, times), one_by_one, atol=1e-4, rtol=0)


def test_one_frame_per_second_takes_the_released_windows_and_any_other_rate_centred_ones():
    sound, times = noise(3.0), np.array([0.5, 1.5, 2.5])
    torch.testing.assert_close(patches_for(sound, times, 1.0), released_patches(sound, 3))
    for fps in (2.0, 0.5, 25.0):
        torch.testing.assert_close(patches_for(sound, times, fps), centred_patches(sound, times))
    assert not torch.equal(released_patches(sound, 3), centred_patches(sound, times))


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_resampling_keeps_what_is_below_the_band_edge_and_removes_what_is_above(rate: int):
    """The default filter of torchaudio passes 81 % of 7 kHz, and 14 % of 9 kHz."""
    seconds = np.arange(rate) / rate
    for hertz, expected in ((440, 1.0), (7_000, 1.0), (9_000, 0.0)):
        sound = resampled(np.sin(2 * np.pi * hertz * seconds).astype(np.float32), rate)
        assert len(sound) == 16_000
        amplitude = np.sqrt(2 * np.mean(sound[2_000:14_000] ** 2))
        assert amplitude == pytest.approx(expected, abs=2e-3), hertz
    same = noise(0.1)
    assert resampled(same, 16_000) is same
