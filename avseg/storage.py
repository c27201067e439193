"""What it changes in the masks to store a model's weights in 16 bits, measured on a bundled clip."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from avseg.config import ModelConfig
from avseg.data.transforms import normalise
from avseg.errors import AvsegError
from avseg.files import ASSETS
from avseg.media.audio import patches_for
from avseg.media.clip import Clip, read_clip
from avseg.models.build import build_model
from avseg.models.masks import label_maps

CLIP, FRAMES = "sheep-and-dog.mp4", 2  # composed of photographs, which released models are made for


@dataclass(frozen=True)
class StorageDifference:
    """The masks of rounded weights, compared with those of the weights in float32."""

    storage: str  # bfloat16 or float16
    iou: float | None  # of the two, over all frames; None where neither has a mask
    differing: float  # share of the pixels

    @property
    def sentence(self) -> str:
        """The difference in words."""
        agree = "neither has a mask" if self.iou is None else f"their IoU is {self.iou:.2%}"
        return (
            f"{self.storage}, half the file. On {FRAMES} frames of {CLIP}, compared with the masks of "
            f"float32: {agree}, and {self.differing:.2%} of the pixels differ."
        )


def measure_storage(
    config: ModelConfig, weights: Mapping[str, torch.Tensor], dtype: torch.dtype
) -> StorageDifference | None:
    """Run a model with its weights and with the same in `dtype`, computing in float32 both times.

    None where one of them cannot run. Takes as much memory as the weights in float32.
    """
    try:
        clip = read_clip(ASSETS / "clips" / CLIP, seconds=FRAMES)
        exact = _labels(config, weights, clip)
        rounded = {k: v.to(dtype).to(v.dtype) if v.is_floating_point() else v for k, v in weights.items()}
        other = _labels(config, rounded, clip)
    except AvsegError:  # the conversion does not depend on it
        return None
    either = np.count_nonzero((exact > 0) | (other > 0))
    common = np.count_nonzero((exact == other) & (exact > 0))
    name = str(dtype).removeprefix("torch.")
    return StorageDifference(name, common / either if either else None, float(np.mean(exact != other)))


def _labels(config: ModelConfig, weights: Mapping[str, torch.Tensor], clip: Clip) -> np.ndarray:
    """Return the classes uint8 [T, s, s] that a model with these weights predicts."""
    with torch.device("meta"):
        model = build_model(config)
    model.load_state_dict(weights, strict=True, assign=True)
    frames = normalise(torch.from_numpy(clip.frames), config.image_size)
    patches = patches_for(clip.waveform, clip.times, clip.fps)
    with torch.inference_mode():
        return label_maps(model.eval()(frames, patches).logits).numpy()
