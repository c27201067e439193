"""The Inside tab: one frame of the result followed through the model, box by box of the paper's Figure 3."""

from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components.gradio_helpers import failed
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD
from app.inside.architecture import architecture
from app.inside.elements import render
from app.inside.html import empty, head, offers
from app.inside.inspections import LOOKS, first_result, inspected, written
from app.inside.state import Choice, changed
from app.inside.views import VIEWS, view_of
from app.services.clips import bundled, source_of
from app.services.models import available_models
from app.services.session import MODEL_QUEUE, VISITORS, session_of
from avseg.errors import AvsegError, ConfigError

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
ENLARGED = (
    '<dialog aria-label="Enlarged picture"><header><h2></h2><button type="button" class="close">Close'
    '</button></header><img class="large" src="data:," alt=""><footer><span class="legend"></span>'
    '<button type="button" class="download">Download PNG</button></footer></dialog>'
)
VIEW_HELP = f"One of {', '.join(VIEWS)}."


def look(choice: Choice, request: gr.Request = None) -> tuple:
    """Show the selected frame of the visitor's result; returns updates of notice, head, map, view, context.

    Before any result: some clips to begin with.
    """
    shown = VISITORS.of(session_of(request)).result
    if shown is None:
        return gr.update(visible=False), empty(), gr.update(visible=False), offers(), gr.skip()
    try:
        seen = LOOKS.of(session_of(request), shown)
    except AvsegError as error:
        return failed(error), *(gr.skip(),) * 4
    plan = gr.update(value=architecture(seen, choice.view), visible=True)
    context = figures.context(shown.title, seen.model, seen.weights)
    return gr.update(visible=False), head(shown, seen), plan, render(view_of(seen, choice)), context


def arrive(choice: Choice, threshold: float | None, request: gr.Request = None) -> tuple:
    """Show the selected frame in the view that another tab asks for, cut where Segment's player cuts it.

    Returns updates of choice, and of what `look` does.
    """
    visitor = VISITORS.of(session_of(request))
    VISITORS.of(session_of(request)).apply_threshold(threshold)
    choice, visitor.look = visitor.look or choice, None
    return choice, *look(choice, request)


def choose(choice: Choice, event: gr.EventData, request: gr.Request = None) -> tuple:
    """Open another view, or choose a layer, head, query, channel or place; returns choice, map and view."""
    shown = VISITORS.of(session_of(request)).result
    wanted = changed(choice, event._data or {}, dict.fromkeys(VIEWS))
    if shown is None:
        return wanted, gr.skip(), gr.skip()
    try:
        seen = LOOKS.of(session_of(request), shown)
    except AvsegError as error:
        raise gr.Error(str(error)) from error
    plan = gr.skip() if wanted.view == choice.view else architecture(seen, wanted.view)
    return wanted, plan, render(view_of(seen, wanted))


def choose_frame(choice: Choice, event: gr.EventData, request: gr.Request = None) -> tuple:
    """Select another frame of the result; returns what `look` does."""
    visitor = VISITORS.of(session_of(request))
    frame = (event._data or {}).get("frame")
    if visitor.result and isinstance(frame, int) and 0 <= frame < len(visitor.result.prediction.clip.frames):
        visitor.result = replace(visitor.result, frame=frame)
    return look(choice, request)


def start(choice: Choice, event: gr.EventData, request: gr.Request = None) -> tuple:
    """Segment a bundled clip on the spot, show its frame with the largest mask; returns what `look` does."""
    try:
        source = source_of((event._data or {}).get("clip"), None)
        model = next(iter(available_models()), "")
        VISITORS.of(session_of(request)).result = first_result(source, model)
    except AvsegError as error:
        return failed(error), *(gr.skip(),) * 4
    return look(choice, request)


def inspect_clip(
    clip: str | None,
    upload: str | None,
    model: str,
    frame: float = 1,
    view: str = "mixer",
    fps: float = 1,
    request: gr.Request = None,
) -> tuple[dict[str, object], list[str]]:
    """Follow one frame of a bundled clip, or of a video file, through a model.

    frame counts from 1, at `fps` frames per second. view: frame, sound, audio, queries, backbone, encoder,
    feature, mixer, decoder, layers, head or mask. Returns the view's numbers and its pictures as PNG files.
    """
    session = session_of(request)
    folder = VISITORS.new_result(session)
    try:
        if view not in VIEWS:
            raise ConfigError(f"There is no view {view!r}: choose {', '.join(VIEWS)}.")
        source = source_of(clip, upload)
        path = source if isinstance(source, Path) else source.path
        seen, opened = inspected(path, model, int(frame) - 1, fps, Choice(view))
    except AvsegError as error:
        VISITORS.drop(session, folder)
        raise gr.Error(str(error)) from error
    numbers = {
        "view": view,
        "model": seen.model,
        "weights": seen.weights,
        "frame": seen.index + 1,
        "moment": seen.moment,
        "shapes": opened.shapes,
        "seconds": round(seen.seconds, 3),
        "numbers": dict(opened.numbers),
    }
    return numbers, [str(path) for path in written(opened, folder)]


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    notice = gr.HTML(visible=False, elem_id="inside-notice")
    top = gr.HTML(empty(), elem_id="inside-head", js_on_load=SCRIPT)
    plan = gr.HTML(visible=False, elem_id="inside-map", js_on_load=SCRIPT, elem_classes="card")
    view = gr.HTML(offers(), elem_id="inside-view", js_on_load=SCRIPT, elem_classes="card")
    gr.HTML(ENLARGED, elem_id="inside-zoom")
    choice = gr.State(Choice())
    page = [notice, top, plan, view, context]
    private = {"api_visibility": "private", "trigger_mode": "always_last"}
    model = {
        **private,
        "concurrency_limit": 1,
        "concurrency_id": MODEL_QUEUE,
        "show_progress": "minimal",
        "show_progress_on": top,
    }
    threshold = gr.Number(visible=False)
    top.parent.select(arrive, [choice, threshold], [choice, *page], js=WITH_THRESHOLD, **model)
    top.frame(choose_frame, choice, page, **model)
    view.start(start, choice, page, **(model | {"show_progress_on": view}))
    for part in (plan, view):
        part.choose(choose, choice, [choice, plan, view], show_progress="hidden", **private)
    _add_endpoint()


def _add_endpoint() -> None:
    """Put the endpoint /inspect and its unseen components."""
    models = list(available_models())
    inputs = [
        gr.Textbox(label="clip", info="Name of a bundled clip", value=next(iter(bundled())), visible=False),
        gr.File(label="upload", visible=False),
        gr.Textbox(label="model", value=next(iter(models), ""), visible=False),
        gr.Number(label="frame", value=1, visible=False),
        gr.Textbox(label="view", info=VIEW_HELP, value="mixer", visible=False),
        gr.Number(label="fps", value=1, visible=False),
    ]
    outputs = [
        gr.JSON(label="numbers", visible=False),
        gr.File(label="pictures", file_count="multiple", visible=False),
    ]
    gr.Button(visible=False).click(
        inspect_clip,
        inputs,
        outputs,
        api_name="inspect",
        concurrency_limit=1,
        concurrency_id=MODEL_QUEUE,
    )
