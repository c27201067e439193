"""What a visitor's result recorded, by frame, site and layer; kept while the visitor stays with it."""

from typing import cast

from app.services.cache import LRUCache
from app.services.session import MODELS, ClipResult
from avseg.interpret.attribution import Attribution, attribute
from avseg.interpret.inspection import Activation, Inspection, record_site
from avseg.interpret.methods import Method
from avseg.interpret.queries import with_query
from avseg.interpret.regions import Region, RegionKind
from avseg.interpret.tpavi import TPAVIInspection, inspect_model
from avseg.media.clip import Clip
from avseg.predict import Prediction, Predictor, Progress

LARGE = 20_000_000  # parameters: on a CPU a model takes seconds per step of integrated gradients
STEPS, LARGE_STEPS = 16, 8
KEPT = 8  # inspections and activations of a visitor; a large model's take tens of megabytes


class Inspections:
    """The inspections and activations of one visitor's current prediction, made by a forward pass each."""

    def __init__(self) -> None:
        self._prediction: Prediction | None = None
        self._inspections: LRUCache[int, Inspection | TPAVIInspection] = LRUCache(KEPT)  # by frame
        self._activations: LRUCache[tuple[int, str, int], Activation] = LRUCache(KEPT)
        self._attributions: LRUCache[tuple[int, str, str], Attribution] = LRUCache(KEPT)

    def has(self, result: ClipResult, site: str = "", layer: int = 0, query: int = 0) -> bool:
        """Whether the selected frame was inspected, with a query, or a site and layer recorded for it."""
        if result.prediction is not self._prediction:
            return False
        if site:
            return self._activations.get((result.frame, site, layer)) is not None
        inspection = self._inspections.get(result.frame)
        return inspection is not None and not _lacks(inspection, query)

    def has_attribution(self, result: ClipResult, method: str, region: str) -> bool:
        """Whether the selected frame was attributed by a method, for a kind of region."""
        key = (result.frame, method, region)
        return result.prediction is self._prediction and self._attributions.get(key) is not None

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

    def attribution(
        self, result: ClipResult, method: str, region: str, on_frame: Progress | None = None
    ) -> Attribution:
        """Return the attribution of the selected frame; raises AvsegError, and what `on_frame` raises."""
        self._follow(result)
        prediction, frame = result.prediction, result.frame
        return self._attributions.get_or_make(
            (frame, method, region),
            lambda: MODELS.run(
                result.model,
                attributed,
                prediction.clip,
                frame,
                method,
                region,
                prediction.threshold,
                on_frame=on_frame,
            ),
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


def attributed(
    predictor: Predictor,
    clip: Clip,
    frame: int,
    method: str,
    region: str,
    threshold: float = 0.5,
    on_frame: Progress | None = None,
) -> Attribution:
    """Attribute the mask of a frame, or its largest object, with fewer steps for a large model."""
    large = sum(weight.numel() for weight in predictor.model.parameters()) >= LARGE
    steps, kind = LARGE_STEPS if large else STEPS, Region(cast(RegionKind, region))
    return attribute(predictor, clip, frame, cast(Method, method), kind, threshold, steps, on_frame=on_frame)
