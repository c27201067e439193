"""What one tab asks another to show next: the state that the other tab takes up when it is opened.

    visitor.hand_over(WhatIfRequest(changes=("mute",), run=True))
    return Updates(tabs=gr.Tabs(selected="whatif"))      # opens the tab, whose select event takes the request

A clip travels as `visitor.result`; a request says what to do with it. Tabs never import each other. A link is
restored by the same requests (app.services.permalink).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipRequest:
    """Make this clip the visitor's result, in whichever tab opens next (app.services.restore)."""

    clip: str  # a bundled clip, or one of a data set
    model: str = ""  # the recommended one where empty
    frame: int = 1  # from 1
    data: str = ""  # key of the data set (app.services.datasets); empty for a bundled clip
    split: str = ""  # of the data set
    fps: float = 1.0
    start: float = 0.0  # seconds
    end: float | None = None  # seconds; None for the clip's end
    threshold: float = 0.5
    letterbox: bool = False
    precision: str = "auto"


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
    selection: tuple[tuple[str, int | str], ...] = ()  # further actions as clicks send them, and their values


@dataclass(frozen=True)
class WhatIfRequest:
    """Tick these changes in What if, each as the command line writes it ("mute", "shift=2"), and run them."""

    changes: tuple[str, ...]
    run: bool = True
    sweep: str = ""  # a change to run over its whole range


@dataclass(frozen=True)
class ExploreRequest:
    """Open a clip of a data set in Explore."""

    data: str  # key of the data set (app.services.datasets)
    clip: str  # its name in the data set; empty: open none
    split: str = ""  # the first split that has the clip where empty
    model: str = ""  # the current one where empty
    conditions: tuple[tuple[str, int | str], ...] = ()  # of the filter: field and value, as clicks send them
    page: int = 1
    map: str = ""  # which map is shown, none where empty


@dataclass(frozen=True)
class EvaluateRequest:
    """Choose this model in Evaluate."""

    model: str


@dataclass(frozen=True)
class ReportRequest:
    """Show a stored report in Evaluate, compared with another one where named."""

    report: str  # keys of app.services.reports
    compared: str = ""


@dataclass(frozen=True)
class AblationRequest:
    """Open an ablation study in Evaluate."""

    study: str  # key (app.services.ablations); the default one where it does not exist
    clips: tuple[str, ...] = ()  # of the wall of masks, which is then computed
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class LearnRequest:
    """Open a step of the tour."""

    step: str


@dataclass(frozen=True)
class TrainRequest:
    """Fill the form of Train with this preset."""

    preset: str


@dataclass(frozen=True)
class RunRequest:
    """Show this run in Train."""

    run: str


Request = (
    ClipRequest
    | SegmentRequest
    | InsideRequest
    | WhatIfRequest
    | ExploreRequest
    | EvaluateRequest
    | ReportRequest
    | AblationRequest
    | LearnRequest
    | TrainRequest
    | RunRequest
)
