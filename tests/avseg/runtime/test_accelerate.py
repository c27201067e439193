"""The twin of a model gives the model's masks: all switches, hooks, backbones, and weights that change."""

from dataclasses import fields, replace

import pytest
import torch

from avseg.checkpoints import load_model
from avseg.interpret.sites import record
from avseg.interventions.run import Change, intervene
from avseg.models.avsegformer import AVSegFormer
from avseg.runtime.accelerate import Plan, accelerated
from avseg.runtime.choice import has_bfloat16
from tests.support.small_model import SMALL

ALL = Plan(*(True for _ in fields(Plan)))
SWITCHES = {
    "paper": {},
    "many queries": {"queries": 60},  # W . Q of Eq. (3) is less work first
    "no mixer": {"mixer": "none"},
    "cross mixer": {"mixer": "cross"},
    "gated mixer": {"mixer": "gated"},
    "query generator": {"query_generator_layers": 2, "learnable_queries": False},
    "no encoder": {"encoder_layers": 0},
    "avss": {"task": "avss"},
}
bfloat16 = pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="the CPU has no bfloat16")


def built(**changes: object) -> AVSegFormer:
    """A small model whose BatchNorms have statistics, in eval mode."""
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, **changes))
    with torch.no_grad():
        model(*inputs(8))  # in training mode
    return model.eval()


def inputs(frames: int = 2, size: int = 64, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(frames, 3, size, size, generator=generator)
    return pictures, torch.randn(frames, 1, 96, 64, generator=generator)


@pytest.mark.parametrize("name", SWITCHES)
@torch.inference_mode()
def test_logits_are_those_of_the_model(name: str):
    model = built(**SWITCHES[name])
    plain, fast = model(*inputs()), accelerated(model)(*inputs())
    torch.testing.assert_close(fast.logits, plain.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fast.mixed_feature, plain.mixed_feature, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("backbone", ["resnet18", "pvt_v2_b0", "tf_efficientnet_lite0", "convnext_atto"])
@torch.inference_mode()
def test_any_backbone_keeps_its_features(backbone: str):
    model = built(backbone=backbone, backbone_channels=())
    model.visual_backbone.eval()
    frames, _ = inputs()
    for ours, theirs in zip(accelerated(model).visual_backbone(frames), model.visual_backbone(frames)):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@torch.inference_mode()
def test_batchnorm_is_folded_away():
    twin = accelerated(built())
    assert not [m for m in twin.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@torch.inference_mode()
def test_what_is_recorded_of_the_twin_is_what_is_recorded_of_the_model():
    model = built()
    twin = accelerated(model)
    with record(model) as expected:
        model(*inputs())
    with record(model) as seen:  # hooks on the model's own taps
        watched = twin(*inputs())
    assert set(seen) == set(expected)
    for site, tensors in expected.items():
        for ours, theirs in zip(seen[site], tensors, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3, msg=site)
    torch.testing.assert_close(watched.logits, twin(*inputs()).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    (
        *("mixer-off", "mixer-head=1", "top-channels=3", "decoder-head=1,0", "decoder-cut=1"),
        *("keep-queries=2", "encoder-off", "learnable-off", "audio-off"),
    ),
)
@torch.inference_mode()
def test_interventions_act_on_the_twin(change: str):
    name, _, values = change.partition("=")
    model = built()
    twin = accelerated(model)
    before = twin(*inputs()).logits
    with intervene(model, [Change(name, tuple(values.split(",")) if values else ())]):
        plain, fast = model(*inputs()).logits, twin(*inputs()).logits
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)
    assert not torch.equal(fast, before)
    assert torch.equal(twin(*inputs()).logits, before)


@torch.inference_mode()
def test_several_sounds_share_the_frames():
    model = built()
    twin, (frames, log_mel) = accelerated(model), inputs()
    features = twin.encode_frames(frames)
    both = torch.stack([log_mel, inputs(seed=2)[1]], 1).flatten(0, 1)  # two sounds of every frame in a row
    together = twin(frames, both).logits
    for sound in (0, 1):
        expected = model(frames, both[sound::2]).logits
        torch.testing.assert_close(
            twin.decode(features, both[sound::2]).logits, expected, atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(together[sound::2], expected, atol=1e-4, rtol=1e-4)
    one = features.pick(torch.tensor([1]))
    torch.testing.assert_close(twin.decode(one, log_mel[1:]).logits, model(frames, log_mel).logits[1:])


@bfloat16
@pytest.mark.parametrize("changes", [{}, {"queries": 60, "mixer": "gated"}, {"task": "avss"}])
@torch.inference_mode()
def test_reduced_precision_stays_near(changes: dict):
    model = built(**changes)
    plain, fast = model(*inputs()).logits, accelerated(model, ALL)(*inputs()).logits
    assert fast.dtype == torch.float32
    assert 0 < (fast - plain).std() < 0.05 * plain.std()


@bfloat16
@pytest.mark.parametrize("mixer", ["channel", "cross"])
@torch.inference_mode()
def test_every_part_can_be_reduced_alone(mixer: str):
    model = built(mixer=mixer, queries=60)
    plain = model(*inputs()).logits
    for part in fields(Plan):
        fast = accelerated(model, Plan(**{part.name: True}))(*inputs()).logits
        assert 0 < (fast - plain).std() < 0.05 * plain.std(), part.name
        with record(model, ["mask.product", "decoder.attention"]) as seen:
            accelerated(model, Plan(**{part.name: True}))(*inputs())
        assert set(seen) == {"mask.product", "decoder.attention"}


@bfloat16
@torch.inference_mode()
def test_reduced_parts_keep_where_the_encoder_looks():
    model = built()
    with record(model, ["encoder.points"]) as expected:
        model(*inputs())
    with record(model, ["encoder.points"]) as seen:
        accelerated(model, replace(ALL, backbone=False))(*inputs())
    torch.testing.assert_close(seen["encoder.points"][0], expected["encoder.points"][0], atol=5e-3, rtol=0)


def test_the_model_itself_stays_as_it_is():
    model = built()
    before = {name: (p.data_ptr(), p.dtype, p.requires_grad) for name, p in model.named_parameters()}
    kinds = [type(m) for m in model.modules()]
    accelerated(model, ALL)
    assert before == {name: (p.data_ptr(), p.dtype, p.requires_grad) for name, p in model.named_parameters()}
    assert kinds == [type(m) for m in model.modules()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_intermediate_masks_are_left_to_the_model():
    with pytest.raises(ValueError, match="intermediate"):
        accelerated(built())(*inputs(), intermediate=True)


@torch.inference_mode()
def test_broken_weights_give_broken_logits():
    model = built()
    model.encoder.layers[0].attention.sampling_offsets.bias.fill_(float("nan"))
    model.encoder.layers[0].attention.value.bias.fill_(float("nan"))
    assert accelerated(model)(*inputs()).logits.isnan().any()


@bfloat16
@pytest.mark.parametrize("name", ["tiny-ms3", "small-real"])
@torch.inference_mode()
def test_bundled_models_accelerate(name: str):
    model = load_model(name)
    frames, log_mel = inputs(1, model.config.image_size)
    plain = model(frames, log_mel).logits
    torch.testing.assert_close(accelerated(model)(frames, log_mel).logits, plain, atol=1e-3, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@torch.inference_mode()
def test_the_twin_on_a_gpu():
    model = built()
    plain = model(*inputs()).logits
    model.cuda()
    frames, log_mel = (tensor.cuda() for tensor in inputs())
    exact, fast = accelerated(model), accelerated(model, ALL)
    torch.testing.assert_close(exact(frames, log_mel).logits.cpu(), plain, atol=1e-2, rtol=1e-2)
    assert (fast(frames, log_mel).logits.cpu() - plain).abs().max() < 0.1 * plain.std()
