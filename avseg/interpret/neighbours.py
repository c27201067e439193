"""Nearest neighbours of embeddings by cosine similarity: near duplicates and outliers, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avseg.errors import ConfigError
from avseg.late import F, torch

NEAR = 0.98  # cosine similarity from which on two clips are near duplicates
NEIGHBOURS = 10
BLOCK = 1024  # rows compared at once: 45 MB of similarities with 11,356 clips
MOST_PAIRS = 1000


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What is alike and what is alone among N vectors."""

    pairs: tuple[tuple[int, int, float], ...]  # two rows and their similarity, the most similar pair first
    found: int  # pairs in all, of which `pairs` has the most similar ones
    distance: np.ndarray  # float32 [N], mean cosine distance to the nearest others; NaN without a vector
    order: np.ndarray  # int64, rows with a distance, the largest first


def check_settings(near: float, count: int) -> None:
    """Raise ConfigError for a similarity or a number of neighbours that cannot be."""
    if not 0 < near <= 1 or count < 1:
        raise ConfigError(
            f"near is {near} and neighbours {count}; near lies in 0..1 above 0, neighbours is 1 or more."
        )


def neighbours(
    values: np.ndarray, near: float = NEAR, count: int = NEIGHBOURS, most: int = MOST_PAIRS
) -> Neighbours:
    """Compare all vectors [N, D] with each other; rows with NaN are left out.

    The mean of all vectors is subtracted first: what they have in common says nothing. near: the similarity
    of near duplicates, 0..1. count: neighbours whose mean distance says how alone a vector is.
    Raises ConfigError for impossible settings.
    """
    check_settings(near, count)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    distance = np.full(len(values), np.nan, np.float32)
    if len(rows) < 2:
        return Neighbours((), 0, distance, rows[:0])
    vectors = torch.from_numpy(values[rows].astype(np.float32))
    vectors = vectors - vectors.mean(0)
    vectors = F.normalize(vectors, dim=1)
    count, found = min(count, len(rows) - 1), 0
    kept: list[tuple[int, int, float]] = []
    for first in range(0, len(rows), BLOCK):
        block = vectors[first : first + BLOCK] @ vectors.T  # [b, N]
        own = torch.arange(len(block))
        block[own, first + own] = -2  # a vector is not a neighbour of itself
        top = block.topk(count, dim=1).values
        distance[rows[first : first + BLOCK]] = 1 - top.mean(1).numpy()
        one, other = (block >= near).nonzero(as_tuple=True)
        later = other > one + first
        one, other = one[later], other[later]
        found += len(one)
        similarity = block[one, other]
        best = similarity.topk(min(most, len(one))).indices
        pairs = torch.stack((one + first, other), 1)[best].tolist()
        kept += [(int(rows[a]), int(rows[b]), s) for (a, b), s in zip(pairs, similarity[best].tolist())]
        kept = sorted(kept, key=lambda pair: (-pair[2], pair[0], pair[1]))[:most]
    return Neighbours(tuple(kept), found, distance, rows[np.argsort(-distance[rows], kind="stable")])
