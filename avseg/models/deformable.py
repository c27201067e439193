"""Multi-scale deformable attention in plain PyTorch, without a compiled operator (Zhu et al. 2021, Eq. 3)."""

import math

import torch
import torch.nn.functional as F
from torch import nn

Shapes = list[tuple[int, int]]


class DeformableAttention(nn.Module):
    """Every token samples `points` learned locations per head on each of `levels` feature maps.

    `points_tap` passes the sampling points [B, N, heads, levels, points, 2] as (x, y) in units of the map's
    width and height (0..1 inside it); `weights_tap` their weights [B, N, heads, levels, points].
    """

    def __init__(self, dim: int, heads: int, levels: int, points: int):
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(dim, heads * levels * points * 2)
        self.attention_weights = nn.Linear(dim, heads * levels * points)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)
        self.points_tap, self.weights_tap = nn.Identity(), nn.Identity()
        self.initialise()

    def forward(
        self, query: torch.Tensor, reference: torch.Tensor, tokens: torch.Tensor, shapes: Shapes
    ) -> torch.Tensor:
        """Return [B, N, D] of query [B, N, D], reference points [N, 2] in 0..1, tokens [B, sum(hw), D]."""
        batch, count, dim = query.shape
        grid = (batch, count, self.heads, self.levels, self.points)
        sizes = query.new_tensor([(w, h) for h, w in shapes])  # [levels, 2]
        offsets = self.sampling_offsets(query).view(*grid, 2) / sizes[:, None]
        locations = self.points_tap(reference[None, :, None, None, None] + offsets)
        weights = self.attention_weights(query).view(*grid[:3], -1).softmax(-1).view(grid)
        weights = self.weights_tap(weights)
        values = self.value(tokens).view(batch, -1, self.heads, dim // self.heads)
        return self.output(sample(values, shapes, locations, weights))

    @torch.no_grad()
    def initialise(self) -> None:
        """Initialise head k along direction k with point p at distance p + 1 (Zhu et al. 2021, App. A.2)."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.heads) * (2.0 * math.pi / self.heads)
        rays = torch.stack([angles.cos(), angles.sin()], -1)
        rays = rays / rays.abs().amax(-1, keepdim=True)  # [heads, 2]
        distance = torch.arange(1, self.points + 1).view(1, 1, -1, 1)
        start = rays[:, None, None] * distance  # [heads, 1, points, 2]
        self.sampling_offsets.bias.copy_(start.expand(-1, self.levels, -1, -1).flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def sample(
    values: torch.Tensor, shapes: Shapes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return [B, N, D]: values [B, sum(hw), heads, D/heads] at the locations, weighted, heads joined.

    locations [B, N, heads, levels, points, 2] lie in 0..1; outside a map the value is zero.
    """
    batch, _, heads, width = values.shape
    count, points = locations.shape[1], locations.shape[4]
    by_head = values.permute(0, 2, 3, 1).flatten(0, 1)  # [B*heads, D/heads, sum(hw)]
    grids = (2 * locations - 1).transpose(1, 2).flatten(0, 1)  # [B*heads, N, levels, points, 2]
    samples, start = [], 0
    for level, (height, length) in enumerate(shapes):
        flat = by_head[..., start : start + height * length]
        start += height * length
        image = flat.reshape(batch * heads, width, height, length)
        samples.append(F.grid_sample(image, grids[:, :, level], padding_mode="zeros", align_corners=False))
    stacked = torch.stack(samples, dim=-2).flatten(-2)  # [B*heads, D/heads, N, levels*points]
    shares = weights.transpose(1, 2).reshape(batch * heads, 1, count, len(shapes) * points)
    mixed = (stacked * shares).sum(-1)  # [B*heads, D/heads, N]
    return mixed.view(batch, heads * width, count).transpose(1, 2)


def reference_points(shapes: Shapes, like: torch.Tensor) -> torch.Tensor:
    """Return the centre of every token's cell [sum(hw), 2] as (x, y) in 0..1, level after level."""
    centres = []
    for height, width in shapes:
        y = (torch.arange(height, device=like.device) + 0.5) / height
        x = (torch.arange(width, device=like.device) + 0.5) / width
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        centres.append(torch.stack([columns, rows], -1).view(-1, 2))
    return torch.cat(centres).to(like.dtype)
