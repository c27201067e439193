"""What the Segment tab will segment: a clip, an upload or a recording, a part of it, a model."""

from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components import text
from app.components.gradio_helpers import PRIVATE, failed, notice
from app.components.player.player import preview, selected_range
from app.segment.layout import Rail, Stage, context_of, model_words
from app.services.clips import bundled
from app.services.models import available_models
from app.services.session import VISITORS, session_of
from avseg.errors import ClipError
from avseg.media.clip import read_clip

PROBE_RATE = 1.0  # frames per second when an upload is only looked at


def drag_range(
    clip: str | None,
    upload: str | None,
    fps: float,
    model: str | None,
    event: gr.EventData,
    request: gr.Request = None,
) -> tuple:
    """Take the part that was marked in the player; returns updates of start, end, button, card and notice."""
    shown = VISITORS.of(session_of(request)).result
    seen = shown and shown.prediction.clip
    told = selected_range(event, seen.duration) if shown else None
    if told is None:
        return (gr.skip(),) * 5
    own = Path(upload).resolve() == seen.path.resolve() if upload else shown.clip == clip
    if not own:
        return *(gr.skip(),) * 4, notice(text.OTHER_CLIP.format(title=shown.title), "note")
    start, end = (round(seen.start + moment, 1) for moment in told)
    return start, end, *choose_range(start, end, fps, model), gr.update(visible=False)


def check_upload(
    upload: str | None, model: str | None, fps: float, shown: bool, request: gr.Request = None
) -> tuple:
    """Look at an uploaded or recorded file at once: refuse it with words, or say what it is.

    Returns updates of clip, upload, camera, about, button, start, end, notice, player and context.
    """
    if not upload:
        return (gr.skip(),) * 10
    VISITORS.of(session_of(request)).uploads.add(Path(upload))
    try:
        clip = read_clip(upload, fps=PROBE_RATE, seconds=text.LONGEST)
    except ClipError as error:
        return gr.skip(), None, *(gr.skip(),) * 5, failed(error), gr.skip(), gr.skip()
    about = figures.about(f"{clip.name}: {text.clip_words(clip)}.", clip.frames[len(clip.frames) // 2])
    end = round(clip.duration, 2)
    button = text.button_words(0, end, fps)
    # A stranger's file is not served as it is: the player shows it once it was decoded and written anew.
    player = gr.skip() if shown else None
    header = gr.skip() if shown else context_of(clip.name, model)
    closed = gr.update(value=None, visible=False)
    return None, upload, closed, about, button, 0, end, gr.update(visible=False), player, header


def choose_clip(clip: str | None, model: str | None, fps: float, shown: bool) -> tuple:
    """Choose a bundled clip; returns the updates that `check_upload` does.

    Before the first result the player shows the clip as it is; then a result stays until the next one.
    """
    chosen = bundled().get(clip)
    if chosen is None:
        return (gr.skip(),) * 10
    about, button = figures.about(chosen.shows), text.button_words(0, chosen.seconds, fps)
    player = gr.skip() if shown else preview(chosen.path, chosen.seconds, chosen.title)
    header = gr.skip() if shown else context_of(chosen.title, model)
    hidden = gr.update(visible=False)
    return gr.skip(), None, hidden, about, button, 0, chosen.seconds, hidden, player, header


def open_camera() -> dict:
    """Show the camera."""
    return gr.update(visible=True, value=None)


def clear_upload(model: str | None, fps: float, shown: bool) -> tuple:
    """Go back to the first bundled clip; returns the updates that `check_upload` does."""
    first = next(iter(bundled()))
    return first, *choose_clip(first, model, fps, shown)[1:]


def choose_model(clip: str | None, model: str | None, fps: float, shown: bool) -> tuple:
    """Choose a model; returns updates of its card's words and the header's context."""
    title = bundled()[clip].title if clip in bundled() else text.OWN_VIDEO
    return model_words(model, fps), gr.skip() if shown else context_of(title, model)


def list_choices() -> dict:
    """Return the models that there are now: training may have finished one since the page was opened."""
    return gr.update(choices=list(available_models()))


def choose_wanted(clip: str | None, fps: float, shown: bool, request: gr.Request = None) -> tuple:
    """Choose the model that another tab asked for; returns updates of model, its words and the context."""
    visitor = VISITORS.of(session_of(request))
    wanted, visitor.model = visitor.model, ""
    if wanted not in available_models():
        return (gr.skip(),) * 3
    return list_choices() | {"value": wanted}, *choose_model(clip, wanted, fps, shown)


def choose_range(start: float | None, end: float | None, fps: float, model: str | None) -> tuple[str, str]:
    """Choose range and rate; returns updates of the button and the model's words."""
    return text.button_words(start, end, fps), model_words(model, fps)


def wire_choices(rail: Rail, stage: Stage, tab: gr.Tab, context: gr.HTML) -> None:
    """Wire the rail: what it chooses shows in the rail, the player and the header."""
    choice = [
        *(rail.clip, rail.upload, rail.camera, rail.about, rail.go, rail.start, rail.end),
        *(stage.notice, stage.player, context),
    ]
    given = [rail.model, rail.rate, stage.shown]
    rail.clip.input(choose_clip, [rail.clip, *given], choice, **PRIVATE)
    looking = {"concurrency_limit": 2, "concurrency_id": "look", "show_progress_on": rail.about}
    ranged = [rail.start, rail.end, rail.rate, rail.model]
    for own, event in ((rail.upload, rail.upload.upload), (rail.camera, rail.camera.stop_recording)):
        looked = event(check_upload, [own, *given], choice, api_visibility="private", **looking)
        # The rate may have been changed meanwhile.
        looked.then(choose_range, ranged, [rail.go, rail.card], **PRIVATE)
    rail.record.click(open_camera, None, rail.camera, queue=False, **PRIVATE)
    rail.upload.clear(clear_upload, given, choice, **PRIVATE)
    for part in (rail.rate.change, rail.start.input, rail.end.input):
        part(choose_range, ranged, [rail.go, rail.card], trigger_mode="always_last", **PRIVATE)
    rail.model.input(choose_model, [rail.clip, *given], [rail.card, context], **PRIVATE)
    rail.model.focus(list_choices, None, rail.model, **PRIVATE)
    asked = [rail.clip, rail.rate, stage.shown]
    tab.select(choose_wanted, asked, [rail.model, rail.card, context], **PRIVATE)
    dragged = [rail.start, rail.end, rail.go, rail.card, stage.notice]
    stage.player.range(drag_range, [rail.clip, rail.upload, rail.rate, rail.model], dragged, **PRIVATE)
