"""Small models under the names of released files, so that fetching and converting takes a moment."""

from dataclasses import replace
from pathlib import Path

import torch

from avseg.config import Config, ModelConfig
from avseg.models.avsegformer import AVSegFormer
from avseg.models.released import UNUSED, UNUSED_BRANCHES, rename
from avseg.models.zoo import ReleasedFile
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


def narrow(config: ModelConfig) -> ModelConfig:
    """Return a released architecture with all its layers and few channels; of PVTv2, with fewer blocks."""
    resnet = config.backbone == "resnet50"
    return replace(
        config,
        backbone="resnet50" if resnet else "pvt_v2_b0",
        backbone_channels=(16, 16, 16, 16) if resnet else (),
        audio_backbone="vggish-small",
        image_size=64,
        embed_dim=32,
        heads=2,
        feedforward_dim=32,
        queries=4,
        mlp_dim=16,
        head_channels=(8, 8),
    )


def reference_of(row: ReleasedFile) -> str:
    """Return the list of released names that fits a released file; those of S4, MS3 and AVSS are the same."""
    return f"{row.edition}_{row.backbone}_s4"


def released_state(model: AVSegFormer, reference: str = "aug2023_r50_s4") -> dict[str, torch.Tensor]:
    """Return a model's parameters under the released names, with the parameters that it does not use."""
    ours = model.state_dict()
    unused = UNUSED[reference.split("_")[0]]
    theirs = {}
    for name in released_shapes(reference):
        parts = rename(name) or ()
        if unused.match(name) or UNUSED_BRANCHES.match(name):
            theirs[name] = torch.zeros(1)
        elif parts and all(part in ours for part in parts):
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
