"""avseg/interpret/sites.py: recorded and unrecorded passes are the same, and nothing stays behind."""

import threading
from dataclasses import replace

import pytest
import torch

import avseg
from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.interpret.sites import SITE, SITES, record, sites_of
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import SMALL


def build(config: ModelConfig = SMALL) -> AVSegFormer:
    torch.manual_seed(0)
    return AVSegFormer(config).eval()


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    return build()


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 64, 64, generator=generator), torch.randn(2, 1, 96, 64, generator=generator)


def hooks(model: AVSegFormer) -> int:
    return sum(len(m._forward_hooks) for m in model.modules())


@torch.inference_mode()
def test_output_is_equal_bit_for_bit(model, inputs):
    plain = model(*inputs, intermediate=True)
    with record(model) as seen:
        watched = model(*inputs, intermediate=True)
    assert torch.equal(plain.logits, watched.logits)
    assert torch.equal(plain.mixed_feature, watched.mixed_feature)
    assert all(torch.equal(a, b) for a, b in zip(plain.intermediate, watched.intermediate))
    assert set(seen) == {name for name in SITE if not name.startswith("tpavi.")}
    assert hooks(model) == 0


@torch.inference_mode()
def test_sites_have_the_shapes_they_promise(model, inputs):
    with record(model) as seen:
        output = model(*inputs, intermediate=True)
    c, tokens = model.config, 8 * 8 + 4 * 4 + 2 * 2
    expected = {
        "backbone.stage": [(2, 32, 64 // s, 64 // s) for s in (4, 8, 16, 32)],
        "audio": [(2, 32)],
        "encoder.points": [(2, tokens, c.heads, 3, c.points, 2)] * c.encoder_layers,
        "encoder.weights": [(2, tokens, c.heads, 3, c.points)] * c.encoder_layers,
        "encoder.output": [(2, tokens, 32)],
        "mask_feature": [(2, 32, 16, 16)],
        "mixer.attention": [(2, c.heads, 1, 256)],
        "mixer.weights": [(2, 32)],
        "mask_feature.mixed": [(2, 32, 16, 16)],
        "queries": [(2, c.queries, 32)],
        "decoder.attention": [(2, c.heads, c.queries, tokens)] * c.decoder_layers,
        "decoder.queries": [(2, c.queries, 32)] * c.decoder_layers,
        "mask.product": [(2, c.queries, 16, 16)],
        "mask.mlp": [(2, 32, 16, 16)],
        "intermediate": [(2, 1, 64, 64)] * c.decoder_layers,
    }
    assert {name: [tuple(t.shape) for t in seen[name]] for name in seen} == expected
    assert torch.equal(seen["mask_feature.mixed"][0], output.mixed_feature)
    mixed = seen["mask_feature"][0] * (1 + seen["mixer.weights"][0][..., None, None])
    torch.testing.assert_close(mixed, output.mixed_feature)
    for name in ("decoder.attention", "mixer.attention"):
        torch.testing.assert_close(seen[name][0].sum(-1), torch.ones_like(seen[name][0].sum(-1)))
    torch.testing.assert_close(seen["encoder.weights"][0].sum((-1, -2)), torch.ones(2, tokens, c.heads))


@torch.inference_mode()
def test_keep_reduces_before_storing(model, inputs):
    with record(model, ["decoder.attention"], {"decoder.attention": lambda a: a[:1].mean(1)}) as seen:
        model(*inputs)
    assert list(seen) == ["decoder.attention"]
    assert all(a.shape[:2] == (1, SMALL.queries) for a in seen["decoder.attention"])


def test_stored_values_are_detached_copies(model, inputs):
    with record(model, ["mask_feature"]) as seen:
        output = model(*inputs)
    assert output.logits.requires_grad and not seen["mask_feature"][0].requires_grad
    before = seen["mask_feature"][0].clone()
    with torch.no_grad():
        output.mixed_feature.zero_()
    assert torch.equal(before, seen["mask_feature"][0])


def test_nothing_stays_behind_after_an_exception(model, inputs):
    with pytest.raises(RuntimeError, match="stop"), record(model):
        raise RuntimeError("stop")
    assert hooks(model) == 0
    with pytest.raises(ValueError, match="too big"), record(model, keep={"mask_feature": _fail}):
        model(*inputs)
    assert hooks(model) == 0
    with torch.inference_mode():
        assert model(*inputs).logits.shape == (2, 1, 64, 64)


def _fail(_tensor: torch.Tensor) -> torch.Tensor:
    raise ValueError("too big")


@torch.inference_mode()
def test_two_threads_do_not_mix(model, inputs):
    frames, log_mel = inputs
    seen, gate, alone = {}, threading.Barrier(2), {}
    with record(model) as first:
        model(frames[:1], log_mel[:1])
    with record(model) as second:
        model(frames[1:], log_mel[1:])
    alone = {0: first, 1: second}

    @torch.inference_mode()
    def watch(index: int) -> None:
        with record(model) as mine:
            gate.wait()
            model(frames[index : index + 1], log_mel[index : index + 1])
            gate.wait()
        seen[index] = mine

    threads = [threading.Thread(target=watch, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert set(seen[index]) == set(alone[index])
        for name in alone[index]:
            assert len(seen[index][name]) == len(alone[index][name])
            assert all(torch.equal(a, b) for a, b in zip(seen[index][name], alone[index][name]))
    assert hooks(model) == 0


def test_models_without_a_part_lack_its_site():
    bare = sites_of(build(replace(SMALL, mixer="none", reformer="none", encoder_layers=0)))
    assert {s.name for s in SITES if not s.name.startswith("tpavi.")} - set(bare) == {
        "encoder.points", "encoder.weights", "mixer.attention", "mixer.weights", "intermediate"
    }  # fmt: skip
    assert "mixer.attention" in sites_of(build(replace(SMALL, mixer="cross")))


def test_unknown_site_is_named(model):
    with (
        pytest.raises(ConfigError, match=r"Unknown site mixer\.wieghts"),
        record(model, ["mixer.wieghts"]),
    ):
        pass
    assert hooks(model) == 0


def test_the_short_name_records(model):
    frames, log_mel = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 96, 64)
    with torch.no_grad(), avseg.record(model, ["audio"]) as recording:
        model(frames, log_mel)
    assert list(recording) == ["audio"]
