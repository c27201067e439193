"""What a visitor has open in the Explore tab, and how a click changes it."""

import threading
from dataclasses import dataclass, field, replace

import gradio as gr
import numpy as np

from app.explore.collection import COLLECTIONS, Collection
from app.explore.filters import FIELDS, Filter, changed, matching_rows
from app.explore.map_choice import MapChoice, read_region
from app.explore.marks import Marks, OwnMarks
from app.services.datasets import LIBRARY, DataSet
from app.services.host import public_host
from app.services.jobs import JobToken
from app.services.models import available_models
from app.services.session import VISITORS, session_of
from avseg.data.avsbench.clip import DatasetClip
from avseg.predict import Prediction

PAGE_SIZE = 12  # clips
REPORT_PAGE_SIZE = 10  # findings


@dataclass(frozen=True)
class View:
    """What the tab shows."""

    data: str = ""  # key of the data set
    filter: Filter = field(default_factory=Filter)
    page: int = 0  # of the clips
    row: int | None = None  # of the opened clip
    model: str = ""  # whose IoU and whose predictions
    report_page: int = 0
    map: MapChoice = field(default_factory=MapChoice)


@dataclass(frozen=True, eq=False)
class OpenedClip:
    """The clip in the player, with its video and perhaps a prediction."""

    data: str
    row: int
    content: DatasetClip
    prediction: Prediction | None = None
    model: str = ""  # that made the prediction

    def belongs_to(self, view: View) -> bool:
        """It is the clip that a view has opened."""
        return (self.data, self.row) == (view.data, view.row)


@dataclass(eq=False)
class ExploreState:
    """A visitor's view; `lock` is held while it changes."""

    view: View = field(default_factory=View)
    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: OpenedClip | None = None
    scoring: JobToken | None = None  # while clips are being scored
    drawn_points: str = ""  # key of the points that the page has
    own: OwnMarks = field(default_factory=OwnMarks)  # on a public host

    def release(self) -> None:
        """Forget the opened clip; it is read again when it is needed."""
        self.opened = None

    def marks(self, collection: Collection) -> Marks:
        """Return tags and views as this visitor sees them: on a public host their own, else everybody's."""
        return self.own.of(collection.dataset.key) if public_host() else collection.marks

    def rows(self, collection: Collection) -> np.ndarray:
        """Return the rows of the clips that match the filter, in order."""
        return matching_rows(self.view.filter, collection, self.marks(collection).tags, self.view.model)

    def open_collection(self) -> tuple[DataSet, Collection | None]:
        """Return the data set of the view and its contents, None while the sample is being drawn.

        Closes a clip that the table no longer has. Raises DatasetError if the data set does not exist or its
        table cannot be read.
        """
        dataset = LIBRARY.get(self.view.data)
        collection = COLLECTIONS.of(dataset) if dataset.ready else None
        if collection and self.view.row is not None and self.view.row >= len(collection):
            self.view = replace(self.view, row=None)
        return dataset, collection


def state_of(request: gr.Request | None) -> ExploreState:
    """Return a visitor's state; at first, of the first data set and the first model."""
    visitor = VISITORS.of(session_of(request))
    state = visitor.state(ExploreState)
    state.own = visitor.state(OwnMarks)
    if not state.view.data:
        state.view = View(LIBRARY.first(), model=next(iter(available_models()), ""))
    return state


def with_conditions(conditions: tuple[tuple[str, int | str], ...], collection: Collection) -> Filter:
    """Return the filter that clicks on these fields and values make from an empty one."""
    current = Filter()
    for name, value in conditions:
        current = changed(current, name, value, collection)
    return current


def clicked(view: View, action: str, value: object, collection: Collection, rows: np.ndarray) -> View:
    """Return the view after a click; rows: the clips that match before it.

    action: a field of the filter, "lasso" (corners on the map), "map_" and a field of MapChoice, "page",
    "report_page", "open" (a row), "step" (1 to the next clip in the order of the filter, -1 to the previous
    one) or "close"; impossible values change nothing.
    """
    if action in FIELDS:
        new = changed(view.filter, action, value, collection)
        report_page = view.report_page if new.finding == view.filter.finding else 0
        return replace(view, filter=new, page=0, report_page=report_page)
    if action.startswith("map_"):
        return replace(view, map=view.map.changed(action.removeprefix("map_"), value))
    if action == "lasso":
        shown = view.map
        region = read_region(f"{shown.feature}-{shown.method}-{shown.points}-{value}")
        return replace(view, filter=replace(view.filter, region=region.text), page=0) if region else view
    if action == "close":
        return replace(view, row=None)
    if isinstance(value, bool) or not isinstance(value, int):
        return view
    if action == "page":
        return replace(view, page=_clamp(value, (len(rows) - 1) // PAGE_SIZE))
    if action == "report_page":
        return replace(view, report_page=max(0, value))
    if action == "open" and 0 <= value < len(collection):
        return replace(view, row=value)
    if action == "step" and len(rows):
        positions = np.flatnonzero(rows == view.row) if view.row is not None else ()
        position = _clamp(int(positions[0]) + value, len(rows) - 1) if len(positions) else 0
        return replace(view, row=int(rows[position]), page=position // PAGE_SIZE)
    return view


def _clamp(value: int, high: int) -> int:
    return max(0, min(value, high))
