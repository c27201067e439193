"""SynthAVS scenes: sample one from a generator, render it at a time, mix its audio.

The world is 16:9. `render` resizes it to the requested size, as AVSBench resizes frames to 224 x 224.
Frame i of a clip shows the time i + 15/16 s and has the label of second i (AVSBench takes the last
sixteenth of every second).
"""

from functools import lru_cache
from itertools import groupby

import numpy as np
from PIL import Image

from avseg.data.labels import CLASS_INDEX
from avseg.synthavs import backgrounds, objects, sounds
from avseg.synthavs.objects import POSES
from avseg.synthavs.oscillators import SAMPLE_RATE
from avseg.synthavs.scenes_layout import lay_out
from avseg.synthavs.scenes_parts import (
    ASPECT,
    Backdrop,
    Scene,
    Sound,
    Thing,
    all_sounding,
    audible,
    scene_from_dict,
    sounding,
)
from avseg.synthavs.scenes_schedule import plan

__all__ = [
    "ASPECT",
    "Backdrop",
    "Scene",
    "Sound",
    "Thing",
    "all_sounding",
    "audible",
    "frame_time",
    "mix",
    "render",
    "sample_scene",
    "scene_from_dict",
    "sounding",
    "truth",
]

_FADE = SAMPLE_RATE // 50  # 20 ms
_PEAK = 0.95


def frame_time(index: int) -> float:
    """Return the time in seconds that frame `index` (0-based) of a clip shows."""
    return index + 15 / 16


def sample_scene(
    rng: np.random.Generator,
    seconds: int = 5,
    split: str = "train",
    task: str = "ms3",
    resample_sounds: bool = False,
) -> Scene:
    """Sample a scene; schedule, appearance and audio use three separate streams of rng."""
    schedule_rng, look_rng, sound_rng = rng.spawn(3)
    drawn = plan(schedule_rng, seconds, task, resample_sounds)
    backdrop, things = lay_out(look_rng, drawn.names, split, seconds)
    heard_sounds = tuple(
        Sound(name, int(sound_rng.integers(2**31)), float(sound_rng.uniform(0.55, 1.0)), on)
        for name, on in sorted(drawn.on.items())
    )
    room_seed, ambience_seed = (int(seed) for seed in sound_rng.integers(2**31, size=2))
    return Scene(
        split=split,
        seconds=seconds,
        backdrop=backdrop,
        things=things,
        sounds=heard_sounds,
        room_seed=room_seed,
        ambience_seed=ambience_seed,
        ambience_gain=float(sound_rng.uniform(0.5, 1.5)),
    )


def render(scene: Scene, t: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Render the scene at time t (seconds) at size (H, W).

    Returns rgb uint8 [H, W, 3] and classes uint8 [H, W], the class index of visible pixels of objects that
    sound in that second (alpha above one half), 0 elsewhere. The image does not depend on the schedule.
    """
    picture = _backdrop(scene.backdrop, scene.split, size).copy()
    classes = np.zeros(size, np.uint8)
    now = sounding(scene, t)
    for thing in scene.things:
        drawn, left, top = _placed(scene, thing, t, size)
        if not objects.airborne(thing.name, thing.variant):
            _shade(picture, drawn.width, round(left + drawn.width / 2), round(thing.y * size[0]))
        picture.paste(drawn, (left, top), drawn)
        _mark(classes, drawn, left, top, CLASS_INDEX[thing.name] if thing.name in now else 0)
    return np.asarray(picture), classes


def truth(scene: Scene, t: float, size: tuple[int, int]) -> np.ndarray:
    """Return the classes uint8 [H, W] of `render`, without rendering the image."""
    classes = np.zeros(size, np.uint8)
    now = sounding(scene, t)
    for thing in scene.things:
        _mark(classes, *_placed(scene, thing, t, size), CLASS_INDEX[thing.name] if thing.name in now else 0)
    return classes


def _placed(scene: Scene, thing: Thing, t: float, size: tuple[int, int]) -> tuple[Image.Image, int, int]:
    """Return an object's RGBA image at time t, and its left and top in pixels."""
    height, width = size
    drawn = _drawn(thing, scene.split, _pose(thing, t), size)
    lift = thing.bob * np.sin(2 * np.pi * (thing.bob_rate * t + thing.phase))
    left = round((thing.x + thing.speed * t) * (width / ASPECT) - drawn.width / 2)
    return drawn, left, round((thing.y + lift) * height) - drawn.height


def _mark(classes: np.ndarray, drawn: Image.Image, left: int, top: int, index: int) -> None:
    """Set the opaque pixels of an object to its class index, or to 0 if it is silent."""
    height, width = classes.shape
    rows = slice(max(top, 0), max(min(top + drawn.height, height), 0))
    columns = slice(max(left, 0), max(min(left + drawn.width, width), 0))
    solid = np.asarray(drawn.getchannel("A")) > 127
    solid = solid[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    classes[rows, columns][solid] = index


def _pose(thing: Thing, t: float) -> int:
    """Return the pose index at time t; it oscillates on the object's own clock."""
    swing = 1 - abs(2 * ((thing.pose_rate * t + thing.phase) % 1) - 1)
    return round(swing * (len(POSES) - 1))


def _lit(picture: Image.Image, light: tuple[float, float, float]) -> Image.Image:
    table = np.clip(np.arange(256) * np.array(light)[:, None], 0, 255).round().astype(int).ravel().tolist()
    if picture.mode == "RGBA":
        table += list(range(256))
    return picture.point(table)


@lru_cache(maxsize=4)
def _backdrop(backdrop: Backdrop, split: str, size: tuple[int, int]) -> Image.Image:
    bank = backgrounds.banked if size[0] <= 200 else backgrounds.sharp
    whole = bank(backdrop.place, split, backdrop.variant)
    wide, tall = whole.size
    left, top = backdrop.left * wide, backdrop.top * tall
    box = (left, top, left + backdrop.zoom * wide, top + backdrop.zoom * tall)
    picture = whole.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    if backdrop.mirror:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _lit(picture, backdrop.light)


@lru_cache(maxsize=32)
def _drawn(thing: Thing, split: str, pose: int, size: tuple[int, int]) -> Image.Image:
    """Return the object's RGBA image as it appears in a frame of size (H, W)."""
    picture = objects.banked(thing.name, split, thing.variant)[pose]
    tall = max(2, round(thing.height * size[0]))
    wide = max(2, round(thing.height * picture.width / picture.height * size[1] / ASPECT))
    if thing.mirror:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if abs(thing.turn) > 0.5:
        # Rotating before the resize preserves shapes; twice the final size is enough for a clean edge.
        small = min(1.0, 2 * tall / picture.height)
        picture = picture.resize((round(picture.width * small), round(picture.height * small)))
        before = picture.size
        picture = picture.rotate(thing.turn, Image.Resampling.BILINEAR, expand=True)
        wide = round(wide * picture.width / before[0])
        tall = round(tall * picture.height / before[1])
    picture = picture.resize((max(wide, 2), max(tall, 2)), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return _lit(picture, thing.tint)


@lru_cache(maxsize=1)
def _blob() -> Image.Image:
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    return Image.fromarray((np.clip(1 - np.hypot(x, y), 0, 1) * 140).astype(np.uint8))


def _shade(picture: Image.Image, width: int, x: int, y: int) -> None:
    """Darken the ground under an object; a shadow is not part of its mask."""
    wide, tall = max(4, round(width * 1.2)), max(3, round(width * 0.2))
    soft = _blob().resize((wide, tall))
    picture.paste((20, 12, 8), (x - wide // 2, y - round(tall * 0.62)), soft)


def mix(scene: Scene) -> np.ndarray:
    """Return the audio track, float32 [seconds * 16000], peak at most 0.95.

    Every interval in which a class sounds is synthesised once and faded over 20 ms; the room response of the
    scene applies to all. A class that is visible twice has two voices. Ambience lasts the whole clip.
    """
    track = sounds.ambience(np.random.default_rng(scene.ambience_seed), float(scene.seconds))
    track = (track * scene.ambience_gain).astype(np.float32)
    dry = np.zeros_like(track)
    counts = [thing.name for thing in scene.things]
    for sound in scene.sounds:
        voices = range(max(1, counts.count(sound.name)))
        for start, stop in _intervals(sound.on):
            voiced = sum(_voice(sound, voice, stop - start) for voice in voices)
            dry[start * SAMPLE_RATE : stop * SAMPLE_RATE] += voiced * (sound.gain / len(voices) ** 0.5)
    if scene.sounds:
        track += sounds.room(dry, np.random.default_rng(scene.room_seed))
    loudest = float(np.abs(track).max(initial=0.0))
    return track * np.float32(min(1.0, _PEAK / max(loudest, 1e-9)))


def _intervals(on: tuple[bool, ...]) -> list[tuple[int, int]]:
    spans = [
        (value, [second for second, _ in run])
        for value, run in groupby(enumerate(on), key=lambda pair: pair[1])
    ]
    return [(run[0], run[-1] + 1) for value, run in spans if value]


def _voice(sound: Sound, voice: int, seconds: int) -> np.ndarray:
    dry = sounds.synthesise(sound.name, np.random.default_rng([sound.seed, voice]), float(seconds))
    ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
    dry = dry.copy()
    dry[:_FADE] *= ramp
    dry[-_FADE:] *= ramp[::-1]
    return dry
