import math
from dataclasses import replace

import pytest
import torch

from avseg.config import ModelConfig
from avseg.models.avsegformer import AVSegFormer
from avseg.presets import PRESETS
from avseg.training.initialisation import initialise_as_released

# One layer of each kind at the released widths, on the smallest backbones.
WIDE: ModelConfig = replace(
    PRESETS["s4-r50-aug2023"].model,
    backbone="resnet10t",
    audio_backbone="vggish-small",
    encoder_layers=1,
    decoder_layers=1,
    query_generator_layers=1,
    reformer="query",
)


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    torch.manual_seed(0)
    model = AVSegFormer(WIDE)
    initialise_as_released(model)
    return model


def xavier(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2 / (fan_in + fan_out))


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("audio_queries.learnable.weight", 0.060),  # measured from the released code
        ("audio_queries.seeds.weight", xavier(256, 300)),
        ("decoder.0.feedforward.3.weight", 0.0295),  # measured from the released code
        ("mask_generation.mlp.2.weight", 0.0221),  # measured from the released code
        ("decoder.0.cross_attention.query.weight", xavier(256, 768)),
        ("audio_queries.generator.0.self_attention.value.weight", xavier(256, 768)),
        ("decoder.0.cross_attention.output.weight", xavier(256, 256)),
        ("mixer.query.weight", xavier(256, 256)),
        ("mixer.key.weight", xavier(256, 512)),
        ("mask_feature.smooth.0.weight", xavier(9 * 256, 9 * 256)),
        ("encoder.layers.0.attention.value.weight", xavier(256, 256)),
        ("encoder.level_embedding", 1.0),
    ],
)
def test_weights_spread_as_released(model: AVSegFormer, name: str, std: float):
    assert model.get_parameter(name).std().item() == pytest.approx(std, rel=0.05)


def test_biases_of_attention_are_zero_and_the_sampling_points_lie_on_rays(model: AVSegFormer):
    attention = model.decoder[0].self_attention
    assert not any(layer.bias.any() for layer in (attention.query, attention.key, attention.output))
    sampling = model.encoder.layers[0].attention.sampling_offsets
    assert not sampling.weight.any() and sampling.bias.abs().max() == WIDE.points


def test_backbones_and_the_audio_projection_stay(model: AVSegFormer):
    torch.manual_seed(0)
    untouched = AVSegFormer(WIDE).state_dict()
    for name, value in model.state_dict().items():
        if name.startswith(("visual_backbone.", "audio_")) and "queries" not in name:
            assert torch.equal(value, untouched[name]), name


def test_presets_of_the_paper_and_of_the_releases_initialise_so():
    for name, preset in PRESETS.items():
        released = name.endswith(("paper", "apr2023", "aug2023"))
        assert (preset.train.initialisation == "released") == released, name
