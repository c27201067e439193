"""The Segment tab: select a clip and a model, get masks, sound and numbers on one timeline, download them."""

from functools import partial

import gradio as gr

from app.components.gradio_helpers import ONE_MODEL, PRIVATE, SCROLL_TO
from app.components.page_context import PageContext
from app.components.updates import connect
from app.segment import handlers, html, input_handlers, layout
from app.segment.layout import SegmentLayout
from app.services.clips import bundled
from app.services.models import available_models

CHECK = {"concurrency_limit": 2, "concurrency_id": "look"}  # decodes a file, calls no model


def add(shared: PageContext) -> None:
    """Add the tab to the current block of the page."""
    parts = layout.build(shared)
    _wire_sidebar(parts)
    _wire_result(parts, shared.tab)


def first_header() -> str:
    """Return the header before anything was selected."""
    return html.choice_header(next(iter(bundled().values())).title, next(iter(available_models()), None))


def _wire_sidebar(parts: SegmentLayout) -> None:
    h = input_handlers
    setting, span = [parts.model, parts.rate], [parts.start, parts.end, parts.rate, parts.model]
    connect(parts.clip.input, h.choose_clip, [parts.clip, *setting], h.ClipUpdates, parts, **PRIVATE)
    connect(parts.upload.clear, h.clear_upload, setting, h.ClipUpdates, parts, **PRIVATE)
    connect(parts.record.click, h.open_camera, None, h.ClipUpdates, parts, queue=False, **PRIVATE)
    for own, event in ((parts.upload, parts.upload.upload), (parts.camera, parts.camera.stop_recording)):
        options = {"api_visibility": "private", "show_progress_on": parts.about, **CHECK}
        checked = connect(event, h.check_upload, [own, *setting], h.ClipUpdates, parts, **options)
        # The frame rate may have been changed meanwhile.
        connect(checked.then, h.choose_range, span, h.RunUpdates, parts, **PRIVATE)
    for event in (parts.rate.change, parts.start.input, parts.end.input):
        latest = {"trigger_mode": "always_last", **PRIVATE}
        connect(event, h.choose_range, span, h.RunUpdates, parts, **latest)
    connect(parts.model.input, h.choose_model, [parts.clip, *setting], h.ModelUpdates, parts, **PRIVATE)
    connect(parts.model.focus, h.list_models, None, h.ModelUpdates, parts, **PRIVATE)
    dragged = [parts.clip, parts.upload, parts.rate, parts.model]
    connect(parts.player.range, h.drag_range, dragged, h.RangeUpdates, parts, **PRIVATE)


def _wire_result(parts: SegmentLayout, tab: gr.Tab) -> None:
    h, choices = handlers, [parts.clip, parts.upload, parts.model, parts.rate, parts.start, parts.end]
    now = {"queue": False, **PRIVATE}
    started = connect(parts.go.click, h.begin, None, h.ButtonUpdates, parts, **now)
    running = connect(
        started.then,
        h.segment,
        choices,
        h.ResultUpdates,
        parts,
        api_name="show_segment",  # "segment" is the endpoint for other programs
        api_visibility="private",
        show_progress_on=parts.player,
        **ONE_MODEL,
    )
    connect(running.then, h.finish, None, h.ButtonUpdates, parts, js=SCROLL_TO % "#finding", **now)
    connect(parts.stop.click, h.stop, None, h.ButtonUpdates, parts, cancels=[running], **now)
    connect(parts.timer.tick, h.draw_preview, None, h.ButtonUpdates, parts, **now)
    inputs = [parts.clip, parts.rate]
    arriving = connect(tab.select, h.arrive, inputs, h.ArrivalUpdates, parts, **CHECK, **PRIVATE)
    for displayed in (running, arriving):
        options = {"concurrency_limit": 2, **PRIVATE}
        connect(displayed.then, h.write_files, None, h.FilesUpdates, parts, **options)
    connect(parts.player.seek, h.select_frame, None, h.FrameUpdates, parts, **now)
    for button, tab_id in ((parts.whatif, "whatif"), (parts.inside, "inside")):
        connect(button.click, partial(h.open_tab, tab_id), None, h.TabUpdates, parts, **now)

    endpoint = layout.build_endpoint()
    segmenting = {"api_name": "segment", **ONE_MODEL}
    endpoint.button.click(h.answer, endpoint.inputs, endpoint.outputs, **segmenting)
