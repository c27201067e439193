"""Attribution of a number to the values it is computed from: gradient, integrated gradients, occlusion.

Everything here works for any function of a tensor. Attributions have the unit of the number and are relative
to a baseline, an input that says nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from avseg.late import nn, torch

Score = Callable[["torch.Tensor"], "torch.Tensor"]
"""Takes variants of an input [n, ...] and returns a number for each, [n]."""
Tick = Callable[[int], object]
"""Called with the number of variants that were scored; may raise to cancel."""
Method = Literal["ig", "gradient", "occlusion"]

BACKBONES = ("visual_backbone", "audio_backbone")  # members of every model


def gradient_times_input(score: Score, value: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
    """Return the gradient at `value` times its difference from the baseline, in the shape of `value`."""
    return (value - baseline) * _gradient(score, value[None])[0]


def integrated_gradients(
    score: Score, value: torch.Tensor, baseline: torch.Tensor, steps: int, batch: int, tick: Tick
) -> torch.Tensor:
    """Return the gradient averaged over the straight line from the baseline to `value`, times the difference.

    The attributions sum to score(value) - score(baseline), up to the error of the quadrature (Gauss-Legendre
    with `steps` points). Sundararajan et al. 2017, Eq. (1).
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    shape = (-1, *[1] * value.ndim)
    places = torch.from_numpy((nodes + 1) / 2).to(value).view(shape)
    shares = torch.from_numpy(weights / 2).to(value).view(shape)
    mean = torch.zeros_like(value)
    for place, share in zip(places.split(batch), shares.split(batch)):
        mean += (_gradient(score, baseline + place * (value - baseline)) * share).sum(0)
        tick(len(place))
    return (value - baseline) * mean


def occlusion(
    score: Score, value: torch.Tensor, baseline: torch.Tensor, cells: torch.Tensor, batch: int, tick: Tick
) -> torch.Tensor:
    """Return how much the score drops when a cell takes the values of the baseline (Zeiler & Fergus 2014).

    cells: the index of every value's cell, int64, of a shape that broadcasts to that of `value`. A drop is
    spread evenly over the values of its cell, so that the sum over a cell is its drop.
    """
    cells = cells.expand_as(value)
    sizes = torch.bincount(cells.flatten())
    with torch.no_grad():
        whole = score(value[None])[0]
        drops = []
        for group in torch.arange(len(sizes), device=value.device).split(batch):
            hidden = cells[None] == group.view(-1, *[1] * value.ndim)
            drops.append(whole - score(torch.where(hidden, baseline, value)))
            tick(len(group))
        return (torch.cat(drops) / sizes)[cells]


def grid(height: int, width: int, rows: int, columns: int) -> torch.Tensor:
    """Return the cell of every position, int64 [height, width], of rows x columns equal cells."""
    across = torch.arange(width) * columns // width
    return (torch.arange(height) * rows // height)[:, None] * columns + across


def shuffled(model: nn.Module, seed: int = 0) -> nn.Module:
    """Return a copy of a model in which the values of every weight after the backbones are shuffled.

    An attribution that stays the same for it does not show what the model has learned (Adebayo et al. 2018).
    The backbones are those of the model itself, not copies.
    """
    kept = {id(part): part for part in _backbones(model)}
    changed = copy.deepcopy(model, dict(kept))
    theirs = {id(weight) for part in kept.values() for weight in part.parameters()}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in changed.parameters():
            if id(weight) not in theirs:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].view_as(weight))
    return changed


def _backbones(model: nn.Module) -> Iterator[nn.Module]:
    return (getattr(model, name) for name in BACKBONES if hasattr(model, name))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's rank correlation of two arrays of one shape; NaN if all values of one are equal."""
    first, second = (_ranks(values.ravel()) for values in (one, other))
    if min(first.std(), second.std()) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of every value; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _gradient(score: Score, variants: torch.Tensor) -> torch.Tensor:
    """Return the gradient of every variant's score, in the shape of the variants [n, ...]."""
    with torch.enable_grad():
        variants = variants.detach().requires_grad_()
        return torch.autograd.grad(score(variants).sum(), variants)[0]
