"""From a config to its model: the only place that chooses the architecture."""

from typing import Any

from avseg.config import ModelConfig
from avseg.models.avsegformer import AVSegFormer
from avseg.models.tpavi import TPAVI

SegmentationModel = AVSegFormer | TPAVI
FrameFeatures = Any
"""`VisualFeatures` of AVSegFormer or `StageFeatures` of TPAVI: only the model that made them reads them."""


def build_model(config: ModelConfig) -> SegmentationModel:
    """Return the model of a config, with random weights."""
    return TPAVI(config) if config.architecture == "tpavi" else AVSegFormer(config)
