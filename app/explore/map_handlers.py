"""The map of the Explore tab: what follows from the view, and what the pointer is on."""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from app.components.events import event_data, integer
from app.components.gradio_helpers import HIDDEN, VISIBLE
from app.components.updates import UNCHANGED, Updates
from app.explore import map_html
from app.explore.collection import Collection
from app.explore.maps import MapPoints
from app.explore.pictures import thumbnails
from app.explore.state import ExploreState, state_of
from app.services.background import Progress
from app.services.datasets import may_check
from avseg.errors import AvsegError


@dataclass(frozen=True)
class MapUpdates(Updates):
    """Updates of the map's components of `ExploreLayout`."""

    map_bar: object = UNCHANGED
    map_column: object = UNCHANGED
    map: object = UNCHANGED
    map_lists: object = UNCHANGED


NO_MAP = MapUpdates(map_bar=HIDDEN, map_column=HIDDEN, map_lists=HIDDEN)


def draw_map(state: ExploreState, collection: Collection, rows: np.ndarray) -> tuple[MapUpdates, bool]:
    """Return the map of a view, and whether something is still computed for it; rows: the clips that match.

    The points are sent once: what changed since is their colours.
    """
    view, maps = state.view, collection.maps
    if not view.map.shown:
        return NO_MAP, False
    try:
        running = maps.progress(view.model)
        points = None if running and running.running else maps.points(view.model, view.map)
        there = isinstance(points, MapPoints) and len(points.rows) > 0
        colours = map_html.colouring(collection, view) if there else None
        bar = map_html.map_bar(collection, view, points, running)
        # The map comes first: what is alike is compared once the page has it.
        drawn = isinstance(points, MapPoints) and state.drawn_points == points.key
        found = maps.neighbours(view.model, view.map.feature) if there and drawn else None
    except AvsegError as error:
        return NO_MAP | MapUpdates(map_bar=gr.update(value=str(error), visible=True)), False
    busy = any(isinstance(one, Progress) and one.running for one in (running, points, found))
    busy = busy or (there and not drawn)
    updates = MapUpdates(
        map_bar=gr.update(value=bar, visible=True),
        map_column=VISIBLE if there else HIDDEN,
        map_lists=HIDDEN,
    )
    if isinstance(points, MapPoints) and colours is not None:
        below = map_html.map_lists(collection, view, points, colours, found)
        updates |= MapUpdates(map_lists=gr.update(value=below, visible=True))
        paint = map_html.paint_text(points, view, colours, rows, collection.masks.share)
        changed: dict[str, Any] = {}
        if state.drawn_points != points.key:
            state.drawn_points = points.key
            changed["points"] = map_html.points_text(points)
        updates |= MapUpdates(map=gr.update(paint=paint, **changed))
    return updates, busy


def embed_clips(state: ExploreState, collection: Collection, start: bool) -> None:
    """Start or stop computing the embeddings of the view's model; raises CheckpointError."""
    if not start:
        collection.maps.stop(state.view.model)
    elif state.view.model and may_check(collection.dataset):
        collection.maps.start(state.view.model)


def peek(event: gr.EventData, request: gr.Request = None) -> MapUpdates:
    """Name the clip that the pointer is on, with its picture."""
    state = state_of(request)
    try:
        _, collection = state.open_collection()
    except AvsegError:
        return MapUpdates()
    row = integer(event_data(event).get("row"), 0, len(collection) if collection else 0)
    if collection is None or row is None:
        return MapUpdates()
    entry, iou = collection.facts.entries[row], collection.iou(state.view.model)[row]
    facts = [entry.split, ", ".join(collection.facts.labels[row]), "" if np.isnan(iou) else f"IoU {iou:.2f}"]
    about = {
        "row": row,
        "name": entry.name,
        "text": " · ".join(filter(None, facts)),
        "picture": thumbnails(collection, [row])[0],
    }
    return MapUpdates(map=gr.update(peeked=json.dumps(about)))
