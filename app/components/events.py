"""What the browser says in an event, checked once.

HTML of ours names what a click means: `data-action="open" data-value="12"`. `ACTIONS_SCRIPT` turns a click on
such an element (Enter and Space work as a click on buttons do) into one event of its `gr.HTML`:

    grid = gr.HTML(..., js_on_load=ACTIONS_SCRIPT)
    grid.action(handler, ...)            # handler(event: gr.EventData): event_data(event)

The value arrives as JSON where it is JSON and as text otherwise. Clients can send anything, so handlers read
it through `event_data` and `action_of`, and check what the value means themselves.
"""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

ACTIONS_SCRIPT = Path(__file__).with_name("actions.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Action:
    """A click on an element with `data-action`."""

    name: str
    value: object = None  # whatever JSON holds


def event_data(event: gr.EventData) -> dict[str, object]:
    """Return the payload of an event; an empty dict when the client sent anything but an object."""
    data = getattr(event, "_data", None)
    return data if isinstance(data, dict) else {}


def action_of(event: gr.EventData) -> Action | None:
    """Return the action of an event, None when the client sent something else."""
    data = event_data(event)
    name = data.get("action")
    return Action(name, data.get("value")) if isinstance(name, str) else None


def integer(value: object, low: int, high: int) -> int | None:
    """Return a whole number of [low, high) that a client sent, None for anything else."""
    valid = isinstance(value, int) and not isinstance(value, bool)
    return value if valid and low <= value < high else None
