from zlib import crc32

import numpy as np
import pytest

from avseg.data.labels import CLASSES
from avseg.errors import ConfigError
from avseg.synthavs.oscillators import fast_length
from avseg.synthavs.sounds import SOUNDS, ambience, room, synthesise

RATE = 16_000
NAMES = sorted(SOUNDS)


def generator(*key) -> np.random.Generator:
    return np.random.default_rng(crc32(repr(key).encode()))


def half_second_rms(waveform: np.ndarray) -> np.ndarray:
    """RMS of every 0.5 s window, one per sample of offset."""
    energy = np.cumsum(np.pad(waveform.astype(np.float64) ** 2, (1, 0)))
    return np.sqrt((energy[RATE // 2 :] - energy[: -RATE // 2]) / (RATE // 2))


def mean_log_spectrum(waveform: np.ndarray) -> np.ndarray:
    """Mean and spread over time of a 40-band log spectrum, loudness removed."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.unique(np.geomspace(3, 240, 41).astype(int))
    bands = np.log(np.add.reduceat(power, edges, axis=1)[:, :-1] + 1e-2)
    mean = bands.mean(0)
    return np.concatenate([mean - mean.mean(), bands.std(0)])


def accuracy(make, draws: int) -> float:
    """Nearest-centroid accuracy of `make(name, split, draw)` over all classes, train against test seeds."""
    features = {
        split: np.array(
            [[mean_log_spectrum(make(name, split, draw)) for draw in range(draws)] for name in NAMES]
        )
        for split in ("train", "test")
    }
    scale = features["train"].reshape(-1, features["train"].shape[-1]).std(0)
    centroids = features["train"].mean(1) / scale
    distance = np.linalg.norm(features["test"][:, :, None] / scale - centroids, axis=-1)
    return float((distance.argmin(-1) == np.arange(len(NAMES))[:, None]).mean())


def test_sixteen_classes_of_avsbench_have_a_sound():
    assert len(NAMES) == 16
    assert list(SOUNDS) == NAMES
    assert set(NAMES) < set(CLASSES)


@pytest.mark.parametrize("name", NAMES)
def test_same_generator_gives_the_same_samples(name):
    first, again = (synthesise(name, np.random.default_rng(5), 1.0) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("name", NAMES)
def test_level_type_and_fades(name):
    for seed in range(4):
        waveform = synthesise(name, generator(name, seed), 1.5)
        assert waveform.dtype == np.float32 and np.isfinite(waveform).all()
        assert 0.499 <= np.abs(waveform).max() <= 0.901
        assert abs(waveform[0]) < 1e-3 and abs(waveform[-1]) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_every_half_second_is_audible(name):
    for seed in range(5):
        waveform = synthesise(name, generator(name, seed), 2.0)
        assert half_second_rms(waveform).min() >= 0.02


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", [0.0, 1 / RATE, 0.1, 0.7333])
def test_length_is_exact(name, seconds):
    waveform = synthesise(name, generator(name), seconds)
    assert waveform.shape == (round(seconds * RATE),)
    assert np.isfinite(waveform).all()


@pytest.mark.parametrize("name", NAMES)
def test_draws_differ(name):
    waveforms = [synthesise(name, generator(name, seed), 1.5) for seed in range(5)]
    features = np.array([mean_log_spectrum(waveform) for waveform in waveforms])
    distances = np.linalg.norm(features[:, None] - features, axis=-1)[np.triu_indices(5, 1)]
    assert distances.min() > 0.5
    assert np.ptp([waveform.std() for waveform in waveforms]) > 0.01


def test_classes_are_separable_on_seconds_of_the_front_end():
    assert accuracy(lambda *key: synthesise(key[0], generator(*key), 0.96), 6) >= 0.9


def test_classes_stay_separable_in_a_room_with_background():
    def heard(*key):
        rng = generator(*key)
        return room(synthesise(key[0], rng, 0.96), rng) + ambience(rng, 0.96)

    assert accuracy(heard, 6) >= 0.85


def test_any_second_of_a_long_sound_tells_its_class():
    def second(*key):
        rng = generator("long", *key)
        start = rng.integers(0, int(4.04 * RATE))
        return synthesise(key[0], rng, 5.0)[start : start + int(0.96 * RATE)]

    assert accuracy(second, 6) >= 0.9


def test_room_keeps_length_loudness_and_range():
    for seed in range(len(NAMES)):
        rng = generator("room", seed)
        dry = synthesise(NAMES[seed], rng, 1.234)
        wet = room(dry, rng)
        assert wet.dtype == np.float32 and wet.shape == dry.shape
        assert np.abs(wet).max() <= 0.951
        assert 0.4 <= wet.std() / dry.std() <= 1.11
        assert not np.allclose(wet, dry, atol=1e-3)


def test_room_of_silence_is_silent():
    assert not room(np.zeros(4000, np.float32), np.random.default_rng(0)).any()
    assert room(np.zeros(0, np.float32), np.random.default_rng(0)).shape == (0,)


def test_room_is_deterministic():
    dry = synthesise("drum", np.random.default_rng(1), 0.5)
    assert np.array_equal(room(dry, np.random.default_rng(2)), room(dry, np.random.default_rng(2)))


@pytest.mark.parametrize("samples", [1, 2, 7919, 24_000, 88_000, 168_000])
def test_fast_length_is_close_above_and_smooth(samples):
    length = fast_length(samples)
    assert samples <= length <= 1.1 * samples + 2 and length % 2 == 0
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    assert length == 1


def test_ambience_is_very_quiet():
    for seed in range(12):
        quiet = ambience(np.random.default_rng(seed), 1.01)
        assert quiet.dtype == np.float32 and quiet.shape == (round(1.01 * RATE),)
        assert 0.002 <= np.sqrt(np.mean(quiet**2)) <= 0.006
        assert np.array_equal(quiet, ambience(np.random.default_rng(seed), 1.01))
    assert ambience(np.random.default_rng(0), 0.0).shape == (0,)


def test_impossible_requests_are_refused():
    with pytest.raises(ConfigError, match="unicorn"):
        synthesise("unicorn", np.random.default_rng(0), 1.0)
    with pytest.raises(ConfigError, match="-1"):
        synthesise("dog", np.random.default_rng(0), -1.0)
