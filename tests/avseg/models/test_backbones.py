from dataclasses import replace

import pytest
import torch

from avseg.config import ModelConfig
from avseg.data.transforms import normalise
from avseg.errors import ConfigError
from avseg.models.avsegformer import AVSegFormer
from avseg.models.backbones import VisualBackbone
from avseg.presets import PRESETS


def config(backbone: str, **values: object) -> ModelConfig:
    """The tiny model, made tinier, around another pyramid."""
    small = {"embed_dim": 32, "encoder_layers": 1, "decoder_layers": 1, "feedforward_dim": 32, "queries": 4}
    return replace(
        PRESETS["tiny"].model, **{"backbone_channels": ()} | small | {"backbone": backbone} | values
    )


@pytest.mark.parametrize(
    ("backbone", "channels"),
    [
        ("pvt_v2_b0", (32, 64, 160, 256)),
        ("resnet18", (64, 128, 256, 512)),
        ("mobilenetv3_small_050", (8, 16, 24, 288)),
        ("convnext_atto", (40, 80, 160, 320)),
    ],
)
@pytest.mark.parametrize("drop_path", [0.0, 0.1])
def test_a_pyramid_has_strides_4_to_32(backbone: str, channels: tuple[int, ...], drop_path: float):
    pyramid = VisualBackbone(config(backbone, drop_path=drop_path)).eval()
    assert pyramid.channels == channels
    stages = pyramid(torch.randn(1, 3, 64, 96))
    shapes = [(1, c, 64 // s, 96 // s) for c, s in zip(channels, (4, 8, 16, 32), strict=True)]
    assert [tuple(stage.shape) for stage in stages] == shapes


@pytest.mark.parametrize("backbone", ["pvt_v2_b0", "resnet18"])
def test_other_pyramids_make_whole_models(backbone: str):
    model = AVSegFormer(config(backbone))
    output = model(torch.randn(2, 3, 64, 64), torch.randn(2, 1, 96, 64), intermediate=True)
    (output.logits.sum() + sum(mask.sum() for mask in output.intermediate)).backward()
    assert output.logits.shape == (2, 1, 64, 64)
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_widths_of_a_resnet_can_be_chosen():
    assert VisualBackbone(config("resnet10t", backbone_channels=(8, 16, 24, 32))).channels == (8, 16, 24, 32)


def test_drop_path_reaches_the_network():
    names = [type(m).__name__ for m in VisualBackbone(config("pvt_v2_b0", drop_path=0.3)).modules()]
    assert "DropPath" in names
    names = [type(m).__name__ for m in VisualBackbone(config("pvt_v2_b0", drop_path=0.0)).modules()]
    assert "DropPath" not in names


@pytest.mark.parametrize("backbone", ["no_such_network", "", "vit_tiny_patch16_224"])
def test_a_network_that_is_no_pyramid_is_refused_with_a_hint(backbone: str):
    with pytest.raises(ConfigError, match=r"resnet(18|50)") as error:
        VisualBackbone(config(backbone))
    assert repr(backbone) in str(error.value)


def test_widths_for_a_network_that_has_none_to_choose_are_refused():
    with pytest.raises(ConfigError, match="channels"):
        VisualBackbone(config("pvt_v2_b0", backbone_channels=(8, 16, 24, 32)))


def test_normalised_frames_have_the_mean_and_spread_of_imagenet():
    frames = torch.tensor([[[[124, 116, 104]]]], dtype=torch.uint8).expand(2, 8, 8, 3)
    made = normalise(frames, 8)
    assert made.shape == (2, 3, 8, 8) and made.abs().max() < 0.02
    white = normalise(torch.full((1, 4, 4, 3), 255, dtype=torch.uint8), 4)[0, :, 0, 0]
    assert white.tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_frames_of_any_size_become_squares():
    frames = torch.randint(0, 256, (2, 30, 50, 3), dtype=torch.uint8)
    assert normalise(frames, 32).shape == (2, 3, 32, 32)
    frames[:, :, 25:] = 0  # the whole frame is squashed: its right half stays the right half
    black = normalise(torch.zeros(2, 4, 4, 3), 32)
    torch.testing.assert_close(normalise(frames, 32)[..., 18:], black[..., 18:])
    assert (normalise(frames, 32)[..., :14] > black[..., :14]).all()
