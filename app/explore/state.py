"""What one visitor looks at in the Explore tab, and what a click makes of it."""

import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np

from app.explore.collection import COLLECTIONS, Collection
from app.explore.filters import FIELDS, Filter, changed, matching, ordered
from app.explore.flags import Flags
from app.services.background import WORKS
from app.services.dataset_clips import Read
from app.services.datasets import LIBRARY, DataSet
from app.services.host import public_host
from app.services.models import available_models
from app.services.session import Visitor
from avseg.media.draw import heat_map
from avseg.predict import Prediction

PAGE = 12  # clips
REPORT_PAGE = 10  # findings


@dataclass(frozen=True)
class View:
    """One state of the tab."""

    data: str  # key
    filter: Filter = field(default_factory=Filter)
    page: int = 0
    opened: int | None = None  # row of the clip at the right
    model: str = ""  # whose IoU and whose prediction
    findings: int = 0  # page of the integrity report


@dataclass(frozen=True, eq=False)
class Opened:
    """The clip at the right, read, with its video and perhaps a prediction."""

    data: str
    row: int
    read: Read
    prediction: Prediction | None = None
    model: str = ""  # that made the prediction

    def stands(self, view: View) -> bool:
        """Whether it is the clip of a view."""
        return (self.data, self.row) == (view.data, view.opened)


@dataclass(eq=False)
class Desk:
    """A visitor's view; `lock` is held while it changes."""

    view: View
    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: Opened | None = None
    own_flags: dict[str, Flags] = field(default_factory=dict)  # by data set, on a public host

    def flags(self, there: Collection) -> Flags:
        """Return the flags that this visitor sees: everybody's at home, the visit's own in public."""
        if not public_host():
            return there.flags
        return self.own_flags.setdefault(there.data.key, Flags())

    def keep_within(self, there: Collection) -> None:
        """Close a clip that a table written anew no longer has."""
        if self.view.opened is not None and self.view.opened >= len(there):
            self.view = replace(self.view, opened=None)


@dataclass(frozen=True, eq=False)
class Selection:
    """The clips that a view shows."""

    shown: np.ndarray  # bool [N]
    rows: np.ndarray  # int [n], in order
    seconds: float  # what finding them took


def desk_of(visitor: Visitor) -> Desk:
    """Return the visitor's desk, a new one at the first call."""
    if visitor.explore is None:
        WORKS.start("colours", lambda _: heat_map(np.zeros((2, 2)), colours="cividis"))  # imports matplotlib
        visitor.explore = Desk(View(LIBRARY.first(), model=next(iter(available_models()), "")))
    return visitor.explore


def collection_of(desk: Desk) -> tuple[DataSet, Collection | None]:
    """Return the data set on a desk, and what is in it; None while the sample is not drawn.

    Raises DatasetError when it is not there any more, or its table cannot be read.
    """
    data = LIBRARY.get(desk.view.data)
    return data, COLLECTIONS.of(data) if data.ready else None


def select(desk: Desk, there: Collection) -> Selection:
    """Find the clips of the view."""
    began = time.perf_counter()
    view = desk.view
    shown = matching(view.filter, there, desk.flags(there), view.model)
    rows = ordered(shown, view.filter, there, view.model)
    return Selection(shown, rows, time.perf_counter() - began)


def acted(desk: Desk, there: Collection, act: str, value: object, found: Selection) -> View:
    """Return the view after a click; values are as the browser said them, and what is impossible is left out.

    act: a field of the filter, "page" or "findings" (steps), "open" (a row), "step" (to the next clip, -1 to
    the one before, in the order of the filter), "close". found: the clips of the view before.
    """
    view = desk.view
    if act in FIELDS:
        chosen = changed(view.filter, act, value, there)
        findings = view.findings if chosen.finding == view.filter.finding else 0
        return replace(view, filter=chosen, page=0, findings=findings)
    if act == "close":
        return replace(view, opened=None)
    if isinstance(value, bool) or not isinstance(value, int):
        return view
    if act == "page":
        return replace(view, page=_within(view.page + value, (len(found.rows) - 1) // PAGE))
    if act == "findings":
        return replace(view, findings=max(0, view.findings + value))
    if act == "open" and 0 <= value < len(there):
        return replace(view, opened=value)
    if act == "step":
        return _stepped(view, value, found)
    return view


def _stepped(view: View, step: int, found: Selection) -> View:
    """Open the neighbour of the opened clip, and turn to its page."""
    places = np.flatnonzero(found.rows == view.opened) if view.opened is not None else ()
    place = _within(int(places[0]) + step, len(found.rows) - 1) if len(places) else 0
    if not len(found.rows):
        return view
    return replace(view, opened=int(found.rows[place]), page=place // PAGE)


def _within(value: int, most: int) -> int:
    return max(0, min(value, most))
