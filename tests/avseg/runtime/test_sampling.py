import pytest
import torch

from avseg.models.deformable import reference_points, sample
from avseg.runtime.sampling import bordered, sampled

SHAPES = [(4, 6), (3, 2), (1, 1)]
CELLS = 4 * 6 + 3 * 2 + 1


@pytest.mark.parametrize("spread", [0.0, 0.2, 3.0])
def test_sampling_is_that_of_the_model(spread: float):
    torch.manual_seed(0)
    heads, points, width = 2, 3, 5
    values = torch.randn(2, CELLS, heads, width)
    centres = reference_points(SHAPES, values)[None, :, None, None, None]
    locations = centres + spread * torch.randn(2, CELLS, heads, len(SHAPES), points, 2)
    locations[0, 0], locations[0, 1], locations[0, 2], locations[0, 3] = 0.0, 1.0, -1e9, 1e9
    weights = torch.rand(2, CELLS, heads, len(SHAPES), points)
    cells = locations * torch.tensor([(w, h) for h, w in SHAPES])[:, None] - 0.5
    x, y = (cells[..., axis].flatten(3) for axis in (0, 1))
    found = sampled(values.flatten(2), SHAPES, x, y, weights.flatten(3), heads)
    torch.testing.assert_close(found, sample(values, SHAPES, locations, weights), atol=1e-5, rtol=1e-5)


def test_maps_get_a_border_of_zeros():
    table = bordered(torch.ones(1, CELLS, 1), SHAPES)
    assert table.sum() == CELLS and table.shape[1] == 7 * 9 + 6 * 5 + 4 * 4
    first = table[0, : 7 * 9, 0].view(7, 9)
    assert first[1:5, 1:7].all() and first.sum() == 24
