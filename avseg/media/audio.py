"""Waveforms, and the VGGish log-mel front end of the released models in torchaudio (paper Sec. 3.2).

A waveform at 16 kHz becomes magnitude spectra of 25 ms windows every 10 ms, 64 mel bands from 125 to 7500 Hz
with filters that are triangular on the mel scale, and the logarithm of (band + 0.01). A patch is 96 rows.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from avseg.late import AF, torch

SAMPLE_RATE = 16_000
WINDOW = SAMPLE_RATE * 25 // 1000
HOP = SAMPLE_RATE // 100
FFT = 1 << (WINDOW - 1).bit_length()
MEL_BANDS = 64
MEL_LOW, MEL_HIGH = 125.0, 7500.0
LOG_OFFSET = 0.01
NOISE_RMS = 0.1
SILENT_LOG_MEL = math.log(LOG_OFFSET)
PATCH_FRAMES = 96
ROWS_PER_SECOND = SAMPLE_RATE // HOP
PATCH_SECONDS = PATCH_FRAMES / ROWS_PER_SECOND


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Convert frequencies in Hz to HTK mels."""
    return 1127.0 * np.log1p(np.asarray(hertz, dtype=np.float64) / 700.0)


def mel_edges() -> np.ndarray:
    """Return where the triangles of the mel bands begin, peak and end, in Hz, float64 [MEL_BANDS + 2].

    Band k begins at edge k, peaks at k + 1 and ends at k + 2.
    """
    mels = np.linspace(hertz_to_mel(MEL_LOW), hertz_to_mel(MEL_HIGH), MEL_BANDS + 2)
    return 700.0 * np.expm1(mels / 1127.0)


@cache
def mel_bank() -> torch.Tensor:
    """Return the mel filter bank [FFT // 2 + 1, MEL_BANDS]; as in VGGish, the DC bin has no weight."""
    bins = hertz_to_mel(np.linspace(0.0, SAMPLE_RATE / 2, FFT // 2 + 1))[:, None]
    edges = np.linspace(hertz_to_mel(MEL_LOW), hertz_to_mel(MEL_HIGH), MEL_BANDS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    bank = np.maximum(0.0, np.minimum(rising, falling))
    bank[0] = 0.0
    return torch.from_numpy(bank).float()


def log_mel(waveform: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Return the log-mel rows [frames, 64] of a 16 kHz mono waveform [samples]; one row every 10 ms.

    Row k covers samples 160 k to 160 k + 400. A sound shorter than one window gives no rows.
    """
    sound = torch.as_tensor(waveform, dtype=torch.float32)
    if sound.ndim != 1:
        raise ValueError(f"log_mel needs a mono waveform [samples], found shape {tuple(sound.shape)}.")
    if len(sound) < WINDOW:
        return torch.zeros(0, MEL_BANDS)
    # The window is centred in the FFT frame; padding by the margin aligns row k with sample 160 k.
    margin = (FFT - WINDOW) // 2
    spectrum = AF.spectrogram(
        torch.nn.functional.pad(sound, (margin, margin)),
        pad=0,
        window=torch.hann_window(WINDOW, periodic=True),
        n_fft=FFT,
        hop_length=HOP,
        win_length=WINDOW,
        power=1.0,
        normalized=False,
        center=False,
    )  # [FFT // 2 + 1, frames]
    return torch.log(spectrum.T @ mel_bank() + LOG_OFFSET)


def resampled(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Return a waveform [samples] of `rate` Hz at 16 kHz, with the filter that the released code uses.

    It is resampy's kaiser_best, whose parameters torchaudio documents for its own Kaiser window.
    """
    if rate == SAMPLE_RATE:
        return waveform
    sound = AF.resample(
        torch.from_numpy(waveform),
        rate,
        SAMPLE_RATE,
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser",
        beta=14.769656459379492,
    )
    return sound.numpy()


def silence(samples: int) -> np.ndarray:
    """Return a silent waveform float32 [samples]."""
    return np.zeros(samples, np.float32)


def white_noise(samples: int, rms: float = NOISE_RMS, seed: int | np.random.Generator = 0) -> np.ndarray:
    """Return white noise float32 [samples] of an RMS relative to full scale; loud noise exceeds [-1, 1]."""
    return (np.random.default_rng(seed).standard_normal(samples) * rms).astype(np.float32)


def samples_of_rows(rows: int) -> int:
    """Return the number of samples that give exactly that many log-mel rows."""
    return (rows - 1) * HOP + WINDOW


def released_patches(waveform: np.ndarray | torch.Tensor, count: int) -> torch.Tensor:
    """Return the first `count` patches [count, 1, 96, 64]: patch i is rows 96 i to 96 i + 96.

    Patch i covers 0.96 i to 0.96 i + 0.975 s. Short sounds are padded with silence, long ones trimmed.
    """
    sound = torch.as_tensor(waveform, dtype=torch.float32)
    needed = samples_of_rows(count * PATCH_FRAMES)
    sound = torch.nn.functional.pad(sound[:needed], (0, max(0, needed - len(sound))))
    return log_mel(sound).view(count, 1, PATCH_FRAMES, MEL_BANDS)


def benchmark_patches(waveform: np.ndarray | torch.Tensor, count: int) -> torch.Tensor:
    """Return the patches [count, 1, 96, 64] of a data set's clip; a short sound repeats its last patch.

    This is how AVSBench made its log-mel files (preprocess_s4.py). A sound of less than one patch is padded
    with silence.
    """
    sound = torch.as_tensor(waveform, dtype=torch.float32)
    complete = max(1, (len(sound) - WINDOW + HOP) // HOP // PATCH_FRAMES)
    patches = released_patches(sound, min(count, complete))
    return torch.cat([patches, patches[-1:].expand(count - len(patches), -1, -1, -1)])


def centred_patches(waveform: np.ndarray | torch.Tensor, times: np.ndarray) -> torch.Tensor:
    """Return one patch [T, 1, 96, 64] per time (s), centred on it to within 5 ms and padded with silence."""
    sound = torch.as_tensor(waveform, dtype=torch.float32)
    half = samples_of_rows(PATCH_FRAMES) // 2 + HOP
    last = max([len(sound) / SAMPLE_RATE, *np.asarray(times, dtype=float)])
    tail = round(last * SAMPLE_RATE) - len(sound) + 2 * half
    rows = log_mel(torch.nn.functional.pad(sound, (half, tail)))
    middle = samples_of_rows(PATCH_FRAMES) / 2
    first = [round((t * SAMPLE_RATE + half - middle) / HOP) for t in np.asarray(times, dtype=float)]
    return torch.stack([rows[k : k + PATCH_FRAMES] for k in first])[:, None]


def patches_for(waveform: np.ndarray | torch.Tensor, times: np.ndarray, fps: float) -> torch.Tensor:
    """Return the patch of every frame [T, 1, 96, 64]: released windows at 1 fps, centred ones otherwise."""
    if fps == 1:
        return released_patches(waveform, len(times))
    return centred_patches(waveform, times)


def patch_starts(times: np.ndarray, fps: float) -> np.ndarray:
    """Return when the patches of `patches_for` begin, float64 [T], seconds; before 0 in padding."""
    if fps == 1:
        return np.arange(len(times)) * PATCH_SECONDS
    return np.asarray(times, dtype=float) - samples_of_rows(PATCH_FRAMES) / 2 / SAMPLE_RATE
