"""Eight voices of SynthAVS: animals, machines and signals; the others are in the neighbouring files.

A voice takes (rng, samples) and returns a float waveform [samples] of any level;
`sounds.synthesise` levels it.
"""

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


def _bark(rng: np.random.Generator, pitch: float, size: float, roughness: float) -> np.ndarray:
    samples = int(rng.uniform(0.13, 0.21) * SAMPLE_RATE)
    time = np.linspace(0, 1, samples)
    contour = pitch * (0.75 + 0.5 * np.sin(np.pi * time**0.6)) * (1 - 0.25 * time)
    contour *= 1 + roughness * drift(rng, samples, 120)
    number = harmonics(pitch * 1.2, 5000)
    # The jaw closes: resonances start high and fall.
    wide = formants(number * pitch, np.array([900, 1800, 2900]) * size, [220, 320, 500], [1, 0.6, 0.25])
    shut = formants(number * pitch, np.array([480, 1000, 2300]) * size, [180, 260, 500], [1, 0.3, 0.08])
    phase = cycles(contour)
    voice = (1 - time) * read(wavetable(wide / number**0.2), phase)
    voice += time * read(wavetable(shut / number**0.2), phase)
    breath = noise(rng, samples, 500 * size, 2600 * size, 0.3)
    envelope = (1 - np.exp(-time * 25)) * np.exp(-2.2 * time) * (1 - time**6)
    return fade(envelope * (unit(voice) + 0.45 * breath))


def dog(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Bark: harmonic bursts with falling formants and breath, two to four per second."""
    size = rng.uniform(0.65, 1.4)
    pitch = 310 * size * rng.uniform(0.75, 1.35)
    barks = [_bark(rng, pitch * rng.uniform(0.93, 1.07), size, rng.uniform(0.02, 0.06)) for _ in range(3)]
    track = np.zeros(samples)
    for start in onsets(rng, samples, rng.uniform(0.27, 0.4), 0.12):
        place(track, start, barks[rng.integers(3)], rng.uniform(0.75, 1.0))
    return np.tanh(track)


def _meow(rng: np.random.Generator, pitch: float, length: float, size: float) -> np.ndarray:
    samples = int(length * SAMPLE_RATE)
    time = np.linspace(0, 1, samples)
    top = rng.uniform(0.15, 0.5)
    contour = pitch * np.interp(
        time, [0, top, 0.65, 1], [rng.uniform(0.75, 0.95), 1.22, 1.1, rng.uniform(0.6, 0.9)]
    )
    contour *= (
        1 + 0.012 * np.sin(2 * np.pi * rng.uniform(6, 9) * length * time) + 0.01 * drift(rng, samples, 40)
    )
    phase = cycles(smooth(contour, 0.02))
    number = harmonics(pitch * 1.25, 5200)
    track = np.zeros(samples)
    # "mi - a - u": three mouth shapes, each strongest at its own moment.
    vowels = (((420, 2500, 3400), 0.05), ((1000, 1700, 3200), 0.42), ((520, 950, 2700), 0.95))
    for centres, moment in vowels:
        table = formants(number * pitch, np.array(centres) * size, [200, 280, 400], [1, 0.8, 0.35])
        weight = np.exp(-(((time - moment) / 0.28) ** 2))
        track += weight * read(wavetable(table, 0.3 * number), phase)
    envelope = np.interp(time, [0, 0.12, 0.5, 0.85, 1], [0, 0.7, 1, 0.6, 0])
    return envelope * (unit(track) + 0.06 * noise(rng, samples, 1500, 5000))


def cat(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Meow: a gliding voice through three mouth shapes, about one and a half per second."""
    pitch, size = rng.uniform(380, 680), rng.uniform(0.9, 1.2)
    track, start = np.zeros(samples), 0
    while start < samples:
        meow = _meow(rng, pitch * rng.uniform(0.9, 1.12), rng.uniform(0.42, 0.85), size)
        place(track, start, meow, rng.uniform(0.75, 1.0))
        start += len(meow) + int(rng.uniform(0.02, 0.14) * SAMPLE_RATE)
    return track


def _syllable(rng: np.random.Generator, centre: float) -> np.ndarray:
    length = rng.uniform(0.05, 0.16)
    samples = int(length * SAMPLE_RATE)
    time = np.linspace(0, 1, samples)
    sweep = rng.uniform(0.08, 0.32) * rng.choice([-1, 1])
    bend = rng.uniform(-0.15, 0.15)
    warble = rng.choice([0.0, 0.06]) * np.sin(2 * np.pi * rng.uniform(25, 45) * length * time)
    contour = centre * (1 + sweep * (time - 0.5) + bend * np.sin(np.pi * time) + warble)
    phase = 2 * np.pi * cycles(contour.clip(2300, 6500))
    return np.sin(np.pi * time) ** 0.7 * np.sin(phase)


def bird(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Song: short whistles that sweep between 2.5 and 6 kHz, in repeated phrases."""
    centre = rng.uniform(2900, 4900)
    song = [_syllable(rng, centre * rng.uniform(0.85, 1.2)) for _ in range(rng.integers(2, 5))]
    gap, repeats = rng.uniform(0.02, 0.07), rng.integers(1, 4)
    track, start = np.zeros(samples), 0
    while start < samples:
        for syllable in song:
            for _ in range(repeats):
                place(track, start, syllable, rng.uniform(0.7, 1.0))
                start += len(syllable) + int(gap * SAMPLE_RATE)
        start += int(rng.uniform(0.05, 0.2) * SAMPLE_RATE)
    return track


def car(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Engine: low harmonics of the firing rate with a lope, revs or cruising, exhaust and tyre noise."""
    time = clock_times(samples)
    firing = rng.uniform(55, 115) * (1 + 0.06 * drift(rng, samples, 1.5))
    if rng.random() < 0.6:
        rev = (time / rng.uniform(1.2, 3.0) + rng.random()) % 1.0
        firing = firing * (1 + rng.uniform(0.3, 0.9) * np.sin(np.pi * smooth(rev**0.7, 0.08)) ** 2)
    number = harmonics(float(firing.max()) / 4, 5000)
    frequency = number * firing.mean() / 4
    # Four cylinders that differ: every fourth harmonic of the cycle is strong, the others give the lope.
    strength = np.where(number % 4 == 0, 1.0, rng.uniform(0.08, 0.3))
    centres = [rng.uniform(140, 220), rng.uniform(320, 520), rng.uniform(800, 1200)]
    body = formants(frequency, centres, [90, 150, 300], [1, 0.7, 0.25])
    table = wavetable(strength * body, rng.uniform(0, 2 * np.pi, len(number)))
    phase = cycles(firing / 4)
    engine = read(table, phase)
    pulse = 0.65 + 0.35 * np.sin(2 * np.pi * 4 * phase)
    exhaust = noise(rng, samples, 90, rng.uniform(500, 900), 0.7) * pulse
    tyres = noise(rng, samples, 200, rng.uniform(1200, 2500), 0.8)
    load = 1 + 0.2 * drift(rng, samples, 2)
    return load * (unit(engine) + 0.25 * exhaust + rng.uniform(0.08, 0.22) * tyres)


def helicopter(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Rotor: broad blade slaps at 9 to 18 Hz over a turbine whine and hiss."""
    time = clock_times(samples)
    blade = cycles(rng.uniform(9.5, 17.5) * (1 + 0.01 * drift(rng, samples, 1)))
    position = blade % 1.0
    slap = np.minimum(position / 0.06, 1.0) * np.exp(-position * rng.uniform(4.5, 7))
    slap *= np.where(np.floor(blade) % 2 == 0, 1.0, rng.uniform(0.7, 1.0))
    wash = noise(rng, samples, 110, rng.uniform(700, 1500), 0.5)
    thump = np.sin(2 * np.pi * rng.uniform(70, 110) * time)
    whine_pitch = rng.uniform(1500, 3200) * (1 + 0.006 * drift(rng, samples, 2))
    whine = read(wavetable([1, 0.35]), cycles(whine_pitch))
    second = np.sin(2 * np.pi * cycles(whine_pitch * rng.uniform(1.18, 1.45)))
    hiss = noise(rng, samples, 900, 6000, 0.6) * (0.5 + slap)
    sweep = 1 + 0.25 * np.sin(2 * np.pi * rng.uniform(0.15, 0.5) * time + rng.uniform(0, 6))
    turbine = rng.uniform(0.07, 0.14) * (whine + 0.5 * second)
    return sweep * (slap * (wash + 0.8 * thump) + turbine + 0.08 * hiss)


def emergency_car(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Siren: wail, yelp or two-tone of a horn loudspeaker."""
    time = clock_times(samples)
    low = rng.uniform(520, 720)
    mode = rng.choice(["wail", "yelp", "two-tone"])
    if mode == "two-tone":
        half = rng.uniform(0.35, 0.6)
        step = (np.floor(time / half + rng.random()) % 2).astype(float)
        pitch = low * rng.uniform(1.0, 1.3) * (1 + (rng.uniform(1.26, 1.5) - 1) * smooth(step, 0.01))
    else:
        period = rng.uniform(1.6, 3.5) if mode == "wail" else rng.uniform(0.26, 0.42)
        turn = (time / period + rng.random()) % 1.0
        rise = np.where(turn < 0.55, turn / 0.55, (1 - turn) / 0.45)
        pitch = low * rng.uniform(1.8, 2.5) ** (rise**0.8)
    pitch = pitch * (1 + 0.03 * drift(rng, samples, 0.4))
    # Only harmonics that stay below 8 kHz at the top of the sweep: folded ones would run backwards.
    number = harmonics(float(pitch.max()), 7600, 9)
    strength = np.where(number % 2 == 1, 1.0, rng.uniform(0.2, 0.6)) / number ** rng.uniform(0.8, 1.2)
    tone = read(wavetable(strength, rng.uniform(0, 2 * np.pi, len(number))), cycles(pitch))
    return tone * (1 + 0.2 * drift(rng, samples, 0.7))


_BELL_PARTIALS = np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.67, 3.01, 4.17, 5.43, 6.8])
_BELL_LEVELS = np.array([0.35, 0.6, 0.5, 0.25, 1.0, 0.3, 0.35, 0.45, 0.35, 0.2, 0.1])


def bell(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Bell: inharmonic partials with a long decay, struck again every half to one second."""
    pitch, length = rng.uniform(460, 900), 2.6
    partials = _BELL_PARTIALS * rng.uniform(0.99, 1.01, len(_BELL_PARTIALS))
    levels = _BELL_LEVELS * partials ** rng.uniform(0.1, 0.5) * rng.uniform(0.6, 1.4, len(_BELL_LEVELS))
    decays = rng.uniform(0.8, 1.6) / partials**0.6
    keep = partials * pitch < 7400
    # Every partial is a pair a hertz or two apart: a bell is never quite round, so it beats.
    doublet = np.concatenate(
        [partials[keep] * pitch, partials[keep] * pitch + rng.uniform(0.6, 3, keep.sum())]
    )
    stroke = ring(doublet, np.tile(decays[keep], 2), np.tile(levels[keep], 2), int(length * SAMPLE_RATE))
    click = noise(rng, 240, 2000, 6500) * np.linspace(1, 0, 240) ** 2
    place(stroke, 0, click, 0.6)
    track = np.zeros(samples)
    for start in onsets(rng, samples, rng.uniform(0.5, 1.0), 0.05):
        place(track, start, stroke, rng.uniform(0.8, 1.0))
    return track


def _alarm_pips(rng: np.random.Generator, pitch: float, pips: int) -> np.ndarray:
    on, off = rng.uniform(0.05, 0.08), rng.uniform(0.035, 0.06)
    samples = int(pips * (on + off) * SAMPLE_RATE)
    time = clock_times(samples)
    gate = smooth((time % (on + off) < on).astype(float), 0.004)
    tone = read(wavetable([1.0, 0.25, 0.3][: len(harmonics(pitch, 7400, 3))]), pitch * time)
    return gate * tone


def clock(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Alarm clock: dry ticks and groups of short beeps of one pitch at 1.9 to 3.4 kHz."""
    pitch, pips = rng.uniform(1900, 3400), int(rng.integers(3, 6))
    track = np.zeros(samples)
    modes = np.array([1.0, 1.63, 2.41, 3.3]) * rng.uniform(1500, 2100)
    ticks = [
        ring(modes * shift, np.array([6, 5, 4, 3]) * 1e-3, np.array([1, 0.9, 0.8, 0.7]), 640)
        + ring(np.array([rng.uniform(240, 420)]), np.array([8e-3]), np.array([1.2]), 640)
        for shift in (1.0, 0.84)
    ]
    for count, start in enumerate(onsets(rng, samples, rng.uniform(0.11, 0.17), 0.01)):
        place(track, start, ticks[count % 2], rng.uniform(0.5, 0.65))
    group = _alarm_pips(rng, pitch, pips)
    for start in onsets(rng, samples, len(group) / SAMPLE_RATE + rng.uniform(0.2, 0.38)):
        place(track, start, group, 0.55)
    return np.tanh(1.3 * track)
