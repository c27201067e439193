"""A small model under the names of a released file, so that fetching and converting takes a moment."""

from dataclasses import replace
from pathlib import Path

import torch

from avseg.config import Config, ModelConfig
from avseg.models.avsegformer import AVSegFormer
from avseg.models.released import rename
from avseg.presets import PRESETS
from tests.support.reference_fill import released_shapes

NAME = "s4-r50-aug2023"
SMALL_RELEASED: ModelConfig = replace(
    PRESETS[NAME].model,
    backbone_channels=(16, 16, 16, 16),
    audio_backbone="vggish-small",
    image_size=64,
    embed_dim=32,
    encoder_layers=1,
    decoder_layers=1,
    query_generator_layers=1,
    heads=2,
    feedforward_dim=32,
    queries=4,
    mlp_dim=16,
    head_channels=(8, 8),
)
SMALL_PRESET = Config(SMALL_RELEASED, PRESETS[NAME].train)


def released_state(model: AVSegFormer) -> dict[str, torch.Tensor]:
    """Return a model's parameters under the released names."""
    ours = model.state_dict()
    theirs = {}
    for name in released_shapes("aug2023_r50_s4"):
        parts = rename(name) or ()
        if parts and all(part in ours for part in parts):
            joined = [ours[part] for part in parts]
            theirs[name] = torch.cat(joined) if len(joined) > 1 else joined[0]
    audio = "audio_backbone."
    theirs |= {f"vggish.{k.removeprefix(audio)}": v for k, v in ours.items() if k.startswith(audio)}
    return theirs


def small_released_file(path: Path, seed: int = 0) -> AVSegFormer:
    """Write the .pth file of a small model with random weights, and return the model."""
    torch.manual_seed(seed)
    model = AVSegFormer(SMALL_RELEASED).eval()
    torch.save(released_state(model), path)
    return model


def use_small_release(address: str, size: int) -> None:
    """Make this process take the small model, a file of `size` bytes at a stand-in for Drive, for NAME."""
    from avseg import downloads, drive
    from avseg.models import zoo

    drive.DOWNLOAD = address
    downloads.PAUSE = 0.0
    zoo.MEGABYTES["r50-aug2023"] = round(size / 1e6)
    PRESETS[NAME] = SMALL_PRESET
