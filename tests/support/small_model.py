"""The smallest model that still has every part, and settings that train it in seconds."""

from dataclasses import replace

import torch

from avseg.checkpoints import Card
from avseg.config import Config, ModelConfig, TrainConfig
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from avseg.presets import PRESETS

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
    audio_pretrain_steps=0,
    visual_pretrain_steps=0,
    freeze_backbone_epochs=1,
    synth_clips=6,
    batch_size=2,
    epochs=2,
    validation_clips=2,
)


def small_config(model: dict | None = None, **train: object) -> Config:
    """Return an experiment of seconds: 6 steps in 2 epochs, changed as said."""
    return Config(replace(SMALL, **(model or {})), replace(QUICK, **train))


def small_predictor(**changes: object) -> Predictor:
    """Return the smallest model with random weights, always the same ones; changes: fields of its config."""
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, **changes))
    model.card = Card("small", "random", "")
    return Predictor(model, "cpu")
