"""How events of the page are wired, and updates that several tabs return."""

import time
from collections.abc import Callable

import gradio as gr

from app.components.render import macro
from app.services.host import error_text
from app.services.jobs import Cancelled, JobToken
from app.services.language import translate
from app.services.session import MODEL_QUEUE
from app.services.wording import duration
from avseg.errors import AvsegError

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
"""Options of an event that only the page uses and that shows no progress."""

LIGHT = {"queue": False, **PRIVATE}
"""Options of an event that calls no model and reads no file: it is answered at once, outside the queue."""

ONE_MODEL = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE}
"""Options of an event that calls a model: one at a time, whichever tab it belongs to."""

# A file is downloaded once its handler has returned, without a second click; none where there is an error.
DOWNLOAD = """(file) => {
  if (!file) return;
  const link = Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name });
  link.click();
}"""

VISIBLE, HIDDEN = ({"visible": visible, "__type__": "update"} for visible in (True, False))

# The `js` of an event, to be completed with a selector: on a phone the result is above the pressed button.
SCROLL_TO = (
    "(...inputs) => { if (innerWidth < 720) document.querySelector('%s').scrollIntoView(); return inputs; }"
)


PROGRESS_EVERY = 0.2  # seconds
LEAST_SHARE_TIMED = 0.1  # done, before which the time left is not guessed


def notice(text: str, kind: str = "error") -> dict:
    """Return the update that shows a notice; kind is note or error."""
    return gr.update(value=macro("notice", text, kind), visible=True)


def error_notice(error: AvsegError) -> dict:
    """Return the update that shows an error; a job that the visitor stopped is not one."""
    return notice(error_text(error), "note" if isinstance(error, Cancelled) else "error")


def progress_report(token: JobToken, progress: gr.Progress | None = None) -> Callable[[float, str], None]:
    """Return a callback (share done, description) that a job calls after each step.

    It raises Cancelled once the job is to end, and updates the progress display a few times per second, with
    the time that is left as the share done implies it.
    """
    updated, began = 0.0, time.monotonic()

    def report(share: float, description: str) -> None:
        nonlocal updated
        token.check()
        if progress is not None and (share == 0 or time.monotonic() - updated > PROGRESS_EVERY):
            updated = time.monotonic()
            left = (updated - began) * (1 - share) / share if share >= LEAST_SHARE_TIMED else 0
            words = f"{description}, about {duration(left)} left" if left >= 1 else description
            progress(share, desc=translate(words))

    return report
