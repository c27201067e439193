"""Embeddings in two dimensions: by principal components at once, by UMAP where umap-learn is installed."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from avseg.errors import ConfigError

METHODS = {"pca": "PCA", "umap": "UMAP"}
UMAP_MISSING = (
    "UMAP needs the package umap-learn: install it beside the app with `pip install avseg-explorer[umap]`, "
    "or `pip install umap-learn`. PCA needs nothing."
)
UMAP_LEAST = 5  # points


@dataclass(frozen=True, eq=False)
class Projection:
    """N points in the plane."""

    method: str  # of METHODS
    points: np.ndarray  # float32 [N, 2]; NaN for a row without an embedding
    explained: tuple[float, float] | None = None  # shares of the variance along both axes, of PCA


def umap_installed() -> bool:
    """Whether UMAP can be computed; nothing is imported."""
    return importlib.util.find_spec("umap") is not None


def check_method(method: str) -> None:
    """Raise ConfigError for a method that does not exist or is not installed."""
    if method not in METHODS:
        raise ConfigError(f"There is no projection {method!r}; choose {', '.join(METHODS)}.")
    if method == "umap" and not umap_installed():
        raise ConfigError(UMAP_MISSING)


def project(values: np.ndarray, method: str = "pca", neighbours: int = 15, seed: int = 0) -> Projection:
    """Project vectors [N, D] to the plane; rows with NaN get none and change nothing.

    neighbours, seed: of UMAP, whose result they determine. Raises ConfigError for a method that does not
    exist or is not installed.
    """
    check_method(method)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    points = np.full((len(values), 2), np.nan, np.float32)
    vectors = values[rows].astype(np.float64)
    if method == "umap" and len(rows) >= UMAP_LEAST:
        points[rows] = _umap(vectors, min(neighbours, len(rows) - 1), seed)
        return Projection(method, points)
    points[rows], explained = _principal_components(vectors)
    return Projection("pca", points, explained)


def _principal_components(vectors: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the first two principal components [N, 2] and their shares of the variance.

    The sign of each is such that its largest weight is positive, so that a map looks the same every time.
    """
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2)), (0.0, 0.0)
    vectors = vectors - vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(vectors.T @ vectors)  # ascending
    axes, variances = axes[:, ::-1][:, :2], np.maximum(variances[::-1], 0)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    points = np.zeros((len(vectors), 2))
    points[:, : axes.shape[1]] = vectors @ axes
    shares = [*(variances / (variances.sum() or 1))[:2].tolist(), 0.0]
    return points, (shares[0], shares[1])


def _umap(vectors: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    umap: Any = importlib.import_module("umap")
    with warnings.catch_warnings():  # that a seed allows only one thread
        warnings.simplefilter("ignore", UserWarning)
        reducer = umap.UMAP(n_neighbors=neighbours, min_dist=0.1, metric="cosine", random_state=seed)
        return np.asarray(reducer.fit_transform(vectors.astype(np.float32)))
