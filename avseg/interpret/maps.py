"""From an `Inspection` to maps and numbers: pure functions, cheap enough for every click."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.evaluation.metrics import iou
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.media.draw import resize

STRIDES = (8, 16, 32)  # of the levels that encoder and decoder look at


@dataclass(frozen=True, eq=False)
class Sampling:
    """Where one token of the encoder looks, in one layer."""

    points: np.ndarray  # float32 [heads, 3, points, 2], (x, y) in 0..1 of the frame; may lie outside
    weights: np.ndarray  # float32 [heads, 3, points], sum 1 per head
    centre: tuple[float, float]  # (x, y) of the token


@dataclass(frozen=True, eq=False)
class Mixing:
    """What the mixer does to every channel."""

    kind: str  # channel, gated, cross or none
    weights: np.ndarray  # float32 [D]: omega; the gate; for cross what is added; zeros for none
    order: np.ndarray  # int64 [D], the most amplified channel first


def attention_of(
    seen: Inspection, layer: int, head: int | None = None, query: int | None = None
) -> np.ndarray:
    """Return decoder attention float32 [N], sum 1: of a head and a query, or the mean where one is None.

    query: its number in the model; only those in `seen.kept` have an attention of their own.
    """
    if query is None:
        heads = seen.attention_mean[layer]
    else:
        heads = seen.attention[layer][:, int(np.flatnonzero(seen.kept == query)[0])].astype(np.float32)
    return heads.mean(0) if head is None else heads[head]


def level_maps(attention: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Return the maps [side, side] of strides 8, 16 and 32 of a value per token [N]."""
    sides = [size // stride for stride in STRIDES]
    parts = np.split(attention, np.cumsum([side * side for side in sides])[:-1])
    return tuple(part.reshape(side, side) for part, side in zip(parts, sides))


def density(attention: np.ndarray, size: int) -> np.ndarray:
    """Return how densely attention [N] lies on the picture, float32 [s/8, s/8]; 1 is even, the mean is 1.

    Each level's map is spread over its cells; the three are added.
    """
    maps = level_maps(attention, size)
    side = (size // STRIDES[0],) * 2
    return sum(resize((part * part.size).astype(np.float32), side) for part in maps)


def share_on(attention: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the share of attention [..., N] that lies on a mask bool [s, s], cell by cell."""
    covered = []
    for stride in STRIDES:
        side = mask.shape[0] // stride
        covered.append(mask.reshape(side, stride, side, stride).mean((1, 3)).ravel())
    return attention.astype(np.float32) @ np.concatenate(covered).astype(np.float32)


def sampling(seen: Inspection, layer: int, level: int, x: float, y: float) -> Sampling:
    """Return where the token of a level that holds the place (x, y), 0..1 of the frame, looks."""
    sides = [seen.size // stride for stride in STRIDES]
    side = sides[level]
    column, row = (min(side - 1, max(0, int(place * side))) for place in (x, y))
    token = sum(other * other for other in sides[:level]) + row * side + column
    return Sampling(
        seen.points[layer, token].astype(np.float32),
        seen.point_weights[layer, token].astype(np.float32),
        ((column + 0.5) / side, (row + 0.5) / side),
    )


def mixing(seen: Inspection) -> Mixing:
    """Return the mixer's weight of every channel, and the channels from most raised to most lowered."""
    kind = seen.config.mixer
    if kind == "cross":
        weights = seen.added
    elif seen.mixer_weights is None:
        weights = np.zeros(len(seen.mask_feature), np.float32)
    else:
        weights = seen.mixer_weights
    return Mixing(kind, weights, np.argsort(-weights, kind="stable"))


def strongest(maps: np.ndarray, count: int) -> np.ndarray:
    """Return the numbers of the channels of maps [C, h, w] whose values vary most over the picture."""
    return np.argsort(-maps.std((1, 2)), kind="stable")[:count]


def principal(levels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the first principal component of tokens, one map per level [D, side, side], all in one unit.

    After the encoder's last normalisation every token is equally long, so their mean size shows nothing; this
    is the direction in which they differ most. Its sign is chosen so that the largest value is positive.
    """
    tokens = np.concatenate([level.reshape(len(level), -1) for level in levels], axis=1)
    tokens = tokens - tokens.mean(1, keepdims=True)
    direction = np.linalg.eigh(tokens @ tokens.T)[1][:, -1]
    values = direction @ tokens
    values *= np.sign(values[np.abs(values).argmax()]) or 1.0
    parts = np.split(values, np.cumsum([level[0].size for level in levels])[:-1])
    return [part.reshape(level.shape[1:]) for part, level in zip(parts, levels)]


def overlap(one: MaskMap, other: MaskMap) -> float:
    """Return the IoU of two masks' foregrounds; 1 when both are empty."""
    return float(iou(one.labels[None] > 0, other.labels[None] > 0)[0])
