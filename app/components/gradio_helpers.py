"""What the tabs share in wiring their parts: how the page's own events are set, and what a notice says."""

import gradio as gr

from app.components import html as figures
from app.services.jobs import Cancelled
from avseg.errors import AvsegError

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}  # of events that are the page's own
HIDDEN = {"visible": False, "__type__": "update"}
# As the `js` of an event, after % with the name of a tab.
TO_TAB = "() => document.querySelector('#views [role=tab][data-tab-id=%s]')?.click()"
# The same with a selector: on a phone the result stands above the button that was pressed.
TO_RESULT = "() => { if (innerWidth < 720) document.querySelector('%s').scrollIntoView(); }"


def notice(words: str, kind: str = "error") -> dict:
    """Return the update of a notice that says something; kind is note or error."""
    return gr.update(value=figures.notices([words], kind), visible=True)


def failed(error: AvsegError) -> dict:
    """Return the update of a notice that says what went wrong; a stop that was asked for is no error."""
    return notice(str(error), "note" if isinstance(error, Cancelled) else "error")
