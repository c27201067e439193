"""From a model to the twin that computes its masks faster."""

from dataclasses import dataclass, fields

import torch
from torch import nn

from avseg.models.avsegformer import AVSegFormer
from avseg.runtime.blocks import FAST, FastAVSegFormer
from avseg.runtime.twin import converted, fold_batchnorm, recast, twin

EXAMPLE = 64  # px of the frame that shows which layers follow each other


@dataclass(frozen=True)
class Plan:
    """Which parts of a model compute in bfloat16; everything else stays float32."""

    backbone: bool = False
    audio: bool = False
    encoder: bool = False  # projections, encoder and mask feature
    decoder: bool = False  # queries and decoder
    head: bool = False  # MLP and mask layers of Eq. (3)

    @property
    def reduced(self) -> tuple[str, ...]:
        """The names of the parts in bfloat16."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))


EXACT = Plan()
PART = {  # of every member of AVSegFormer that may compute in bfloat16
    "visual_backbone": "backbone",
    "audio_backbone": "audio",
    "visual_projection": "encoder",
    "encoder": "encoder",
    "mask_feature": "encoder",
    "audio_queries": "decoder",
    "decoder": "decoder",
    "mask_generation": "head",
}
# Offsets of a few cells decide where the encoder looks: bfloat16 would move them by hundredths of a cell.
KEPT = ("sampling_offsets", "attention_weights")


@torch.inference_mode(False)
def accelerated(model: AVSegFormer, plan: Plan = EXACT) -> FastAVSegFormer:
    """Return a twin of a model in eval mode that gives the same masks faster, without gradients.

    It shares parameters and hooks with the model (`avseg.runtime.twin`). Float32 logits differ by rounding
    alone, less than 1e-3. Weights that change afterwards need a new twin.
    """

    device = next(model.parameters()).device

    def convert(name: str, module: nn.Module) -> nn.Module:
        part = PART.get(name.split(".")[0])
        reduced = device.type == "cpu" and part in plan.reduced and not name.endswith(KEPT)
        if (kind := FAST.get(type(module))) is not None:
            return recast(module, kind)
        return converted(module, reduced)

    with torch.no_grad():
        fast = twin(model, convert)
    assert isinstance(fast, FastAVSegFormer)
    fast.reduced = bool(plan.reduced)
    fast.autocast = fast.reduced and device.type != "cpu"
    fold_batchnorm(fast.visual_backbone, torch.zeros(1, 3, EXAMPLE, EXAMPLE, device=device))
    fold_batchnorm(fast.audio_backbone, torch.zeros(1, 1, 96, 64, device=device))
    return fast
