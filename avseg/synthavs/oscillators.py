"""Building blocks of the SynthAVS sounds: ringing modes, wavetables, coloured noise, event timing."""

from functools import lru_cache

import numpy as np

SAMPLE_RATE = 16_000
_TABLE_SIZE = 16_384  # large enough that reading without interpolation stays inaudible
_BLOCK = 128
_BLAS_SINGLE = 250_000


def clock_times(samples: int) -> np.ndarray:
    """Return the time of every sample in seconds, float64 [samples]."""
    return np.arange(samples) / SAMPLE_RATE


def ring(
    frequencies: np.ndarray, decays: np.ndarray, amplitudes: np.ndarray, samples: int, phases=0.0
) -> np.ndarray:
    """Sum damped sines that all start at sample 0, float32 [samples].

    frequencies [modes] Hz; decays [modes] seconds to fall to 1/e; amplitudes [modes]; phases radians.
    """
    step = (2j * np.pi * np.asarray(frequencies) - 1.0 / np.asarray(decays)) / SAMPLE_RATE
    rows = -(-samples // _BLOCK)
    # z^(128 r + c) = z^(128 r) z^c: the whole bank is one small matrix product instead of a sine per sample.
    coarse = np.exp(np.outer(np.arange(rows) * _BLOCK, step))
    start = np.asarray(amplitudes) * np.exp(1j * np.asarray(phases))
    fine = start[:, None] * np.exp(np.outer(step, np.arange(_BLOCK)))
    left = np.concatenate([coarse.real, coarse.imag], 1).astype(np.float32)
    right = np.concatenate([fine.imag, fine.real]).astype(np.float32)
    # In strips small enough that BLAS starts no threads, which cost more than the product itself.
    strip = max(1, _BLAS_SINGLE // right.size)
    parts = [left[row : row + strip] @ right for row in range(0, rows, strip)]
    return np.concatenate(parts).ravel()[:samples]


def wavetable(amplitudes: np.ndarray, phases=0.0) -> np.ndarray:
    """Return one period of a tone whose h-th harmonic has amplitudes[h - 1], float32 [16384]."""
    spectrum = np.zeros(_TABLE_SIZE // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = np.asarray(amplitudes) * np.exp(1j * (np.asarray(phases) - np.pi / 2))
    return (np.fft.irfft(spectrum) * _TABLE_SIZE / 2).astype(np.float32)


def read(table: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """Play a wavetable at a phase given in cycles, float32 like `cycles`."""
    return table[(cycles * _TABLE_SIZE).astype(np.int64) & (_TABLE_SIZE - 1)]


def cycles(frequency: np.ndarray) -> np.ndarray:
    """Integrate an instantaneous frequency in Hz [samples] to a phase in cycles."""
    return np.cumsum(frequency) / SAMPLE_RATE


def formants(frequencies: np.ndarray, centres, widths, gains) -> np.ndarray:
    """Return the gain of parallel resonances (Hz) at the given frequencies."""
    offset = (np.asarray(frequencies)[:, None] - np.asarray(centres)) / np.asarray(widths)
    return (np.asarray(gains) / (1.0 + offset**2)).sum(1)


def harmonics(fundamental: float, highest: float = 7600.0, limit: int = 200) -> np.ndarray:
    """Return the harmonic numbers 1, 2, ... whose frequency stays under `highest` Hz (at least one)."""
    return np.arange(1, max(1, min(limit, int(highest / fundamental))) + 1)


def fast_length(samples: int) -> int:
    """Return the next even length with no prime factor above 5, for a fast Fourier transform."""
    odd = (3**threes * 5**fives for threes in range(5) for fives in range(5))
    return min(factor << max(1, (-(-samples // factor) - 1).bit_length()) for factor in odd)


@lru_cache(maxsize=32)
def _bins(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of a real FFT in Hz, 1 at the least, and their logarithms, float32."""
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE).clip(1.0)
    return frequency.astype(np.float32), np.log(frequency).astype(np.float32)


def noise(rng: np.random.Generator, samples: int, low: float, high: float, slope: float = 0.0) -> np.ndarray:
    """Return Gaussian noise of unit RMS between soft edges `low` and `high` Hz, float32 [samples].

    slope: amplitude falls as frequency**-slope within the band.
    """
    size = -(-max(samples, 1) // 1024) * 1024
    frequency, logarithm = _bins(size)
    shape = 1 / ((1 + ((low / frequency) ** 2) ** 2) * (1 + ((frequency / high) ** 2) ** 2))
    if slope:
        shape *= np.exp(-slope * logarithm)
    parts = rng.standard_normal((2, len(frequency)), dtype=np.float32)
    spectrum = np.empty(len(frequency), np.complex64)
    spectrum.real, spectrum.imag = parts * shape
    return unit(np.fft.irfft(spectrum, size))[:samples]


def drift(rng: np.random.Generator, samples: int, rate: float) -> np.ndarray:
    """Return a smooth random curve within -1..1 that turns about `rate` times per second."""
    knots = max(4, int(np.ceil(samples / SAMPLE_RATE * rate)) + 3)
    return np.interp(np.arange(samples), np.linspace(0, samples, knots), rng.uniform(-1, 1, knots))


def unit(signal: np.ndarray) -> np.ndarray:
    """Return the signal at unit RMS about its mean; silence stays silence."""
    return signal / max(float(signal.std()), 1e-9)


def smooth(curve: np.ndarray, seconds: float) -> np.ndarray:
    """Average a curve over a centred window, edges held."""
    width = max(1, int(seconds * SAMPLE_RATE)) | 1
    total = np.cumsum(np.pad(curve, (width // 2 + 1, width // 2), mode="edge"))
    return (total[width:] - total[:-width]) / width


def onsets(rng: np.random.Generator, samples: int, interval: float, jitter: float = 0.0) -> list[int]:
    """Return event starts in samples, the first at 0, `interval` seconds apart within a share `jitter`."""
    starts, now = [], 0.0
    while now < samples:
        starts.append(int(now))
        now += interval * SAMPLE_RATE * (1 + jitter * rng.uniform(-1, 1))
    return starts


def place(track: np.ndarray, start: int, sound: np.ndarray, gain: float = 1.0) -> None:
    """Add a sound to a track in place, cut where the track ends."""
    length = min(len(sound), len(track) - start)
    if length > 0:
        track[start : start + length] += gain * sound[:length]


def fade(sound: np.ndarray, seconds: float = 0.005) -> np.ndarray:
    """Return the sound with a linear fade at both ends."""
    length = min(int(seconds * SAMPLE_RATE), len(sound) // 2)
    ramp = np.arange(length) / max(length, 1)
    result = sound.copy()
    result[:length] *= ramp
    result[len(result) - length :] *= ramp[::-1]
    return result
