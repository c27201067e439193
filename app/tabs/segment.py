"""The Segment tab: choose a clip and a model, get its masks, its sound and its numbers, take the files."""

import time
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app import figures, text
from app.clips import bundled
from app.segmenting import RATES, Report, Result, run, source_of
from app.session import MODEL_QUEUE, VISITORS, Stopped, Visitor
from avseg.checkpoints import Card, list_models, read_card
from avseg.clip import read_clip
from avseg.errors import AvsegError, CheckpointError, ClipError

PROBE_RATE = 1.0  # frames per second when an upload is only looked at
# What the page lets through; what the file really is, decoding tells.
FILE_TYPES = ("video", ".mp4", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".flv", ".ogv", ".wmv", ".gif")
TICK = 0.2  # seconds between two words about the progress
# On a phone the result stands above the button that was pressed.
TO_RESULT = "() => { if (innerWidth < 720) document.querySelector('#finding').scrollIntoView(); }"


@dataclass(frozen=True)
class Rail:
    """The choices, left of the result."""

    clip: gr.Radio
    about: gr.HTML
    upload: gr.File
    record: gr.Button
    camera: gr.Video
    model: gr.Dropdown
    card: gr.HTML
    rate: gr.Radio
    go: gr.Button
    stop: gr.Button
    length: gr.State  # seconds of the chosen clip, None while unknown


@dataclass(frozen=True)
class Stage:
    """The result."""

    notice: gr.HTML
    finding: gr.HTML
    video: gr.Video
    facts: gr.HTML
    timeline: gr.HTML
    files: gr.Row
    overlay: gr.DownloadButton
    masks: gr.DownloadButton
    record: gr.DownloadButton
    shown: gr.State  # whether a result stands on the page

    def components(self) -> list:
        """Return the components that `updates` changes, in its order."""
        return [
            *(self.notice, self.finding, self.video, self.facts, self.timeline),
            *(self.files, self.overlay, self.masks, self.record, self.shown),
        ]


def segment(
    clip: str | None,
    upload: str | None,
    model: str,
    fps: float = 1,
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> tuple:
    """Mark what sounds in a bundled clip, or in an uploaded video (which goes first), at 1, 2, 4 or 8 fps.

    Returns updates of the header's context and of Stage; a failed run changes the notice only.
    """
    session = _session(request)
    visitor, folder = VISITORS.of(session), VISITORS.new_result(session)
    if upload:
        visitor.uploads.add(Path(upload))
    try:
        result = run(source_of(clip, upload), model, fps, folder, _reporter(visitor, progress))
    except AvsegError as error:
        VISITORS.drop(session, folder)
        words = str(error).replace(str(folder), "the folder of results")
        kind = "note" if isinstance(error, Stopped) else "error"
        return gr.skip(), _say([words], kind), *(gr.skip() for _ in range(9))
    return result.context, gr.update(visible=False), *updates(result)


def updates(result: Result) -> tuple:
    """Return what a result does to the components of Stage, the notice left out."""
    return (
        result.finding,
        gr.update(value=str(result.overlay), visible=True),
        result.facts,
        gr.update(value=result.timeline, visible=True),
        gr.update(visible=True),
        _download(result.overlay, "Overlay video"),
        _download(result.masks, "PNG masks"),
        _download(result.record, "prediction.json"),
        True,
    )


def check_upload(
    upload: str | None, model: str | None, fps: float, shown: bool, request: gr.Request = None
) -> tuple:
    """Look at an uploaded or recorded file at once: refuse it with words, or say what it is.

    Returns updates of clip, upload, camera, about, button, length, notice, video and the header's context.
    """
    if not upload:
        return (gr.skip(),) * 9
    VISITORS.of(_session(request)).uploads.add(Path(upload))
    try:
        clip = read_clip(upload, fps=PROBE_RATE, seconds=text.LONGEST)
    except ClipError as error:
        return gr.skip(), None, *(gr.skip(),) * 4, _say([str(error)], "error"), gr.skip(), gr.skip()
    about = figures.about(f"{clip.name}: {text.clip_words(clip)}.", clip.frames[len(clip.frames) // 2])
    button = text.button_words(clip.duration, fps)
    # A stranger's file never goes back through an output component: Gradio would open it with ffmpeg.
    video = gr.skip() if shown else gr.update(value=None, visible=False)
    header = gr.skip() if shown else context_of(clip.name, model)
    closed = gr.update(value=None, visible=False)
    return None, upload, closed, about, button, clip.duration, gr.update(visible=False), video, header


def choose_clip(clip: str | None, model: str | None, fps: float, shown: bool) -> tuple:
    """Choose a bundled clip; returns the updates that `check_upload` does.

    Before the first result the video shows the clip as it is; afterwards the result stays until the next one.
    """
    chosen = bundled().get(clip)
    if chosen is None:
        return (gr.skip(),) * 9
    about, button = figures.about(chosen.shows), text.button_words(chosen.seconds, fps)
    video = gr.skip() if shown else gr.update(value=str(chosen.path), visible=True)
    header = gr.skip() if shown else context_of(chosen.title, model)
    closed = gr.update(visible=False)
    return gr.skip(), None, closed, about, button, chosen.seconds, gr.update(visible=False), video, header


def open_camera() -> dict:
    """Show the camera."""
    return gr.update(visible=True, value=None)


def clear_upload(model: str | None, fps: float, shown: bool) -> tuple:
    """Go back to the first bundled clip; returns the updates that `check_upload` does."""
    first = next(iter(bundled()))
    return first, *choose_clip(first, model, fps, shown)[1:]


def choose_model(clip: str | None, model: str | None, shown: bool) -> tuple:
    """Choose a model; returns updates of its card's words and the header's context."""
    title = bundled()[clip].title if clip in bundled() else text.OWN_VIDEO
    return figures.small(text.card_words(card_of(model))), gr.skip() if shown else context_of(title, model)


def card_of(name: str | None) -> Card:
    """Return the card of a bundled model; one that says what is wrong when it cannot be read."""
    try:
        return read_card(list_models()[name])[1]
    except (KeyError, CheckpointError):
        return Card(name or "none", "none", text.NO_MODEL)


def begin(request: gr.Request = None) -> tuple[dict, dict]:
    """Show Stop in place of the button, and let any earlier run of the visitor end."""
    VISITORS.of(_session(request)).run = None
    return gr.update(visible=False), gr.update(visible=True)


def stop(request: gr.Request = None) -> tuple[dict, dict, dict]:
    """End the visitor's run at its next step; returns updates of the two buttons and the notice."""
    VISITORS.of(_session(request)).run = None
    return *rest(), _say([text.STOPPED])


def rest() -> tuple[dict, dict]:
    """Show the button in place of Stop."""
    return gr.update(visible=True), gr.update(visible=False)


def add(context: gr.HTML) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    with gr.Row(elem_classes="page", equal_height=False):
        with gr.Column(scale=0, min_width=272, elem_classes="rail"):
            rail = _rail()
        with gr.Column(elem_classes="stage", min_width=0):
            stage = _stage()
    _wire(rail, stage, context)


def context_of(title: str, model: str | None) -> str:
    """Return what the header says of a choice, until there is a result to speak of."""
    card = card_of(model)
    return figures.context(title, card.name, card.weights)


def first_context() -> str:
    """Return what the header says before anything was chosen."""
    return context_of(next(iter(bundled().values())).title, next(iter(list_models()), None))


def _rail() -> Rail:
    clips, models = bundled(), list(list_models())
    first, model = next(iter(clips)), next(iter(models), None)
    titles = [(clip.title, name) for name, clip in clips.items()]
    clip = gr.Radio(titles, value=first, label="Clip", elem_classes="clips", elem_id="clips")
    about = gr.HTML(figures.about(clips[first].shows))
    with gr.Row(elem_classes="own"):
        upload = gr.File(
            label=text.OWN_VIDEO, show_label=False, file_types=list(FILE_TYPES), elem_id="upload", min_width=0
        )
        record = gr.Button("Record", elem_id="record", scale=0, min_width=0)
    # Mirroring or a set format would make Gradio run ffmpeg on the recording before we look at it.
    camera = gr.Video(
        label="Camera",
        show_label=False,
        sources=["webcam"],
        format=None,
        include_audio=True,
        webcam_options=gr.WebcamOptions(mirror=False),
        visible=False,
        elem_id="camera",
        buttons=[],
    )
    gr.HTML(figures.small(text.LIMITS), elem_classes="under")
    chosen = gr.Dropdown(models, value=model, label="Model", filterable=False, elem_id="model")
    card = gr.HTML(figures.small(text.card_words(card_of(model))), elem_classes="under")
    rate = gr.Radio(list(RATES), value=1, label="Frames per second", elem_classes="seg", elem_id="rate")
    words = text.button_words(clips[first].seconds, 1)
    go = gr.Button(words, variant="primary", elem_id="go", interactive=model is not None)
    stopping = gr.Button("Stop", variant="stop", elem_id="stop", visible=False)
    length = gr.State(clips[first].seconds)
    return Rail(clip, about, upload, record, camera, chosen, card, rate, go, stopping, length)


def _stage() -> Stage:
    notice = gr.HTML(visible=False, elem_id="notice")
    finding = gr.HTML(figures.heading(text.QUESTION, text.FIRST_LINE), elem_id="finding")
    with gr.Column(elem_classes="card", elem_id="result"):
        with gr.Row(elem_classes="seen", equal_height=False):
            video = gr.Video(
                str(next(iter(bundled().values())).path),
                label="Video",
                show_label=False,
                interactive=False,
                buttons=[],
                elem_id="overlay",
                scale=5,
                min_width=0,
            )
            facts = gr.HTML(figures.promises(text.WHAT_APPEARS), elem_id="facts", scale=3, min_width=0)
        timeline = gr.HTML(visible=False, elem_id="timeline")
    with gr.Row(visible=False, elem_classes="files", elem_id="files") as files:
        buttons = [gr.DownloadButton("", size="sm", scale=0, min_width=0) for _ in range(3)]
    return Stage(notice, finding, video, facts, timeline, files, *buttons, gr.State(False))


def _wire(rail: Rail, stage: Stage, context: gr.HTML) -> None:
    private = {"api_visibility": "private", "show_progress": "hidden"}
    choice = [
        *(rail.clip, rail.upload, rail.camera, rail.about, rail.go, rail.length),
        *(stage.notice, stage.video, context),
    ]
    given = [rail.model, rail.rate, stage.shown]
    rail.clip.input(choose_clip, [rail.clip, *given], choice, **private)
    looking = {"concurrency_limit": 2, "concurrency_id": "look", "show_progress_on": rail.about}
    for own, event in ((rail.upload, rail.upload.upload), (rail.camera, rail.camera.stop_recording)):
        event(check_upload, [own, *given], choice, api_visibility="private", **looking)
    rail.record.click(open_camera, None, rail.camera, queue=False, **private)
    rail.upload.clear(clear_upload, given, choice, **private)
    rail.rate.change(text.button_words, [rail.length, rail.rate], rail.go, **private)
    rail.model.input(choose_model, [rail.clip, rail.model, stage.shown], [rail.card, context], **private)
    buttons = [rail.go, rail.stop]
    started = rail.go.click(begin, None, buttons, queue=False, **private)
    running = started.then(
        segment,
        [rail.clip, rail.upload, rail.model, rail.rate],
        [context, *stage.components()],
        api_name="segment",
        concurrency_limit=1,
        concurrency_id=MODEL_QUEUE,
        show_progress_on=stage.video,
    )
    running.then(rest, None, buttons, queue=False, js=TO_RESULT, **private)
    rail.stop.click(stop, None, [*buttons, stage.notice], queue=False, cancels=[running], **private)


def _reporter(visitor: Visitor, progress: gr.Progress) -> Report:
    """Return how a run tells its progress, a few times per second, and hears that it shall stop."""
    token, said = object(), 0.0
    visitor.run = token

    def report(share: float, words: str) -> None:
        nonlocal said
        if visitor.run is not token:
            raise Stopped(text.STOPPED)
        if time.monotonic() - said > TICK or share == 0:
            said = time.monotonic()
            progress(share, desc=words)

    return report


def _say(sentences: list[str], kind: str = "note") -> dict:
    return gr.update(value=figures.notices(sentences, kind), visible=True)


def _download(path: Path, words: str) -> dict:
    size = path.stat().st_size
    amount = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
    return gr.update(value=str(path), label=f"{words}, {amount}")


def _session(request: gr.Request | None) -> str:
    return (request and request.session_hash) or "local"
