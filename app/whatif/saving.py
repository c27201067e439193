"""Saving before, after and difference as a picture or a video."""

import gradio as gr

from app.components import saving
from app.components.gradio_helpers import HIDDEN, error_notice, notice, progress_report
from app.components.page_context import PageContext
from app.components.saving import KINDS, SavedUpdates, SaveLayout, file_name
from app.services.session import VISITORS, session_of
from app.whatif.presets import changes_text
from app.whatif.state import WhatIfState
from avseg.arguments import is_whole
from avseg.errors import AvsegError
from avseg.interventions.side_by_side import write_side_by_side

JOB = "what-if-save"
# The frame on the page, which the browser chooses.
WITH_FRAME = (
    "(...inputs) => [...inputs.slice(0, -1), "
    "Number(document.querySelector('#wi-pairs [data-action=frame][aria-pressed=true]')?.dataset.value ?? 0)]"
)


def add(layout: SaveLayout, shared: PageContext) -> None:
    """Wire the buttons."""
    saving.wire(layout, save, shared, gr.Number(visible=False), WITH_FRAME)


def save(
    kind: str, frame: float | None, request: gr.Request = None, progress: gr.Progress = gr.Progress()
) -> SavedUpdates:
    """Write the last run as a file of a kind; a PNG is of the frame that the page shows."""
    visitor = VISITORS.of(session_of(request))
    effect = visitor.state(WhatIfState).effect
    if effect is None or kind not in KINDS:
        reason = visitor.why_missing()
        return SavedUpdates(notice=notice(reason, "note") if reason else HIDDEN, file=None)
    report = progress_report(visitor.jobs.start(JOB), progress)
    last = len(effect.before.labels) - 1
    index = int(frame) if is_whole(frame, 0, last) else effect.result.frame
    number = [f"frame {index + 1}"] if kind == ".png" else []
    try:
        name = file_name(effect.result.title, changes_text(effect.changes), *number)
        folder = VISITORS.new_files(session_of(request), "what-if-saved")
        path = folder / f"{name}{kind}"
        pair = effect.before, effect.after, effect.changes, effect.result.title
        drawn = lambda done, total: report(done / total, f"Picture {done} of {total}")  # noqa: E731
        write_side_by_side(path, *pair, index, drawn)
    except AvsegError as error:
        return SavedUpdates(notice=error_notice(error), file=None)
    return SavedUpdates(notice=HIDDEN, file=str(path))
