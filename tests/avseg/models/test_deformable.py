import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avseg.models.deformable import DeformableAttention, reference_points, sample

SHAPES = [(4, 6), (2, 3), (1, 2)]
CELLS = sum(h * w for h, w in SHAPES)


def read(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear value of image [h, w, D] at (x, y) in 0..1; cells have their value in their middle."""
    height, width = image.shape[:2]
    column, row = x * width - 0.5, y * height - 0.5
    left, top = math.floor(column), math.floor(row)
    total = np.zeros(image.shape[2])
    for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= r < height and 0 <= c < width:
            total += (1 - abs(row - r)) * (1 - abs(column - c)) * image[r, c]
    return total


def slow_sample(values: np.ndarray, shapes: list, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`sample`, one place after the other."""
    batch, count, heads, levels, points = weights.shape
    result = np.zeros((batch, count, heads, values.shape[-1]))
    for b, n, h, level, p in np.ndindex(batch, count, heads, levels, points):
        start = sum(height * width for height, width in shapes[:level])
        height, width = shapes[level]
        image = values[b, start : start + height * width, h].reshape(height, width, -1)
        result[b, n, h] += weights[b, n, h, level, p] * read(image, *places[b, n, h, level, p])
    return result.reshape(batch, count, -1)


@settings(deadline=None, derandomize=True, max_examples=12)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4))
def test_sampling_is_bilinear_reading_place_by_place(seed: int, heads: int, points: int):
    random = np.random.default_rng(seed)
    values = random.standard_normal((2, CELLS, heads, 3))
    places = random.uniform(-0.4, 1.4, (2, 5, heads, len(SHAPES), points, 2))
    weights = random.random((2, 5, heads, len(SHAPES), points))
    ours = sample(torch.from_numpy(values), SHAPES, torch.from_numpy(places), torch.from_numpy(weights))
    assert ours.shape == (2, 5, heads * 3)
    np.testing.assert_allclose(ours.numpy(), slow_sample(values, SHAPES, places, weights), atol=1e-9)


def test_a_cell_read_in_its_middle_gives_its_value_and_outside_is_nothing():
    values = torch.randn(1, CELLS, 1, 3)
    places = reference_points(SHAPES, values).view(1, CELLS, 1, 1, 1, 2).expand(-1, -1, -1, 3, -1, -1)
    levels = torch.repeat_interleave(torch.arange(3), torch.tensor([h * w for h, w in SHAPES]))
    own_level = (levels.view(-1, 1) == torch.arange(3)).float().view(1, CELLS, 1, 3, 1)
    torch.testing.assert_close(sample(values, SHAPES, places, own_level), values[:, :, 0])
    assert not sample(values, SHAPES, places + 2, own_level).any()


def test_reference_points_are_the_middles_of_the_cells():
    points = reference_points(SHAPES, torch.zeros(1))
    assert points.shape == (CELLS, 2)
    assert points[0].tolist() == pytest.approx([1 / 12, 1 / 8])  # x, y of the first of 4 rows of 6
    assert points[5].tolist() == pytest.approx([11 / 12, 1 / 8])
    assert points[24].tolist() == pytest.approx([1 / 6, 1 / 4])
    assert points[-1].tolist() == pytest.approx([3 / 4, 1 / 2])


def attention_and_inputs(seed: int = 0) -> tuple[DeformableAttention, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    attention = DeformableAttention(dim=16, heads=4, levels=3, points=2)
    return attention, torch.randn(2, CELLS, 16), torch.randn(2, CELLS, 16)


def test_attention_is_its_formula():
    attention, query, tokens = attention_and_inputs()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    reference = reference_points(SHAPES, query)
    ours = attention(query, reference, tokens, SHAPES)
    offsets = attention.sampling_offsets(query).view(2, CELLS, 4, 3, 2, 2)
    cells = torch.tensor([[w, h] for h, w in SHAPES]).view(1, 1, 1, 3, 1, 2)  # offsets count in cells
    places = reference.view(1, CELLS, 1, 1, 1, 2) + offsets / cells
    weights = attention.attention_weights(query).view(2, CELLS, 4, 6).softmax(-1).view(2, CELLS, 4, 3, 2)
    values = attention.value(tokens).view(2, CELLS, 4, 4)
    values, places, weights = (x.detach().numpy() for x in (values, places, weights))
    mixed = slow_sample(values, SHAPES, places, weights)
    expected = attention.output(torch.from_numpy(mixed).float())
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_attention_starts_on_rays_with_equal_weights():
    attention, query, _ = attention_and_inputs()
    offsets = attention.sampling_offsets(query)[0, 0].view(4, 3, 2, 2)  # heads, levels, points, (x, y)
    directions = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    for level in range(3):
        torch.testing.assert_close(offsets[:, level, 0], directions, atol=1e-6, rtol=0)
        torch.testing.assert_close(offsets[:, level, 1], 2 * directions, atol=1e-6, rtol=0)
    assert not attention.attention_weights(query).any()


def test_taps_pass_points_and_weights():
    attention, query, tokens = attention_and_inputs()
    seen = {}
    for name in ("points_tap", "weights_tap"):
        getattr(attention, name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({name: out})
        )
    attention(query, reference_points(SHAPES, query), tokens, SHAPES)
    assert seen["points_tap"].shape == (2, CELLS, 4, 3, 2, 2)
    assert seen["weights_tap"].shape == (2, CELLS, 4, 3, 2)
    torch.testing.assert_close(seen["weights_tap"].sum((-1, -2)), torch.ones(2, CELLS, 4))


def test_every_parameter_learns():
    attention, query, tokens = attention_and_inputs()
    attention(query, reference_points(SHAPES, query), tokens, SHAPES).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in attention.parameters())
