"""What stands in the Segment tab: the rail of choices and the stage of the result."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components import text
from app.components.player.player import Player, preview
from app.segment.run import RATES, Files
from app.services.clips import bundled
from app.services.models import available_models
from avseg.checkpoints import Card, read_card
from avseg.devices import choose_device
from avseg.errors import CheckpointError

# What the page lets through; what the file really is, decoding tells.
FILE_TYPES = ("video", ".mp4", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".flv", ".ogv", ".wmv", ".gif")
# The words of the buttons, in the order of app.segment.run.Files.
FILES = ("Download all", "Overlay video", "PNG masks", "COCO RLE", "prediction.json")
LOOK_EVERY = 0.7  # seconds between two looks at a run's finished frames
BESIDE = text.TABS_BESIDE


@dataclass(frozen=True)
class Rail:
    """The choices, left of the result."""

    clip: gr.Radio
    about: gr.HTML
    upload: gr.File
    record: gr.Button
    camera: gr.Video
    model: gr.Dropdown
    card: gr.HTML
    rate: gr.Radio
    start: gr.Number
    end: gr.Number
    go: gr.Button
    stop: gr.Button
    last: gr.HTML


@dataclass(frozen=True)
class Downloads:
    """The files of a result; `fields` of app.segment.run.Files in their order."""

    row: gr.Row
    writing: gr.HTML
    buttons: tuple[gr.DownloadButton, ...]
    beside: dict[str, gr.Button]  # by the name of the tab that they open


@dataclass(frozen=True)
class Stage:
    """The result."""

    notice: gr.HTML
    finding: gr.HTML
    growing: gr.HTML  # finished frames while a run goes on
    clock: gr.Timer  # looks for them
    player: Player
    files: Downloads
    shown: gr.State  # whether a result stands on the page
    wanted: gr.State  # name of the result whose files are to be written, None for none


def card_of(name: str | None) -> Card:
    """Return the card of a model; one that says what is wrong when it cannot be read."""
    try:
        return read_card(available_models()[name])[1]
    except (KeyError, CheckpointError):
        return Card(name or "none", "none", text.NO_MODEL)


def context_of(title: str, model: str | None) -> str:
    """Return what the header says of a choice, until there is a result to speak of."""
    card = card_of(model)
    return figures.context(title, card.name, card.weights)


def model_words(name: str | None, fps: float) -> str:
    """Return the HTML under the choice of a model: its card, and what it will run on."""
    words = figures.small(text.card_words(card_of(name)))
    try:
        config = read_card(available_models()[name])[0]
    except (KeyError, CheckpointError):
        return words
    window = "the released windows of 0.96 s" if fps == 1 else "0.96 s around each frame"
    side = config.image_size
    rows = {"Device": str(choose_device("auto")), "Picture": f"{side} × {side} px", "Sound": window}
    return words + figures.settings(rows)


def downloads(files: Files) -> tuple[dict, ...]:
    """Return the updates of the download buttons."""
    return tuple(_download(path, words) for path, words in zip(vars(files).values(), FILES, strict=True))


def rail_parts() -> Rail:
    """Put the rail where we are in the page."""
    clips, models = bundled(), list(available_models())
    first, model = next(iter(clips)), next(iter(models), None)
    titles = [(clip.title, name) for name, clip in clips.items()]
    clip = gr.Radio(titles, value=first, label="Clip", elem_classes="clips", elem_id="clips")
    about = gr.HTML(figures.about(clips[first].shows))
    upload, record, camera = _own()
    gr.HTML(figures.small(text.LIMITS), elem_classes="under")
    chosen = gr.Dropdown(models, value=model, label="Model", filterable=False, elem_id="model")
    card = gr.HTML(model_words(model, 1), elem_classes="under")
    rate = gr.Radio(list(RATES), value=1, label="Frames per second", elem_classes="seg", elem_id="rate")
    length = clips[first].seconds
    with gr.Row(elem_id="range"):
        start = gr.Number(0, label="From, s", minimum=0, step=0.5, min_width=0, elem_id="from")
        end = gr.Number(length, label="To, s", minimum=0, step=0.5, min_width=0, elem_id="to")
    words = text.button_words(0, length, 1)
    go = gr.Button(words, variant="primary", elem_id="go", interactive=model is not None)
    stopping = gr.Button("Stop", variant="stop", elem_id="stop", visible=False)
    last = gr.HTML(visible=False, elem_id="last")
    return Rail(
        *(clip, about, upload, record, camera, chosen, card),
        *(rate, start, end, go, stopping, last),
    )


def _own() -> tuple[gr.File, gr.Button, gr.Video]:
    with gr.Row(elem_classes="own"):
        upload = gr.File(
            label=text.OWN_VIDEO, show_label=False, file_types=list(FILE_TYPES), elem_id="upload", min_width=0
        )
        record = gr.Button("Record", elem_id="record", scale=0, min_width=0)
    # Mirroring or a set format would make Gradio run ffmpeg on the recording before we look at it.
    camera = gr.Video(
        label="Camera",
        show_label=False,
        sources=["webcam"],
        format=None,
        include_audio=True,
        webcam_options=gr.WebcamOptions(mirror=False),
        visible=False,
        elem_id="camera",
        buttons=[],
    )
    return upload, record, camera


def stage_parts() -> Stage:
    """Put the stage where we are in the page; the first clip stands there, without masks."""
    notice = gr.HTML(visible=False, elem_id="notice")
    finding = gr.HTML(figures.heading(text.QUESTION, text.FIRST_LINE), elem_id="finding")
    growing, clock = gr.HTML(visible=False, elem_id="growing"), gr.Timer(LOOK_EVERY, active=False)
    first = next(iter(bundled().values()))
    player = Player(preview(first.path, first.seconds, first.title), elem_id="player", ranged=True)
    with gr.Row(visible=False, elem_classes="files", elem_id="files") as row:
        writing = gr.HTML(figures.small(text.WRITING), visible=False, elem_id="writing")
        buttons = tuple(
            gr.DownloadButton("", size="sm", scale=0, min_width=0, visible=False, elem_classes=kind)
            for kind in ("all", *["quiet"] * 4)
        )
        beside = {
            name: gr.Button(words, size="sm", scale=0, min_width=0, elem_id=f"to-{name}")
            for name, words in BESIDE.items()
        }
    files = Downloads(row, writing, buttons, beside)
    return Stage(notice, finding, growing, clock, player, files, gr.State(False), gr.State(None))


def _download(path: Path, words: str) -> dict:
    size = path.stat().st_size
    amount = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
    return gr.update(value=str(path), label=f"{words}, {amount}", visible=True)
