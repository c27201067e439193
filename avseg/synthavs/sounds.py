"""The sounds of SynthAVS: one voice per class, a room response, and quiet ambience."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from avseg.errors import ConfigError
from avseg.synthavs import instruments, voices, voices_breath, voices_machines
from avseg.synthavs.oscillators import SAMPLE_RATE, clock_times, drift, fade, fast_length, noise, unit

SOUNDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "bell": voices.bell,
    "bird": voices.bird,
    "car": voices.car,
    "cat": voices.cat,
    "clock": voices.clock,
    "dog": voices.dog,
    "drum": instruments.drum,
    "emergency-car": voices.emergency_car,
    "guitar": instruments.guitar,
    "helicopter": voices.helicopter,
    "lion": voices_breath.lion,
    "piano": instruments.piano,
    "train": voices_machines.train,
    "trumpet": voices_breath.trumpet,
    "vacuum-cleaner": voices_machines.vacuum_cleaner,
    "violin": instruments.violin,
}

_PEAKS = (0.5, 0.9)
_LOUDNESS = (0.14, 0.3)  # RMS aimed at, as far as the peaks allow


def synthesise(name: str, rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return a new sound of a class, float32 [round(seconds * 16000)], peak 0.5 to 0.9, faded at both ends.

    Every half second is audible (RMS 0.02 or more). The same generator state gives the same samples.
    Raises ConfigError for a class without a sound or a negative length.
    """
    if name not in SOUNDS:
        raise ConfigError(f"No sound for class '{name}'; sounds exist for {', '.join(SOUNDS)}.")
    if seconds < 0:
        raise ConfigError(f"A sound cannot last {seconds} s; give zero or more seconds.")
    samples = round(seconds * SAMPLE_RATE)
    if samples == 0:
        return np.zeros(0, np.float32)
    loudness = rng.uniform(*_LOUDNESS)
    sound = fade(unit(_round_peaks(unit(SOUNDS[name](rng, samples)))))
    highest = max(float(np.abs(sound).max()), 1e-9)
    return (sound * (np.clip(loudness * highest, *_PEAKS) / highest)).astype(np.float32)


def _round_peaks(sound: np.ndarray) -> np.ndarray:
    """Compress what exceeds 2.5 RMS towards 3.5 RMS, leave the rest unchanged; sound: [samples] of unit RMS.

    A siren of the same peak would otherwise mask a rotor or a bark, and compressing everything would
    add harmonics to pure tones.
    """
    high = np.flatnonzero(np.abs(sound) > 2.5)
    bent = sound.copy()
    bent[high] = np.sign(sound[high]) * (2.5 + np.tanh(np.abs(sound[high]) - 2.5))
    return bent


@lru_cache(maxsize=8)
def _octaves(size: int) -> np.ndarray:
    """Return how far above 1 kHz each bin of a real FFT lies, 50 Hz at the least, float32 [size // 2 + 1]."""
    return np.log2(np.fft.rfftfreq(size, 1 / SAMPLE_RATE).clip(50.0) / 1000).astype(np.float32)


def room(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sound in a small room: equaliser, reflections, tail, gain; float32, same length.

    waveform: float [samples] at 16 kHz. The gain is 0.7 to 1.1 of the input loudness, the peak stays
    under 0.95, and the tail is cut and faded where the waveform ends.
    """
    samples = len(waveform)
    size = fast_length(samples + SAMPLE_RATE // 2)
    response = np.zeros(size)
    response[0] = 1.0
    early = rng.integers(int(0.004 * SAMPLE_RATE), int(0.04 * SAMPLE_RATE), 5)
    response[early] += rng.uniform(0.05, 0.25) * rng.choice([-1, 1], 5)
    tail = int(rng.uniform(0.1, 0.3) * SAMPLE_RATE)
    # The tail falls by 60 dB over its length: sound must be inaudible in the frame after its end.
    response[:tail] += (
        rng.uniform(0.003, 0.015) * rng.standard_normal(tail) * np.exp(-np.arange(tail) * 6.9 / tail)
    )
    octave = _octaves(size)
    centre, width = rng.uniform(-2, 2.5), rng.uniform(0.6, 1.5)
    decibels = rng.uniform(-1.5, 1.5) * octave + rng.uniform(-5, 5) * np.exp(
        -(((octave - centre) / width) ** 2)
    )
    spectrum = np.fft.rfft(waveform.astype(np.float64), size) * np.fft.rfft(response)
    spectrum *= np.exp(decibels * (np.log(10) / 20))
    # The inverse in single precision takes half the time; the forward transform would not.
    processed = fade(np.fft.irfft(spectrum.astype(np.complex64), size)[:samples])
    gain = rng.uniform(0.7, 1.1) * np.linalg.norm(waveform) / max(np.linalg.norm(processed), 1e-9)
    processed *= min(gain, 0.95 / max(np.abs(processed).max(initial=0.0), 1e-9))
    return processed.astype(np.float32)


def ambience(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return very quiet background, float32 [round(seconds * 16000)], RMS 0.002 to 0.006.

    Room tone, wind or mains hum, so that a silent scene is not digital zero.
    """
    samples = round(seconds * SAMPLE_RATE)
    kind = rng.choice(["room", "wind", "hum"])
    level = rng.uniform(0.0022, 0.0055)
    track = noise(rng, samples, rng.uniform(40, 120), rng.uniform(1500, 6000), rng.uniform(0.2, 1.0))
    if kind == "wind":
        gusts = noise(rng, samples, 60, rng.uniform(250, 600), 0.5)
        track = 0.4 * track + gusts * (1 + 0.6 * drift(rng, samples, 1.2))
    elif kind == "hum":
        mains = rng.choice([50.0, 60.0]) * 2 * np.pi * clock_times(samples)
        track = 0.7 * track + np.sin(2 * mains) + 0.5 * np.sin(4 * mains) + 0.25 * np.sin(6 * mains)
    rms = np.sqrt(np.mean(np.square(track))) if samples else 1.0
    return (track * (level / rms)).astype(np.float32)
