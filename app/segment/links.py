"""A link that was opened: the tabs get what it asks for, and Segment shows its clip."""

from dataclasses import dataclass

import gradio as gr

from app.components.gradio_helpers import error_notice, progress_report
from app.components.render import render
from app.components.updates import UNCHANGED, Updates
from app.segment import html, text
from app.segment.handlers import ResultUpdates, arrive_at_frame, show_result
from app.segment.state import SegmentState
from app.services.clips import bundled
from app.services.handoff import ClipRequest
from app.services.permalink import read_link
from app.services.restore import restore_clip
from app.services.session import VISITORS, ClipResult, session_of
from avseg.errors import AvsegError

OPENING = "segment-link"  # name of the job


@dataclass(frozen=True)
class LinkUpdates(Updates):
    """What opening a link changes at once."""

    tabs: object = UNCHANGED
    link_notice: object = UNCHANGED
    link_clip: object = UNCHANGED


@dataclass(frozen=True)
class LinkedClipUpdates(ResultUpdates):
    """The clip of a link: its result, and the choices that made it."""

    clip: object = UNCHANGED
    about: object = UNCHANGED
    model: object = UNCHANGED
    card: object = UNCHANGED
    rate: object = UNCHANGED
    start: object = UNCHANGED
    end: object = UNCHANGED
    letterbox: object = UNCHANGED
    precision: object = UNCHANGED
    go: object = UNCHANGED


def open_link(query: str, reloaded: object = False, request: gr.Request = None) -> LinkUpdates:
    """Hand what an address asks for to the tabs, and open the one that it names; say what is not known.

    reloaded: the visitor had this page before; a result or a run of theirs is newer than the address.
    """
    visitor, link = VISITORS.of(session_of(request)), read_link(query if isinstance(query, str) else "")
    result, running = visitor.result, visitor.state(SegmentState).preview is not None
    own = reloaded is True and (running or (result is not None and not result.shared))
    for asked in link.requests:
        if not (own and isinstance(asked, ClipRequest)):
            visitor.hand_over(asked)
    updates = LinkUpdates()
    if link.problems:
        words = render("segment/templates/link_notice.html", text=" ".join(link.problems))
        updates |= LinkUpdates(link_notice=gr.update(value=words, visible=True))
    if link.tab == "segment":
        return updates | LinkUpdates(link_clip=1)
    return updates | LinkUpdates(tabs=gr.Tabs(selected=link.tab)) if link.tab else updates


def show_clip(request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> LinkedClipUpdates:
    """Segment the clip of a link, unless the visitor has its result, and show it with its choices."""
    visitor = VISITORS.of(session_of(request))
    report = progress_report(visitor.jobs.start(OPENING), progress)
    try:
        if not restore_clip(visitor, lambda done, total: report(done / total, f"Frame {done} of {total}")):
            return _choices_of_own(visitor.result)
    except AvsegError as error:
        return LinkedClipUpdates(notice=error_notice(error))
    result = visitor.result
    if result.prediction is visitor.displayed:
        return _choices(result) | arrive_at_frame(result)
    return _choices(result) | show_result(request)


def _choices_of_own(result: ClipResult | None) -> LinkedClipUpdates:
    """Return the choices of a page that was reloaded with a result of its own."""
    own = result is not None and result.clip in bundled() and not result.shared
    return _choices(result) if own else LinkedClipUpdates()


def _choices(result: ClipResult) -> LinkedClipUpdates:
    clip = result.prediction.clip
    start, end, fps = clip.start, round(clip.start + clip.duration, 2), clip.fps
    updates = LinkedClipUpdates(
        model=result.model,
        card=html.model_card(result.model, fps),
        rate=int(fps),
        start=start,
        end=end,
        letterbox=clip.letterbox,
        precision=result.precision,
        go=text.button_text(start, end, fps, result.model),
    )
    if result.clip not in bundled():
        return updates
    return updates | LinkedClipUpdates(clip=result.clip, about=html.clip_about(bundled()[result.clip].shows))
