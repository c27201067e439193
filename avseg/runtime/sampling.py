"""The sampling of multi-scale deformable attention as one weighted sum of gathered rows."""

import torch
import torch.nn.functional as F

from avseg.models.deformable import Shapes


def bordered(values: torch.Tensor, shapes: Shapes) -> torch.Tensor:
    """Return the maps of values [B, sum(hw), D], each in a border of zeros: [B, sum((h+3)(w+3)), D].

    One cell before and two after every side, so that all four corners of a clamped location exist.
    """
    batch, _, dim = values.shape
    table = values.new_zeros(batch, sum((h + 3) * (w + 3) for h, w in shapes), dim)
    read = write = 0
    for height, width in shapes:
        cells = (height + 3) * (width + 3)
        inner = table[:, write : write + cells].unflatten(1, (height + 3, width + 3))
        inner[:, 1:-2, 1:-2] = values[:, read : read + height * width].unflatten(1, (height, width))
        read, write = read + height * width, write + cells
    return table


def sampled(
    values: torch.Tensor, shapes: Shapes, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor, heads: int
) -> torch.Tensor:
    """Return [B, N, D] of values [B, sum(hw), D], as `avseg.models.deformable.sample` does.

    x, y, weights [B, N, heads, levels * points]; x and y in cells of their map, 0 at the centre of the first
    one. Bilinear, zero outside the map: the corners of all points of a token and head are rows of one table,
    which `embedding_bag` multiplies and adds.
    """
    batch, count, _, samples = x.shape
    table = bordered(values, shapes)
    width = table.shape[-1] // heads
    far_x, far_y, stride, corners = _geometry(shapes, samples, heads, table.shape[1], x.device)
    results = []
    for frame in range(batch):  # what one frame needs stays in the cache
        right = _within(x[frame], far_x)  # [N, heads, samples]
        lower = _within(y[frame], far_y)
        left, top = right.floor(), lower.floor()
        right -= left
        lower -= top
        first = top.mul_(stride).add_(left).mul_(heads).int()
        rows = first[:, :, None] + corners  # [N, heads, 4, samples]
        below = lower.mul_(weights[frame])
        above = weights[frame] - below
        right_below, right_above = right * below, right * above
        shares = torch.stack([above - right_above, right_above, below - right_below, right_below], 2)
        mixed = F.embedding_bag(
            rows.view(-1, 4 * samples),
            table[frame].view(-1, width),
            per_sample_weights=shares.view(-1, 4 * samples),
            mode="sum",
        )
        results.append(mixed.view(count, heads * width))
    return torch.stack(results)


def _within(cells: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    """Return locations clamped to -1..far; NaN becomes -1. `fmax` and `fmin` have no vector form on a CPU."""
    return cells.nan_to_num(-1.0).clamp_(min=-1.0).minimum(far)


def _geometry(
    shapes: Shapes, samples: int, heads: int, cells: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return per sample the largest x and y and the cells of a row, and the rows of the corners of (0, 0).

    The last is int32 [heads, 4, samples]: left above, right above, left below, right below.
    """
    points = samples // len(shapes)
    far_x, far_y, stride, starts, start = [], [], [], [], 0
    for height, width in shapes:
        far_x += [width] * points
        far_y += [height] * points
        stride += [width + 3] * points
        starts += [start + width + 3 + 1] * points  # the cell after the border
        start += (height + 3) * (width + 3)
    assert start == cells
    per_row = torch.tensor(stride, device=device)
    corner = torch.stack([0 * per_row, 0 * per_row + 1, per_row, per_row + 1])  # [4, samples]
    first = (corner + torch.tensor(starts, device=device)) * heads
    corners = first + torch.arange(heads, device=device)[:, None, None]
    like = {"dtype": torch.float32, "device": device}
    return (
        torch.tensor(far_x, **like),
        torch.tensor(far_y, **like),
        torch.tensor(stride, **like),
        corners.int(),
    )
