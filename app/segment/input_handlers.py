"""The sidebar of the Segment tab: a clip, an upload or a recording, a range of it, a frame rate, a model."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.add_model.state import Added
from app.components.gradio_helpers import HIDDEN, error_notice, notice
from app.components.player.player import selected_range
from app.components.updates import UNCHANGED, Updates
from app.segment import html, text
from app.segment.handlers import RUN, ResultUpdates, show_again
from app.segment.layout import FILES
from app.segment.opening import record
from app.segment.run import PlayableCopy
from app.segment.state import SegmentState
from app.services.cache import made_once
from app.services.clips import MAX_SECONDS, bundled
from app.services.models import ADD_MODEL, available_models, model_choices
from app.services.session import MODELS, RESULTS, VISITORS, private_cache, session_of
from avseg.checkpoints import recommended_model
from avseg.errors import AvsegError
from avseg.media.clip import read_clip
from avseg.player.value import PlayerValue, preview

PROBE_RATE = 1.0  # frames per second when an upload is only checked


@dataclass(frozen=True)
class RunUpdates(Updates):
    """What a run will do."""

    go: object = UNCHANGED
    card: object = UNCHANGED


@dataclass(frozen=True)
class RangeUpdates(RunUpdates):
    """A range that was dragged in the player."""

    start: object = UNCHANGED
    end: object = UNCHANGED
    notice: object = UNCHANGED


@dataclass(frozen=True)
class ClipUpdates(RangeUpdates, ResultUpdates):
    """A clip that was selected: the player shows it, with its result if it is the visitor's last one."""

    model: object = UNCHANGED
    clip: object = UNCHANGED
    upload: object = UNCHANGED
    camera: object = UNCHANGED
    about: object = UNCHANGED
    channel: object = UNCHANGED


@dataclass(frozen=True)
class ModelUpdates(Updates):
    """A model that was selected."""

    model: object = UNCHANGED
    card: object = UNCHANGED
    header: object = UNCHANGED
    go: object = UNCHANGED


def choose_clip(clip: str | None, model: str | None, fps: float, request: gr.Request = None) -> ClipUpdates:
    """Select a bundled clip."""
    bundle = bundled().get(clip)
    if bundle is None:
        return ClipUpdates()
    channel = gr.update(visible=False, value=text.MEAN)
    updates = ClipUpdates(upload=None, camera=HIDDEN, about=html.clip_about(bundle.shows), channel=channel)
    selected, model = _select_model(bundle.path, model, fps, request)
    updates |= selected | _range(bundle.seconds, fps, model)
    if shown := show_again(clip, request):
        return updates | shown
    player, heading = bundled_preview(clip), html.clip_heading(bundle.title, bundle.shows)
    return updates | _unsegmented(bundle.title, model, player, heading, request, clip)


def check_upload(
    upload: str | None, model: str | None, fps: float, request: gr.Request = None
) -> ClipUpdates:
    """Check an uploaded or recorded file at once: refuse it with a reason, or describe and show it."""
    if not upload:
        return ClipUpdates()
    session = session_of(request)
    try:
        clip = read_clip(upload, fps=PROBE_RATE, seconds=MAX_SECONDS)
        # A visitor's file is never served as it is: the player shows what was decoded and written anew.
        player = preview(clip, VISITORS.new_files(session, "copies"))
    except AvsegError as error:
        return ClipUpdates(upload=None, notice=error_notice(error))
    state = VISITORS.of(session).state(SegmentState)
    state.copy = PlayableCopy(Path(upload), player.video, clip.duration)
    about = html.clip_about(f"{clip.name}: {text.clip_summary(clip)}.", clip.frames[len(clip.frames) // 2])
    camera = gr.update(value=None, visible=False)
    cancelled = any(notice.code == "audio-cancelled" for notice in clip.notices)
    channel = gr.update(visible=cancelled, value=text.MEAN)
    updates = ClipUpdates(clip=None, upload=upload, camera=camera, about=about, channel=channel)
    selected, model = _select_model(Path(upload), model, fps, request)
    heading = html.clip_heading(clip.name, f"{text.clip_summary(clip)}.")
    updates |= selected | _range(round(clip.duration, 2), fps, model)
    return updates | _unsegmented(clip.name, model, player, heading, request)


def clear_upload(model: str | None, fps: float, request: gr.Request = None) -> ClipUpdates:
    """Go back to the clip that the page opens with."""
    first = record()["clip"]
    return choose_clip(first, model, fps, request) | ClipUpdates(clip=first)


def open_camera() -> ClipUpdates:
    """Show the camera."""
    return ClipUpdates(camera=gr.update(visible=True, value=None))


def choose_model(
    clip: str | None,
    model: str | None,
    fps: float,
    start: float | None = None,
    end: float | None = None,
    request: gr.Request = None,
) -> ModelUpdates:
    """Select a model; from now on, the page selects none for a clip."""
    if model == ADD_MODEL:  # it opens the panel, and the list goes back to its model
        return ModelUpdates()
    VISITORS.of(session_of(request)).state(SegmentState).model_picked = True
    title = bundled()[clip].title if clip in bundled() else text.OWN_VIDEO
    header = UNCHANGED if _displayed(request) else html.choice_header(title, model, clip)
    go = text.button_text(start, end, fps, model)
    return ModelUpdates(card=html.model_card(model, fps), header=header, go=go)


def measure_model(
    model: str | None, fps: float, start: float | None = None, end: float | None = None
) -> ModelUpdates:
    """Measure what the selected model costs, if it is large and was never run here, and show it."""
    if not isinstance(model, str) or model not in available_models() or not MODELS.lacks_cost(model):
        return ModelUpdates()
    with suppress(AvsegError):  # a run says why
        MODELS.measure(model)
    return ModelUpdates(card=html.model_card(model, fps), go=text.button_text(start, end, fps, model))


def list_models() -> ModelUpdates:
    """Offer the models that exist now: training may have finished one since the page was opened."""
    return ModelUpdates(model=gr.update(choices=model_choices()))


def take_added(added: Added, clip: str | None, fps: float, request: gr.Request = None) -> ModelUpdates:
    """Select a model that was added from this tab; the clip stays."""
    return choose_model(clip, added.model, fps, request) if added.tab == "segment" else ModelUpdates()


def choose_range(
    start: float | None, end: float | None, fps: float, model: str | None, request: gr.Request = None
) -> RunUpdates:
    """Select a range or a frame rate."""
    automatic = not VISITORS.of(session_of(request)).state(SegmentState).model_picked
    return RunUpdates(
        go=text.button_text(start, end, fps, model), card=html.model_card(model, fps, automatic)
    )


def drag_range(
    clip: str | None,
    upload: str | None,
    fps: float,
    model: str | None,
    event: gr.EventData,
    request: gr.Request = None,
) -> RangeUpdates:
    """Select the range that was dragged in the player, if the player shows the selected clip."""
    visitor = VISITORS.of(session_of(request))
    result = visitor.result
    if result is None or result.prediction is not visitor.displayed:  # the player shows what is selected
        copy = visitor.state(SegmentState).copy
        duration = copy.duration if upload and copy else bundled()[clip].seconds if clip in bundled() else 0
        span = selected_range(event, duration)
        if span is None:
            return RangeUpdates()
        start, end = (round(moment, 1) for moment in span)
        return choose_range(start, end, fps, model, request) | RangeUpdates(start=start, end=end)
    span = selected_range(event, result.prediction.clip.duration)
    if span is None:
        return RangeUpdates()
    shown = result.prediction.clip
    if not (Path(upload).resolve() == shown.path.resolve() if upload else result.clip == clip):
        other = f"The player shows {result.title}. Select that clip in the sidebar to segment a range of it."
        return RangeUpdates(notice=notice(other, "note"))
    start, end = (round(shown.start + moment, 1) for moment in span)
    return choose_range(start, end, fps, model, request) | RangeUpdates(start=start, end=end, notice=HIDDEN)


def _select_model(
    video: Path, model: str | None, fps: float, request: gr.Request | None
) -> tuple[ClipUpdates, str | None]:
    """Return the updates that select the model for a video, and its name, unless the visitor picked one."""
    if VISITORS.of(session_of(request)).state(SegmentState).model_picked:
        return ClipUpdates(), model
    model = recommended_model(video)
    return ClipUpdates(model=model, card=html.model_card(model, fps, automatic=True)), model


def _range(end: float, fps: float, model: str | None) -> ClipUpdates:
    start, last = (gr.update(value=value, maximum=end) for value in (0, end))
    return ClipUpdates(go=text.button_text(0, end, fps, model), start=start, end=last, notice=HIDDEN)


def _unsegmented(
    title: str,
    model: str | None,
    player: PlayerValue,
    heading: str,
    request: gr.Request | None,
    clip: str | None = None,
) -> ClipUpdates:
    """Show a clip without masks; the visitor's last result stays in the other tabs."""
    visitor = VISITORS.of(session_of(request))
    visitor.jobs.cancel(RUN)
    visitor.displayed = None
    off = gr.update(interactive=False)
    return ClipUpdates(
        player=player,
        finding=heading,
        header=html.choice_header(title, model, clip),
        whatif=off,
        inside=off,
        preparing=HIDDEN,
        downloads=[HIDDEN] * len(FILES),
    )


def _displayed(request: gr.Request | None) -> bool:
    """Whether a result is on the page."""
    return VISITORS.of(session_of(request)).displayed is not None


@made_once
def bundled_preview(name: str) -> PlayerValue:
    """Return a bundled clip without masks, for all visitors."""
    bundle = bundled()[name]
    folder = private_cache() / RESULTS / "clips" / name
    return preview(read_clip(bundle.path, fps=PROBE_RATE), folder, bundle.path, bundle.title)
