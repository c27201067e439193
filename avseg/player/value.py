"""What a player shows: a clip with masks, ground truth, sound and numbers, as a value and one file.

    value = player_value(prediction, folder, truth=truth)

`player_value` writes one file of images and counts into `folder` (and the video, unless one is given). A
browser fetches these two once; threshold, opacity, styles, classes, ground truth and errors need no other
request. `preview(...)` is a clip without masks. `script()` is the player itself, one function body for a page
that gives it `element`, `props`, `trigger` and `watch`: that of the app, or a file that is opened from disk.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from avseg.data.labels import CLASS_INDEX, CLASSES, PALETTE, Colour, clip_colours
from avseg.files import make_folder
from avseg.interpret.threshold_counts import Truth, class_order
from avseg.media.clip import Clip
from avseg.media.draw import ORANGE
from avseg.media.export import colours_of, write_clip
from avseg.player.pack import Parts, write_pack
from avseg.prediction import Prediction, Progress
from avseg.web.templates import render

HERE = Path(__file__).parent
STYLE = HERE / "player.css"
SCRIPTS = HERE / "modules"
# In this order: each defines a few functions, and the last one starts the player.
MODULES = ("numbers", "pack", "masks", "timeline", "player", "sounds", "controls")
SOUNDING = "sounding"  # the one class of the binary tasks


@dataclass(frozen=True)
class Lane:
    """A class that is audible, drawn as a line under the spectrogram."""

    name: str
    spans: tuple[tuple[float, float], ...]  # from, to; seconds of the clip
    inside: bool = True  # whether its source is in the picture


def audible_lanes(
    heard: Sequence[Collection[str]], visible: Collection[str], start: float, duration: float
) -> tuple[Lane, ...]:
    """Return the audible classes in a range of a clip; heard: those of every second of the whole clip."""
    lanes = []
    for name in dict.fromkeys(name for second in heard for name in second):
        spans = [
            (max(second - start, 0.0), min(second + 1 - start, duration))
            for second, names in enumerate(heard)
            if name in names and second + 1 > start and second < start + duration
        ]
        if spans:
            lanes.append(Lane(name, tuple(spans), name in visible))
    return tuple(lanes)


@dataclass(frozen=True)
class PlayerClass:
    """A class that can be marked, in the order of the keys 1 to 7."""

    index: int  # in the label maps; 1 for the binary tasks
    name: str
    colour: str  # CSS, colour-blind-safe
    benchmark: str  # CSS, AVSBench's palette; the same as `colour` for the binary tasks


@dataclass(frozen=True)
class Sound:
    """A sound that the clip can be played with, and what the model marks with it."""

    label: str
    finding: str  # one sentence
    parts: Parts
    lanes: tuple[Lane, ...] = ()
    silent: bool = False


@dataclass(frozen=True)
class PlayerValue:
    """All that a player shows. Times are seconds of the clip, which begins at `start` of the video."""

    title: str
    video: Path
    duration: float
    start: float = 0.0
    shows: str = "nothing"  # what is marked: nothing, prediction or truth
    threshold: float = 0.5  # at first; AVSS begins at 0, where the largest class alone decides
    frame: int = 0  # selected at first
    fps: float = 0.0
    times: tuple[float, ...] = ()  # [T], what each frame shows
    classes: tuple[PlayerClass, ...] = ()
    lanes: tuple[Lane, ...] = ()
    silent: bool = False
    pack: Path | None = None  # pictures and counts
    parts: Parts | None = None  # where they are in it


@cache
def script(template: str = "") -> str:
    """Return the modules as one function body, with the player's HTML as TEMPLATE.

    template: an expression of JavaScript that gives another HTML, such as a translated one.
    """
    template = template or json.dumps(render("player/player.html"))
    modules = ((SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    return "\n".join([f"const TEMPLATE = {template};", *modules])


def player_value(
    prediction: Prediction | None,
    folder: Path,
    *,
    truth: Truth | None = None,
    clip: Clip | None = None,
    task: str = "avss",
    video: Path | None = None,
    start: float = 0.0,
    title: str = "",
    lanes: tuple[Lane, ...] = (),
    frame: int = 0,
    on_progress: Progress | None = None,
) -> PlayerValue:
    """Return what a player shows of a prediction, of ground truth, or of both.

    folder: receives the pack, and the video if none is given; created if missing. truth: ground truth per
    frame, uint8 [h, w] of any size, or None for a frame without a label; class indices for AVSS, foreground
    above 0 for the binary tasks. prediction None: the player shows the ground truth alone; then `clip` and
    `task` are needed. video: a file that browsers play, in which the clip begins at `start` s, with the audio
    to be played (`replace_audio` changes it); without one the clip is re-encoded, which takes about a tenth
    of its length. lanes: the audible classes, if known. on_progress: called while the video is written.
    """
    clip, task = (prediction.clip, prediction.task) if prediction else (clip, task)
    if clip is None or (prediction is None and truth is None):
        raise ValueError("player_value needs a prediction, or a clip and its ground truth.")
    make_folder(folder)
    if video is None:
        video, start = write_clip(clip, folder / "video.mp4", on_progress=on_progress), 0.0
    several = task == "avss"
    if truth is not None:
        maps = (picture if several or picture is None else picture > 0 for picture in truth)
        truth = [None if picture is None else picture.astype(np.uint8) for picture in maps]
    indices = class_order(prediction, truth) if several else (1,)
    pack = folder / "player.pack"
    return PlayerValue(
        title=title or clip.name,
        video=video,
        duration=clip.duration,
        start=start,
        shows="prediction" if prediction else "truth",
        threshold=0.0 if several or not prediction else prediction.threshold,
        frame=min(max(0, frame), len(clip.times) - 1),
        fps=clip.fps,
        times=_times(clip),
        classes=_classes(indices, prediction, task),
        lanes=lanes,
        silent=not clip.waveform.any(),
        pack=pack,
        parts=write_pack(pack, clip, prediction, truth, indices),
    )


def preview(clip: Clip, folder: Path, video: Path | None = None, title: str = "") -> PlayerValue:
    """Return a clip that was not segmented yet: its video, frames and sound.

    folder, video: as in `player_value`; the clip begins at its own start in a video that is given.
    """
    make_folder(folder)
    start, pack = clip.start if video else 0.0, folder / "player.pack"
    return PlayerValue(
        title=title or clip.name,
        video=video or write_clip(clip, folder / "video.mp4"),
        duration=clip.duration,
        start=start,
        fps=clip.fps,
        times=_times(clip),
        silent=not clip.waveform.any(),
        pack=pack,
        parts=write_pack(pack, clip, None, None, ()),
    )


def _times(clip: Clip) -> tuple[float, ...]:
    return tuple(round(float(moment), 4) for moment in clip.times)


def _classes(indices: tuple[int, ...], prediction: Prediction | None, task: str) -> tuple[PlayerClass, ...]:
    if task != "avss":
        return (PlayerClass(1, SOUNDING, _css(ORANGE), _css(ORANGE)),)
    # The classes of a prediction keep the colours that the written overlay video gives them.
    colours = clip_colours(CLASSES[index] for index in indices)
    shown = {CLASS_INDEX[name]: colour for name, colour in colours.items()}
    shown |= colours_of(prediction) if prediction else {}
    return tuple(
        PlayerClass(index, CLASSES[index], _css(shown[index]), _css(tuple(PALETTE[index])))
        for index in indices
    )


def _css(colour: Colour) -> str:
    return "#{:02X}{:02X}{:02X}".format(*colour)
