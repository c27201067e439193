"""From a visitor's result to the inspection of its selected frame; cached while the visitor stays with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.services.cache import LRUCache
from app.services.clips import MAX_SECONDS, Bundled
from app.services.session import MODELS, ClipResult
from avseg.data.transforms import normalise
from avseg.interpret.inspection import Inspection, inspect
from avseg.interpret.sites import SITES, record, sites_of
from avseg.media.audio import patches_for
from avseg.media.clip import Clip, read_clip
from avseg.predict import Prediction, Predictor

CACHED = 8  # inspections and activations, of all visitors; a large model's take tens of megabytes
FIRST_FPS = 1.0  # of a bundled clip that is segmented here


@dataclass(frozen=True, eq=False)
class Cached:
    """A value of one frame of a prediction."""

    prediction: Prediction
    frame: int
    value: Any


CACHE: LRUCache[tuple[str, str, int], Cached] = LRUCache(CACHED)
"""By key of the visitor's state, site ("" for the inspection) and layer."""


@dataclass(frozen=True, eq=False)
class Activation:
    """What one site of a model recorded for one frame."""

    site: str
    layer: int  # from 1
    layers: dict[str, int]  # number of layers, of every site that the model has
    values: np.ndarray  # float16, without the batch dimension


def inspection_of(key: str, result: ClipResult) -> Inspection:
    """Return the inspection of the selected frame, from the cache or by a forward pass."""

    def make() -> Inspection:
        prediction = result.prediction
        return MODELS.run(result.model, inspect, prediction.clip, result.frame, prediction.threshold)

    return _cached((key, "", 0), result, make)


def activation_of(key: str, result: ClipResult, site: str, layer: int) -> Activation:
    """Return what a site recorded for the selected frame, from the cache or by a forward pass."""

    def make() -> Activation:
        return MODELS.run(result.model, record_site, result.prediction.clip, result.frame, site, layer)

    return _cached((key, site, layer), result, make)


def record_site(predictor: Predictor, clip: Clip, frame: int, site: str, layer: int) -> Activation:
    """Record one layer of a site for one frame; of a site that the model lacks, its first one instead.

    layer: from 1; the last one where there is no such layer.
    """
    model, device = predictor.model, predictor.device
    present = sites_of(model)
    layers = {row.name: len(present[row.name]) for row in SITES if row.name in present}
    site = site if site in layers else next(iter(layers))
    layer = layer if 1 <= layer <= layers[site] else layers[site]
    picture = torch.from_numpy(clip.frames[frame : frame + 1]).to(device)
    patch = patches_for(clip.waveform, clip.times, clip.fps)[frame : frame + 1].to(device)
    keep = {site: lambda tensor: tensor[0].half()}
    with torch.inference_mode(), record(model, [site], keep) as recording:
        model(normalise(picture, model.config.image_size), patch, intermediate=True)
    return Activation(site, layer, layers, recording[site][layer - 1].numpy())


def segment_bundled(source: Bundled, model: str) -> ClipResult:
    """Segment a bundled clip and select its frame with the largest mask."""
    prediction = MODELS.predict(model, read_clip(source.path, fps=FIRST_FPS))
    return ClipResult(prediction, source.title, model, source.name, int(prediction.foreground.argmax()))


def inspect_file(
    path: Path, model: str, frame: int, fps: float
) -> tuple[Inspection, Callable[..., Activation]]:
    """Return the inspection of one frame of a file, and a function from site and layer to activations."""
    clip = read_clip(path, fps=fps, seconds=MAX_SECONDS)
    inspection = MODELS.run(model, inspect, clip, frame)
    return inspection, lambda site, layer: MODELS.run(model, record_site, clip, frame, site, layer)


def _cached(key: tuple[str, str, int], result: ClipResult, make: Callable[[], Any]) -> Any:
    cached = CACHE.get(key)
    if cached is None or cached.prediction is not result.prediction or cached.frame != result.frame:
        cached = Cached(result.prediction, result.frame, make())
        CACHE.put(key, cached)
    return cached.value
