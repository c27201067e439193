"""Computes maps and numbers from an `Inspection`: pure functions, fast enough for every click."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avseg.evaluation.metrics import iou
from avseg.interpret.inspection import Inspection, MaskMap
from avseg.media.draw import resize

STRIDES = (8, 16, 32)  # of the feature levels of encoder and decoder


@dataclass(frozen=True, eq=False)
class Sampling:
    """The sampling points of one encoder token in one layer."""

    points: np.ndarray  # float32 [heads, 3, points, 2], (x, y) in 0..1 of the frame; may lie outside
    weights: np.ndarray  # float32 [heads, 3, points], sum 1 per head
    centre: tuple[float, float]  # (x, y) of the token


@dataclass(frozen=True, eq=False)
class Mixing:
    """The effect of the mixer on every channel."""

    kind: str  # channel, gated, cross or none
    weights: np.ndarray  # float32 [D]: omega; the gate; for cross the added vector; zeros for none
    order: np.ndarray  # int64 [D], the most amplified channel first
    effects: (
        np.ndarray
    )  # float32 [D]: weight times mean activation inside the mask (of an empty one: the frame)
    effect_order: np.ndarray  # int64 [D], the channel with the largest effect first


def attention_of(
    inspection: Inspection, layer: int, head: int | None = None, query: int | None = None
) -> np.ndarray:
    """Return decoder attention float32 [N], sum 1, of a head and a query, averaged over what is None.

    query: its index in the model; only those in `inspection.kept` have attention of their own.
    """
    if query is None:
        heads = inspection.attention_mean[layer]
    else:
        heads = inspection.attention[layer][:, int(np.flatnonzero(inspection.kept == query)[0])].astype(
            np.float32
        )
    return heads.mean(0) if head is None else heads[head]


def level_maps(attention: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Return the maps [side, side] of strides 8, 16 and 32 of a value per token [N]."""
    sides = [size // stride for stride in STRIDES]
    parts = np.split(attention, np.cumsum([side * side for side in sides])[:-1])
    return tuple(part.reshape(side, side) for part, side in zip(parts, sides))


def density(attention: np.ndarray, size: int) -> np.ndarray:
    """Return the density of attention [N] on the frame, float32 [s/8, s/8]; 1 is uniform, the mean is 1.

    Each level's attention is spread evenly over its cells; the three maps are added.
    """
    maps = level_maps(attention, size)
    side = (size // STRIDES[0],) * 2
    return sum(resize((part * part.size).astype(np.float32), side) for part in maps)


def share_on(attention: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the share of attention [..., N] that lies on a mask bool [s, s], cell by cell."""
    covered = [_coverage(mask, mask.shape[0] // stride).ravel() for stride in STRIDES]
    return attention.astype(np.float32) @ np.concatenate(covered).astype(np.float32)


def _coverage(mask: np.ndarray, side: int) -> np.ndarray:
    """Return how much of each of side x side cells a mask bool [s, s] covers, float64 [side, side], 0..1."""
    step = mask.shape[0] // side
    return mask.reshape(side, step, side, step).mean((1, 3))


def attention_on_mask(inspection: Inspection) -> list[float]:
    """Return the share of each decoder layer's attention, mean of heads and queries, on the model's mask."""
    mask = inspection.terms.both.labels > 0
    layers = range(inspection.config.decoder_layers)
    return [float(share_on(attention_of(inspection, layer), mask)) for layer in layers]


def sampling(inspection: Inspection, layer: int, level: int, x: float, y: float) -> Sampling:
    """Return the sampling points of the token of a level at (x, y), in 0..1 of the frame."""
    sides = [inspection.size // stride for stride in STRIDES]
    side = sides[level]
    column, row = (min(side - 1, max(0, int(position * side))) for position in (x, y))
    token = sum(other * other for other in sides[:level]) + row * side + column
    return Sampling(
        inspection.points[layer, token].astype(np.float32),
        inspection.point_weights[layer, token].astype(np.float32),
        ((column + 0.5) / side, (row + 0.5) / side),
    )


def mixing(inspection: Inspection) -> Mixing:
    """Return the mixer's weight of every channel, its effect, and the channels sorted by either.

    A channel without activation inside the mask has no effect, however large its weight.
    """
    kind = inspection.config.mixer
    if kind == "cross":
        weights = inspection.added
    elif inspection.mixer_weights is None:
        weights = np.zeros(len(inspection.mask_feature), np.float32)
    else:
        weights = inspection.mixer_weights
    mask = mask_cells(inspection)
    effects = weights * (1.0 if kind == "cross" else inspection.mask_feature[:, mask].mean(1))
    order, effect_order = (np.argsort(-values, kind="stable") for values in (weights, effects))
    return Mixing(kind, weights, order, effects, effect_order)


def mask_cells(inspection: Inspection) -> np.ndarray:
    """Return the cells of the mask feature inside the mask, bool [h, h]; all of them if the mask is empty."""
    cells = _coverage(inspection.terms.both.labels > 0, inspection.mask_feature.shape[-1]) > 0.5
    return cells if cells.any() else np.ones_like(cells)


def most_on_mask(inspection: Inspection, layer: int) -> tuple[int, int] | None:
    """Return the head and the query (its index in the model) of a layer with most attention on the mask.

    Only the queries in `inspection.kept` are compared; None for an empty mask.
    """
    mask = inspection.terms.both.labels > 0
    if not mask.any():
        return None
    shares = share_on(inspection.attention[layer], mask)  # [heads, K]
    head, position = divmod(int(shares.argmax()), shares.shape[1])
    return head, int(inspection.kept[position])


def equation_2_error(inspection: Inspection) -> float:
    """Return the largest difference between Eq. (2) on the recorded activations and the model's F_hat."""
    mixer, before = mixing(inspection), inspection.mask_feature
    if mixer.kind not in ("channel", "gated"):
        return 0.0
    mixed = before * mixer.weights[:, None, None] + (before if mixer.kind == "channel" else 0)
    return float(np.abs(mixed - inspection.mixed).max())


def strongest(maps: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the channels of maps [C, h, w] that vary most over the frame."""
    return np.argsort(-maps.std((1, 2)), kind="stable")[:count]


def principal(levels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the first principal component of tokens, one map per level [D, side, side], on one scale.

    After the encoder's last layer norm all tokens have about the same norm, so the norm shows nothing; this
    is the direction in which they differ most. Its sign makes the value of largest magnitude positive.
    """
    tokens = np.concatenate([level.reshape(len(level), -1) for level in levels], axis=1)
    tokens = tokens - tokens.mean(1, keepdims=True)
    direction = np.linalg.eigh(tokens @ tokens.T)[1][:, -1]
    values = direction @ tokens
    values *= np.sign(values[np.abs(values).argmax()]) or 1.0
    parts = np.split(values, np.cumsum([level[0].size for level in levels])[:-1])
    return [part.reshape(level.shape[1:]) for part, level in zip(parts, levels)]


def overlap(one: MaskMap, other: MaskMap) -> float:
    """Return the IoU of the foreground of two masks; 1 if both are empty."""
    return float(iou(one.labels[None] > 0, other.labels[None] > 0)[0])


def channel_maps(values: np.ndarray, size: int) -> np.ndarray | None:
    """Return recorded values as maps [C, h, w], None where they have no positions.

    Those of an image are maps already; so are those whose last axis is as long as the mask feature of an
    image of `size` pixels has cells.
    """
    if values.ndim == 3 and values.shape[1] == values.shape[2]:
        return values
    side = size // 4
    if values.ndim > 1 and values.shape[-1] == side * side:
        return values.reshape(-1, side, side)
    return None


def as_matrix(values: np.ndarray) -> np.ndarray:
    """Return values [a, b, ...] as a matrix; their axes are split where it is closest to a square."""
    splits = [int(np.prod(values.shape[:k])) for k in range(1, values.ndim)] or [1]
    rows = min(splits, key=lambda rows: abs(np.log(rows * rows / values.size)))
    return values.reshape(rows, -1)


def averaged(matrix: np.ndarray, largest: int) -> np.ndarray:
    """Return a matrix of at most `largest` rows and columns, by means of neighbours."""
    for axis in (0, 1):
        starts = np.arange(0, matrix.shape[axis], -(-matrix.shape[axis] // largest))
        counts = np.diff([*starts, matrix.shape[axis]])
        sums = np.add.reduceat(matrix, starts, axis=axis)
        matrix = sums / (counts[:, None] if axis == 0 else counts)
    return matrix


def colour_range(
    values: np.ndarray, diverging: bool = False, percentile: float = 100
) -> tuple[float, float, bool]:
    """Return low and high of a colour scale, and whether values beyond `high` exist.

    From 0 (or the least value below it) to the largest value; diverging colours are symmetric about 0. A
    percentile below 100 keeps a few extreme cells from making all others pale.
    """
    sizes = np.abs(values) if diverging else values
    most, largest = float(np.percentile(sizes, percentile)), float(sizes.max())
    if most < 0.02 * largest or most <= 0:
        most = largest
    low = -most if diverging else min(0.0, float(np.percentile(values, 100 - percentile)))
    return low, most if most > 0 else 1.0, most < largest
