"""The Segment tab: choose a clip and a model, get its masks, its sound and its numbers, take the files."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components import text
from app.components.gradio_helpers import PRIVATE, TO_RESULT, TO_TAB, notice
from app.components.page_context import PageContext
from app.components.player.player import selected_frame
from app.segment import run as segmenting
from app.segment.input_handlers import wire_choices
from app.segment.layout import (
    BESIDE,
    FILES,
    Rail,
    Stage,
    context_of,
    downloads,
    rail_parts,
    stage_parts,
)
from app.segment.preview import Growing
from app.segment.run import Choice, Report, Stages, source_of
from app.services.clips import bundled
from app.services.jobs import Cancelled
from app.services.models import available_models
from app.services.session import MODEL_QUEUE, VISITORS, Visitor, session_of
from avseg.errors import AvsegError

TICK = 0.2  # seconds between two words about the progress


def segment(
    clip: str | None,
    upload: str | None,
    model: str,
    fps: float = 1,
    start: float | None = 0,
    end: float | None = None,
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> tuple:
    """Mark what sounds in a bundled clip, or in an uploaded video (which goes first), and show it.

    Returns updates of context, notice, finding, player, last run, files row, writing, beside, shown and
    wanted; a failed run changes the notice only.
    """
    session = session_of(request)
    visitor, folder = VISITORS.of(session), VISITORS.new_result(session)
    if upload:
        visitor.uploads.add(Path(upload))
    visitor.growing = Growing()
    try:
        choice = Choice(source_of(clip, upload), model, fps, start or 0.0, end)
        result = segmenting.run(choice, folder, _reporter(visitor, progress), visitor.growing.add)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        kind = "note" if isinstance(error, Cancelled) else "error"
        said = notice(_plain(error, folder), kind)
        return gr.skip(), said, *(gr.skip() for _ in range(6 + len(BESIDE))), None
    visitor.result = result.shown
    return _put(visitor, result, folder)


def arrive(request: gr.Request = None) -> tuple:
    """Show the visitor's result where another tab made it; returns the updates that `segment` does."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    shown = visitor.result
    if shown is None:
        return (*(gr.skip(),) * (8 + len(BESIDE)), None)
    if shown.prediction is visitor.staged:
        header = figures.context_of(shown)
        here = gr.update(at=[shown.frame, time.monotonic()])  # another tab may have chosen another frame
        return header, *(gr.skip(),) * 2, here, *(gr.skip(),) * 3, *_beside(shown.frame), gr.skip(), None
    folder = VISITORS.new_result(session)
    try:
        return _put(visitor, segmenting.present(shown, folder, lambda *_: None), folder)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        said = notice(_plain(error, folder))
        return gr.skip(), said, *(gr.skip(),) * (6 + len(BESIDE)), None


def _put(visitor: Visitor, result: segmenting.Result, folder: Path) -> tuple:
    visitor.staged = result.shown.prediction
    return (
        *(result.context, gr.update(visible=False), result.finding, result.player, _last(result.stages)),
        *(gr.update(visible=True), gr.update(visible=True), *_beside(result.shown.frame), True),
        (folder.name, result.stages),
    )


def write(wanted: tuple[str, Stages] | None, request: gr.Request = None) -> tuple:
    """Write the files of the result that was just shown; returns updates of writing, last and the buttons."""
    visitor = VISITORS.of(session_of(request))
    folder = next((old for old in visitor.results if wanted and old.name == wanted[0]), None)
    if folder is None or visitor.result is None:
        return (gr.skip(),) * (2 + len(FILES))
    began = time.perf_counter()
    try:
        files = segmenting.write_files(visitor.result.prediction, folder / "files", _reporter(visitor))
    except AvsegError as error:  # another run began, or the source is gone
        words = "" if isinstance(error, Cancelled) else _plain(error, folder)
        hidden = (gr.update(visible=False),) * len(FILES)
        return gr.update(value=figures.small(words), visible=bool(words)), gr.skip(), *hidden
    stages = replace(wanted[1], files=time.perf_counter() - began)
    return gr.update(visible=False), _last(stages), *downloads(files)


def answer(
    clip: str | None,
    video: str | None,
    model: str,
    frames_per_second: float = 1,
    start: float | None = 0,
    end: float | None = None,
    threshold: float = 0.5,
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> tuple[dict, str, str, str, str, str]:
    """Mark what sounds in a bundled clip, or in a video of your own (which goes first), from start to end s.

    Returns the record (what prediction.json holds), then files: a zip of everything, the overlay video, a zip
    of PNG masks, COCO run lengths, prediction.json.
    """
    session = session_of(request)
    visitor, folder = VISITORS.of(session), VISITORS.new_result(session)
    if video:
        visitor.uploads.add(Path(video))
    try:
        choice = Choice(source_of(clip, video), model, frames_per_second, start or 0.0, end)
        report = _reporter(visitor, progress)
        files, record = segmenting.answer(choice, threshold, folder / "files", report)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        raise gr.Error(_plain(error, folder), print_exception=False) from error
    return record, *map(str, vars(files).values())


def select_frame(event: gr.EventData, request: gr.Request = None) -> tuple:
    """Keep the frame that the player tells of for the other tabs; returns updates of context and beside."""
    visitor = VISITORS.of(session_of(request))
    shown = visitor.result
    frame = selected_frame(event, len(shown.prediction.clip.frames)) if shown else None
    if frame is None:
        return (gr.skip(),) * (1 + len(BESIDE))
    visitor.result = replace(shown, frame=frame)
    return figures.context_of(visitor.result), *_beside(frame)


def begin(request: gr.Request = None) -> tuple[dict, dict, dict, gr.Timer]:
    """Show Stop in place of the button, and let any earlier run of the visitor end.

    Returns updates of both buttons, the growing strip and its clock.
    """
    visitor = VISITORS.of(session_of(request))
    visitor.run = visitor.growing = None
    return gr.update(visible=False), gr.update(visible=True), gr.skip(), gr.Timer(active=True)


def grow(request: gr.Request = None) -> dict:
    """Show what the visitor's run has finished, when there is more than a moment ago."""
    growing = VISITORS.of(session_of(request)).growing
    shown = growing.news() if growing else ""
    return gr.update(value=shown, visible=True) if shown else gr.skip()


def stop(request: gr.Request = None) -> tuple[dict, dict, dict, gr.Timer, dict]:
    """End the visitor's run at its next step; returns the updates that `begin` does, and of the notice."""
    VISITORS.of(session_of(request)).run = None
    return *rest(), notice(text.STOPPED, "note")


def rest() -> tuple[dict, dict, dict, gr.Timer]:
    """Show the button in place of Stop, and no strip; returns the updates that `begin` does."""
    strip = gr.update(value="", visible=False)
    return gr.update(visible=True), gr.update(visible=False), strip, gr.Timer(active=False)


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    with gr.Row(elem_classes="page", equal_height=False) as page:
        with gr.Column(scale=0, min_width=272, elem_classes="sidebar"):
            rail = rail_parts()
        with gr.Column(elem_classes="content", min_width=0):
            stage = stage_parts()
    wire_choices(rail, stage, page.parent, context)
    _wire_run(rail, stage, page.parent, context)
    _wire_endpoint(rail)


def first_context() -> str:
    """Return what the header says before anything was chosen."""
    return context_of(next(iter(bundled().values())).title, next(iter(available_models()), None))


def _wire_run(rail: Rail, stage: Stage, tab: gr.Tab, context: gr.HTML) -> None:
    going, files = [rail.go, rail.stop, stage.growing, stage.clock], stage.files
    beside = list(files.beside.values())
    shown = [
        *(context, stage.notice, stage.finding, stage.player, rail.last),
        *(files.row, files.writing, *beside, stage.shown, stage.wanted),
    ]
    started = rail.go.click(begin, None, going, queue=False, **PRIVATE)
    running = started.then(
        segment,
        [rail.clip, rail.upload, rail.model, rail.rate, rail.start, rail.end],
        shown,
        api_name="show_segment",  # "segment" is the endpoint for other programs
        api_visibility="private",
        concurrency_limit=1,
        concurrency_id=MODEL_QUEUE,
        show_progress_on=stage.player,
    )
    running.then(rest, None, going, queue=False, js=TO_RESULT % "#finding", **PRIVATE)
    stage.clock.tick(grow, None, stage.growing, queue=False, **PRIVATE)
    arriving = tab.select(arrive, None, shown, concurrency_limit=2, concurrency_id="look", **PRIVATE)
    for made in (running, arriving):
        written = [files.writing, rail.last, *files.buttons]
        made.then(write, stage.wanted, written, concurrency_limit=2, **PRIVATE)
    rail.stop.click(stop, None, [*going, stage.notice], queue=False, cancels=[running], **PRIVATE)
    stage.player.seek(select_frame, None, [context, *beside], queue=False, **PRIVATE)
    for name, button in files.beside.items():
        button.click(None, js=TO_TAB % name)


def _wire_endpoint(rail: Rail) -> None:
    """Offer `/segment` to other programs; the page itself does not use it."""
    threshold = gr.Number(0.5, visible=False, label="Threshold")
    record = gr.JSON(visible=False, label="Record")
    names = ("Everything", "Overlay video", "PNG masks", "COCO RLE", "prediction.json")
    files = [gr.File(visible=False, label=name) for name in names]
    gr.Button(visible=False).click(
        answer,
        [rail.clip, rail.upload, rail.model, rail.rate, rail.start, rail.end, threshold],
        [record, *files],
        api_name="segment",
        concurrency_limit=1,
        concurrency_id=MODEL_QUEUE,
    )


def _reporter(visitor: Visitor, progress: gr.Progress | None = None) -> Report:
    """Return how a run tells its progress, a few times per second, and hears that it shall stop."""
    token, said = object(), 0.0
    visitor.run = token

    def report(share: float, words: str) -> None:
        nonlocal said
        if visitor.run is not token:
            raise Cancelled(text.STOPPED)
        if progress is not None and (time.monotonic() - said > TICK or share == 0):
            said = time.monotonic()
            progress(share, desc=words)

    return report


def _last(stages: Stages) -> dict:
    return gr.update(value=figures.last_run(asdict(stages)), visible=True)


def _beside(frame: int) -> list[str]:
    return [f"{words} {frame + 1}" if name == "inside" else words for name, words in BESIDE.items()]


def _plain(error: AvsegError, folder: Path) -> str:
    return str(error).replace(str(folder), "the folder of results")
