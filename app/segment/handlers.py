"""A run of the Segment tab: its progress, its result and its files."""

import asyncio
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import gradio as gr

from app.components.gradio_helpers import HIDDEN, error_notice, notice, progress_report
from app.components.html import result_header
from app.components.player.player import selected_frame
from app.components.render import macro
from app.components.updates import UNCHANGED, Updates, told
from app.segment import html, run, text
from app.segment.layout import FILES, PREVIEW_EVERY
from app.segment.opening import opening_player, opening_result, record
from app.segment.preview import Preview
from app.segment.state import Displayed, SegmentState
from app.services.clips import bundled, source_of
from app.services.handoff import SegmentRequest, WhatIfRequest
from app.services.jobs import CANCELLED, Cancelled
from app.services.line import LINE
from app.services.models import available_models, model_choices
from app.services.session import VISITORS, ClipResult, Visitor, session_of
from avseg.errors import AvsegError
from avseg.media.downloads import write_downloads

LOST_PLACE = (
    "The connection was lost while your run was waiting, and with it its place. Press the button again."
)
RUN, WRITING = "segment", "segment-files"  # names of this tab's jobs


@dataclass(frozen=True)
class ButtonUpdates(Updates):
    """Run and stop, and the preview that is drawn between them."""

    go: object = UNCHANGED
    stop: object = UNCHANGED
    preview: object = UNCHANGED
    timer: object = UNCHANGED
    notice: object = UNCHANGED


@dataclass(frozen=True)
class FrameUpdates(Updates):
    """What names the selected frame."""

    header: object = UNCHANGED
    inside: object = UNCHANGED


@dataclass(frozen=True)
class FilesUpdates(Updates):
    """The downloads of the result on the page."""

    preparing: object = UNCHANGED
    last_run: object = UNCHANGED
    downloads: object = UNCHANGED


@dataclass(frozen=True)
class ResultUpdates(FrameUpdates, FilesUpdates):
    """A result, or why there is none."""

    notice: object = UNCHANGED
    finding: object = UNCHANGED
    player: object = UNCHANGED
    whatif: object = UNCHANGED


@dataclass(frozen=True)
class ArrivalUpdates(ResultUpdates):
    """What may have changed while another tab was open."""

    model: object = UNCHANGED
    card: object = UNCHANGED


@dataclass(frozen=True)
class AttachUpdates(ResultUpdates, ButtonUpdates):
    """What a page had before it was reloaded: its result, and no run."""


@dataclass(frozen=True)
class TabUpdates(Updates):
    """Another tab is opened."""

    tabs: object = UNCHANGED


def begin(request: gr.Request = None) -> ButtonUpdates:
    """Show Stop in place of the run button, and cancel an earlier run."""
    visitor = VISITORS.of(session_of(request))
    visitor.jobs.cancel(RUN)
    state = visitor.state(SegmentState)
    state.preview, state.asked = None, True
    return _running()


def segment(
    clip: str | None,
    upload: str | None,
    model: str,
    fps: float = 1,
    start: float | None = 0,
    end: float | None = None,
    channel: str = text.MEAN,
    letterbox: bool = False,
    precision: str = "auto",
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> ResultUpdates:
    """Segment a bundled clip, or an uploaded video (which goes first); a failed run shows a notice only."""
    session = session_of(request)
    visitor, folder = VISITORS.of(session), VISITORS.new_result(session)
    report, state = progress_report(visitor.jobs.start(RUN), progress), visitor.state(SegmentState)
    preview = state.preview = Preview()
    state.asked = False
    try:
        source, only = source_of(clip, upload), text.channel_of(channel)
        options = {"channel": only, "letterbox": letterbox is True, "precision": precision}
        choice = run.Choice(source, model, fps, start or 0.0, end, **options)
        result = run.predict(choice, report, preview.add)
        updates = _display(visitor, result, folder, report, only is None)
        visitor.result = result
    except AvsegError as error:
        VISITORS.drop(session, folder)
        return ResultUpdates(notice=error_notice(_without_path(error, folder)))
    finally:
        if state.preview is preview:
            state.preview = None
    return updates


def draw_preview(request: gr.Request = None) -> ButtonUpdates:
    """Show the place of the visitor's run in the line, then its finished frames as there are new ones."""
    session = session_of(request)
    state, place = VISITORS.of(session).state(SegmentState), LINE.place(session)
    if place is not None and state.asked:
        return ButtonUpdates(preview=gr.update(value=macro("hint", str(place)), visible=True))
    preview = state.preview
    drawn = preview.render() if preview else ""
    if not drawn or state.preview is not preview:  # the run ended while this was drawn
        return ButtonUpdates()
    return ButtonUpdates(preview=gr.update(value=drawn, visible=True))


def stop(
    start: float | None = None,
    end: float | None = None,
    fps: float = 1,
    model: str | None = None,
    request: gr.Request = None,
) -> ButtonUpdates:
    """End the visitor's run at its next step."""
    visitor = VISITORS.of(session_of(request))
    visitor.jobs.cancel(RUN)
    visitor.state(SegmentState).preview = None
    return finish(start, end, fps, model, request) | ButtonUpdates(notice=notice(CANCELLED, "note"))


def finish(
    start: float | None = None,
    end: float | None = None,
    fps: float = 1,
    model: str | None = None,
    request: gr.Request = None,
) -> ButtonUpdates:
    """Name what the run button does, without Stop and preview; the run has ended, or was refused."""
    VISITORS.of(session_of(request)).state(SegmentState).asked = False
    return ButtonUpdates(
        go=text.button_text(start, end, fps, model),
        stop=HIDDEN,
        preview=gr.update(value="", visible=False),
        timer=gr.Timer(active=False),
    )


def attach(key: str | None, request: gr.Request = None) -> ButtonUpdates:
    """Go on where a page was before it was reloaded or lost its connection: show that its run goes on.

    key: what the page keeps in the browser's storage for its own tab, at least 32 random characters.
    """
    visitor = VISITORS.attach(session_of(request), key if isinstance(key, str) else "")
    state = visitor.state(SegmentState)
    state.model_picked = False
    if visitor.result is None and not visitor.released:
        visitor.result = opening_result()
        visitor.displayed = visitor.result.prediction  # the page is built with it
    if state.preview is not None:
        return _running()
    if state.asked:
        state.asked = False
        return ButtonUpdates(notice=notice(LOST_PLACE, "note"))
    return ButtonUpdates()


async def show_attached(request: gr.Request = None) -> AttachUpdates:
    """Show the result of a page that was reloaded, once its run has ended.

    A page without one is built with the opening, which must not replace a clip that is already selected.
    """
    visitor = VISITORS.of(session_of(request))
    state = visitor.state(SegmentState)
    running = state.preview is not None
    if not running and visitor.result is not None and visitor.result.shared:
        return AttachUpdates()
    while state.preview is not None:
        await asyncio.sleep(PREVIEW_EVERY)
    updates = AttachUpdates() | await asyncio.to_thread(show_result, request)
    return updates | finish(request=request) if running else updates


def arrive(clip: str | None, fps: float, request: gr.Request = None) -> ArrivalUpdates:
    """Show the result of another tab and select the model that one asked for, when this tab is opened."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    result, updates = visitor.result, ArrivalUpdates()
    wanted = visitor.take(SegmentRequest)
    if wanted and wanted.model in available_models():
        title = bundled()[clip].title if clip in bundled() else text.OWN_VIDEO
        updates = ArrivalUpdates(
            model=gr.update(choices=model_choices(), value=wanted.model),
            card=html.model_card(wanted.model, fps),
            header=UNCHANGED if result else html.choice_header(title, wanted.model, clip),
        )
    if result is None:
        return updates
    if result.prediction is visitor.displayed:  # another tab may have selected another frame
        return updates | arrive_at_frame(result)
    return updates | show_result(request)


def arrive_at_frame(result: ClipResult) -> ResultUpdates:
    """Let the player, which shows this result, go to its selected frame."""
    player = gr.update(at=[result.frame, time.monotonic()])
    return ResultUpdates(player=player, **_frame(result).changes())


def show_result(request: gr.Request = None) -> ResultUpdates:
    """Put the visitor's result, if there is one, into the player with files of its own."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    result = visitor.result
    if result is None:
        return ResultUpdates()
    if result.shared:
        return _show_opening(visitor, result)
    folder = VISITORS.new_result(session)
    try:
        return _display(visitor, result, folder, lambda *_: None)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        return ResultUpdates(notice=error_notice(_without_path(error, folder)))


def show_again(clip: str, request: gr.Request = None) -> ResultUpdates | None:
    """Show the visitor's last result, or the one that the page opens with, if it is of this bundled clip."""
    visitor = VISITORS.of(session_of(request))
    if visitor.result is not None and visitor.result.clip == clip and visitor.result.truth is None:
        return show_result(request)
    if clip == record()["clip"]:
        visitor.result = opening_result()
        return show_result(request)
    return None


def _show_opening(visitor: Visitor, result: ClipResult) -> ResultUpdates:
    visitor.displayed = result.prediction
    return ResultUpdates(
        notice=HIDDEN,
        finding=html.opening_heading(),
        player=opening_player(),
        whatif=gr.update(interactive=True),
        preparing=HIDDEN,
        downloads=[HIDDEN] * len(FILES),
        **_frame(result).changes(),
    )


def write_files(request: gr.Request = None) -> FilesUpdates:
    """Write the downloads of the result that was displayed last, once."""
    visitor = VISITORS.of(session_of(request))
    state = visitor.state(SegmentState)
    displayed, state.unsaved = state.unsaved, None
    if displayed is None:
        reason = visitor.why_missing()
        return FilesUpdates(preparing=macro("hint", reason)) if reason else FilesUpdates()
    token, started = visitor.jobs.start(WRITING), time.perf_counter()
    try:
        report = run.part(progress_report(token), run.MODEL_SHARE, 1, "Writing the files")
        files = write_downloads(displayed.result.prediction, displayed.folder / "files", report)
        token.check()
    except Cancelled:  # a newer result is on the page, and its files are next
        return FilesUpdates()
    except AvsegError as error:
        message = macro("hint", str(_without_path(error, displayed.folder)))
        return FilesUpdates(preparing=gr.update(value=message, visible=True))
    timings = replace(displayed.timings, files=time.perf_counter() - started)
    return FilesUpdates(
        preparing=HIDDEN,
        last_run=gr.update(value=html.last_run(timings, displayed.result), visible=True),
        downloads=[_download(path, name) for path, name in zip(asdict(files).values(), FILES, strict=True)],
    )


def select_frame(event: gr.EventData, request: gr.Request = None) -> FrameUpdates:
    """Keep the frame that the player selected, for the other tabs."""
    visitor = VISITORS.of(session_of(request))
    result = visitor.result
    shown = result is not None and result.prediction is visitor.displayed
    frame = selected_frame(event, len(result.prediction.clip.frames)) if shown else None
    if frame is None:
        return FrameUpdates()
    visitor.result = replace(result, frame=frame)
    return _frame(visitor.result)


def change_sound(request: gr.Request = None) -> TabUpdates:
    """Open What if with the sound muted, and run it."""
    VISITORS.of(session_of(request)).hand_over(WhatIfRequest(("mute",)))
    return open_tab("whatif")


def open_tab(tab: str) -> TabUpdates:
    """Open What if or Inside, which show the visitor's result and its selected frame."""
    return TabUpdates(tabs=gr.Tabs(selected=tab))


@told
def segment_clip(
    clip: str | None = None,
    video: str | None = None,
    model: str = "tiny-ms3",
    frames_per_second: float = 1,
    start: float | None = 0,
    end: float | None = None,
    threshold: float = 0.5,
    letterbox: bool = False,
    precision: str = "auto",
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> tuple[dict, str, str, str, str, str]:
    """Find which pixels of a video make its sound: segment a bundled clip, or a video of your own.

    Returns a record with the foreground share, objects and times of every frame (what prediction.json holds),
    then files: a zip of everything, the overlay video, a zip of PNG masks, COCO run lengths, prediction.json.

    Args:
        clip: Name of a bundled clip, such as dog-and-guitar.
        video: A video file with sound, which takes precedence.
        model: Name of a model: tiny-ms3 for drawn scenes, small-real for filmed ones, tiny-avss for classes.
        frames_per_second: 1, 2, 4 or 8.
        start: Where the range begins, in seconds.
        end: Where it ends, in seconds; nothing for the end of the clip.
        threshold: Probability above which a pixel is foreground.
        letterbox: Keep the aspect ratio of the frames; the released code stretches them to a square.
        precision: exact (float32), fast (bfloat16 where faster) or auto.
    """
    session = session_of(request)
    visitor, folder = VISITORS.of(session), VISITORS.new_result(session)
    try:
        span, options = (start or 0.0, end), {"letterbox": letterbox is True, "precision": precision}
        choice = run.Choice(source_of(clip, video), model, frames_per_second, *span, threshold, **options)
        report = progress_report(visitor.jobs.start("segment-api"), progress)
        prediction = run.predict(choice, report).prediction
        tick = run.part(report, run.MODEL_SHARE, 1, "Writing the files")
        files = write_downloads(prediction, folder / "files", tick)
    except AvsegError as error:
        VISITORS.drop(session, folder)
        raise gr.Error(str(_without_path(error, folder)), print_exception=False) from error
    return json.loads(files.record.read_text(encoding="utf-8")), *map(str, asdict(files).values())


def _running() -> ButtonUpdates:
    """Keep the run button, and so the focus, where it is; offer to stop."""
    # A button that was never on the page would lose its colour.
    stop = gr.update(visible=True, variant="stop")
    return ButtonUpdates(go="Segmenting…", stop=stop, timer=gr.Timer(active=True))


def _display(
    visitor: Visitor, result: ClipResult, folder: Path, report: run.Report, own_sound: bool = False
) -> ResultUpdates:
    """Put a result on the page; its files, and none of an earlier result, come later.

    own_sound: the model heard what the player's copy of an upload plays.
    """
    prediction, started = result.prediction, time.perf_counter()
    copy = visitor.state(SegmentState).copy if own_sound else None
    player = run.make_player(result, folder, report, copy)
    seconds = prediction.seconds
    timings = run.Timings(seconds.decode, seconds.model, time.perf_counter() - started)
    visitor.jobs.cancel(WRITING)
    visitor.displayed = prediction
    visitor.state(SegmentState).unsaved = Displayed(result, folder, timings)
    return ResultUpdates(
        notice=HIDDEN,
        finding=html.result_heading(result),
        player=player,
        whatif=gr.update(interactive=True),
        preparing=gr.update(value=macro("hint", "Preparing downloads…"), visible=True),
        last_run=gr.update(value=html.last_run(timings, result), visible=True),
        downloads=[HIDDEN] * len(FILES),
        **_frame(result).changes(),
    )


def _frame(result: ClipResult) -> FrameUpdates:
    inside = gr.update(value=f"Look inside frame {result.frame + 1}", interactive=True)
    return FrameUpdates(header=result_header(result), inside=inside)


def _download(path: Path, name: str) -> dict:
    size = path.stat().st_size
    amount = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
    return gr.update(value=str(path), label=f"{name}, {amount}", visible=True)


def _without_path(error: AvsegError, folder: Path) -> AvsegError:
    """Return the error without the path of a folder of this server."""
    return type(error)(str(error).replace(str(folder), "the folder of results"))
