"""The smallest TPAVI whose frames attend to each other."""

from dataclasses import replace

import torch

from avseg.checkpoints import Card
from avseg.models.tpavi import TPAVI
from avseg.presets import PRESETS

SMALL = replace(
    PRESETS["tiny-tpavi"].model, backbone_channels=(16, 16, 16, 16), image_size=64, embed_dim=32, heads=2
)


def small_tpavi() -> TPAVI:
    """Return the model with random weights; as built, its blocks would pass the stages unchanged."""
    torch.manual_seed(0)
    model = TPAVI(SMALL).eval()
    for block in model.tpavi:
        torch.nn.init.normal_(block.output[1].weight)
    model.card = Card("small-tpavi", "random")
    return model
