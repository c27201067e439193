"""Audio interventions: each takes a waveform float32 [samples] and returns one of equal length in [-1, 1]."""

import numpy as np

from avseg.media.audio import SAMPLE_RATE, silence, white_noise
from avseg.media.clip import fit_sound, read_sound


def another(waveform: np.ndarray, clip: str, start: float) -> np.ndarray:
    """Return the sound of another file from `start` s; ClipError if it has none."""
    seconds = len(waveform) / SAMPLE_RATE
    return fit_sound(read_sound(clip, start=start, seconds=seconds), seconds)


def shifted(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """Return the sound delayed by some seconds, or advanced if negative; silence fills the gap."""
    samples = round(seconds * SAMPLE_RATE)
    moved = silence(len(waveform))
    if samples >= 0:
        moved[samples:] = waveform[: max(0, len(waveform) - samples)]
    else:
        moved[:samples] = waveform[-samples:]
    return moved


def louder(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """Return the sound with a gain in dB, clipped at full scale; 0 dB returns it bit for bit."""
    return np.clip(waveform * np.float32(10 ** (decibels / 20)), -1, 1)


def muted(waveform: np.ndarray) -> np.ndarray:
    """Return silence."""
    return silence(len(waveform))


def noisy(waveform: np.ndarray, level: float) -> np.ndarray:
    """Return the sound plus white noise, always the same, with an RMS in dB relative to full scale."""
    return np.clip(waveform + white_noise(len(waveform), 10 ** (level / 20)), -1, 1)
