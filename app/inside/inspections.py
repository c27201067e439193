"""From a visitor's result to what its selected frame recorded; cached while the visitor stays with it."""

from app.services.cache import LRUCache
from app.services.session import MODELS, ClipResult
from avseg.interpret.inspection import Activation, Inspection, inspect, record_site
from avseg.predict import Prediction

CACHED = 8  # inspections and activations, of all visitors; a large model's take tens of megabytes

CACHE: LRUCache[tuple[str, Prediction, int, str, int], Inspection | Activation] = LRUCache(CACHED)
"""By key of the visitor's state, prediction, frame, site ("" for the inspection) and layer."""


def inspection_of(key: str, result: ClipResult) -> Inspection:
    """Return the inspection of the selected frame, from the cache or by a forward pass."""
    prediction, frame = result.prediction, result.frame
    return CACHE.get_or_make(
        (key, prediction, frame, "", 0),
        lambda: MODELS.run(result.model, inspect, prediction.clip, frame, prediction.threshold),
    )


def activation_of(key: str, result: ClipResult, site: str, layer: int) -> Activation:
    """Return what a site recorded for the selected frame, from the cache or by a forward pass."""
    prediction, frame = result.prediction, result.frame
    return CACHE.get_or_make(
        (key, prediction, frame, site, layer),
        lambda: MODELS.run(result.model, record_site, prediction.clip, frame, site, layer),
    )
