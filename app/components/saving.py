"""Buttons that save what a tab shows: the server writes a file, and the browser downloads it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.components.gradio_helpers import DOWNLOAD, HIDDEN, error_notice, notice, progress_report
from app.components.page_context import PageContext
from app.components.updates import UNCHANGED, Updates, connect
from app.services.session import VISITORS, Visitor, session_of
from avseg.errors import AvsegError

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
class WebPageLayout:
    """The button that saves what a tab shows as one web page (avseg.share), and what saving changes."""

    notice: gr.HTML  # of the tab
    button: gr.Button
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
    layout: SaveLayout | WebPageLayout,
    shared: PageContext,
    **options: Any,
) -> None:
    """Let an event write a file and download it."""
    options = {"api_visibility": "private", "show_progress_on": shared.progress} | IN_TURN | options
    saved = connect(event, handler, inputs, SavedUpdates, layout, **options)
    saved.success(None, layout.file, js=DOWNLOAD)


WEB_PAGE = "web-page"  # the job, and the kind of its files
WriteWebPage = Callable[[Visitor, Path, Callable[[float, str], None]], Path | None]
"""Writes what a visitor has open into a folder; None where nothing is open. Called with a progress report."""


def build_web_page(name: str, notice: gr.HTML, **options: Any) -> WebPageLayout:
    """Put the button at the current place of a tab; name: of its id; options: of the button."""
    button = gr.Button("Save as a web page", elem_id=f"{name}-web-page", size="sm", **options)
    return WebPageLayout(
        notice, button, gr.DownloadButton("File", visible="hidden", elem_id=f"{name}-page-file")
    )


def wire_web_page(
    layout: WebPageLayout,
    write: WriteWebPage,
    shared: PageContext,
    threshold: gr.Number | None = None,
    **options: Any,
) -> None:
    """Let the button write the file and download it; threshold: of the player, which the visitor may move."""

    def save(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> SavedUpdates:
        session = session_of(request)
        visitor = VISITORS.of(session)
        report = progress_report(visitor.jobs.start(WEB_PAGE), progress)
        folder = VISITORS.new_files(session, WEB_PAGE)
        try:
            path = write(visitor, folder, report)
        except AvsegError as error:
            return SavedUpdates(notice=error_notice(error), file=None)
        if path is None:
            return SavedUpdates(
                notice=notice(visitor.why_missing() or "There is nothing to save yet.", "note")
            )
        return SavedUpdates(notice=HIDDEN, file=str(path))

    def save_at(
        value: float | None, request: gr.Request = None, progress: gr.Progress = gr.Progress()
    ) -> SavedUpdates:
        VISITORS.of(session_of(request)).apply_threshold(value)
        return save(request, progress)

    if threshold is None:
        download(layout.button.click, save, None, layout, shared, **options)
    else:
        download(layout.button.click, save_at, [threshold], layout, shared, **options)


def file_name(*parts: str) -> str:
    """Return parts as the name of a file: "a.mp4", "mute", "frame 2" as "a-mute-frame-2"."""
    title, *others = parts
    words = " ".join([re.sub(r"\.\w{2,4}$", "", title), *others])
    return re.sub(r"[^\w]+", "-", words.lower()).strip("-_")[:80] or "picture"
