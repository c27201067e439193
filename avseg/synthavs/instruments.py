"""The instruments among the SynthAVS voices: guitar, piano, violin, drum (same contract as voices.py)."""

import numpy as np

from avseg.synthavs.oscillators import (
    SAMPLE_RATE,
    cycles,
    drift,
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

_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
_CHORDS = (np.array([0, 7, 12, 16, 19, 24]), np.array([0, 7, 12, 15, 19, 24]))


def _hertz(semitones: float) -> float:
    """Return the pitch that many semitones above A1 (55 Hz)."""
    return 55.0 * 2.0 ** (semitones / 12)


def _pluck(rng: np.random.Generator, pitch: float, bright: float, sustain: float, pick: float) -> np.ndarray:
    """Return a plucked string: the modes of a Karplus-Strong loop, summed in closed form."""
    number = harmonics(pitch, 6500, 36)
    # Per period the loop multiplies each harmonic by the gain of its two-point average, cos(pi f / rate).
    loss = -np.log(np.cos(np.pi * number * pitch / (2.2 * SAMPLE_RATE))) * pitch + 1 / sustain
    level = np.abs(np.sin(np.pi * number * pick)) / number**bright * rng.uniform(0.6, 1.2, len(number))
    phases = rng.uniform(0, 2 * np.pi, len(number))
    string = ring(number * pitch, 1 / loss, level, int(1.3 * SAMPLE_RATE), phases)
    place(
        string, 0, noise(rng, 200, 1200, 5500) * np.linspace(1, 0, 200) ** 2, 0.5 * float(string[:800].std())
    )
    string[-800:] *= np.linspace(1, 0, 800)
    return string


def guitar(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Acoustic guitar: plucked strings, strummed chords or an arpeggio over two chords."""
    root = rng.uniform(7, 16)
    bright, sustain, pick = rng.uniform(0.35, 0.8), rng.uniform(0.35, 0.9), rng.uniform(0.11, 0.3)
    chords = [_CHORDS[rng.integers(2)] + root + step for step in rng.choice([0, 3, 5, 7], 2, replace=False)]
    plucks = [[_pluck(rng, _hertz(note), bright, sustain, pick) for note in chord] for chord in chords]
    track = np.zeros(samples)
    strum = rng.random() < 0.5
    beats = onsets(rng, samples, rng.uniform(0.3, 0.48) if strum else rng.uniform(0.13, 0.24), 0.04)
    spread = int(rng.uniform(0.008, 0.02) * SAMPLE_RATE)
    order = rng.permutation(6)
    for count, start in enumerate(beats):
        chord = plucks[(count // (4 if strum else 8)) % 2]
        if strum:
            upstroke = count % 2 == 1
            for string, pluck in enumerate(chord[::-1][:4] if upstroke else chord):
                place(track, start + string * spread, pluck, rng.uniform(0.5, 0.9))
        else:
            place(track, start, chord[order[count % 6]], rng.uniform(0.7, 1.0))
    return np.tanh(0.5 * unit(track))


def _strike(rng: np.random.Generator, pitch: float, bright: float, sustain: float) -> np.ndarray:
    number = harmonics(pitch, 5000, 12)
    stretch = np.sqrt(1 + 4e-4 * number**2)
    level = np.exp(-bright * (number - 1)) * rng.uniform(0.7, 1.2, len(number))
    decay = sustain / (1 + 0.35 * number)
    length = int(1.6 * SAMPLE_RATE)
    # Two strings a fraction of a hertz apart, one dying faster: the piano's double decay.
    frequencies = np.concatenate([number * stretch * pitch, number * stretch * pitch * 1.0006])
    note = ring(frequencies, np.concatenate([decay, decay * 0.3]), np.tile(level, 2), length)
    note[:64] *= np.linspace(0, 1, 64)
    hammer = noise(rng, 480, 130, 700) * np.linspace(1, 0, 480) ** 2
    place(note, 0, hammer, 0.12)
    note[-1600:] *= np.linspace(1, 0, 1600)
    return note


def piano(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Piano: stretched partials with a double decay; a melody, with or without chords under it."""
    key, bright, sustain = rng.uniform(18, 30), rng.uniform(0.5, 0.9), rng.uniform(0.7, 1.4)
    notes = {}

    def struck(degree: int) -> np.ndarray:
        if degree not in notes:
            semitones = key + 12 * (degree // 7) + _SCALE[degree % 7]
            notes[degree] = _strike(rng, _hertz(semitones), bright, sustain)
        return notes[degree]

    track = np.zeros(samples)
    accompanied, degree = rng.random() < 0.6, int(rng.integers(4, 10))
    for count, start in enumerate(onsets(rng, samples, rng.uniform(0.18, 0.4), 0.03)):
        place(track, start, struck(degree), rng.uniform(0.7, 1.0))
        if accompanied and count % 4 == 0:
            base = int(rng.integers(-4, 2))
            for third in (0, 2, 4):
                place(track, start, struck(base + third), 0.45)
        degree = int(np.clip(degree + rng.choice([-3, -2, -1, 1, 2, 3]), 1, 13))
    return track


def _bow(pitch: float, body: np.ndarray, bright: float) -> np.ndarray:
    number = harmonics(pitch * 1.04, 7400)
    resonance = formants(number * pitch, body, [90, 140, 300, 900], [0.7, 0.8, 0.6, 0.7]) + 0.15
    return wavetable(resonance / number**bright)


def violin(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Violin: a bowed sawtooth through a body's resonances, legato notes with vibrato."""
    body = np.array([285, 470, 1050, 2900]) * rng.uniform(0.9, 1.12, 4)
    key, bright = rng.uniform(29, 38), rng.uniform(0.4, 0.75)
    starts = [*onsets(rng, samples, rng.uniform(0.3, 0.75), 0.25), samples]
    degree, pitches = int(rng.integers(0, 9)), []
    for _ in starts[:-1]:
        pitches.append(key + 12 * (degree // 7) + _SCALE[degree % 7])
        degree = int(np.clip(degree + rng.choice([-4, -2, -1, 1, 2, 4]), -3, 11))
    lengths = np.diff(starts)
    time = np.arange(samples) / SAMPLE_RATE
    vibrato = rng.uniform(0.15, 0.4) * np.sin(
        2 * np.pi * cycles(rng.uniform(5, 6.6) + 0.3 * drift(rng, samples, 2))
    )
    semitones = smooth(np.repeat(pitches, lengths), 0.035) + vibrato * np.minimum(time / 0.25, 1)
    phase = cycles(_hertz(semitones))
    track, level = np.zeros(samples), np.zeros(samples)
    attack = rng.uniform(0.05, 0.11)
    for start, stop, pitch in zip(starts[:-1], starts[1:], pitches, strict=True):
        since = np.arange(stop - start) / SAMPLE_RATE
        track[start:stop] = read(_bow(_hertz(pitch), body, bright), phase[start:stop])
        floor = 0.0 if start == 0 else 0.45
        level[start:stop] = rng.uniform(0.8, 1) * (floor + (1 - floor) * np.minimum(since / attack, 1))
    scratch = noise(rng, samples, 1500, 5500) * 0.05
    return smooth(level, 0.02) * (unit(track) + scratch)


def _membrane(rng: np.random.Generator, pitch: float, length: float) -> np.ndarray:
    samples = int(length * SAMPLE_RATE)
    time = np.arange(samples) / SAMPLE_RATE
    drop = pitch * (1 + rng.uniform(0.8, 1.6) * np.exp(-time / 0.025))
    head = np.sin(2 * np.pi * cycles(drop)) + 0.35 * np.sin(2 * np.pi * cycles(1.59 * drop))
    beater = noise(rng, samples, 800, 4000, 0.4) * np.exp(-time / 0.006)
    return (head * np.exp(-time / (length / 4)) + 0.5 * beater) * np.minimum(time / 0.001, 1)


def _snare(rng: np.random.Generator, pitch: float) -> np.ndarray:
    time = np.arange(int(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    wires = noise(rng, len(time), rng.uniform(700, 1500), 6500) * np.exp(-time / rng.uniform(0.04, 0.07))
    return 0.5 * wires + 0.7 * np.sin(2 * np.pi * pitch * time) * np.exp(-time / 0.04)


def drum(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Drum kit: kick, snare, toms and hat in a two-bar pattern of eighths."""
    pitch = rng.uniform(70, 100)
    kick = _membrane(rng, pitch, 0.32)
    toms = [_membrane(rng, pitch * ratio, 0.28) for ratio in (1.5, 2.0, 2.6)]
    snare = _snare(rng, rng.uniform(170, 240))
    hat = noise(rng, 900, 4500, 7800) * np.exp(-np.arange(900) / 220) * rng.uniform(0.1, 0.25)
    kicks, fill = rng.random(16) < 0.4, rng.random(16) < rng.uniform(0.2, 0.6)
    track = np.zeros(samples)
    for count, start in enumerate(onsets(rng, samples, rng.uniform(0.16, 0.25), 0.01)):
        step = count % 16
        gain = rng.uniform(0.75, 1.0)
        place(track, start, hat, gain)
        if step % 4 == 2:
            place(track, start, snare, gain)
        elif step % 4 == 0 or kicks[step]:
            place(track, start, kick, gain)
        elif fill[step]:
            place(track, start, toms[step % 3], gain)
    return np.tanh(1.2 * track)
