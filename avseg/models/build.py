"""From a config to its model: the only place that chooses the architecture."""

from typing import TYPE_CHECKING, Any, TypeAlias

from avseg.config import ModelConfig

if TYPE_CHECKING:
    from avseg.models.avsegformer import AVSegFormer
    from avseg.models.tpavi import TPAVI

SegmentationModel: TypeAlias = "AVSegFormer | TPAVI"
FrameFeatures = Any
"""`VisualFeatures` of AVSegFormer or `StageFeatures` of TPAVI: only the model that made them reads them."""


def build_model(config: ModelConfig) -> SegmentationModel:
    """Return the model of a config, with random weights."""
    from avseg.models.avsegformer import AVSegFormer
    from avseg.models.tpavi import TPAVI

    return TPAVI(config) if config.architecture == "tpavi" else AVSegFormer(config)
