import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avseg.config import ModelConfig
from avseg.models.avsegformer import (
    AudioQueries,
    AVSegFormer,
    ChannelMixer,
    CrossMixer,
    Encoder,
    MaskFeature,
    MaskGeneration,
    MaskReformer,
    NoMixer,
    SimpleFPN,
)
from avseg.presets import PRESETS

SMALL = replace(
    PRESETS["tiny"].model,
    backbone_channels=(8, 16, 24, 32),
    image_size=64,
    embed_dim=32,
    encoder_layers=1,
    decoder_layers=2,
    feedforward_dim=32,
    queries=5,
    mlp_dim=16,
    head_channels=(16, 16),
)
SWITCHES = {  # Table 2, and what the editions and presets add to it
    "paper": {},
    "one query": {"queries": 1},
    "no learnable queries": {"learnable_queries": False},
    "no mixer": {"mixer": "none"},
    "cross mixer": {"mixer": "cross"},
    "gated mixer": {"mixer": "gated"},
    "attention reformer": {"reformer": "attention"},
    "no reformer": {"reformer": "none"},
    "query generator": {"query_generator_layers": 2},
    "query generator alone": {"query_generator_layers": 1, "learnable_queries": False},
    "no encoder": {"encoder_layers": 0},
    "dropout": {"dropout": 0.1},
    "avss": {"task": "avss"},
}


def make(**values: object) -> AVSegFormer:
    """A small model with seeded weights, in eval mode."""
    torch.manual_seed(0)
    return AVSegFormer(replace(SMALL, **values)).eval()


def inputs(
    count: int = 3, height: int = 64, width: int = 64, seed: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and log-mel patches."""
    random = torch.Generator().manual_seed(seed)
    frames = torch.randn(count, 3, height, width, generator=random)
    return frames, torch.randn(count, 1, 96, 64, generator=random)


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    """The small model of the paper; tests do not change it."""
    return make()


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_builds_runs_and_learns(name: str):
    changes = SWITCHES[name]
    model = make(**changes).train()
    output = model(*inputs(), intermediate=True)
    assert output.logits.shape == (3, 71 if name == "avss" else 1, 64, 64)
    assert output.mixed_feature.shape == (3, 32, 16, 16)
    assert len(output.intermediate) == (0 if name == "no reformer" else 2)
    assert all(mask.shape == output.logits.shape for mask in output.intermediate)
    loss = output.logits.square().mean() + sum(mask.square().mean() for mask in output.intermediate)
    loss.backward()
    if name == "no encoder":
        model.encoder.level_embedding.requires_grad_(False)  # without layers it has no reader
    learning = {k: p.grad for k, p in model.named_parameters() if p.requires_grad}
    assert [k for k, grad in learning.items() if grad is None or not grad.isfinite().all()] == []
    parts = {k.split(".")[0] for k, grad in learning.items() if grad.any()}
    assert parts == {k.split(".")[0] for k in learning}


def test_the_switches_are_the_rows_of_table_2():
    names = [
        {p.split(".")[0] for p, _ in make(**SWITCHES[n]).named_parameters()} for n in ("no mixer", "paper")
    ]
    assert names[1] - names[0] == {"mixer"}
    assert not list(make(mixer="none").mixer.parameters())
    assert make(reformer="none").reformer is None
    assert make(learnable_queries=False).audio_queries.learnable is None
    assert make(queries=7).audio_queries.learnable.weight.shape == (7, 32)


@pytest.mark.parametrize("task", ["s4", "ms3", "avss"])
def test_channels_are_those_of_the_task(task: str):
    assert make(task=task)(*inputs(1)).logits.shape[1] == {"s4": 1, "ms3": 1, "avss": 71}[task]


def test_intermediate_masks_come_only_when_asked_for(model):
    frames, log_mel = inputs()
    quiet, asked = model(frames, log_mel), model(frames, log_mel, intermediate=True)
    assert quiet.intermediate == () and len(asked.intermediate) == 2
    assert torch.equal(quiet.logits, asked.logits) and torch.equal(quiet.mixed_feature, asked.mixed_feature)


@pytest.mark.parametrize("size", [(32, 64), (64, 64), (64, 96), (160, 32), (128, 128)])
@pytest.mark.parametrize("mixer", ["channel", "cross"])
def test_one_frame_of_any_multiple_of_32(size: tuple[int, int], mixer: str):
    output = make(mixer=mixer)(*inputs(1, *size), intermediate=True)
    assert output.logits.shape == (1, 1, *size)
    assert output.mixed_feature.shape == (1, 32, size[0] // 4, size[1] // 4)
    assert all(mask.shape == (1, 1, *size) for mask in output.intermediate)
    assert output.logits.isfinite().all()


def test_the_smallest_image_works():
    assert make(embed_dim=64)(*inputs(1, 32, 32)).logits.shape == (1, 1, 32, 32)


@pytest.mark.parametrize("name", ["paper", "query generator", "cross mixer"])
def test_frames_do_not_look_at_each_other(name: str):
    model = make(**SWITCHES[name])
    frames, log_mel = inputs(4)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        together = model(frames, log_mel).logits
        permuted = model(frames[order], log_mel[order]).logits
        alone = torch.cat([model(frames[i : i + 1], log_mel[i : i + 1]).logits for i in range(4)])
        others = torch.cat([frames[:1], torch.randn_like(frames[1:])]), log_mel
        beside_others = model(*others).logits[:1]
    for other, expected in ((permuted, together[order]), (alone, together), (beside_others, together[:1])):
        torch.testing.assert_close(other, expected, atol=1e-5, rtol=1e-4)


def test_dropout_is_off_in_eval_mode():
    model = make(dropout=0.5)
    assert torch.equal(model(*inputs()).logits, model(*inputs()).logits)
    model.train()
    assert not torch.equal(model(*inputs()).logits, model(*inputs()).logits)


@pytest.mark.parametrize("kind", [torch.float32, torch.int64, torch.bool])
def test_temporal_flags_empty_padded_frames(model, kind: torch.dtype):
    frames, log_mel = inputs(4)
    flags = torch.tensor([1, 0, 1, 0]).to(kind)
    plain, flagged = model(frames, log_mel).logits, model(frames, log_mel, flags).logits
    assert not flagged[1::2].any() and torch.equal(flagged[::2], plain[::2])


@pytest.mark.parametrize("mixer", ["none", "cross", "channel", "gated"])
def test_the_sound_changes_the_masks(mixer: str):
    model = make(mixer=mixer)
    model.audio_backbone.train()  # batch norm that has seen nothing lets almost no sound through
    frames, log_mel = inputs()
    other = model(frames, inputs(seed=2)[1]).logits
    assert (model(frames, log_mel).logits - other).abs().amax((1, 2, 3)).min() > 1e-4


def test_the_picture_changes_the_masks(model):
    frames, log_mel = inputs()
    other = model(inputs(seed=2)[0], log_mel).logits
    assert (model(frames, log_mel).logits - other).abs().amax((1, 2, 3)).min() > 1e-4


def channel_weights(mixer: ChannelMixer, feature: np.ndarray, audio: np.ndarray, heads: int) -> np.ndarray:
    """omega of Eq. (2) [B, D], one head of one frame after the other."""
    layers = {
        n: getattr(mixer, n).weight.detach().double().numpy().T for n in ("query", "key", "value", "output")
    }
    bias = mixer.output.bias.detach().double().numpy()
    width = feature.shape[1] // heads
    omega = np.zeros((len(feature), feature.shape[1]))
    for b, maps in enumerate(feature):
        positions = maps.reshape(len(maps), -1).T  # [h*w, D]
        q, k, v = audio[b, 0] @ layers["query"], positions @ layers["key"], positions @ layers["value"]
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = k[:, part] @ q[part] / math.sqrt(width)
            shares = np.exp(scores) / np.exp(scores).sum()
            omega[b, part] = shares @ v[:, part]
    return omega @ layers["output"] + bias


@pytest.mark.parametrize("gated", [False, True])
def test_channel_mixer_is_equation_2(gated: bool):
    torch.manual_seed(0)
    mixer = ChannelMixer(16, 4, gated)
    feature, audio = torch.randn(3, 16, 5, 7), torch.randn(3, 1, 16)
    ours = mixer(feature, audio).detach().numpy()
    f = feature.double().numpy()
    omega = channel_weights(mixer, f, audio.double().numpy(), heads=4)[..., None, None]
    expected = f / (1 + np.exp(-omega)) if gated else f + f * omega
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_cross_mixer_adds_one_vector_everywhere():
    torch.manual_seed(0)
    mixer = CrossMixer(16, 4)
    feature, audio = torch.randn(3, 16, 5, 7), torch.randn(3, 1, 16)
    added = mixer(feature, audio) - feature
    vector = mixer.attention.output(mixer.attention.value(audio))[:, 0]
    torch.testing.assert_close(added, vector[..., None, None].expand_as(feature), atol=1e-5, rtol=1e-4)


def test_no_mixer_keeps_the_feature():
    feature = torch.randn(2, 16, 3, 3)
    assert torch.equal(NoMixer()(feature, torch.randn(2, 1, 16)), feature)


def test_queries_repeat_the_sound_and_add_what_is_learned():
    audio = torch.randn(2, 1, 32)
    plain = AudioQueries(replace(SMALL, learnable_queries=False))
    assert torch.equal(plain(audio), audio.repeat(1, 5, 1)) and not list(plain.parameters())
    learned = AudioQueries(SMALL)
    torch.testing.assert_close(learned(audio), audio + learned.learnable.weight)


def test_generated_queries_differ_from_each_other_and_follow_the_sound():
    torch.manual_seed(0)
    queries = AudioQueries(replace(SMALL, query_generator_layers=2, learnable_queries=False))
    made = queries(torch.randn(2, 1, 32))
    assert made.shape == (2, 5, 32)
    assert torch.pdist(made[0]).min() > 0.1 and (made[0] - made[1]).abs().max() > 0.01


def test_without_layers_the_encoder_joins_the_levels():
    shapes = [(4, 6), (2, 3), (1, 2)]
    maps = [torch.randn(2, 32, *shape) for shape in shapes]
    tokens = Encoder(replace(SMALL, encoder_layers=0))(maps, shapes)
    assert torch.equal(tokens[:, :24].transpose(1, 2).reshape(2, 32, 4, 6), maps[0])
    assert torch.equal(tokens[:, 30:].transpose(1, 2).reshape(2, 32, 1, 2), maps[2])


def test_encoder_places_levels_and_cells_apart():
    torch.manual_seed(0)
    encoder = Encoder(SMALL)
    seen = []
    layer = encoder.layers[0]
    layer.register_forward_pre_hook(lambda _module, given: seen.append(given[1]))
    shapes = [(4, 6), (2, 3), (1, 2)]
    encoder([torch.randn(2, 32, *shape) for shape in shapes], shapes)
    place = seen[0]  # [N, D]
    assert place.shape == (32, 32) and torch.pdist(place).min() > 0.1
    first = [0, 24, 30]  # the first cell of every level has the same sine code
    codes = place[first] - encoder.level_embedding
    torch.testing.assert_close(codes[1:], codes[:1].expand(2, -1))


def test_mask_feature_adds_the_fine_map_and_twice_the_coarse_one():
    torch.manual_seed(0)
    block = MaskFeature(32)
    fine, coarse = torch.randn(2, 32, 8, 12), torch.randn(2, 32, 4, 6)
    up = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(block(fine, coarse), block.smooth(block.lateral(fine) + up))
    assert (block(fine, coarse) >= 0).all()


def test_mask_generation_is_equation_3():
    torch.manual_seed(0)
    block = MaskGeneration(SMALL)
    feature, queries = torch.randn(2, 32, 8, 8), torch.randn(2, 5, 32)
    product = np.einsum("bqd,bdhw->bqhw", queries.numpy(), feature.numpy())
    expected = block.linear(feature + block.mlp(torch.from_numpy(product)))
    torch.testing.assert_close(block(feature, queries), expected, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        block.mlp[-1].weight.zero_()
        block.mlp[-1].bias.zero_()
    torch.testing.assert_close(block(feature, queries), block.linear(feature))


def reformed_maps(config: ModelConfig) -> tuple[MaskReformer, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """A reformer, the attention and queries it was given, and the maps its pyramid received."""
    torch.manual_seed(0)
    reformer = MaskReformer(config)
    seen = []
    reformer.fpn.register_forward_pre_hook(lambda _module, given: seen.extend(given[0]))
    attention, queries = torch.rand(2, 4, 5, 84), torch.randn(2, 5, 32)
    masks = reformer(attention, queries, [(8, 8), (4, 4), (2, 2)])
    assert masks.shape == (2, 1, 64, 64)
    return reformer, attention, queries, seen


def test_query_reformer_mixes_attention_with_queries():
    _, attention, queries, maps = reformed_maps(SMALL)
    mixed = np.einsum("bqd,bqn->bdn", queries.numpy(), attention.mean(1).numpy())
    for part, (start, side) in zip(maps, ((0, 8), (64, 4), (80, 2)), strict=True):
        expected = mixed[..., start : start + side * side].reshape(2, 32, side, side)
        np.testing.assert_allclose(part.detach().numpy(), expected, atol=1e-5)


def test_attention_reformer_does_without_the_queries():
    reformer, attention, _, maps = reformed_maps(replace(SMALL, reformer="attention"))
    weight, bias = reformer.from_attention.weight[..., 0], reformer.from_attention.bias
    mixed = torch.einsum("dq,bqn->bdn", weight, attention.mean(1)) + bias[:, None]
    torch.testing.assert_close(maps[1], mixed[..., 64:80].reshape(2, 32, 4, 4))


def test_reformer_pyramid_goes_from_coarse_to_fine():
    pyramid = SimpleFPN(4)
    with torch.no_grad():
        for convolution in pyramid:  # each passes its input through
            torch.nn.init.dirac_(convolution.weight)
            convolution.bias.zero_()
    fine, middle, coarse = (torch.randn(1, 4, side, side) for side in (8, 4, 2))

    def up(maps: torch.Tensor) -> torch.Tensor:
        return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)

    torch.testing.assert_close(pyramid([fine, middle, coarse]), up(up(up(coarse) + middle) + fine))


def test_decoder_attention_is_shared_out_over_all_tokens(model):
    seen = []
    hooks = [
        layer.cross_attention.weights_tap.register_forward_hook(lambda _m, _i, out: seen.append(out))
        for layer in model.decoder
    ]
    model(*inputs(2, 64, 96))
    for hook in hooks:
        hook.remove()
    assert [tuple(weights.shape) for weights in seen] == [(2, 4, 5, 8 * 12 + 4 * 6 + 2 * 3)] * 2
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(2, 4, 5))


@pytest.mark.gpu
@torch.inference_mode()
def test_cuda_agrees_with_the_cpu():
    frames, log_mel = inputs()
    model = make()
    flags = torch.tensor([1.0, 0.0, 1.0])
    here = model(frames, log_mel, flags, intermediate=True)
    there = model.cuda()(frames.cuda(), log_mel.cuda(), flags.cuda(), intermediate=True)
    torch.testing.assert_close(there.logits.cpu(), here.logits, atol=1e-3, rtol=0)
    torch.testing.assert_close(there.intermediate[-1].cpu(), here.intermediate[-1], atol=1e-3, rtol=0)
