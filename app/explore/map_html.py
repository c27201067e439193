"""What the map of a data set sends to the page: points, their colours with a legend, and what is alike."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.explore.charts import class_bins
from app.explore.collection import Collection
from app.explore.map_choice import COLOURINGS, POINTS, read_region
from app.explore.maps import MapPoints
from app.explore.state import View
from app.services.background import Progress
from app.services.datasets import may_check
from app.services.models import model_argument
from app.services.session import MODELS
from app.services.wording import duration, plural
from avseg.errors import AvsegError
from avseg.interpret.embeddings import FEATURES
from avseg.interpret.neighbours import NEAR, NEIGHBOURS, Neighbours
from avseg.interpret.projection import METHODS

CLASS_COLOURS = 7  # the most frequent classes; the others share one colour
NOTHING, OFF_SCREEN = 2, 3  # sound conditions, positions in their legend
IOU_STEPS = (0.2, 0.4, 0.6, 0.8)
LISTED = 12  # near duplicates, and outliers


@dataclass(frozen=True)
class LegendEntry:
    """A colour of the map."""

    text: str
    token: str  # of the style sheet
    count: int
    field: str = ""  # of the filter: a click filters by `value`
    value: object = None


@dataclass(frozen=True, eq=False)
class Colouring:
    """The colours of all clips."""

    codes: np.ndarray  # uint8 [N], positions in `legend`
    legend: tuple[LegendEntry, ...]  # the last one is what is unknown or other


def colouring(collection: Collection, view: View) -> Colouring:
    """Return the colours of the clips as the view's map has them."""
    kind = view.map.colouring
    if kind == "split":
        splits = collection.facts.splits[:CLASS_COLOURS]
        codes = collection.table["split"].map({name: k for k, name in enumerate(splits)}).to_numpy(float)
        return _legend(codes, [(name, "split", name) for name in splits], "other splits")
    if kind == "iou":
        iou = collection.iou(view.model)
        codes = np.where(np.isnan(iou), np.nan, np.searchsorted(IOU_STEPS, np.nan_to_num(iou), side="right"))
        edges = (0.0, *IOU_STEPS, 1.0)
        names = [(f"{low:g} to {high:g}", "", None) for low, high in pairwise(edges)]
        return _legend(codes, names, "no IoU", "scale")
    if kind == "sound":
        return _legend(*_sound_conditions(collection))
    classes = [one.name for one in class_bins(collection, np.empty(0, int), set())[:CLASS_COLOURS]]
    codes = np.full(len(collection), np.nan)
    for k in reversed(
        range(len(classes))
    ):  # a clip of several classes has the colour of the most frequent one
        codes[collection.sounding[classes[k]].to_numpy(bool)] = k
    other = "other classes" if len(classes) else "no class named"
    return _legend(codes, [(name, "label", name) for name in classes], other)


def _sound_conditions(collection: Collection) -> tuple[np.ndarray, list[tuple[str, str, object]], str]:
    """Return what is to be heard in each clip: a sound from off screen, or how many objects in view sound."""
    objects = collection.table["sounding_objects"].fillna(-1).to_numpy(int)
    codes = np.select([objects < 0, objects == 0, objects == 1], [np.nan, NOTHING, 0], 1)
    codes = np.where(collection.table["offscreen"].to_numpy(bool), OFF_SCREEN, codes)
    names: list[tuple[str, str, object]] = [
        ("one source", "objects", "1"),
        ("several sources", "", None),
        ("nothing in view sounds", "objects", "0"),
        ("off-screen sound", "offscreen", ""),
    ]
    return codes, names, "not said by the data"


def _legend(
    codes: np.ndarray, names: Sequence[tuple[str, str, object]], other: str, scale: str = "map"
) -> Colouring:
    """Return a colouring; codes: positions in `names`, NaN for `other`."""
    whole = np.where(np.isnan(codes), len(names), np.nan_to_num(codes)).astype(np.uint8)
    counts = np.bincount(whole, minlength=len(names) + 1)
    entries = [
        LegendEntry(text, f"{scale}-{k + 1}", int(counts[k]), field, value)
        for k, (text, field, value) in enumerate(names)
    ]
    return Colouring(whole, (*entries, LegendEntry(other, "map-none", int(counts[-1]))))


def points_text(points: MapPoints) -> str:
    """Return what the page draws of a map once: where its points are, and of which clips."""
    return json.dumps({"key": points.key, "xy": _packed(points.xy), "rows": _packed(points.rows, np.uint32)})


def paint_text(points: MapPoints, view: View, colours: Colouring, rows: np.ndarray, share: np.ndarray) -> str:
    """Return what the page draws of a map after every change: colours, what matches, the region.

    share: the foreground share of every frame, [N, F].
    """
    matching = np.zeros(len(share), bool)
    matching[rows] = True
    codes = colours.codes[points.rows]
    if view.map.colouring == "sound" and points.frames is not None:  # what sounds in a clip may be silent now
        codes = np.where((codes < OFF_SCREEN) & (share[points.rows, points.frames] == 0), NOTHING, codes)
    region = read_region(view.filter.region)
    drawn = region and (region.feature, region.method, region.points) == (
        *(view.map.feature, view.map.method, view.map.points),
    )
    return json.dumps(
        {
            "code": _packed(codes),
            "colours": [entry.token for entry in colours.legend],
            "match": "" if matching.all() else _packed(np.packbits(matching)),
            "opened": -1 if view.row is None else view.row,
            "region": region.corners if region and drawn else [],
        }
    )


def _packed(values: np.ndarray, kind: type | None = None) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode("ascii")


def map_bar(
    collection: Collection,
    view: View,
    points: MapPoints | Progress | None,
    running: Progress | None,
) -> Markup:
    """Return what is above the map: its choices, the progress of its embeddings, or how to get them."""
    store = collection.maps.store(view.model)
    done = int(store.done.sum())
    choice, allowed = view.map, may_check(collection.dataset)
    return render(
        "explore/templates/map_bar.html",
        choice=choice,
        features=[(name, title) for name, (title, _) in FEATURES.items()],
        methods=tuple(METHODS.items()),
        points=tuple(POINTS.items()),
        model=view.model,
        running=running if running and running.running else None,
        left=duration(left) if (left := collection.maps.seconds_left(view.model)) else "",
        error=running.error if running and not running.running else "",
        computing=points if isinstance(points, Progress) and points.running else None,
        failed=points.error if isinstance(points, Progress) and not points.running else "",
        empty=isinstance(points, MapPoints) and not len(points.rows),
        done=done,
        clips=len(store),
        cost=_cost(collection, view.model, store.done),
        allowed=allowed,
        offline="" if allowed else _command(collection, view.model),
    )


def _pressed(view: View) -> set[tuple[str, object]]:
    """Return what of the legend the filter asks for."""
    current = view.filter
    chosen: set[tuple[str, object]] = {("split", name) for name in current.split}
    chosen |= {("label", name) for name in current.label} | {("objects", name) for name in current.objects}
    return chosen | ({("offscreen", "")} if current.offscreen else set())


def _cost(collection: Collection, model: str, done: np.ndarray) -> str:
    """Return what computing the missing embeddings takes: "56,780 frames, about 20 min"."""
    frames = sum(entry.frames for entry, known in zip(collection.facts.entries, done) if not known)
    seconds = MODELS.seconds_per_frame(model)
    return plural(frames, "frame") + (f", about {duration(seconds * frames)}" if seconds else "")


def _command(collection: Collection, model: str) -> str:
    try:
        name = model_argument(model)
    except AvsegError:
        name = model
    task = collection.dataset.task
    return f"python -m avseg embed DATA --task {task} --model {name} --out embeddings.npz"


def map_lists(
    collection: Collection,
    view: View,
    points: MapPoints,
    colours: Colouring,
    found: Neighbours | Progress | None,
) -> Markup:
    """Return what is below the map: its legend, and the near duplicates and outliers of its feature."""
    entries = collection.facts.entries
    here = found if isinstance(found, Neighbours) else None
    return render(
        "explore/templates/map_lists.html",
        choice=view.map,
        about=FEATURES[view.map.feature][1],
        colourings=tuple(COLOURINGS.items()),
        legend=[entry for entry in colours.legend if entry.count],
        pressed=_pressed(view),
        explained=points.explained,
        every=points.every,
        computing=isinstance(found, Progress) and found.running,
        found=here,
        entries=entries,
        pairs=here.pairs[:LISTED] if here else (),
        outliers=[(int(row), float(here.distance[row])) for row in here.order[:LISTED]] if here else (),
        near=NEAR,
        neighbours=NEIGHBOURS,
        title=FEATURES[view.map.feature][0].lower(),
    )
