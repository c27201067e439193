"""What one tab asks another to show next: the state that the other tab takes up when it is opened.

    visitor.hand_over(WhatIfRequest(changes=("mute",), run=True))
    return Updates(tabs=gr.Tabs(selected="whatif"))      # opens the tab, whose select event takes the request

A clip travels as `visitor.result`; a request says what to do with it. Tabs never import each other.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentRequest:
    """Choose this model in Segment."""

    model: str


@dataclass(frozen=True)
class InsideRequest:
    """Open Inside at a view of the current result; numbers count from 1, and 0 keeps the current one."""

    view: str
    layer: int = 0
    head: int = 0
    query: int = 0
    channel: int = 0


@dataclass(frozen=True)
class WhatIfRequest:
    """Tick these changes in What if, each as the command line writes it ("mute", "shift=2"), and run them."""

    changes: tuple[str, ...]
    run: bool = True


@dataclass(frozen=True)
class ExploreRequest:
    """Open a clip of a data set in Explore."""

    data: str  # key of the data set (app.services.datasets)
    clip: str  # its name in the data set
    split: str = ""  # the first split that has the clip where empty


@dataclass(frozen=True)
class EvaluateRequest:
    """Choose this model in Evaluate."""

    model: str


Request = SegmentRequest | InsideRequest | WhatIfRequest | ExploreRequest | EvaluateRequest
