"""The Learn tab: a tour in eight steps, each with a question that a measurement answers."""

from app.components.page_context import PageContext
from app.components.updates import connect
from app.learn import handlers
from app.learn.handlers import LearnUpdates
from app.learn.layout import build

# Measured once for all visitors, so a click hardly ever waits for the model, and never in its line.
MEASURING = {"concurrency_limit": 4, "concurrency_id": "learn"}


def add(shared: PageContext) -> None:
    """Put the tab into the page and wire it."""
    layout = build(shared)
    options = MEASURING | {
        "api_visibility": "private",
        "trigger_mode": "always_last",
        "show_progress": "minimal",
    }
    options["show_progress_on"] = shared.progress
    connect(shared.tab.select, handlers.show, None, LearnUpdates, layout, **options)
    for part in (layout.sidebar, layout.question):
        connect(part.action, handlers.choose, None, LearnUpdates, layout, **options)
