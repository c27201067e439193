"""The Segment tab: select a clip and a model, get masks, sound and numbers on one timeline, download them."""

from functools import partial

import gradio as gr

from app.components.add_model.panel import offer
from app.components.gradio_helpers import LIGHT, ONE_MODEL, PRIVATE, SCROLL_TO
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD
from app.components.saving import wire_web_page
from app.components.updates import connect
from app.segment import api, handlers, html, input_handlers, layout, links, web_page
from app.segment.layout import SegmentLayout
from app.segment.opening import record
from app.services.clips import bundled

MEASURE = {"concurrency_limit": 1, "concurrency_id": "measure"}  # waits for the model by itself
CHECK = {"concurrency_limit": 2, "concurrency_id": "look"}  # decodes a file, calls no model

# Storage of the browser's tab, which survives a reload; a frame of another site may have none.
# The address is kept too, since it follows what the visitor does before the server has read the link. A page
# that is reloaded says so: its address may be older than the visitor's result.
KEY_SCRIPT = """() => {
  const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  window.avsegOpenedWith = [location.search, reloaded];
  try {
    const random = () => crypto.getRandomValues(new Uint8Array(16));
    const made = [...random()].map(byte => byte.toString(16).padStart(2, "0")).join("");
    const key = sessionStorage.getItem("avseg-page") || made;
    sessionStorage.setItem("avseg-page", key);
    return key;
  } catch {
    return "";
  }
}"""


def add(shared: PageContext) -> None:
    """Add the tab to the current block of the page."""
    parts = layout.build(shared)
    _wire_sidebar(parts, shared)
    _wire_models(parts, shared)
    _wire_result(parts, shared)


def first_header() -> str:
    """Return the header of the result that the page opens with."""
    clip = bundled()[record()["clip"]]
    return html.choice_header(clip.title, record()["model"], clip.name)


def _wire_sidebar(parts: SegmentLayout, shared: PageContext) -> None:
    h = input_handlers
    setting, span = [parts.model, parts.rate], [parts.start, parts.end, parts.rate, parts.model]
    connect(parts.clip.input, h.choose_clip, [parts.clip, *setting], h.ClipUpdates, parts, **LIGHT)
    connect(parts.upload.clear, h.clear_upload, setting, h.ClipUpdates, parts, **LIGHT)
    connect(parts.record.click, h.open_camera, None, h.ClipUpdates, parts, **LIGHT)
    for own, event in ((parts.upload, parts.upload.upload), (parts.camera, parts.camera.stop_recording)):
        options = {"api_visibility": "private", "show_progress_on": shared.progress, **CHECK}
        checked = connect(event, h.check_upload, [own, *setting], h.ClipUpdates, parts, **options)
        # The frame rate may have been changed meanwhile.
        connect(checked.then, h.choose_range, span, h.RunUpdates, parts, **LIGHT)
    for event in (parts.rate.change, parts.start.input, parts.end.input):
        latest = {"trigger_mode": "always_last", **LIGHT}
        connect(event, h.choose_range, span, h.RunUpdates, parts, **latest)
    chosen = connect(
        parts.model.input,
        h.choose_model,
        [parts.clip, *setting, parts.start, parts.end],
        h.ModelUpdates,
        parts,
        **LIGHT,
    )
    timing = [*setting, parts.start, parts.end]
    connect(chosen.then, h.measure_model, timing, h.ModelUpdates, parts, **PRIVATE, **MEASURE)
    dragged = [parts.clip, parts.upload, parts.rate, parts.model]
    connect(parts.player.range, h.drag_range, dragged, h.RangeUpdates, parts, **LIGHT)


def _wire_models(parts: SegmentLayout, shared: PageContext) -> None:
    h, added = input_handlers, shared.add_model.added
    connect(parts.model.focus, h.list_models, None, h.ModelUpdates, parts, **LIGHT)
    offer(parts.model, "segment", shared.add_model)
    connect(added.change, h.take_added, [added, parts.clip, parts.rate], h.ModelUpdates, parts, **PRIVATE)


def _wire_result(parts: SegmentLayout, shared: PageContext) -> None:
    h, span = handlers, [parts.start, parts.end]
    timing = [*span, parts.rate, parts.model]
    settings = [parts.channel, parts.letterbox, parts.precision]
    choices = [parts.clip, parts.upload, parts.model, parts.rate, *span, *settings]
    now = LIGHT
    started = connect(parts.go.click, h.begin, None, h.ButtonUpdates, parts, **now)
    running = connect(
        started.then,
        h.segment,
        choices,
        h.ResultUpdates,
        parts,
        api_name="show_segment",  # "segment" is the endpoint for other programs
        api_visibility="private",
        show_progress_on=shared.progress,
        **ONE_MODEL,
    )
    connect(running.then, h.finish, timing, h.ButtonUpdates, parts, js=SCROLL_TO % "#finding", **now)
    connect(parts.stop.click, h.stop, timing, h.ButtonUpdates, parts, cancels=[running], **now)
    connect(parts.timer.tick, h.draw_preview, None, h.ButtonUpdates, parts, **now)
    inputs = [parts.clip, parts.rate]
    arriving = connect(shared.tab.select, h.arrive, inputs, h.ArrivalUpdates, parts, **CHECK, **PRIVATE)
    # A page that is reloaded, which Gradio does after a lost connection, goes on where it was.
    attaching = connect(shared.page.load, h.attach, parts.key, h.ButtonUpdates, parts, js=KEY_SCRIPT, **now)
    waits = {"concurrency_limit": None, **PRIVATE}
    # In the queue: only there can a handler change a state to which another event listens.
    query = {"js": "() => window.avsegOpenedWith", **PRIVATE}
    connect(attaching.then, links.open_link, [parts.query, parts.reloaded], links.LinkUpdates, parts, **query)
    linked = connect(
        parts.link_clip.change,
        links.show_clip,
        None,
        links.LinkedClipUpdates,
        parts,
        api_visibility="private",
        show_progress_on=shared.progress,
        **ONE_MODEL,
    )
    attached = connect(attaching.then, h.show_attached, None, h.AttachUpdates, parts, **waits)
    for displayed in (running, arriving, attached, linked):
        options = {"concurrency_limit": 2, **PRIVATE}
        connect(displayed.then, h.write_files, None, h.FilesUpdates, parts, **options)
    at = {"js": WITH_THRESHOLD, "threshold": gr.Number(visible=False)}
    wire_web_page(parts.web_page, web_page.write, shared, **at)
    connect(parts.player.seek, h.select_frame, None, h.FrameUpdates, parts, **now)
    connect(parts.whatif.click, h.change_sound, None, h.TabUpdates, parts, **now)
    connect(parts.inside.click, partial(h.open_tab, "inside"), None, h.TabUpdates, parts, **now)

    gr.api(api.compare, api_name="compare", **ONE_MODEL)
    endpoint = layout.build_endpoint()
    segmenting = {"api_name": "segment", **ONE_MODEL}
    endpoint.button.click(h.segment_clip, endpoint.inputs, endpoint.outputs, **segmenting)
