"""Layers shared by encoder, decoder and query generator: attention, feed-forward and sine positions."""

import torch
from torch import nn


class Attention(nn.Module):
    """Multi-head attention that always computes its weights [B, heads, Q, N] and returns them.

    `weights_tap` passes the weights after the softmax, before dropout; the returned ones are after it.
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0, bias: bool = True):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim, bias=bias)
        self.key = nn.Linear(dim, dim, bias=bias)
        self.value = nn.Linear(dim, dim, bias=bias)
        self.output = nn.Linear(dim, dim, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.weights_tap = nn.Identity()

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the updated queries [B, Q, D] and the weights [B, heads, Q, N] over tokens [B, N, D]."""
        q = split_heads(self.query(queries), self.heads) * self.scale
        k = split_heads(self.key(tokens), self.heads)
        v = split_heads(self.value(tokens), self.heads)
        weights = self.weights_tap((q @ k.transpose(-2, -1)).softmax(-1))
        # As in the released code, the intermediate masks too use the weights after dropout.
        weights = self.dropout(weights)
        return self.output(join_heads(weights @ v)), weights


def split_heads(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """Return [B, heads, N, D/heads] of [B, N, D]."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(tokens: torch.Tensor) -> torch.Tensor:
    """Return [B, N, D] of [B, heads, N, D/heads]."""
    return tokens.transpose(1, 2).flatten(-2)


class FeedForward(nn.Sequential):
    """Two linear layers with GELU between them, [B, N, D] to [B, N, D]."""

    def __init__(self, dim: int, hidden: int, dropout: float = 0.0):
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim))


def sine_position(height: int, width: int, dim: int, like: torch.Tensor) -> torch.Tensor:
    """Return sine position encodings [height * width, dim]: half for y, half for x, in cells counted from 1.

    Not normalised by the size of the map, as in the released code.
    """
    steps = torch.arange(dim // 2, device=like.device, dtype=torch.float32)
    rates = 10_000.0 ** (2 * steps.div(2, rounding_mode="floor") / (dim // 2))
    y = torch.arange(1, height + 1, device=like.device)[:, None] / rates
    x = torch.arange(1, width + 1, device=like.device)[:, None] / rates
    code_y, code_x = (torch.stack([a[:, 0::2].sin(), a[:, 1::2].cos()], -1).flatten(1) for a in (y, x))
    rows = code_y[:, None].expand(-1, width, -1)
    columns = code_x[None].expand(height, -1, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1).to(like.dtype)
