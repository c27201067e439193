"""Confidence intervals of an evaluation: the percentile bootstrap over clips (Efron and Tibshirani 1993).

Clips are the unit, for the frames of a clip resemble each other. An interval says how much a number would
vary with other clips of the same kind; it says nothing of other training runs of the model.
"""

from collections.abc import Callable, Mapping

import numpy as np

RESAMPLES, BLOCK = 2000, 100  # BLOCK resamples at a time bound the memory
SEED = 0
PERCENTILES = (2.5, 97.5)
FEWEST_CLIPS = 10  # with fewer, percentile intervals are far too narrow

Interval = tuple[float, float]
Statistic = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From the clips of R resamples, int [R, n], to numbers by name, each [R]; NaN where one is undefined."""


def bootstrap(clips: int, statistic: Statistic) -> dict[str, Interval]:
    """Return the 95 % interval of every number; none for fewer than FEWEST_CLIPS clips.

    A number that is undefined in a resample gets none either: it rests on a handful of clips.
    """
    if clips < FEWEST_CLIPS:
        return {}
    rng = np.random.default_rng(SEED)
    blocks = [statistic(rng.integers(clips, size=(BLOCK, clips))) for _ in range(RESAMPLES // BLOCK)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    ends = {name: np.percentile(v, PERCENTILES) for name, v in values.items() if np.isfinite(v).all()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def ratios(parts: np.ndarray, wholes: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return the ratios of sums [R, K] of parts and wholes [n, K] over resamples [R, n]; NaN where 0 / 0."""
    weights = multiplicities(drawn, len(parts))
    with np.errstate(invalid="ignore"):
        return (weights @ parts) / (weights @ wholes)


def multiplicities(drawn: np.ndarray, clips: int) -> np.ndarray:
    """Return how often every clip occurs in every resample, float64 [R, clips]."""
    rows = clips * np.arange(len(drawn))[:, None]
    return np.bincount((rows + drawn).ravel(), minlength=len(drawn) * clips).reshape(-1, clips).astype(float)
