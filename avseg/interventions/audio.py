"""Audio interventions: each takes a waveform float32 [samples] and returns one as long, in [-1, 1]."""

import numpy as np

from avseg.media.audio import SAMPLE_RATE, silence, white_noise
from avseg.media.clip import fit_sound, read_sound


def another(waveform: np.ndarray, clip: str, start: float) -> np.ndarray:
    """Return the sound of another file from `start` (s) on; ClipError when it has none."""
    seconds = len(waveform) / SAMPLE_RATE
    return fit_sound(read_sound(clip, start=start, seconds=seconds), seconds)


def shifted(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """Return the sound later by some seconds, or earlier when they are negative; silence fills the gap."""
    steps = round(seconds * SAMPLE_RATE)
    moved = silence(len(waveform))
    if steps >= 0:
        moved[steps:] = waveform[: max(0, len(waveform) - steps)]
    else:
        moved[:steps] = waveform[-steps:]
    return moved


def louder(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """Return the sound with a gain in dB, clipped at full scale; 0 dB changes no bit."""
    return np.clip(waveform * np.float32(10 ** (decibels / 20)), -1, 1)


def muted(waveform: np.ndarray) -> np.ndarray:
    """Return silence."""
    return silence(len(waveform))


def noisy(waveform: np.ndarray, level: float) -> np.ndarray:
    """Return the sound with white noise of an RMS in dB of full scale; always the same noise."""
    return np.clip(waveform + white_noise(len(waveform), 10 ** (level / 20)), -1, 1)
