"""The lion and the trumpet among the SynthAVS voices: breath that brightens as it grows louder.

Same contract as voices.py.
"""

import numpy as np

from avseg.synthavs.oscillators import (
    SAMPLE_RATE,
    cycles,
    drift,
    fade,
    formants,
    harmonics,
    noise,
    place,
    read,
    smooth,
    unit,
    wavetable,
)


def _roar(rng: np.random.Generator, pitch: float, length: float, size: float, roughness: float) -> np.ndarray:
    samples = int(length * SAMPLE_RATE)
    time = np.linspace(0, 1, samples)
    top = rng.uniform(0.15, 0.3)
    contour = pitch * np.interp(time, [0, top, 1], [rng.uniform(0.75, 0.9), 1.15, rng.uniform(0.5, 0.65)])
    phase = cycles(smooth(contour, 0.02) * (1 + 0.08 * roughness * drift(rng, samples, 60)))
    number = harmonics(pitch * 1.2, 2600)
    # The jaw opens and shuts: both shapes keep their first resonance under 400 Hz.
    wide = formants(number * pitch, np.array([350, 720, 1300]) * size, [110, 160, 300], [1, 0.4, 0.12])
    shut = formants(number * pitch, np.array([190, 480, 1000]) * size, [80, 120, 250], [1, 0.2, 0.03])
    opening = np.sin(np.pi * time**0.6) ** 0.7
    voice = opening * read(wavetable(wide, 0.4 * number), phase)
    voice += (1 - opening) * read(wavetable(shut, 0.4 * number), phase)
    # Growl: the heavy folds flutter, and every second beat of them is weaker.
    flutter = np.sin(2 * np.pi * cycles(rng.uniform(21, 33) * (1 + 0.25 * drift(rng, samples, 12))))
    growl = (1 + roughness * flutter) * (1 - 0.35 * roughness * (1 + np.cos(np.pi * phase)) / 2)
    breath = noise(rng, samples, 150 * size, 800 * size, 0.4)
    envelope = (1 - np.exp(-time * length / 0.05)) * np.interp(time, [0, 0.35, 0.8, 1], [0.9, 1, 0.6, 0.15])
    return fade(envelope * growl * (unit(voice) + rng.uniform(0.2, 0.45) * breath), 0.02)


def lion(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Roar: rough, low, falling; long roars that break up into short grunts."""
    pitch, size, roughness = rng.uniform(75, 145), rng.uniform(0.8, 1.1), rng.uniform(0.6, 0.9)
    track, start = np.zeros(samples), 0
    grunts = int(rng.integers(0, 5))
    while start < samples:
        length = rng.uniform(0.65, 1.2) if grunts == 0 else rng.uniform(0.28, 0.42)
        roar = _roar(rng, pitch * rng.uniform(0.9, 1.1), length, size, roughness)
        place(track, start, roar, rng.uniform(0.75, 1.0))
        start += len(roar) + int(rng.uniform(0.0, 0.08) * SAMPLE_RATE)
        grunts = int(rng.integers(1, 5)) if grunts == 0 else grunts - 1
    return np.tanh(0.4 * track)


# Lengths of the notes of a figure, in beats.
_FIGURES = [
    np.array(beats)
    for beats in ((1 / 3, 1 / 3, 1 / 3, 1), (0.5, 0.25, 0.25, 1), (0.75, 0.25, 1), (0.5, 0.5, 1), (0.25,) * 4)
]
_OVERBLOWN = np.array([2, 3, 4, 5, 6])  # a bugle has only the tones of one tube


def _flare(pitch: float, bell: np.ndarray, blare: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the wavetables of a loud and of a soft note of a bell with resonances at `bell` [2] Hz."""
    number = harmonics(pitch * 1.01, 7400)
    loud = (0.06 + formants(number * pitch, bell, [450, 600], [1, 0.3])) / number**blare
    return wavetable(loud), wavetable(loud / number**1.6)


def _note(
    rng: np.random.Generator, pitch: float, length: float, loud: np.ndarray, soft: np.ndarray
) -> np.ndarray:
    time = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    # The tongue releases with a burst, then the note is sustained.
    blow = np.minimum(time / rng.uniform(0.018, 0.035), 1) * (0.45 + 0.55 * np.exp(-time / 0.09))
    blow *= np.minimum((length - time) / 0.04, 1)
    vibrato = 0.006 * np.sin(2 * np.pi * 5.5 * time) * np.clip((time - 0.25) / 0.15, 0, 1)
    phase = cycles(pitch * (1 - 0.05 * np.exp(-time / 0.015) + vibrato))
    tone = unit(blow * read(loud, phase) + (1 - blow) * read(soft, phase))
    place(tone, 0, noise(rng, 1000, 900, 4500) * np.exp(-np.arange(1000) / 200), 0.25)
    return blow * tone


def trumpet(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Trumpet: a fanfare on the overtones of one tube, tongued notes that flare open at the start."""
    beat = rng.uniform(0.3, 0.48)
    bell = np.array([rng.uniform(1050, 1500), rng.uniform(2100, 2800)])
    pitches, blare = rng.uniform(85, 120) * _OVERBLOWN, rng.uniform(0.2, 0.55)
    flares = [_flare(pitch, bell, blare) for pitch in pitches]
    track, start, step = np.zeros(samples), 0, int(rng.integers(0, 4))
    while start < samples:
        for length in beat * _FIGURES[rng.integers(len(_FIGURES))]:
            note = _note(rng, pitches[step], max(length - 0.04, 0.07), *flares[step])
            place(track, start, note, rng.uniform(0.8, 1.0))
            start += int(max(length, 0.09) * SAMPLE_RATE)
            step = int(np.clip(step + rng.choice([-2, -1, 0, 1, 2]), 0, 4)) if step < 4 else 2
    return track
