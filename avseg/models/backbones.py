"""Visual pyramids from timm: any network that gives features at strides 4, 8, 16 and 32 (paper Eq. 1)."""

import timm
import torch
from torch import nn

from avseg.config import ModelConfig
from avseg.errors import ConfigError

STRIDES = (4, 8, 16, 32)
HINT = "Try pvt_v2_b5, pvt_v2_b0, resnet50, resnet18 or convnext_tiny."


class VisualBackbone(nn.Module):
    """Eq. (1): frames [B*T, 3, H, W] to F_1..F_4 at strides 4, 8, 16 and 32."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.pyramid = _create(config)
        self.channels = tuple(self.pyramid.feature_info.channels())
        self.taps = nn.ModuleList(nn.Identity() for _ in STRIDES)

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        return [tap(stage) for tap, stage in zip(self.taps, self.pyramid(frames), strict=True)]


def _create(config: ModelConfig) -> nn.Module:
    """Return timm's network as a pyramid with the last four strides, without pretrained weights."""
    options = {"drop_path_rate": config.drop_path} if config.drop_path else {}
    if config.backbone_channels:
        options["channels"] = config.backbone_channels
    try:
        pyramid = timm.create_model(
            config.backbone, features_only=True, out_indices=(-4, -3, -2, -1), **options
        )
        strides = tuple(pyramid.feature_info.reduction())
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"timm cannot build backbone {config.backbone!r} as a pyramid: {error}. {HINT}"
        ) from error
    if strides != STRIDES:
        raise ConfigError(f"Backbone {config.backbone!r} ends with strides {strides}, not {STRIDES}. {HINT}")
    return pyramid
