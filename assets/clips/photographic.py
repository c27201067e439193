"""Composes three clips from photographs and recordings: `python assets/clips/photographic.py SOURCES [OUT]`.

SOURCES is a folder with the files that CREDITS.md lists. Each clip is a photograph, or two side by side, or
cut-outs on a photograph, under a slowly moving camera; none is filmed video. photographs/outlines.json has
the objects of each photograph as polygons in pixels, drawn by hand and refined by colour.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from avseg.compose.scenes import Audio, Layers, Track, View, decode, mix, render
from avseg.compose.sources import Photo, Recording
from avseg.compose.stills import Outline, Pane, Still, pixel_box
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import read_sound
from avseg.media.video import write_mp4, write_wav

FOLDER = Path(__file__).parent
OUTLINES: Mapping[str, Mapping[str, list[list[float]]]] = json.loads(
    (FOLDER / "photographs" / "outlines.json").read_text(encoding="utf-8")
)
SIZE = (360, 640)  # height, width
CANVAS = (720, 1280)  # height, width of a picture of several photographs, in pixels
FPS = 24
SECONDS = 5
WHOLE = (0.0, 0.0, 1.0, 1.0)
STILL = (0.0, 0.0, 1.0)
KIND = "photographs"


@dataclass(frozen=True)
class Sound:
    """A recording, or several at their times, and when it is heard."""

    name: str  # class
    marks: str  # "x" per sounding and "." per silent second
    notes: tuple[tuple[float, str, float], ...]  # start in s, file of SOURCES, semitones
    loudness: float = -18.0  # dB of full scale
    skip: float = 0.0  # share of the recording beyond what fits that is left out at its start


@dataclass(frozen=True)
class Standing:
    """A cut-out that stands on the ground; lengths are shares of the canvas."""

    file: str
    name: str
    x: float  # of its middle
    foot: float  # of its lowest point
    height: float
    light: tuple[float, float, float]  # factor of red, green and blue
    flipped: bool = False


@dataclass(frozen=True)
class Clip:
    """One clip; `pictures` has a photograph for each pane, or a background and what stands on it."""

    title: str
    shows: str
    panes: tuple[Pane, ...]  # without outlines
    pictures: tuple[str, ...]
    sounds: tuple[Sound, ...]
    standing: tuple[Standing, ...] = ()


def beat(*rows: tuple[str, str], step: float = 0.125) -> tuple[tuple[float, str, float], ...]:
    """Return the hits of a drum kit: per file a bar of "x" and ".", repeated for three seconds."""
    return tuple(
        (step * place, file, 0.0)
        for file, bar in rows
        for place in range(round(3 / step))
        if bar[place % len(bar)] == "x"
    )


GUITAR = "steel_guitar_slight_distorted01.ogg"
CLIPS: Mapping[str, Clip] = {
    "drums-and-guitar": Clip(
        "Drums and guitar",
        "A photograph of a drum kit and a guitar: the drums sound, then the guitar, then both.",
        (Pane(WHOLE, (0.0, 0.05, 1.0, 0.75), (0.04, 0.16, 0.96), ()),),
        ("america.webp",),
        (
            Sound(
                "drum",
                "xx.xx",
                beat(
                    ("drum_heavy_kick.flac", "x.....x.x......."),
                    ("drum_snare_hard.flac", "....x.......x..."),
                    ("drum_tom_hi_hard.flac", "..............x."),
                    ("drum_tom_lo_soft.flac", "...............x"),
                ),
            ),
            Sound(
                "guitar",
                "..xxx",
                tuple((0.375 * place, GUITAR, pitch) for place, pitch in enumerate((0, 3, 5, 0, 3, 6, 5, 0))),
                -20.0,
            ),
        ),
    ),
    "video-call": Clip(
        "Video call",
        "Two photographs side by side: a woman speaks, a kitten mews, both are silent, "
        "the woman speaks again.",
        (
            Pane((0.0, 0.0, 0.5, 1.0), (0.03, 0.0, 0.8889, 1.0), (0.05, 0.0, 0.9), ()),
            Pane((0.5, 0.0, 0.5, 1.0), (0.25, 0.04, 0.48, 0.96), (0.015, 0.02, 0.93), ()),
        ),
        ("astronaut.png", "kitten.webp"),
        (
            Sound("woman", "xx...", ((0.0, "demo-congrats.wav", 0.0),), skip=0.03),
            Sound("woman", "....x", ((0.0, "hello-world.wav", 0.0),)),
            Sound("cat", "..x..", ((0.0, "meow.wav", 0.0),)),
        ),
    ),
    "sheep-and-dog": Clip(
        "Sheep and dog",
        "Two cut-outs on a photographed meadow: a dog barks, a sheep bleats, the dog barks again, and a "
        "helicopter is heard that is not in the picture.",
        (Pane(WHOLE, (0.02, 0.03, 0.9, 0.9), (0.06, 0.04, 0.97), ()),),
        ("aitzgorri_by_Aitzol_Berasategi.jpg",),
        (
            Sound("dog", "x..x.", ((0.0, "dog.ogg", 0.0),)),
            Sound("sheep", ".xx..", ((0.0, "sheep.ogg", 0.0),)),
            Sound("helicopter", "....x", ((0.0, "helicopter.wav", 0.0),), -20.0),
        ),
        (
            Standing("sheep.webp", "sheep", 0.29, 0.9, 0.52, (0.97, 0.98, 0.94)),
            Standing("dog.webp", "dog", 0.68, 0.94, 0.52, (0.92, 0.97, 1.0), flipped=True),
        ),
    ),
}


def picture_of(clip: Clip, number: int, sources: Path) -> tuple[Image.Image, tuple[Outline, ...]]:
    """Return the picture of a pane and its outlines, from back to front."""
    file = clip.pictures[number]
    with Image.open(sources / file) as image:
        picture = image.convert("RGB")
    if not clip.standing:
        scale = np.array(picture.size)
        return picture, tuple(_outline(name, ps, scale) for name, ps in OUTLINES[file].items())
    canvas = _fitted(picture)
    outlines = []
    for item in clip.standing:
        cut, polygons = _cut(item, sources)
        place = np.array([item.x * canvas.width - cut.width / 2, item.foot * canvas.height - cut.height])
        place = place.round().astype(int)
        canvas = _stand(canvas, cut, tuple(place.tolist()))
        moved = [(np.reshape(p, (-1, 2)) + place).ravel().tolist() for p in polygons]
        outlines.append(_outline(item.name, moved, np.array(canvas.size)))
    return canvas, tuple(outlines)


def _fitted(picture: Image.Image) -> Image.Image:
    """Return the lower part of a photograph at the canvas's size."""
    height, width = CANVAS
    rows = round(picture.width * height / width)
    box = (0, picture.height - rows, picture.width, picture.height)
    return picture.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _outline(name: str, polygons: Sequence[Sequence[float]], scale: np.ndarray) -> Outline:
    shares = [(np.reshape(polygon, (-1, 2)) + 0.5) / scale for polygon in polygons]
    return Outline(name, tuple(tuple(share.ravel().round(5).tolist()) for share in shares))


def _cut(item: Standing, sources: Path) -> tuple[Image.Image, list[list[float]]]:
    """Return a cut-out, RGBA at its size on the canvas, and its polygons in pixels of it."""
    with Image.open(sources / item.file) as image:
        photo = image.convert("RGB")
    polygons = [np.reshape(polygon, (-1, 2)) for polygon in OUTLINES[item.file][item.name]]
    points = np.concatenate(polygons)
    low, high = points.min(axis=0), points.max(axis=0) + 1
    scale = item.height * CANVAS[0] / (high[1] - low[1])
    size = tuple(round(float(v)) for v in (high - low) * scale)
    alpha = Image.new("L", photo.size)
    for polygon in polygons:
        ImageDraw.Draw(alpha).polygon([tuple(p) for p in polygon.tolist()], fill=255)
    # The outermost pixels carry the colour of the old background.
    alpha = alpha.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(1.2))
    photo = Image.fromarray(np.clip(np.asarray(photo) * np.array(item.light), 0, 255).astype(np.uint8))
    photo.putalpha(alpha)
    cut = photo.resize(size, Image.Resampling.LANCZOS, box=(*low, *high))
    moved = [(polygon - low) * scale for polygon in polygons]
    if item.flipped:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        moved = [np.stack([size[0] - 1 - p[:, 0], p[:, 1]], axis=1) for p in moved]
    return cut, [points.ravel().tolist() for points in moved]


def _stand(canvas: Image.Image, cut: Image.Image, place: tuple[int, int]) -> Image.Image:
    """Return the canvas with a cut-out on its grass: a soft shadow under it, blades before its feet."""
    rng = np.random.default_rng(7)
    alpha = np.asarray(cut.getchannel("A")).astype(np.float32)
    height, width = alpha.shape
    rows = np.arange(height)[:, None]
    lowest = np.where(alpha > 127, rows, 0).max(axis=0)  # per column
    blades = rng.uniform(0, 0.024 * height, width)
    on_ground = lowest > 0.86 * height
    alpha *= np.where(on_ground, np.clip((lowest - blades - rows) / 3 + 0.5, 0, 1), 1)
    # Light from a cloudy sky: a wide faint shadow and a narrow dark one at the feet.
    shade = np.zeros((canvas.height, canvas.width), np.float32)
    columns = np.arange(width)[alpha.max(axis=0) > 127] + place[0]
    ground = place[1] + height
    pen = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(pen)
    draw.ellipse((columns.min(), ground - 0.13 * height, columns.max(), ground + 0.02 * height), fill=115)
    shade += np.asarray(pen.filter(ImageFilter.GaussianBlur(0.045 * height)))
    pen = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(pen)
    for column in np.flatnonzero(on_ground & (np.arange(width) % 3 == 0)):
        x, y, r = place[0] + column, place[1] + lowest[column], 0.018 * height
        draw.ellipse((x - 2 * r, y - r, x + 2 * r, y + 0.6 * r), fill=120)
    shade += np.asarray(pen.filter(ImageFilter.GaussianBlur(0.01 * height)))
    dark = np.asarray(canvas) * (1 - np.clip(shade, 0, 190) / 255)[..., None]
    canvas = Image.fromarray(dark.astype(np.uint8))
    cut.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    canvas.paste(cut, place, cut)
    return canvas


def still_of(clip: Clip, outlines: Sequence[tuple[Outline, ...]]) -> Still:
    """Return the clip's ground truth."""
    panes = tuple(replace(pane, outlines=items) for pane, items in zip(clip.panes, outlines, strict=True))
    visible = {item.name for items in outlines for item in items}
    return Still(SECONDS, panes, heard_of([sound for sound in clip.sounds if sound.name in visible]))


def heard_of(sounds: Sequence[Sound]) -> tuple[tuple[str, ...], ...]:
    """Return the classes that are heard in each second."""
    return tuple(
        tuple(dict.fromkeys(sound.name for sound in sounds if sound.marks[second] == "x"))
        for second in range(SECONDS)
    )


def audio_of(clip: Clip, visible: Sequence[str], sources: Path, folder: Path) -> Audio:
    """Return what is heard; arranged recordings are written to `folder`."""
    tracks = tuple(
        Track(
            owner=sound.name if sound.name in visible else None,
            recording=Recording(_arranged(sound, sources, folder / f"{number}.wav"), sound.name, ""),
            on=tuple(mark == "x" for mark in sound.marks),
            offset=sound.skip,
            loudness=sound.loudness,
            low_pass=SAMPLE_RATE / 2,
        )
        for number, sound in enumerate(clip.sounds)
    )
    return Audio(tracks, SECONDS, reverberation=0.0, noise=-72.0, seed=1)


def _arranged(sound: Sound, sources: Path, path: Path) -> Path:
    """Return the file of a single recording, or write several at their times and pitches to `path`."""
    if len(sound.notes) == 1:
        return sources / sound.notes[0][1]
    total = np.zeros(10 * SAMPLE_RATE, np.float32)
    last = max(start for start, _, _ in sound.notes)
    for start, file, semitones in sound.notes:
        source = read_sound(sources / file)
        speed = 2 ** (semitones / 12)
        note = np.interp(np.arange(0, len(source) - 1, speed), np.arange(len(source)), source)
        first = round(start * SAMPLE_RATE)
        if semitones or file == GUITAR:  # a new note ends the one before
            total[first:] = 0
        part = total[first : first + len(note)]
        part += note[: len(part)].astype(np.float32)
    write_wav(path, 0.5 * total[: round((last + 0.375) * SAMPLE_RATE)] / np.abs(total).max())
    return path


def frames_of(clip: Clip, layers: Sequence[Layers], views: Sequence[View]) -> Iterator[np.ndarray]:
    """Return the frames, uint8 [360, 640, 3]."""
    for index in range(SECONDS * FPS):
        frame = Image.new("RGB", SIZE[::-1])
        for pane, view, layer in zip(clip.panes, views, layers, strict=True):
            left, top, right, bottom = pixel_box(pane.box, SIZE)
            size = (right - left, bottom - top)
            # Rendered as a square: the crop has the pane's shape, so this restores it.
            pixels, _ = render(view, layer, index / FPS, SECONDS, max(size))
            frame.paste(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), (left, top))
        yield np.asarray(frame)


def write_clip(name: str, sources: Path, out: Path) -> Path:
    """Write NAME.mp4 and NAME.json, in the format of the drawn clips; return the video."""
    clip = CLIPS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        outlines, views = [], []
        for number, pane in enumerate(clip.panes):
            picture, items = picture_of(clip, number, sources)
            picture.save(folder / f"{number}.png")
            photo = Photo(folder / f"{number}.png", (), name)
            views.append(View(photo, None, (), pane.window, pane.pan, False, 0.0, (1.0, 1.0, 1.0)))
            outlines.append(items)
        still = still_of(clip, outlines)
        layers = [decode(view) for view in views]
        waveform = mix(audio_of(clip, still.visible, sources, folder))
        path = out / f"{name}.mp4"
        write_mp4(path, frames_of(clip, layers, views), FPS, waveform, 1.0, 23, "medium", threads=1)
    about = {
        "name": name,
        "title": clip.title,
        "shows": clip.shows,
        "kind": KIND,
        "seconds": SECONDS,
        "visible": still.visible,
        "sounding": still.sounding,
        "heard": heard_of(clip.sounds),
        "files": [*clip.pictures, *(i.file for i in clip.standing), *_recordings(clip)],
        "still": still.as_dict(),
    }
    path.with_suffix(".json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return path


def _recordings(clip: Clip) -> list[str]:
    return list(dict.fromkeys(file for sound in clip.sounds for _, file, _ in sound.notes))


if __name__ == "__main__":
    for clip_name in CLIPS:
        print(write_clip(clip_name, Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER))
