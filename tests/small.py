"""The smallest model that still has every part, and settings that train it in seconds."""

from dataclasses import replace

from avseg.config import PRESETS, Config, ModelConfig, TrainConfig

SMALL: ModelConfig = replace(
    PRESETS["tiny"].model,
    backbone_channels=(32, 32, 32, 32),
    image_size=64,
    embed_dim=32,
    queries=4,
    mlp_dim=16,
    heads=2,
)
QUICK: TrainConfig = replace(
    PRESETS["tiny"].train,
    sound_lessons=0,
    picture_lessons=0,
    freeze_backbone_epochs=1,
    synth_clips=6,
    batch_size=2,
    epochs=2,
    validation_clips=2,
)


def small_config(model: dict | None = None, **train: object) -> Config:
    """Return an experiment of seconds: 6 steps in 2 epochs, changed as said."""
    return Config(replace(SMALL, **(model or {})), replace(QUICK, **train))
