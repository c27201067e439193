"""One composed clip: what is in view and how it moves, what sounds in every second, and the audio mix.

Drawn from a generator in two steps, so that a picture can be heard with other sounds: `draw_view` and
`draw_audio`. Nothing is decoded before `render` and `mix`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from avseg.compose.sources import Photo, Recording, Sources, class_index, read_photo
from avseg.media.audio import SAMPLE_RATE

PEOPLE = ("person", "man", "woman", "boy", "girl", "baby")
# Sounds that are easily confused: half of the off-screen sounds come from the family of what is in view.
FAMILIES: tuple[frozenset[str], ...] = (
    frozenset(PEOPLE),
    frozenset(("violin", "cello", "guitar", "harp", "ukulele", "sitar", "piano", "marimba", "guzheng")),
    frozenset(
        ("trumpet", "trombone", "tuba", "saxophone", "clarinet", "flute", "bassoon", "harmonica", "accordion")
    ),
    frozenset(("drum", "tabla", "gun", "keyboard", "clock", "handpan", "bell")),
    frozenset(
        ("dog", "cat", "wolf", "lion", "tiger", "leopard", "pig", "sheep", "donkey", "horse", "elephant")
    ),
    frozenset(("bird", "parrot", "hen", "duck", "goose", "squirrel")),
    frozenset(
        ("car", "bus", "truck", "train", "motorcycle", "tank", "tractor", "boat", "airplane", "helicopter")
    ),
    frozenset(("emergency-car", "vacuum-cleaner", "mower", "saw")),
)
LOUDNESS = (-38.0, -14.0)  # dB of full scale, of a source
AMBIENCE = "_noise"  # class of recordings without a source to see: rain, wind, crowds
LOUD_NOISE = 0.08  # share of clips with white noise as loud as a source
LOUD_NOISE_LEVELS = (-40.0, -14.0)  # dB of full scale
MIN_AREA = 0.004  # share of the frame below which an object is too small to be asked for
FADE = 0.02  # seconds
SPEEDS = (0.84, 1.19)  # of recordings in training: a minor third lower or higher at most


@dataclass(frozen=True)
class Cutout:
    """An object cut out of a photograph; positions and sizes are shares of the frame, speeds per second."""

    photo: Photo
    name: str
    height: float
    x: float  # of its middle, in the first frame
    y: float
    dx: float
    dy: float
    grow: float  # factor of its height over the clip
    flipped: bool
    light: float


@dataclass(frozen=True)
class View:
    """What is in view: a whole photograph, or a background with cut-outs, seen by a slowly moving camera."""

    base: Photo | None  # the whole photograph, with its labelled objects
    background: Path | None  # a picture without labelled objects
    cutouts: tuple[Cutout, ...]
    window: tuple[float, float, float, float]  # left, top, width, height of the crop in the first frame
    pan: tuple[float, float, float]  # of left and top, and factor of the size, over the clip
    flipped: bool
    blur: float  # pixels; some photographs are small, and blur must not become a class
    light: tuple[float, float, float]  # brightness, contrast, saturation

    @property
    def classes(self) -> tuple[str, ...]:
        """Labelled classes that may be in view, each once."""
        base = self.base.classes if self.base else ()
        return tuple(dict.fromkeys((*base, *(c.name for c in self.cutouts))))


@dataclass(frozen=True)
class Track:
    """One source of sound."""

    owner: str | None  # class in view that makes it, None for sound from off screen
    recording: Recording
    on: tuple[bool, ...]  # per second
    offset: float  # seconds into the recording
    loudness: float  # dB of full scale while it sounds
    low_pass: float  # Hz
    speed: float = 1.0  # factor at which the recording is played, which changes its pitch too


@dataclass(frozen=True)
class Audio:
    """Everything that is heard."""

    tracks: tuple[Track, ...]
    seconds: int
    reverberation: float  # seconds to fall by 60 dB, 0 for none
    noise: float  # dB of full scale, white
    seed: int

    def sounding(self, second: int) -> frozenset[str]:
        """Return the classes in view that sound in a second."""
        return frozenset(t.owner for t in self.tracks if t.owner is not None and t.on[second])


def draw_view(rng: np.random.Generator, sources: Sources) -> View:
    """Return a view with at least one object that can sound, and others that may be silent distractors."""
    names = sources.sounding
    weights = np.sqrt([min(40, len(sources.by_photo_class[name])) for name in names])
    name = str(rng.choice(names, p=weights / weights.sum()))
    light = tuple(float(v) for v in rng.uniform((0.75, 0.85, 0.6), (1.25, 1.15, 1.3)))
    blur = float(rng.choice([0.0, 0.0, 0.0, 1.0, 1.8]))
    scale = float(rng.uniform(0.62, 1.0))
    window = (*(float(v) for v in rng.uniform(0, 1 - scale, 2)), scale, scale)
    pan = (*(float(v) for v in rng.normal(0, 0.03, 2)), float(rng.uniform(0.94, 1.06)))
    flipped = bool(rng.random() < 0.5)
    photo = _pick(rng, sources.by_photo_class[name])
    pasted = rng.random() < 0.5 or photo.is_product_shot
    if not pasted or not (sources.backgrounds or len(sources.photos) > 1):
        return View(photo, None, (), window, pan, flipped, blur, light)
    objects = [name]
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        other = str(rng.choice(list(sources.by_photo_class)))
        if other not in objects:
            objects.append(other)
    cutouts = []
    for position, item in enumerate(objects):
        for _ in range(1 + (rng.random() < 0.15)):  # now and then two of a kind
            other = photo if item == name else _pick(rng, sources.by_photo_class[item])
            cutouts.append(_draw_cutout(rng, item, other, position))
    rng.shuffle(cutouts)
    background = _pick(rng, sources.backgrounds) if sources.backgrounds else _pick(rng, sources.photos).path
    return View(None, background, tuple(cutouts), window, pan, flipped, blur, light)


def _draw_cutout(rng: np.random.Generator, name: str, photo: Photo, position: int) -> Cutout:
    return Cutout(
        photo=photo,
        name=name,
        height=float(rng.uniform(0.3, 0.85) * (0.85 if position else 1.0)),
        x=float(rng.uniform(0.15, 0.85)),
        y=float(rng.uniform(0.3, 0.8)),
        dx=float(rng.normal(0, 0.03)),
        dy=float(rng.normal(0, 0.01)),
        grow=float(rng.uniform(0.92, 1.08)),
        flipped=bool(rng.random() < 0.5),
        light=float(rng.uniform(0.85, 1.15)),
    )


def draw_audio(
    rng: np.random.Generator,
    sources: Sources,
    present: Sequence[str],
    seconds: int,
    task: str = "ms3",
    resample: bool = False,
) -> Audio:
    """Return what is heard with a view whose visible classes are `present`.

    task: in "s4" one class sounds through the clip; otherwise sources enter, leave, fall silent or are off
    screen. resample: draw what sounds anew in every second, for training.
    """
    able = [name for name in present if sources.voices(name)]
    away = off_screen_class(rng, sources, present)
    owners: dict[str, np.ndarray] = {name: np.zeros(seconds, bool) for name in able}
    outside = np.zeros(seconds, bool)
    if task == "s4" and able:
        owners[str(rng.choice(able))][:] = True
    else:
        spans = [(s, s + 1) for s in range(seconds)] if resample else _spans(rng, seconds)
        for first, last in spans:
            fate = rng.random()
            if fate < 0.1 or not (able or away):
                continue  # silence, or the noise of the room alone
            if fate < 0.34 or not able:
                outside[first:last] = True
                continue
            count = 1 if rng.random() < 0.72 else min(2, len(able))
            for name in rng.choice(able, count, replace=False):
                owners[str(name)][first:last] = True
            outside[first:last] = rng.random() < 0.12  # off-screen sound besides
    tracks = [
        draw_track(rng, sources, voice, name, on, vary=resample)
        for name, on in owners.items()
        if on.any() and (voice := str(rng.choice(sources.voices(name))))
    ]
    if outside.any() and away:
        tracks.append(draw_track(rng, sources, away, None, outside, vary=resample))
    if AMBIENCE in sources.by_sound and rng.random() < 0.35:
        ambience = draw_track(rng, sources, AMBIENCE, None, np.ones(seconds, bool))
        tracks.append(replace(ambience, loudness=ambience.loudness - 14))
    return Audio(
        tracks=tuple(tracks),
        seconds=seconds,
        reverberation=float(rng.uniform(0.1, 0.9)) if rng.random() < 0.4 else 0.0,
        noise=float(rng.uniform(*LOUD_NOISE_LEVELS) if rng.random() < LOUD_NOISE else rng.uniform(-85, -44)),
        seed=int(rng.integers(2**31)),
    )


def only(
    rng: np.random.Generator, sources: Sources, audio: Audio, voice: str | None, owner: str | None
) -> Audio:
    """Return the audio with one class of recordings as its only sound, for the whole clip; None: silence."""
    on = np.ones(audio.seconds, bool)
    tracks = () if voice is None else (draw_track(rng, sources, voice, owner, on),)
    return replace(audio, tracks=tracks, seed=int(rng.integers(2**31)))


def _spans(rng: np.random.Generator, seconds: int) -> list[tuple[int, int]]:
    cuts = sorted(rng.choice(np.arange(1, seconds), int(rng.choice([0, 0, 1, 1, 2])), replace=False).tolist())
    return list(zip([0, *cuts], [*cuts, seconds]))


def off_screen_class(rng: np.random.Generator, sources: Sources, present: Sequence[str]) -> str | None:
    """Return a class of recordings that nothing in view could make, often one that sounds like it."""
    taken = {voice for name in present for voice in (name, *sources.voices(name))}
    if taken & set(PEOPLE):
        taken |= set(PEOPLE)
    free = [name for name in sources.by_sound if name not in taken]
    alike = [n for n in free if any(n in family and family & taken for family in FAMILIES)]
    draw = rng.random()
    pool = alike if alike and draw < 0.45 else free
    if AMBIENCE in free and draw > 0.85:
        return AMBIENCE
    return str(rng.choice(pool)) if pool else None


def draw_track(
    rng: np.random.Generator,
    sources: Sources,
    voice: str,
    owner: str | None,
    on: np.ndarray,
    vary: bool = False,
) -> Track:
    """Return a track of class `voice`, made by the visible class `owner` or, with None, off screen.

    vary: play the recording faster or slower, for training. Many classes have few original recordings.
    """
    return Track(
        owner=owner,
        recording=_pick(rng, sources.by_sound[voice]),
        on=tuple(bool(value) for value in on),
        offset=float(rng.random()),
        loudness=float(rng.uniform(*LOUDNESS)),
        low_pass=float(rng.choice([8000.0, 8000.0, rng.uniform(2500, 7000), 3900.0])),
        speed=float(np.exp(rng.uniform(*np.log(SPEEDS)))) if vary else 1.0,
    )


def _pick(rng: np.random.Generator, items: Sequence) -> object:
    return items[int(rng.integers(len(items)))]


# ---- pictures ----


@dataclass(frozen=True, eq=False)
class Layers:
    """A view decoded once: the base picture with its masks, and the cut-outs with soft edges."""

    picture: np.ndarray  # uint8 [H, W, 3]
    masks: dict[str, np.ndarray]  # bool [H, W] by class
    cutouts: tuple[tuple[Cutout, np.ndarray], ...]  # RGBA uint8 [h, w, 4]


def decode(view: View) -> Layers:
    """Read the photographs of a view; raises DatasetError when one cannot be read."""
    if view.base is not None:
        picture, masks = view.base.read()
    else:
        picture, masks = read_photo(view.background), {}
    cut = []
    for item in view.cutouts:
        photo, by_class = item.photo.read()
        rows, columns = np.nonzero(by_class[item.name])
        if len(rows) < 64:
            continue
        box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        alpha = by_class[item.name][box].astype(np.uint8) * 255
        rgba = np.dstack([np.clip(photo[box] * item.light, 0, 255).astype(np.uint8), alpha])
        cut.append((item, rgba[:, ::-1] if item.flipped else rgba))
    return Layers(picture, masks, tuple(cut))


def render(
    view: View, layers: Layers, time: float, seconds: int, size: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the frame uint8 [size, size, 3] at a time (s), and the visible masks bool [size, size]."""
    progress = time / seconds
    frame, masks = _camera(view, layers, progress, size)
    for item, rgba in layers.cutouts:
        height = max(6, round(item.height * item.grow**progress * size))
        width = max(6, round(height * rgba.shape[1] / rgba.shape[0]))
        if width > 0.95 * size:  # wide objects keep their shape, within the frame
            height, width = max(6, round(height * 0.95 * size / width)), round(0.95 * size)
        scaled = Image.fromarray(rgba).resize((width, height), Image.Resampling.BILINEAR)
        soft = scaled.getchannel("A").filter(ImageFilter.GaussianBlur(0.7))
        left = round((item.x + item.dx * time) * size - width / 2)
        top = round((item.y + item.dy * time) * size - height / 2)
        canvas = Image.fromarray(frame)
        canvas.paste(scaled.convert("RGB"), (left, top), soft)
        frame = np.asarray(canvas)
        shape = Image.new("L", (size, size))
        shape.paste(soft, (left, top))
        covered = np.asarray(shape) > 127
        masks = {name: mask & ~covered for name, mask in masks.items()}
        masks[item.name] = masks[item.name] | covered if item.name in masks else covered
    return _graded(frame, view), masks


def _camera(
    view: View, layers: Layers, progress: float, size: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the base picture as the camera sees it, and its masks."""
    height, width = layers.picture.shape[:2]
    left, top, wide, high = crop(view.window, view.pan, progress)
    box = (left * width, top * height, (left + wide) * width, (top + high) * height)

    def seen(pixels: np.ndarray, smooth: bool) -> np.ndarray:
        how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        shown = np.asarray(Image.fromarray(pixels).resize((size, size), how, box=box))
        return shown[:, ::-1] if view.flipped else shown

    masks = {name: seen(mask.astype(np.uint8) * 255, False) > 127 for name, mask in layers.masks.items()}
    return np.ascontiguousarray(seen(layers.picture, True)), masks


def crop(
    window: tuple[float, float, float, float], pan: tuple[float, float, float], progress: float
) -> tuple[float, float, float, float]:
    """Return what the camera sees of a picture, as shares: left, top, width, height.

    progress: share of the clip that has passed.
    """
    left, top, wide, high = window
    factor = pan[2] ** progress
    wide, high = min(1.0, wide * factor), min(1.0, high * factor)
    left = min(max(0.0, left + pan[0] * progress), 1 - wide)
    top = min(max(0.0, top + pan[1] * progress), 1 - high)
    return left, top, wide, high


def _graded(frame: np.ndarray, view: View) -> np.ndarray:
    brightness, contrast, saturation = view.light
    if view.blur:
        frame = np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(view.blur)))
    if view.light == (1.0, 1.0, 1.0):
        return frame
    values = (frame.astype(np.float32) - 127.5) * contrast + 127.5 * brightness
    grey = values.mean(axis=2, keepdims=True)
    return np.clip(grey + (values - grey) * saturation, 0, 255).astype(np.uint8)


def class_map(masks: dict[str, np.ndarray], sounding: frozenset[str], size: int) -> np.ndarray:
    """Return the classes uint8 [size, size] of what sounds; 255 for one that AVSBench does not name."""
    classes = np.zeros((size, size), np.uint8)
    for name in sounding:
        if name in masks:
            classes[masks[name]] = class_index(name)
    return classes


def visible(masks: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Return the classes that cover enough of the frame to be asked for."""
    return tuple(name for name, mask in masks.items() if mask.mean() >= MIN_AREA)


# ---- sound ----


def mix(audio: Audio) -> np.ndarray:
    """Return the waveform, float32 [seconds * 16000] in [-1, 1]; DatasetError for unreadable recordings."""
    rng = np.random.default_rng(audio.seed)
    total = np.zeros(audio.seconds * SAMPLE_RATE, np.float32)
    for track in audio.tracks:
        total += _voiced(track, audio.seconds, rng)
    if audio.reverberation:
        total = _reverberated(total, audio.reverberation, rng)
    total += rng.standard_normal(len(total)).astype(np.float32) * np.float32(10 ** (audio.noise / 20))
    return np.clip(total, -1, 1)


def _voiced(track: Track, seconds: int, rng: np.random.Generator) -> np.ndarray:
    """Return one track: the recording from its offset, repeated where it is short, faded at its ends."""
    source = track.recording.read()
    sound = np.zeros(seconds * SAMPLE_RATE, np.float32)
    second = 0
    while second < seconds:
        if not track.on[second]:
            second += 1
            continue
        end = second
        while end < seconds and track.on[end]:
            end += 1
        part = _stretch(source, (end - second) * SAMPLE_RATE, track.offset, rng, track.speed)
        sound[second * SAMPLE_RATE : end * SAMPLE_RATE] = _low_passed(part, track.low_pass)
        second = end
    active = sound[np.repeat(np.array(track.on), SAMPLE_RATE)]
    level = float(np.sqrt(np.mean(active**2))) if len(active) else 0.0
    return sound * np.float32(10 ** (track.loudness / 20) / max(level, 1e-5))


def _stretch(
    source: np.ndarray, length: int, offset: float, rng: np.random.Generator, speed: float = 1.0
) -> np.ndarray:
    """Return `length` samples of a recording; a short one repeats with pauses of up to a quarter second."""
    needed = round(length * speed)
    if len(source) > needed:
        first = int(offset * (len(source) - needed))
        return _faded(_at_speed(source[first : first + needed], length))
    source = _at_speed(source, max(1, round(len(source) / speed)))
    parts, filled = [], 0
    while filled < length:
        parts += [_faded(source), np.zeros(int(rng.uniform(0, 0.25) * SAMPLE_RATE), np.float32)]
        filled += len(parts[-1]) + len(parts[-2])
    return _faded(np.concatenate(parts)[:length])


def _at_speed(sound: np.ndarray, length: int) -> np.ndarray:
    """Return a sound played in `length` samples, by linear interpolation."""
    if len(sound) == length:
        return sound
    return np.interp(np.linspace(0, len(sound) - 1, length), np.arange(len(sound)), sound)


def _faded(sound: np.ndarray) -> np.ndarray:
    count = min(int(FADE * SAMPLE_RATE), len(sound) // 2)
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    sound = sound.astype(np.float32, copy=True)
    sound[:count] *= ramp
    sound[len(sound) - count :] *= ramp[::-1]
    return sound


def _low_passed(sound: np.ndarray, limit: float) -> np.ndarray:
    """Return the sound below `limit` Hz, so that a recording made at 8 kHz is not recognised by its band."""
    if limit >= SAMPLE_RATE / 2:
        return sound
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    spectrum *= 1 / (1 + (frequencies / limit) ** 16)
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def _reverberated(sound: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Return the sound in a room: exponentially decaying noise as its response, direct sound first."""
    length = int(seconds * SAMPLE_RATE)
    response = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    response *= rng.uniform(0.15, 0.6) / np.sqrt((response**2).sum())
    response[0] = 1.0
    size = 1 << (len(sound) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]
    return wet.astype(np.float32)
