"""The player: video with the mask over it, spectrogram, frames and mask area on one time axis.

    player = Player(elem_id="player")                       # in a gr.Blocks
    value = player_value(prediction, folder, truth=truth)   # in a handler; return it for the player
    player.seek(select, None, ...)                          # select(event: gr.EventData)
    index = selected_frame(event, frames)                   # in `select`: the frame, checked

`player_value` writes one file of images and counts into `folder` (and the video, unless one is given). The
browser fetches these two once; threshold, opacity, styles, classes, ground truth and errors need no other
request. A page may have any number of players. None empties one, `preview(...)` is a clip without masks.

In the page: the root is `.player`, with the current frame (from 0) in `data-frame`; `.pl-picture canvas` has
the video's own size. Keys work while something in the player has the focus; `?` lists them.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.data_classes import FileData, GradioModel

from app.components.events import event_data, integer
from app.components.player.pack import Parts, write_pack
from app.components.render import render
from app.services.clips import Lane
from avseg.data.labels import CLASS_INDEX, CLASSES, PALETTE, Colour, clip_colours
from avseg.files import make_folder
from avseg.interpret.threshold_counts import Truth, class_order
from avseg.media.clip import Clip
from avseg.media.draw import ORANGE
from avseg.media.export import colours_of, write_clip
from avseg.predict import Prediction, Progress

SCRIPTS = Path(__file__).with_name("modules")
# In this order: each defines a few functions, and the last one starts the player.
MODULES = ("numbers", "pack", "masks", "timeline", "player", "sounds", "controls")
# As the `js` of an event: its last input becomes the threshold of Segment's player.
WITH_THRESHOLD = (
    "(...inputs) => [...inputs.slice(0, -1), "
    "Number(document.querySelector('#player [data-set=threshold]')?.value ?? NaN)]"
)
SOUNDING = "sounding"  # the one class of the binary tasks


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


class PlayerData(GradioModel):
    """What travels to the browser.

    With `sounds` in `about` (each the fields of Sound), the player offers them as a row of buttons that swap
    masks and audible sound in place; `packs` and `audio` have a file for each, and `pack` is none.
    """

    video: FileData
    pack: FileData | None = None
    packs: list[FileData] = []
    audio: list[FileData | None] = []  # None: the sound of the video
    about: dict  # the other fields of PlayerValue


class Player(gr.HTML):
    """The player as a component; give it a `PlayerValue` or None.

    Its events: `seek` with the selected frame, and `range` with from and to (seconds of the clip) when a part
    of the sound was marked by dragging, where `ranged`. Players with the same name in `together` play, pause
    and seek as one; only the one that was started is audible. `gr.update(at=[frame, when])` goes to a frame.
    """

    data_model = PlayerData

    def __init__(self, value: PlayerValue | PlayerData | None = None, label: str = "Player", **props: object):
        super().__init__(
            value,
            label=label,
            html_template='<div class="player-place"></div>',
            js_on_load=script(),
            apply_default_css=False,
            **props,
        )

    def preprocess(self, payload: PlayerData | None) -> None:
        """Nothing that a browser says about a player's content is believed."""

    def postprocess(self, value: PlayerValue | PlayerData | None) -> PlayerData | None:
        """Return what travels; the files are served by Gradio from its cache."""
        if value is None or isinstance(value, PlayerData):
            return value
        about = {name: part for name, part in asdict(value).items() if name not in ("video", "pack")}
        video, pack = (FileData(path=str(path)) if path else None for path in (value.video, value.pack))
        return PlayerData(video=video, pack=pack, about=about)

    def api_info(self) -> dict[str, object]:
        """Return the type that clients see; players are for people, clients call the named endpoints."""
        return {"type": "object"}

    def example_payload(self) -> None:
        """Return no example: there is none without files."""

    example_value = example_payload


@cache
def script() -> str:
    """Return the modules as the one function body that Gradio runs, with the player's HTML as TEMPLATE."""
    template = json.dumps(render("components/player/templates/player.html"))
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


def selected_frame(event: gr.EventData, frames: int) -> int | None:
    """Return the frame (from 0) of a seek event, None unless it is one of `frames`."""
    return integer(event_data(event).get("frame"), 0, frames)


def selected_range(event: gr.EventData, duration: float) -> tuple[float, float] | None:
    """Return the range (seconds of the clip) of a range event, None unless it lies in the clip."""
    start, end = (event_data(event).get(name) for name in ("from", "to"))
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in (start, end)):
        return None
    return (float(start), float(end)) if 0 <= start < end <= duration + 0.1 else None


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
