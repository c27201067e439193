"""What a visitor's result recorded, by frame, site and layer; kept while the visitor stays with it."""

from app.services.cache import LRUCache
from app.services.session import MODELS, ClipResult
from avseg.interpret.inspection import Activation, Inspection, record_site
from avseg.interpret.queries import with_query
from avseg.interpret.tpavi import TPAVIInspection, inspect_model
from avseg.predict import Prediction

KEPT = 8  # inspections and activations of a visitor; a large model's take tens of megabytes


class Inspections:
    """The inspections and activations of one visitor's current prediction, made by a forward pass each."""

    def __init__(self) -> None:
        self._prediction: Prediction | None = None
        self._inspections: LRUCache[int, Inspection | TPAVIInspection] = LRUCache(KEPT)  # by frame
        self._activations: LRUCache[tuple[int, str, int], Activation] = LRUCache(KEPT)

    def has(self, result: ClipResult, site: str = "", layer: int = 0, query: int = 0) -> bool:
        """Whether the selected frame was inspected, with a query, or a site and layer recorded for it."""
        if result.prediction is not self._prediction:
            return False
        if site:
            return self._activations.get((result.frame, site, layer)) is not None
        inspection = self._inspections.get(result.frame)
        return inspection is not None and not _lacks(inspection, query)

    def inspection(self, result: ClipResult, query: int = 0) -> Inspection | TPAVIInspection:
        """Return the inspection of the selected frame; raises AvsegError.

        query: its number from 1, whose attention the inspection has where the model has the query; 0: any.
        """
        self._follow(result)
        inspection = self._inspections.get_or_make(result.frame, lambda: _inspect(result))
        if _lacks(inspection, query):
            inspection = _with_query(result, inspection, query)
            self._inspections.put(result.frame, inspection)
        return inspection

    def passing(self, result: ClipResult, query: int = 0) -> Inspection | TPAVIInspection:
        """Return what `inspection` does for one of many frames, which is not kept; raises AvsegError."""
        if self.has(result, query=query):
            return self.inspection(result, query)
        inspection = _inspect(result)
        return _with_query(result, inspection, query) if _lacks(inspection, query) else inspection

    def activation(self, result: ClipResult, site: str, layer: int) -> Activation:
        """Return what a site recorded for the selected frame; raises AvsegError."""
        self._follow(result)
        clip, frame = result.prediction.clip, result.frame
        return self._activations.get_or_make(
            (frame, site, layer), lambda: MODELS.run(result.model, record_site, clip, frame, site, layer)
        )

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()  # type: ignore[misc]

    def _follow(self, result: ClipResult) -> None:
        if result.prediction is not self._prediction:
            self.clear()
            self._prediction = result.prediction


def _inspect(result: ClipResult) -> Inspection | TPAVIInspection:
    prediction = result.prediction
    return MODELS.run(result.model, inspect_model, prediction.clip, result.frame, prediction.threshold)


def _with_query(result: ClipResult, inspection: Inspection | TPAVIInspection, query: int) -> Inspection:
    return MODELS.run(result.model, with_query, result.prediction.clip, inspection, query - 1)


def _lacks(inspection: Inspection | TPAVIInspection, query: int) -> bool:
    """Return whether a query of the model, by its number from 1, has no attention in an inspection."""
    if not isinstance(inspection, Inspection):
        return False
    return 1 <= query <= inspection.config.queries and query - 1 not in inspection.kept
