"""Inspection and maps: every number against a direct computation, on small random models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avseg.checkpoints import Card
from avseg.errors import ConfigError
from avseg.interpret import inspection as inside
from avseg.interpret.inspection import Inspection, contributions, inspect
from avseg.interpret.maps import (
    attention_of,
    averaged,
    colour_range,
    density,
    level_maps,
    mask_cells,
    mixing,
    most_on_mask,
    overlap,
    principal,
    sampling,
    share_on,
)
from avseg.media.clip import Clip, read_clip
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import SMALL
from tests.support.stand_in_model import BrightAndLoud

VARIANTS = {
    "channel": {},
    "gated": {"mixer": "gated"},
    "cross": {"mixer": "cross"},
    "bare": {"mixer": "none", "reformer": "none", "encoder_layers": 0},
    "avss": {"task": "avss"},
    "attention": {"reformer": "attention", "query_generator_layers": 1, "learnable_queries": False},
}


def predictor_of(**changes) -> Predictor:
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, **changes))
    model.card = Card("small", "random", "")
    with torch.no_grad():  # fresh offsets and weights of the encoder depend on no token; these do
        for layer in model.encoder.layers:
            layer.attention.sampling_offsets.weight.normal_(std=0.05)
            layer.attention.attention_weights.weight.normal_(std=0.5)
    return Predictor(model, "cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    """Two frames of 96 x 64, wider than high."""
    return read_clip(counting(tmp_path_factory.mktemp("clip") / "a.mp4", seconds=2), fps=1)


@pytest.fixture(scope="module", params=VARIANTS)
def case(request, clip) -> tuple[Predictor, Inspection]:
    predictor = predictor_of(**VARIANTS[request.param])
    return predictor, inspect(predictor, clip, 1)


@pytest.fixture(scope="module")
def plain(clip) -> tuple[Predictor, Inspection]:
    predictor = predictor_of()
    return predictor, inspect(predictor, clip, 1)


def test_one_frame_is_followed_from_picture_to_mask(case, clip):
    predictor, seen = case
    c = seen.config
    assert seen.frame.shape == (64, 96, 3) and seen.index == 1
    assert seen.moment == pytest.approx(clip.times[1])
    assert seen.log_mel.shape == (96, 64) and seen.audio.shape == (c.embed_dim,)
    assert [stage.shape[1:] for stage in seen.stages] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    assert [level.shape for level in seen.levels] == [(32, side, side) for side in (8, 4, 2)]
    assert seen.attention.shape == (c.decoder_layers, c.heads, c.queries, 84)
    assert sorted(seen.kept) == list(range(c.queries))
    assert len(seen.layers) == (0 if c.reformer == "none" else c.decoder_layers)
    assert len(seen.points) == c.encoder_layers
    prediction = predictor.predict(clip)
    # The prediction comes from the exact rewrites, which round differently.
    np.testing.assert_allclose(seen.terms.both.probability, prediction.probability[1], atol=1e-4)
    assert (seen.terms.both.labels == prediction.labels[1]).mean() > 0.98  # ties fall either way
    arrays = [value for value in vars(seen).values() if isinstance(value, np.ndarray)]
    assert all(np.isfinite(array).all() for array in arrays)


def test_attention_sums_to_one_and_means_are_means(case):
    _, seen = case
    c = seen.config
    np.testing.assert_allclose(seen.attention.astype(np.float32).sum(-1), 1, atol=2e-3)
    np.testing.assert_allclose(seen.attention_mean.sum(-1), 1, atol=2e-3)
    one = attention_of(seen, 0, head=1, query=2)
    row = int(np.flatnonzero(seen.kept == 2)[0])
    np.testing.assert_array_equal(one, seen.attention[0, 1, row].astype(np.float32))
    over_heads = np.mean([attention_of(seen, 0, head, 2) for head in range(c.heads)], axis=0)
    np.testing.assert_allclose(attention_of(seen, 0, None, 2), over_heads, atol=1e-6)
    over_queries = np.mean([attention_of(seen, 0, 1, query) for query in range(c.queries)], axis=0)
    np.testing.assert_allclose(attention_of(seen, 0, 1), over_queries, atol=1e-3)


def test_mixers_do_what_their_formula_says(case):
    _, seen = case
    mix = mixing(seen)
    weights = mix.weights[:, None, None]
    expected = {
        "channel": seen.mask_feature * (1 + weights),
        "gated": seen.mask_feature * weights,
        "cross": seen.mask_feature + weights,
        "none": seen.mask_feature,
    }[mix.kind]
    np.testing.assert_allclose(seen.mixed, expected, atol=1e-4)
    assert mix.kind == seen.config.mixer and (np.diff(mix.weights[mix.order]) <= 0).all()
    assert (np.diff(mix.effects[mix.effect_order]) <= 0).all()
    cells = mask_cells(seen)
    if mix.kind in ("channel", "gated"):  # what the mixer puts into the mask
        gain = (seen.mixed - (mix.kind == "channel") * seen.mask_feature)[:, cells].mean(1)
        np.testing.assert_allclose(mix.effects, gain, atol=1e-4)
    if mix.kind == "gated":
        assert (mix.weights > 0).all() and (mix.weights < 1).all()
    if mix.kind == "cross":
        assert seen.mixer_weights is None and (seen.mixer_attention == 1).all()
    elif mix.kind == "none":
        assert seen.mixer_attention is None
    else:
        np.testing.assert_allclose(seen.mixer_attention.sum((1, 2)), 1, atol=1e-5)


@torch.inference_mode()
def test_contributions_are_those_of_brute_force(case):
    predictor, seen = case
    head = predictor.model.mask_generation
    mixed = torch.from_numpy(seen.mixed)[None]
    product = torch.from_numpy(seen.product[np.argsort(seen.kept)])[None]

    def logit(values: torch.Tensor) -> np.ndarray:
        logits = head.linear(mixed + head.mlp(values))[0]
        return (logits[0] if len(logits) == 1 else logits[1:].logsumexp(0) - logits[0]).numpy()

    whole = logit(product)
    mask = whole > 0 if (whole > 0).any() else np.ones_like(whole, bool)
    for query in range(seen.config.queries):
        without = product.clone()
        without[:, query] = 0
        drop = (whole - logit(without))[mask].mean()
        assert seen.contributions.drop[query] == pytest.approx(drop, abs=1e-4)
    sizes = np.abs(seen.contributions.drop[seen.contributions.order])
    assert (np.diff(sizes) <= 0).all() and seen.contributions.inside == bool((whole > 0).any())
    np.testing.assert_array_equal(seen.kept, seen.contributions.order)


@torch.inference_mode()
def test_large_models_measure_fewer_queries_on_a_coarser_map(plain):
    predictor, _ = plain
    head = predictor.model.mask_generation
    head_of_many = type(head)(replace(SMALL, queries=40)).eval()
    mixed, product = torch.randn(1, 32, 56, 56), torch.randn(1, 40, 56, 56)
    all_of_them = contributions(head_of_many, mixed, product, work=1e12)
    some = contributions(head_of_many, mixed, product, work=1e6)
    assert all_of_them.side == 56 and len(all_of_them.order) == 40
    assert some.side == 14 and len(some.order) == 8 and np.isnan(some.drop).sum() == 32


def test_only_some_queries_are_kept_per_head(clip, monkeypatch):
    monkeypatch.setattr(inside, "QUERIES_KEPT", 2)
    seen = inspect(predictor_of(), clip, 0)
    assert seen.attention.shape[2] == 2 and seen.product.shape[0] == 2
    np.testing.assert_array_equal(seen.kept, seen.contributions.order[:2])


@torch.inference_mode()
def test_the_terms_of_equation_3_go_through_the_models_own_last_layers(plain):
    predictor, seen = plain
    head = predictor.model.mask_generation
    logits = head.linear(torch.from_numpy(seen.mixed)[None])
    np.testing.assert_allclose(seen.terms.feature.probability, logits.sigmoid()[0, 0], atol=1e-5)
    queries = head.mlp(torch.from_numpy(seen.product[np.argsort(seen.kept)])[None])
    np.testing.assert_allclose(
        seen.terms.queries.probability, head.linear(queries).sigmoid()[0, 0], atol=1e-4
    )


def test_the_token_under_a_place_is_found_and_its_points_lie_in_the_frame(plain):
    _, seen = plain
    reads = sampling(seen, layer=0, level=1, x=0.6, y=0.3)  # stride 16: 4 x 4 tokens after 64
    token = 64 + 1 * 4 + 2
    assert reads.centre == (2.5 / 4, 1.5 / 4)
    np.testing.assert_array_equal(reads.points, seen.points[0, token].astype(np.float32))
    np.testing.assert_allclose(reads.weights.sum((1, 2)), 1, atol=2e-3)
    assert sampling(seen, 0, 2, 1.0, 1.0).centre == (0.75, 0.75)


def test_maps_of_tokens():
    attention = np.zeros(84, np.float32)
    attention[64 + 5] = 1  # row 1, column 1 of the 4 x 4 level
    maps = level_maps(attention, 64)
    assert [part.shape for part in maps] == [(8, 8), (4, 4), (2, 2)] and maps[1][1, 1] == 1
    dense = density(attention, 64)
    assert dense.shape == (8, 8) and dense[2:4, 2:4].min() > dense[0:1].max()
    even = np.full(84, 1 / 84, np.float32)
    np.testing.assert_allclose(density(even, 64), 1, atol=1e-5)
    mask = np.zeros((64, 64), bool)
    mask[16:32, 16:24] = True  # half of that cell
    assert share_on(attention, mask) == pytest.approx(0.5)
    assert share_on(even, np.ones((64, 64), bool)) == pytest.approx(1, abs=1e-5)


def test_a_large_matrix_is_averaged_down():
    matrix = np.arange(3 * 1500, dtype=np.float32).reshape(3, 1500)
    small = averaged(matrix, 512)
    assert small.shape == (3, 500) and small[0, 0] == 1 and small[-1, -1] == matrix[-1, -3:].mean()


def test_the_range_of_a_colour_scale():
    assert colour_range(np.array([1.0, 4.0])) == (0.0, 4.0, False)
    assert colour_range(np.array([-8.0, 4.0]), diverging=True) == (-8.0, 8.0, False)
    assert colour_range(np.zeros(3)) == (0.0, 1.0, False)
    low, high, clipped = colour_range(np.array([*[1.0] * 999, 9.0]), percentile=99.5)
    assert (low, high, clipped) == (0.0, 1.0, True)


def test_principal_component_and_overlap(plain):
    _, seen = plain
    parts = principal(seen.levels)
    assert [part.shape for part in parts] == [(8, 8), (4, 4), (2, 2)]
    tokens = np.concatenate([level.reshape(32, -1) for level in seen.levels], 1).T
    first = np.linalg.svd(tokens - tokens.mean(0), full_matrices=False)
    ours = np.concatenate([part.ravel() for part in parts])
    np.testing.assert_allclose(np.abs(ours), np.abs(first[0][:, 0] * first[1][0]), atol=1e-3)
    assert overlap(seen.terms.both, seen.terms.both) == 1


def test_a_frame_that_is_not_there_and_a_model_of_another_kind_are_refused(plain, clip):
    predictor, _ = plain
    with pytest.raises(ConfigError, match="Frame 3 does not exist: the clip has 2"):
        inspect(predictor, clip, 2)
    with pytest.raises(ConfigError, match="BrightAndLoud is not AVSegFormer"):
        inspect(Predictor(BrightAndLoud(), "cpu"), clip, 0)


def test_the_head_and_query_with_most_attention_on_the_mask_are_found(case):
    _, seen = case
    mask, layer = seen.terms.both.labels > 0, len(seen.attention) - 1
    best = most_on_mask(seen, layer)
    assert (best is None) == (not mask.any())
    if best:
        shares = [
            float(share_on(attention_of(seen, layer, head, int(query)), mask))
            for head in range(seen.config.heads)
            for query in seen.kept
        ]
        assert float(share_on(attention_of(seen, layer, *best), mask)) == pytest.approx(max(shares))
