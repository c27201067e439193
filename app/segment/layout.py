"""The components of the Segment tab: the sidebar of choices and the result beside it."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.player.player import Player
from app.components.render import macro
from app.components.saving import WebPageLayout, build_web_page
from app.segment import html, text
from app.segment.opening import opening_player, record
from app.services.clips import MAX_SECONDS, RATES, bundled
from app.services.models import available_models, model_choices
from app.services.session import GRACE

# What the page lets through; what the file really is, decoding shows.
FILE_TYPES = (
    *("video", ".mp4", ".m4v", ".mov", ".3gp", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".m2v", ".vob"),
    *(".ts", ".mts", ".m2ts", ".flv", ".ogv", ".ogg", ".wmv", ".asf", ".gif"),
)
# The text of the download buttons, in the order of avseg.media.downloads.Downloads.
FILES = ("Download all", "Overlay video", "PNG masks", "COCO RLE", "prediction.json")
DROP_SCRIPT = Path(__file__).with_name("drop.js").read_text(encoding="utf-8")
LIVE = "element.setAttribute('aria-live', 'polite');"  # a screen reader announces each new finding
PREVIEW_EVERY = 0.7  # seconds between two drawings of a run's finished frames


@dataclass(frozen=True)
class SegmentLayout:
    """The components, and those of the page that the tab updates."""

    header: gr.HTML
    tabs: gr.Tabs
    link_notice: gr.HTML
    link_clip: gr.State
    query: gr.Textbox  # of the address that was opened
    reloaded: gr.Checkbox  # the page, with that address
    # Sidebar
    clip: gr.Radio
    about: gr.HTML
    upload: gr.File
    record: gr.Button
    camera: gr.Video
    model: gr.Dropdown
    card: gr.HTML
    channel: gr.Radio  # of a clip whose channels cancel each other
    rate: gr.Radio
    precision: gr.Radio
    start: gr.Number
    end: gr.Number
    letterbox: gr.Checkbox
    go: gr.Button
    stop: gr.Button
    last_run: gr.HTML
    # Result
    notice: gr.HTML
    finding: gr.HTML
    preview: gr.HTML  # finished frames of the current run
    timer: gr.Timer  # draws them
    key: gr.Textbox  # by which a reloaded page finds its visitor
    player: Player
    preparing: gr.HTML
    downloads: tuple[gr.DownloadButton, ...]  # in the order of avseg.media.downloads.Downloads
    web_page: WebPageLayout
    whatif: gr.Button
    inside: gr.Button


@dataclass(frozen=True)
class EndpointLayout:
    """The hidden components of /segment, in the order of its arguments."""

    inputs: list[gr.components.Component]
    outputs: list[gr.components.Component]
    button: gr.Button


def build(shared: PageContext) -> SegmentLayout:
    """Put the tab's components into the current block of the page; the first clip is shown, without masks."""
    parts: dict[str, object] = {"header": shared.header, "tabs": shared.tabs}
    parts |= {"link_notice": shared.link.notice, "link_clip": shared.link.clip}
    with gr.Row(elem_classes="page", equal_height=False):
        with gr.Column(scale=0, min_width=272, elem_classes="sidebar"):
            _add_sidebar(parts)
        with gr.Column(elem_classes="content", min_width=0):
            _add_result(parts)
    return SegmentLayout(**parts)


def _add_sidebar(parts: dict[str, object]) -> None:
    clips, first = bundled(), bundled()[record()["clip"]]
    models, offered = model_choices(), list(available_models())
    model = record()["model"] if record()["model"] in offered else next(iter(offered), None)
    clip = {"choices": [(clip.title, name) for name, clip in clips.items()], "value": first.name}
    parts["clip"] = gr.Radio(label="Clip", elem_classes="clips", elem_id="clips", **clip)
    parts["about"] = gr.HTML(html.clip_about(first.shows))
    with gr.Row(elem_classes="own"):
        upload = {"label": text.OWN_VIDEO, "show_label": False, "file_types": list(FILE_TYPES)}
        parts["upload"] = gr.File(elem_id="upload", min_width=0, **upload)
        parts["record"] = gr.Button("Record", elem_id="record", scale=0, min_width=0)
    # Mirroring or a set format would make Gradio run ffmpeg on the recording before it is checked.
    camera = {"sources": ["webcam"], "format": None, "webcam_options": gr.WebcamOptions(mirror=False)}
    page = {"label": "Camera", "show_label": False, "visible": False, "elem_id": "camera", "buttons": []}
    parts["camera"] = gr.Video(include_audio=True, **camera, **page)
    limits = f"Up to {MAX_SECONDS:g} s. Deleted {GRACE // 60} minutes after you close the page."
    gr.HTML(macro("hint", limits), elem_classes="under", js_on_load=DROP_SCRIPT)
    parts["model"] = gr.Dropdown(models, value=model, label="Model", filterable=False, elem_id="model")
    parts["card"] = gr.HTML(html.model_card(model, 1), elem_classes="under")
    sound = {"label": "Sound", "info": text.CANCELLED, "elem_classes": "seg", "elem_id": "channel"}
    parts["channel"] = gr.Radio(text.CHANNELS, value=text.MEAN, visible=False, **sound)
    rate = {"label": "Frames per second", "elem_classes": "seg", "elem_id": "rate"}
    parts["rate"] = gr.Radio(list(RATES), value=1, **rate)
    with gr.Row(elem_id="range"):
        number = {"minimum": 0, "maximum": first.seconds, "step": 0.5, "min_width": 0}
        parts["start"] = gr.Number(0, label="From, s", elem_id="from", **number)
        parts["end"] = gr.Number(first.seconds, label="To, s", elem_id="to", **number)
    with gr.Accordion("Settings", open=False, elem_classes="more"):
        precision = {"label": "Precision", "elem_classes": "seg", "elem_id": "precision"}
        parts["precision"] = gr.Radio(text.PRECISIONS, value="auto", **precision)
        aspect = {"label": text.LETTERBOX, "info": text.LETTERBOX_ABOUT, "elem_id": "letterbox"}
        parts["letterbox"] = gr.Checkbox(False, container=False, **aspect)
    label = text.button_text(0, first.seconds, 1)
    parts["go"] = gr.Button(label, variant="primary", elem_id="go", interactive=model is not None)
    parts["stop"] = gr.Button("Stop", variant="stop", elem_id="stop", visible=False)
    parts["preview"] = gr.HTML(visible=False, elem_id="preview")
    parts["last_run"] = gr.HTML(visible=False, elem_id="last", js_on_load=ACTIONS_SCRIPT)


def _add_result(parts: dict[str, object]) -> None:
    parts["notice"] = gr.HTML(visible=False, elem_id="notice")
    parts["finding"] = gr.HTML(html.opening_heading(), elem_id="finding", js_on_load=LIVE)
    parts["timer"] = gr.Timer(PREVIEW_EVERY, active=False)
    parts["key"], parts["query"] = gr.Textbox(visible=False), gr.Textbox(visible=False)
    parts["reloaded"] = gr.Checkbox(visible=False)
    parts["player"] = Player(opening_player(), elem_id="player", ranged=True)
    small = {"size": "sm", "scale": 0, "min_width": 0}
    with gr.Row(elem_id="files"):
        parts["preparing"] = gr.HTML(visible=False, elem_id="preparing")
        parts["downloads"] = tuple(
            gr.DownloadButton("", visible=False, elem_classes=kind, **small)
            for kind in ("all", *["quiet"] * (len(FILES) - 1))
        )
        parts["web_page"] = build_web_page(
            "segment", parts["notice"], elem_classes="quiet", scale=0, min_width=0
        )
        parts["whatif"] = gr.Button("Change the sound", elem_id="to-whatif", **small)
        parts["inside"] = gr.Button("Look inside frame 1", elem_id="to-inside", **small)


def build_endpoint() -> EndpointLayout:
    """Add the hidden components of /segment, the endpoint for other programs."""
    hidden = {"visible": False}
    inputs = [
        gr.Textbox(label="Clip", info=f"A bundled clip: {', '.join(bundled())}", **hidden),
        gr.File(label="Video", **hidden),
        gr.Textbox(label="Model", value=next(iter(available_models()), ""), **hidden),
        gr.Number(label="Frames per second", value=1, **hidden),
        gr.Number(label="Start, s", value=0, **hidden),
        gr.Number(label="End, s", **hidden),
        gr.Number(label="Threshold", value=0.5, **hidden),
        gr.Checkbox(label=text.LETTERBOX, value=False, **hidden),
        gr.Textbox(label="Precision", value="auto", **hidden),
    ]
    names = ("Everything", "Overlay video", "PNG masks", "COCO RLE", "prediction.json")
    files = [gr.File(label=name, **hidden) for name in names]
    return EndpointLayout(inputs, [gr.JSON(label="Record", **hidden), *files], gr.Button(**hidden))
