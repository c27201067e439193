"""Saving the open view: as a picture of the selected frame, or over all frames as GIF or MP4."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from app.components import saving
from app.components.events import event_data, integer
from app.components.gradio_helpers import HIDDEN, ONE_MODEL, error_notice, notice, progress_report
from app.components.page_context import PageContext
from app.components.saving import KINDS, SavedUpdates, file_name
from app.inside.figures import View
from app.inside.layout import InsideLayout
from app.inside.sheet import draw_picture, draw_view
from app.inside.state import Choice, InsideState, query_of
from app.inside.views import shown, view_of
from app.services.session import MODELS, VISITORS, ClipResult, session_of
from avseg.errors import AvsegError
from avseg.files import atomic_write
from avseg.interpret.attribution import Attribution
from avseg.interpret.inspection import Activation, record_site
from avseg.media.video import write_stills

JOB = "inside-save"
MOST_FRAMES = 30  # evenly spaced; every one is a forward pass


def add(layout: InsideLayout, shared: PageContext) -> None:
    """Wire the buttons, and the one of an enlarged picture."""
    saving.wire(layout.save, save, shared, **ONE_MODEL)
    saving.download(layout.view.save, save_picture, None, layout.save, shared, **ONE_MODEL)


def save(kind: str, request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> SavedUpdates:
    """Write the open view and what is selected in it as a file of a kind; a PNG is of the selected frame."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    result, state = visitor.result, visitor.state(InsideState)
    if result is None or kind not in KINDS:
        reason = visitor.why_missing()
        return SavedUpdates(notice=notice(reason, "note") if reason else HIDDEN, file=None)
    report = progress_report(visitor.jobs.start(JOB), progress)
    clip = result.prediction.clip
    count = len(clip.frames)
    frames = [result.frame] if kind == ".png" else _evenly(count)
    try:
        choice = shown(state.inspections.inspection(result, query_of(state.choice)), state.choice)
        pictures = []
        for done, frame in enumerate(frames):
            report(done / len(frames), f"Frame {done + 1} of {len(frames)}")
            view = _view(state, replace(result, frame=frame), choice)
            pictures.append(draw_view(view, _caption(result, frame)))
        number = [f"frame {result.frame + 1}"] if kind == ".png" else []
        name = file_name(result.title, choice.view, *number)
        path = VISITORS.new_files(session, JOB) / f"{name}{kind}"
        if kind == ".png":
            _write_png(path, pictures[0])
        else:
            starts = [frame / clip.fps for frame in frames]
            write_stills(path, _of_one_size(pictures), starts, clip.duration, clip.waveform)
    except AvsegError as error:
        return SavedUpdates(notice=error_notice(error), file=None)
    return SavedUpdates(notice=HIDDEN, file=str(path))


def save_picture(event: gr.EventData, request: gr.Request = None) -> SavedUpdates:
    """Write the enlarged picture of the open view as PNG, with its name and its scale."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    result, state = visitor.result, visitor.state(InsideState)
    if result is None:
        return SavedUpdates(file=None)
    try:
        pictures = list(_view(state, result, state.choice).pictures)
        index = integer(event_data(event).get("picture"), 0, len(pictures))
        if index is None:
            return SavedUpdates(file=None)
        picture, scale = pictures[index]
        name = file_name(result.title, f"frame {result.frame + 1}", picture.name)
        path = VISITORS.new_files(session, JOB) / f"{name}.png"
        _write_png(path, draw_picture(picture, scale))
    except AvsegError as error:
        return SavedUpdates(notice=error_notice(error), file=None)
    return SavedUpdates(notice=HIDDEN, file=str(path))


def _view(state: InsideState, result: ClipResult, choice: Choice) -> View:
    """Return a view of a frame that need not be the selected one; runs the model where it must."""

    def record(site: str, layer: int) -> Activation:
        return MODELS.run(result.model, record_site, result.prediction.clip, result.frame, site, layer)

    def attribute(method: str, region: str) -> Attribution:
        return state.inspections.attribution(result, method, region)

    inspection = state.inspections.passing(result, query_of(choice))
    return view_of(inspection, choice, record, attribute)


def _caption(result: ClipResult, frame: int) -> str:
    clip = result.prediction.clip
    where = f"Frame {frame + 1} of {len(clip.frames)} at {clip.times[frame]:.2f} s"
    return f"{where} of {result.title}, {result.prediction.model}"


def _evenly(count: int) -> list[int]:
    return np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int).tolist()


def _of_one_size(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Return pictures padded with white to the largest height and width."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    padded = [np.full((height, width, 3), 255, np.uint8) for _ in pictures]
    for whole, picture in zip(padded, pictures):
        whole[: picture.shape[0], : picture.shape[1]] = picture
    return padded


def _write_png(path: Path, picture: np.ndarray) -> None:
    with atomic_write(path, durable=False) as unfinished:
        Image.fromarray(picture).save(unfinished, "PNG")
