"""The embeddings of an open data set by model, computed in the background, and the maps made of them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.explore.map_choice import SIDE, MapChoice, Region
from app.explore.scores import Scores
from app.services.background import BACKGROUND, Progress, Report
from app.services.cache import LRUCache
from app.services.datasets import DataSet
from app.services.jobs import Cancelled, JobToken
from app.services.models import model_version
from app.services.session import MODELS
from avseg.data.avsbench.layout import Entry
from avseg.evaluation.frame_mistakes import KINDS, Mistakes
from avseg.interpret.embedding_store import EmbeddingStore
from avseg.interpret.embeddings import embed
from avseg.interpret.neighbours import Neighbours, neighbours
from avseg.interpret.projection import Projection, project

STORES_KEPT = 2  # of a data set: 17 MB for each, with 11,356 clips
MAPS_KEPT = 8
MOST_FRAMES = 20_000  # on a map; of more frames, each second one is shown, or each third
LEAST_TIMED = 5  # clips, after which the time left is known
MARGIN = 0.03  # of a map's side, around its points


@dataclass(frozen=True, eq=False)
class MapPoints:
    """The points of a map: only clips and frames that have the feature."""

    key: str  # of what is drawn
    xy: np.ndarray  # uint16 [M, 2], 0 to SIDE
    rows: np.ndarray  # int32 [M], the clips
    frames: np.ndarray | None  # int32 [M], from 0; None where a point is a clip
    explained: tuple[float, float] | None  # shares of the variance along both axes
    every: int = 1  # 3: each third frame is shown


class Maps:
    """The maps of an open data set; key: the state of its table."""

    def __init__(self, dataset: DataSet, key: str, entries: Sequence[Entry], scores: Scores):
        self._dataset, self._key, self._entries, self._scores = dataset, key, entries, scores
        self._lock = threading.Lock()
        self._stores: LRUCache[object, EmbeddingStore] = LRUCache(STORES_KEPT)
        self._points: LRUCache[object, MapPoints] = LRUCache(MAPS_KEPT)
        self._neighbours: LRUCache[object, Neighbours] = LRUCache(MAPS_KEPT)
        self._running: dict[str, JobToken] = {}
        self._began: dict[str, tuple[float, int]] = {}  # when computing began, and with how many clips done

    def store(self, model: str) -> EmbeddingStore:
        """Return what is known of a model's embeddings; raises CheckpointError when it does not exist."""
        version = model_version(model)
        dataset, clips = self._dataset, len(self._entries)

        def open_store() -> EmbeddingStore:
            store = EmbeddingStore.load(dataset.folder, dataset.task, clips, version[0])
            self._score(model, store)  # of `avseg embed`
            return store

        return self._stores.get_or_make(version, open_store)

    def progress(self, model: str) -> Progress | None:
        """Return the progress of computing a model's embeddings, None where that was not started."""
        return BACKGROUND.progress(self._task("embed", model))

    def start(self, model: str) -> Progress:
        """Compute the embeddings of all clips that have none; raises CheckpointError."""
        store, token = self.store(model), JobToken("embed")

        def work(report: Report) -> None:
            def on_progress(done: int, total: int) -> None:
                report(done, total)
                token.check()

            try:
                store.fill(
                    self._dataset.folder,
                    self._entries,
                    lambda content: MODELS.run(model, embed, content),
                    on_progress,
                )
            except Cancelled:  # what is done is kept
                pass
            finally:
                self._score(model, store)

        with self._lock:
            current = self.progress(model)
            if current is None or not current.running:
                self._running[model] = token
                self._began[model] = time.monotonic(), int(store.done.sum())
        return BACKGROUND.start(self._task("embed", model), work)

    def seconds_left(self, model: str) -> float | None:
        """Return how long the rest takes, as the clips since the start imply; None while unknown."""
        progress, (began, ready) = self.progress(model), self._began.get(model, (0.0, 0))
        if progress is None or not progress.running or progress.done - ready < LEAST_TIMED:
            return None
        return (time.monotonic() - began) * (progress.total - progress.done) / (progress.done - ready)

    def stop(self, model: str) -> None:
        """End computing a model's embeddings before the next clip."""
        if token := self._running.get(model):
            token.cancel()

    def _score(self, model: str, store: EmbeddingStore) -> None:
        """Keep the IoU and the mistakes of the clips that the model ran on."""
        entries = self._entries
        ran = np.flatnonzero((store.mistakes >= 0).all(axis=1))
        names = [(entries[row].split, entries[row].name) for row in ran]
        ious = [None if np.isnan(iou) else float(iou) for iou in store.iou[ran]]
        mistakes = [Mistakes(**dict(zip(KINDS, map(int, counts)))) for counts in store.mistakes[ran]]
        if set(names) - set(self._scores.mistakes_of(model)):
            self._scores.add(model, dict(zip(names, ious)), dict(zip(names, mistakes)))

    def points(self, model: str, choice: MapChoice | Region) -> MapPoints | Progress | None:
        """Return a map, the progress of its computation, or None without embeddings.

        A map of principal components is there at once. Raises CheckpointError.
        """
        store = self.store(model)
        done = int(store.done.sum())
        if not done:
            return None
        key = (model_version(model), choice.feature, choice.method, choice.points, done)
        points = self._points.get(key)
        if points is not None:
            return points
        if choice.method == "pca":
            return self._points.get_or_make(key, lambda: _points(store, choice, str(hash(key))))
        task = self._task("map", f"{model} {key}")
        progress = BACKGROUND.progress(task)
        if progress is None:
            progress = BACKGROUND.start(
                task, lambda _: self._points.put(key, _points(store, choice, str(hash(key))))
            )
        return progress

    def rows_in(self, model: str, region: Region) -> np.ndarray:
        """Return the clips with a point in a region, int; none while its map is not there."""
        points = self.points(model, region)
        if not isinstance(points, MapPoints):
            return np.zeros(0, int)
        return np.unique(points.rows[region.holds(points.xy)])

    def neighbours(self, model: str, feature: str) -> Neighbours | Progress | None:
        """Return what is alike and what is alone, the progress of that, or None without embeddings."""
        store = self.store(model)
        done = int(store.done.sum())
        if not done:
            return None
        key = (model_version(model), feature, done)
        task = self._task("neighbours", f"{model} {key}")
        if (found := self._neighbours.get(key)) is not None:
            return found
        progress = BACKGROUND.progress(task)
        if progress is None or not (progress.running or progress.error):
            values = store.means(feature)
            progress = BACKGROUND.start(task, lambda _: self._neighbours.put(key, neighbours(values)))
        return progress

    def _task(self, what: str, of: str) -> str:
        return f"{what} {self._dataset.key} {self._key} {of}"


def _points(store: EmbeddingStore, choice: MapChoice | Region, key: str) -> MapPoints:
    every = 1
    if choice.points == "frames":
        every = max(1, -(-store.frame_count // MOST_FRAMES))
        values, rows, frames = store.frames(choice.feature, every)
    else:
        values, frames = store.means(choice.feature), None
        rows = np.arange(len(store), dtype=np.int32)
    projection: Projection = project(values, choice.method)
    there = np.isfinite(projection.points).all(axis=1)
    xy = _on_map(projection.points[there])
    return MapPoints(
        key, xy, rows[there], None if frames is None else frames[there], projection.explained, every
    )


def _on_map(points: np.ndarray) -> np.ndarray:
    """Return points [M, 2] in the coordinates of a map, uint16; both axes have the same scale."""
    if not len(points):
        return np.zeros((0, 2), np.uint16)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = SIDE * (1 - 2 * MARGIN) / max(float((high - low).max()), 1e-9)
    xy = (points - (low + high) / 2) * scale * (1, -1) + SIDE / 2
    return np.round(xy).astype(np.uint16)
