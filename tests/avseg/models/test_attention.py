import math

import pytest
import torch
from torch import nn

from avseg.models.attention import Attention, FeedForward, join_heads, sine_position, split_heads


@pytest.mark.parametrize("bias", [True, False])
def test_attention_is_that_of_pytorch(bias: bool):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 4, bias=bias, batch_first=True).eval()
    ours = Attention(16, 4, bias=bias).eval()
    with torch.no_grad():
        for index, name in enumerate(("query", "key", "value")):
            layer, part = getattr(ours, name), slice(16 * index, 16 * index + 16)
            layer.weight.copy_(theirs.in_proj_weight[part])
            if bias:
                layer.bias.copy_(theirs.in_proj_bias[part].normal_())
    ours.output.load_state_dict(theirs.out_proj.state_dict())
    queries, tokens = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    attended, weights = ours(queries, tokens)
    expected, expected_weights = theirs(queries, tokens, tokens, average_attn_weights=False)
    torch.testing.assert_close(attended, expected)
    torch.testing.assert_close(weights, expected_weights)


def test_weights_are_shares_before_dropout_and_dropped_after():
    torch.manual_seed(0)
    attention = Attention(16, 4, dropout=0.5).train()
    seen = []
    attention.weights_tap.register_forward_hook(lambda _m, _i, out: seen.append(out))
    _, dropped = attention(torch.randn(2, 5, 16), torch.randn(2, 7, 16))
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(2, 4, 5))
    kept = dropped != 0
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(dropped[kept], 2 * seen[0][kept])


def test_heads_split_and_join():
    tokens = torch.randn(2, 7, 12)
    heads = split_heads(tokens, 3)
    assert heads.shape == (2, 3, 7, 4) and torch.equal(heads[:, 1], tokens[..., 4:8])
    assert torch.equal(join_heads(heads), tokens)


def test_feed_forward_is_two_layers_with_gelu():
    block = FeedForward(8, 32, dropout=0.3).eval()
    tokens = torch.randn(2, 3, 8)
    torch.testing.assert_close(block(tokens), block[3](nn.functional.gelu(block[0](tokens))))


def test_sine_position_by_its_formula():
    code = sine_position(3, 4, 16, torch.zeros(1)).view(3, 4, 16)
    for row in range(3):
        for column in range(4):
            for half, cell in ((code[row, column, :8], row + 1), (code[row, column, 8:], column + 1)):
                for pair in range(4):
                    angle = cell / 10_000 ** (2 * pair / 8)
                    assert half[2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
                    assert half[2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_sine_position_counts_cells_whatever_the_size_of_the_map():
    small = sine_position(2, 3, 32, torch.zeros(1)).view(2, 3, 32)
    large = sine_position(5, 7, 32, torch.zeros(1)).view(5, 7, 32)
    torch.testing.assert_close(large[:2, :3], small)


def test_sine_position_follows_the_type_of_the_tokens():
    assert sine_position(2, 2, 8, torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.bfloat16
