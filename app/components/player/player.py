"""The player: video with the mask over it, spectrogram, frames and mask area on one time axis.

    player = Player(elem_id="player")                       # in a gr.Blocks
    value = player_value(prediction, folder, truth=truth)   # avseg.player.value, in a handler; return it
    player.seek(select, None, ...)                          # select(event: gr.EventData)
    index = selected_frame(event, frames)                   # in `select`: the frame, checked

`player_value` writes one file of images and counts into `folder` (and the video, unless one is given). The
browser fetches these two once; threshold, opacity, styles, classes, ground truth and errors need no other
request. A page may have any number of players. None empties one, `preview(...)` is a clip without masks.

In the page: the root is `.player`, with the current frame (from 0) in `data-frame`; `.pl-picture canvas` has
the video's own size. Keys work while something in the player has the focus; `?` lists them.
"""

from dataclasses import asdict
from functools import cache

import gradio as gr
from gradio.data_classes import FileData, GradioModel

from app.components.events import event_data, integer
from app.components.translation import html_by_language
from avseg.player.value import PlayerValue, script
from avseg.web.templates import render

# As the `js` of an event: its last input becomes the threshold of Segment's player.
WITH_THRESHOLD = (
    "(...inputs) => [...inputs.slice(0, -1), "
    "Number(document.querySelector('#player [data-set=threshold]')?.value ?? NaN)]"
)


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
            js_on_load=translated_script(),
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
def translated_script() -> str:
    """Return the player's script with its HTML in the languages of the page."""
    return script(html_by_language(render("player/player.html")))


def selected_frame(event: gr.EventData, frames: int) -> int | None:
    """Return the frame (from 0) of a seek event, None unless it is one of `frames`."""
    return integer(event_data(event).get("frame"), 0, frames)


def selected_range(event: gr.EventData, duration: float) -> tuple[float, float] | None:
    """Return the range (seconds of the clip) of a range event, None unless it lies in the clip."""
    start, end = (event_data(event).get(name) for name in ("from", "to"))
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in (start, end)):
        return None
    return (float(start), float(end)) if 0 <= start < end <= duration + 0.1 else None
