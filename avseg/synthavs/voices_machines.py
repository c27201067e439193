"""The train and the vacuum cleaner among the SynthAVS voices (same contract as voices.py)."""

import numpy as np

from avseg.synthavs.oscillators import (
    SAMPLE_RATE,
    clock_times,
    cycles,
    drift,
    fade,
    formants,
    harmonics,
    noise,
    onsets,
    place,
    read,
    ring,
    smooth,
    unit,
    wavetable,
)

# Semitones above the lowest bell of the horn.
_CHORDS = (np.array([0, 3, 5, 8, 12]), np.array([0, 4, 9]), np.array([0, 3, 6, 9]), np.array([0, 4, 7]))


def _hoot(rng: np.random.Generator, bells: np.ndarray, steep: float, breath: float) -> np.ndarray:
    """Return 1.2 s of a chord of horns (bells [n] Hz) that climb to pitch as the pressure comes."""
    time = np.arange(int(1.2 * SAMPLE_RATE)) / SAMPLE_RATE
    bend = 1 - rng.uniform(0.02, 0.07) * np.exp(-time / 0.05)
    throat = rng.uniform(700, 1000)
    chord = np.zeros(len(time))
    for bell in bells * rng.uniform(0.994, 1.006, len(bells)):
        number = harmonics(bell, 3500)
        strength = (0.3 + formants(number * bell, [throat], [350], [1])) / number**steep
        chord += read(wavetable(strength, rng.uniform(0, 2 * np.pi, len(number))), cycles(bell * bend))
    steam = noise(rng, len(time), 500, 2500, 0.3)
    return (1 - np.exp(-time / 0.03)) * (unit(chord) + breath * steam)


def _chuffs(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Return exhaust strokes of a steam engine: four soft bursts to a turn of the wheels, one the loudest."""
    beat = cycles(rng.uniform(3.8, 6.8) * (1 + 0.05 * drift(rng, samples, 0.5))) + rng.random()
    position = beat % 1.0
    puff = np.minimum(position / 0.1, 1.0) * np.exp(-position * rng.uniform(5.5, 7.5))
    puff *= np.array([1.0, *rng.uniform(0.6, 0.9, 3)])[np.floor(beat).astype(int) % 4]
    return smooth(puff, 0.01) * noise(rng, samples, rng.uniform(150, 300), rng.uniform(4000, 6500), 0.25)


def _clatter(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Return wheels over rail joints: two knocks to a bogie, two bogies to a car, car after car."""
    modes = np.array([1.0, 2.3, 4.1, 7.3, 12.5]) * rng.uniform(130, 190)
    knock = ring(modes, np.geomspace(0.04, 0.015, 5), rng.uniform(0.3, 0.6, 5), int(0.16 * SAMPLE_RATE))
    place(knock, 0, noise(rng, 1200, 300, 6500) * np.linspace(1, 0, 1200) ** 2, 1.0)
    axle = rng.uniform(0.085, 0.13)
    bogie = axle * rng.uniform(2.2, 2.8)
    track = np.zeros(samples)
    for start in onsets(rng, samples, bogie + axle * rng.uniform(2.2, 2.8), 0.02):
        for late, gain in ((0, 1.0), (axle, 0.8), (bogie, 0.9), (bogie + axle, 0.75)):
            place(track, start + int(late * SAMPLE_RATE), knock, gain * rng.uniform(0.85, 1.0))
    return track


def train(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Train: a steam engine's chuffs or a diesel's rail clatter, under a horn of three to five tones.

    The horn never rests for half a second, so that any second holds both the chord and the rhythm.
    """
    steam = rng.random() < 0.5
    bells = rng.uniform(250, 380) * 2.0 ** (_CHORDS[rng.integers(len(_CHORDS))] / 12)
    steep, breath = (
        (rng.uniform(1.2, 1.6), rng.uniform(0.15, 0.3)) if steam else (rng.uniform(0.6, 1.0), 0.05)
    )
    hoot = _hoot(rng, bells, steep, breath)
    wheels = unit(_chuffs(rng, samples) if steam else _clatter(rng, samples))
    rolling = noise(rng, samples, 60, rng.uniform(160, 300))
    horn = np.zeros(samples)
    start = int(rng.uniform(0, 0.2) * SAMPLE_RATE)
    while start < samples:
        length = int(rng.choice([0.28, 0.45, 0.7, 1.1]) * rng.uniform(0.85, 1.0) * SAMPLE_RATE)
        place(horn, start, fade(hoot[:length], 0.05), rng.uniform(0.85, 1.0))
        start += length + int(rng.uniform(0.15, 0.35) * SAMPLE_RATE)
    return wheels + rng.uniform(0.5, 0.7) * rolling + rng.uniform(0.7, 1.1) * horn


def vacuum_cleaner(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Vacuum cleaner: a steady rush of air, a motor's whine with its fan's whistle; strokes over a carpet."""
    time = clock_times(samples)
    stroke = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.2) * time + rng.random()))
    carpet = rng.uniform(0.4, 1.0) if rng.random() < 0.5 else 0.0
    # Deep pile holds the air back: the motor labours and the rush grows dull.
    turns = rng.uniform(230, 430) * (1 + 0.004 * drift(rng, samples, 1.5) - 0.06 * carpet * stroke)
    number = harmonics(float(turns.max()), 7400)
    strength = rng.uniform(0.2, 1.0, len(number)) / number ** rng.uniform(0.5, 1.0)
    strength[rng.integers(6, 10)] += rng.uniform(0.3, 0.7)  # the blades of the fan pass 7 to 10 times a turn
    whine = read(wavetable(strength, rng.uniform(0, 2 * np.pi, len(number))), cycles(turns))
    whine *= 1 + rng.uniform(0.05, 0.2) * np.sin(2 * np.pi * rng.choice([100, 120]) * time)
    rush = noise(rng, samples, rng.uniform(180, 350), rng.uniform(3500, 6500), rng.uniform(0.1, 0.4))
    dull = noise(rng, samples, 120, rng.uniform(700, 1300), 0.3)
    air = (1 - 0.6 * carpet * stroke) * rush + (0.25 + 0.5 * carpet * stroke) * dull
    return air + rng.uniform(0.5, 1.0) * unit(whine)
