"""The components of the Segment tab: the sidebar of choices and the result beside it."""

from dataclasses import dataclass

import gradio as gr

from app.components.page_context import PageContext
from app.components.player.player import Player, preview
from app.components.render import macro
from app.segment import html, text
from app.segment.run import RATES
from app.services.clips import bundled
from app.services.models import available_models

# What the page lets through; what the file really is, decoding shows.
FILE_TYPES = ("video", ".mp4", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".flv", ".ogv", ".wmv", ".gif")
# The text of the download buttons, in the order of app.segment.run.Files.
FILES = ("Download all", "Overlay video", "PNG masks", "COCO RLE", "prediction.json")
PREVIEW_EVERY = 0.7  # seconds between two drawings of a run's finished frames


@dataclass(frozen=True)
class SegmentLayout:
    """The components, and those of the page that the tab updates."""

    header: gr.HTML
    tabs: gr.Tabs
    # Sidebar
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
    last_run: gr.HTML
    # Result
    notice: gr.HTML
    finding: gr.HTML
    preview: gr.HTML  # finished frames of the current run
    timer: gr.Timer  # draws them
    player: Player
    files: gr.Row
    preparing: gr.HTML
    downloads: tuple[gr.DownloadButton, ...]  # in the order of app.segment.run.Files
    whatif: gr.Button
    inside: gr.Button


def build(shared: PageContext) -> SegmentLayout:
    """Put the tab's components into the current block of the page; the first clip is shown, without masks."""
    with gr.Row(elem_classes="page", equal_height=False):
        with gr.Column(scale=0, min_width=272, elem_classes="sidebar"):
            sidebar = _sidebar()
        with gr.Column(elem_classes="content", min_width=0):
            result = _result()
    return SegmentLayout(header=shared.header, tabs=shared.tabs, **sidebar, **result)


def _sidebar() -> dict[str, gr.components.Component]:
    clips, models = bundled(), list(available_models())
    first, model = next(iter(clips.values())), next(iter(models), None)
    titles = [(clip.title, name) for name, clip in clips.items()]
    clip = gr.Radio(titles, value=first.name, label="Clip", elem_classes="clips", elem_id="clips")
    about = gr.HTML(html.clip_about(first.shows))
    with gr.Row(elem_classes="own"):
        upload = gr.File(
            label=text.OWN_VIDEO, show_label=False, file_types=list(FILE_TYPES), elem_id="upload", min_width=0
        )
        record = gr.Button("Record", elem_id="record", scale=0, min_width=0)
    # Mirroring or a set format would make Gradio run ffmpeg on the recording before it is checked.
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
    gr.HTML(macro("hint", text.LIMITS), elem_classes="under")
    selected = gr.Dropdown(models, value=model, label="Model", filterable=False, elem_id="model")
    card = gr.HTML(html.model_card(model, 1), elem_classes="under")
    rate = gr.Radio(list(RATES), value=1, label="Frames per second", elem_classes="seg", elem_id="rate")
    with gr.Row(elem_id="range"):
        start = gr.Number(0, label="From, s", minimum=0, step=0.5, min_width=0, elem_id="from")
        end = gr.Number(first.seconds, label="To, s", minimum=0, step=0.5, min_width=0, elem_id="to")
    go = gr.Button(
        text.button_text(0, first.seconds, 1), variant="primary", elem_id="go", interactive=model is not None
    )
    stop = gr.Button("Stop", variant="stop", elem_id="stop", visible=False)
    return {
        "clip": clip,
        "about": about,
        "upload": upload,
        "record": record,
        "camera": camera,
        "model": selected,
        "card": card,
        "rate": rate,
        "start": start,
        "end": end,
        "go": go,
        "stop": stop,
        "last_run": gr.HTML(visible=False, elem_id="last"),
    }


def _result() -> dict[str, object]:
    first = next(iter(bundled().values()))
    notice = gr.HTML(visible=False, elem_id="notice")
    finding = gr.HTML(html.first_heading(), elem_id="finding")
    drawn, timer = gr.HTML(visible=False, elem_id="preview"), gr.Timer(PREVIEW_EVERY, active=False)
    player = Player(preview(first.path, first.seconds, first.title), elem_id="player", ranged=True)
    small = {"size": "sm", "scale": 0, "min_width": 0}
    with gr.Row(visible=False, elem_id="files") as files:
        preparing = gr.HTML(visible=False, elem_id="preparing")
        downloads = tuple(
            gr.DownloadButton("", visible=False, elem_classes=kind, **small)
            for kind in ("all", *["quiet"] * (len(FILES) - 1))
        )
        whatif = gr.Button(text.CHANGE_SOUND, elem_id="to-whatif", **small)
        inside = gr.Button(text.inside_button(0), elem_id="to-inside", **small)
    return {
        "notice": notice,
        "finding": finding,
        "preview": drawn,
        "timer": timer,
        "player": player,
        "files": files,
        "preparing": preparing,
        "downloads": downloads,
        "whatif": whatif,
        "inside": inside,
    }
