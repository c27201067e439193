"""The stage of the Evaluate tab: the report in view, its clips and their pictures, the opened clip."""

from collections.abc import Iterator

import gradio as gr

from app.components.gradio_helpers import HIDDEN, failed
from app.components.html import context_of
from app.evaluate import html as page
from app.evaluate.clips import View, changed, fill, grid
from app.evaluate.layout import Chosen, beside_choices, line_of, reports_html
from app.evaluate.opened_clip import open_clip
from app.services.evaluation_data import known
from app.services.handoff import ExploreRequest
from app.services.session import VISITORS, session_of
from avseg.errors import AvsegError, DatasetError


def show(chosen: Chosen, own, request: gr.Request = None) -> tuple:
    """Show a report.

    Returns updates of notice, head, body, view, clips, opened, player, beside, reports and the header's line.
    """
    try:
        one, other = chosen.report(own), chosen.other(own)
    except AvsegError as error:
        return failed(error), *(gr.skip(),) * 9
    VISITORS.of(session_of(request)).evaluate = (chosen, View())
    clips = grid(one, View()) if one else ""
    beside = beside_choices(one, chosen.beside, own)
    grown = gr.update(value=clips, visible=bool(clips))
    return (
        *(gr.skip(), page.head(one), page.body(one, other), View(), grown, HIDDEN, None),
        *(beside, reports_html(own, one and one.key), line_of(one)),
    )


def pictures(chosen: Chosen, own, view: View, request: gr.Request = None) -> Iterator[str]:
    """Yield the grid of clips as their pictures are made, until the visitor looks at something else."""
    visitor, wanted = VISITORS.of(session_of(request)), (chosen, view)
    try:
        one = chosen.report(own)
    except AvsegError:
        one = None
    if one is None or visitor.evaluate not in (None, wanted):
        yield gr.skip()  # a generator that gives nothing would empty the grid
        return
    for drawn in fill(one, view):
        if visitor.evaluate not in (None, wanted):
            yield gr.skip()
            return
        yield drawn


def choose(event: gr.EventData, chosen: Chosen, own, view: View, request: gr.Request = None) -> tuple:
    """Do what a click on the report asks for.

    Returns updates of the header's context, notice, view, clips, opened, about and player.
    """
    said = event._data if isinstance(event._data, dict) else {}
    try:
        one = chosen.report(own)
        if one is None:
            return (gr.skip(),) * 7
        if "close" in said:
            return *(gr.skip(),) * 4, gr.update(visible=False), gr.skip(), None
        if "clip" in said:
            session = session_of(request)
            folder = VISITORS.new_result(session)
            try:
                found = open_clip(one, str(said["clip"]), folder)
            except AvsegError:
                VISITORS.drop(session, folder)
                raise
            VISITORS.set_result(session, found.shown)
            header = context_of(found.shown)
            return header, HIDDEN, view, gr.skip(), gr.update(visible=True), found.head, found.player
    except AvsegError as error:
        return gr.skip(), failed(error), *(gr.skip(),) * 5
    view = changed(view, said)
    VISITORS.of(session_of(request)).evaluate = (chosen, view)
    return gr.skip(), gr.skip(), view, grid(one, view), gr.skip(), gr.skip(), gr.skip()


def explore(event: gr.EventData, chosen: Chosen, own, request: gr.Request = None) -> None:
    """Let Explore show the opened clip, to be flagged and compared there; raises gr.Error in words."""
    said = event._data if isinstance(event._data, dict) else {}
    try:
        one = chosen.report(own)
        data = known(one.evaluation.report) if one else None
        if data is None or data.folder is None:
            raise DatasetError("The clips of this report are drawn; Explore has only those of a folder.")
        split = one.evaluation.report.split.removesuffix("-leakfree")
        request_clip = ExploreRequest(data.key, str(said.get("clip")), split)
        VISITORS.of(session_of(request)).hand_over(request_clip)
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
