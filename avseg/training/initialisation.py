"""How the released code of AVSegFormer initialises its head; PyTorch's defaults are the alternative."""

import math

import torch
from torch import nn

from avseg.models.attention import Attention
from avseg.models.avsegformer import AVSegFormer, ChannelMixer
from avseg.models.deformable import DeformableAttention

OUTSIDE_THE_HEAD = ("visual_backbone.", "audio_backbone.", "audio_projection.")


@torch.no_grad()
def initialise_as_released(model: AVSegFormer) -> None:
    """Draw the head's weights as the released code does.

    Xavier on every tensor with more than one dimension, query embeddings included, where query, key and value
    of an attention are one matrix; the deformable attention as in Zhu et al. 2021; level embeddings N(0, 1);
    biases of attention 0. Other biases, the backbones and the audio projection keep PyTorch's defaults.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and not name.startswith(OUTSIDE_THE_HEAD):
            nn.init.xavier_uniform_(parameter)
    for module in model.modules():
        if isinstance(module, Attention):
            _xavier_together(module.query, module.key, module.value)
            for layer in (module.query, module.key, module.value, module.output):
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        elif isinstance(module, ChannelMixer):
            _xavier_together(module.key, module.value)
        elif isinstance(module, DeformableAttention):
            module.initialise()
    nn.init.normal_(model.encoder.level_embedding)


def _xavier_together(*layers: nn.Linear) -> None:
    """Draw the weights of layers with the same input as the rows of one matrix."""
    rows, columns = sum(layer.out_features for layer in layers), layers[0].in_features
    bound = math.sqrt(6 / (rows + columns))
    for layer in layers:
        nn.init.uniform_(layer.weight, -bound, bound)
