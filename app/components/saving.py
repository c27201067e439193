"""Buttons that save what a tab shows: the server writes a PNG, GIF or MP4, and the browser downloads it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.components.gradio_helpers import DOWNLOAD
from app.components.page_context import PageContext
from app.components.updates import UNCHANGED, Updates, connect

KINDS = {".png": "PNG of this frame", ".gif": "GIF", ".mp4": "MP4 with sound"}
IN_TURN = {"concurrency_limit": 2, "concurrency_id": "save"}  # draws and encodes, calls no model


@dataclass(frozen=True)
class SaveLayout:
    """The buttons of a tab, and what saving changes."""

    notice: gr.HTML  # of the tab
    row: gr.Row
    buttons: dict[str, gr.Button]  # by extension
    file: gr.DownloadButton  # hidden; holds the file


@dataclass(frozen=True)
class SavedUpdates(Updates):
    """A written file, or why there is none."""

    notice: object = UNCHANGED
    file: object = UNCHANGED


def build(name: str, notice: gr.HTML) -> SaveLayout:
    """Put the buttons at the current place of a tab, hidden until it shows something; name: of their ids."""
    small = {"size": "sm", "scale": 0, "min_width": 0}
    with gr.Row(visible=False, elem_id=f"{name}-save", elem_classes="save-row") as row:
        gr.HTML("Save", elem_classes="save-label")
        buttons = {
            kind: gr.Button(text, elem_id=f"{name}-save-{kind[1:]}", **small) for kind, text in KINDS.items()
        }
        file = gr.DownloadButton("File", visible="hidden", elem_id=f"{name}-saved")
    return SaveLayout(notice, row, buttons, file)


def wire(
    layout: SaveLayout,
    handler: Callable[..., SavedUpdates],
    shared: PageContext,
    frame: gr.Number | None = None,
    js: str | None = None,
    **options: Any,
) -> None:
    """Let every button call `handler(kind, frame)`, or `handler(kind)`, and download the file.

    js: completes the inputs; its last one is the frame.
    """
    for kind, button in layout.buttons.items():
        inputs = [gr.State(kind), *([frame] if frame is not None else [])]
        download(button.click, handler, inputs, layout, shared, js=js, **options)


def download(
    event: Callable[..., Any],
    handler: Callable[..., SavedUpdates],
    inputs: list[gr.components.Component] | None,
    layout: SaveLayout,
    shared: PageContext,
    **options: Any,
) -> None:
    """Let an event write a file and download it."""
    options = {"api_visibility": "private", "show_progress_on": shared.progress} | IN_TURN | options
    saved = connect(event, handler, inputs, SavedUpdates, layout, **options)
    saved.success(None, layout.file, js=DOWNLOAD)


def file_name(*parts: str) -> str:
    """Return parts as the name of a file: "a.mp4", "mute", "frame 2" as "a-mute-frame-2"."""
    title, *others = parts
    words = " ".join([re.sub(r"\.\w{2,4}$", "", title), *others])
    return re.sub(r"[^\w]+", "-", words.lower()).strip("-_")[:80] or "picture"
