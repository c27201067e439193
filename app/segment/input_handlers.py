"""The sidebar of the Segment tab: a clip, an upload or a recording, a range of it, a frame rate, a model."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.add_model.state import Added
from app.components.gradio_helpers import HIDDEN, error_notice, notice
from app.components.player.player import PlayerValue, preview, selected_range
from app.components.updates import UNCHANGED, Updates
from app.segment import html, text
from app.segment.state import SegmentState
from app.services.clips import MAX_SECONDS, bundled
from app.services.models import ADD_MODEL, model_choices
from app.services.session import VISITORS, session_of
from avseg.checkpoints import recommended_model
from avseg.errors import ClipError
from avseg.media.clip import read_clip

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
class ClipUpdates(RangeUpdates):
    """A clip that was selected; the player and the header show it until there is a first result."""

    model: object = UNCHANGED
    clip: object = UNCHANGED
    upload: object = UNCHANGED
    camera: object = UNCHANGED
    about: object = UNCHANGED
    channel: object = UNCHANGED
    player: object = UNCHANGED
    header: object = UNCHANGED


@dataclass(frozen=True)
class ModelUpdates(Updates):
    """A model that was selected."""

    model: object = UNCHANGED
    card: object = UNCHANGED
    header: object = UNCHANGED


def choose_clip(clip: str | None, model: str | None, fps: float, request: gr.Request = None) -> ClipUpdates:
    """Select a bundled clip."""
    bundle = bundled().get(clip)
    if bundle is None:
        return ClipUpdates()
    channel = gr.update(visible=False, value=text.MEAN)
    updates = ClipUpdates(upload=None, camera=HIDDEN, about=html.clip_about(bundle.shows), channel=channel)
    player = preview(bundle.path, bundle.seconds, bundle.title)
    selected, model = _select_model(bundle.path, model, fps, request)
    return updates | selected | _selected(bundle.title, bundle.seconds, fps, model, player, request)


def check_upload(
    upload: str | None, model: str | None, fps: float, request: gr.Request = None
) -> ClipUpdates:
    """Check an uploaded or recorded file at once: refuse it with a reason, or describe it."""
    if not upload:
        return ClipUpdates()
    try:
        clip = read_clip(upload, fps=PROBE_RATE, seconds=MAX_SECONDS)
    except ClipError as error:
        return ClipUpdates(upload=None, notice=error_notice(error))
    about = html.clip_about(f"{clip.name}: {text.clip_summary(clip)}.", clip.frames[len(clip.frames) // 2])
    camera = gr.update(value=None, visible=False)
    cancelled = any(notice.code == "audio-cancelled" for notice in clip.notices)
    channel = gr.update(visible=cancelled, value=text.MEAN)
    updates = ClipUpdates(clip=None, upload=upload, camera=camera, about=about, channel=channel)
    selected, model = _select_model(Path(upload), model, fps, request)
    # A visitor's file is never served as it is: the player shows it once it is decoded and written anew.
    return updates | selected | _selected(clip.name, round(clip.duration, 2), fps, model, None, request)


def clear_upload(model: str | None, fps: float, request: gr.Request = None) -> ClipUpdates:
    """Go back to the first bundled clip."""
    first = next(iter(bundled()))
    return choose_clip(first, model, fps, request) | ClipUpdates(clip=first)


def open_camera() -> ClipUpdates:
    """Show the camera."""
    return ClipUpdates(camera=gr.update(visible=True, value=None))


def choose_model(clip: str | None, model: str | None, fps: float, request: gr.Request = None) -> ModelUpdates:
    """Select a model; from now on, the page selects none for a clip."""
    if model == ADD_MODEL:  # it opens the panel, and the list goes back to its model
        return ModelUpdates()
    VISITORS.of(session_of(request)).state(SegmentState).model_picked = True
    title = bundled()[clip].title if clip in bundled() else text.OWN_VIDEO
    header = UNCHANGED if _displayed(request) else html.choice_header(title, model)
    return ModelUpdates(card=html.model_card(model, fps), header=header)


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
    return RunUpdates(go=text.button_text(start, end, fps), card=html.model_card(model, fps, automatic))


def drag_range(
    clip: str | None,
    upload: str | None,
    fps: float,
    model: str | None,
    event: gr.EventData,
    request: gr.Request = None,
) -> RangeUpdates:
    """Select the range that was dragged in the player, if the player shows the selected clip."""
    result = VISITORS.of(session_of(request)).result
    span = selected_range(event, result.prediction.clip.duration) if result else None
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


def _selected(
    title: str,
    end: float,
    fps: float,
    model: str | None,
    player: PlayerValue | None,
    request: gr.Request | None,
) -> ClipUpdates:
    updates = ClipUpdates(go=text.button_text(0, end, fps), start=0, end=end, notice=HIDDEN)
    if _displayed(request):
        return updates
    return updates | ClipUpdates(player=player, header=html.choice_header(title, model))


def _displayed(request: gr.Request | None) -> bool:
    """Whether a result is on the page, which then stays until the next one."""
    return VISITORS.of(session_of(request)).displayed is not None
