"""The visual backbone: any timm network with features at strides 4, 8, 16 and 32 (paper Eq. 1)."""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from avseg.config import ModelConfig
from avseg.errors import ConfigError

if TYPE_CHECKING:  # what is only imported where a model is built
    from timm.models import FeatureListNet

STRIDES = (4, 8, 16, 32)
HINT = "Try pvt_v2_b5, pvt_v2_b0, resnet50, resnet18 or convnext_tiny."


class VisualBackbone(nn.Module):
    """Eq. (1): frames [B*T, 3, H, W] to F_1..F_4 at strides 4, 8, 16 and 32."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.pyramid = _create(config)
        self.channels: tuple[int, ...] = tuple(self.pyramid.feature_info.channels())
        self.taps = nn.ModuleList(nn.Identity() for _ in STRIDES)

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        return [tap(stage) for tap, stage in zip(self.taps, self.pyramid(frames), strict=True)]


def _create(config: ModelConfig) -> "FeatureListNet":
    """Return timm's network with the features of its last four strides, without pretrained weights."""
    import timm

    options: dict[str, Any] = {"drop_path_rate": config.drop_path} if config.drop_path else {}
    if config.backbone_channels:
        options["channels"] = config.backbone_channels
    try:
        network = timm.create_model(
            config.backbone, features_only=True, out_indices=(-4, -3, -2, -1), **options
        )
        pyramid = cast("FeatureListNet", network)
        strides = tuple(pyramid.feature_info.reduction())
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        raise ConfigError(
            f"timm cannot build the backbone {config.backbone!r} with multi-scale features: {error}. {HINT}"
        ) from error
    if strides != STRIDES:
        raise ConfigError(f"The backbone {config.backbone!r} has strides {strides}, not {STRIDES}. {HINT}")
    return pyramid
