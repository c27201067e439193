"""A model to try predictions with: it masks what is bright while it hears something."""

from types import SimpleNamespace

import torch
from torch import nn


class BrightAndLoud(nn.Module):
    """Called as AVSegFormer is. Binary: what is brighter than grey; avss: class 2 left, class 17 right."""

    def __init__(self, task: str = "ms3", image_size: int = 64, stride: int = 1):
        super().__init__()
        self.config = SimpleNamespace(task=task, image_size=image_size, classes=71 if task == "avss" else 1)
        self.card = SimpleNamespace(name="stand-in", weights="random", note="")
        self.stride = stride
        self.batches: list[int] = []

    def forward(self, frames: torch.Tensor, log_mel: torch.Tensor, temporal_flags=None) -> SimpleNamespace:
        assert log_mel.shape == (len(frames), 1, 96, 64) and temporal_flags is None
        assert frames.shape[1:] == (3, self.config.image_size, self.config.image_size)
        self.batches.append(len(frames))
        bright = frames[:, :, :: self.stride, :: self.stride].mean(dim=1, keepdim=True).clamp(-1, 1)
        loud = log_mel.amax(dim=(1, 2, 3)) > -4
        masked = torch.where(loud[:, None, None, None], 8 * bright, -8.0)
        if self.config.classes == 1:
            return SimpleNamespace(logits=masked)
        logits = torch.full((len(frames), 71, *masked.shape[-2:]), -20.0)
        logits[:, 0] = -masked[:, 0]
        middle = masked.shape[-1] // 2
        logits[:, 2, :, :middle], logits[:, 17, :, middle:] = (
            masked[:, 0, :, :middle],
            masked[:, 0, :, middle:],
        )
        return SimpleNamespace(logits=logits)
