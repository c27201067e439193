"""Named experiments: Table 3 of the paper for every task, backbone and edition, and the small models."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from avseg.config import ONLY_AVSEGFORMER, Config, Edition, ModelConfig, Task, TrainConfig, from_dict
from avseg.errors import ConfigError
from avseg.files import read_json

PRETRAINED = {"resnet50": "resnet50.tv_in1k", "pvt_v2_b5": "pvt_v2_b5.in1k"}


def _preset(task: Task, backbone: str, edition: Edition) -> Config:
    """Return the settings of Table 3 with the changes of the edition."""
    released = edition != "paper"
    second = edition == "aug2023"
    model = ModelConfig(
        task=task,
        backbone=backbone,
        image_size=512 if second and task != "avss" else 224,
        query_generator_layers=6 if second else 0,
        mixer="gated" if released else "channel",
        reformer="none" if second else "query",
        # The released code has drop path in PVTv2 only; the paper names 0.1 for both.
        drop_path=0.0 if released and backbone == "resnet50" else 0.1,
    )
    train = TrainConfig(
        loss="cross_entropy" if released and task == "avss" else "dice",
        auxiliary="mixing" if second else "intermediate",
        batch_size=2 if second and task != "avss" else 4,
        epochs={"s4": 30, "ms3": 60, "avss": 30}[task],
        freeze_backbone_epochs={"s4": 5, "ms3": 10, "avss": 0}[task],
        initialisation="released",
        best_by="benchmark" if released else "miou",
        backbone_weights=PRETRAINED[backbone],
        audio_weights="vggish",
        validate_every=2 if released and task == "avss" else 1,
        validate_from=10 if released and task == "avss" else 0,
    )
    return Config(model, train)


def _avsbench(task: Task, backbone: str) -> Config:
    """Return AVSBench's baseline, TPAVI, with the settings of its training scripts.

    Its Adam without weight decay is AdamW with weight decay 0. For S4 and MS3 it sums the matching over the
    frames of a step, 20, with weight 0.5; here it is their mean.
    """
    model = ModelConfig(
        task=task,
        backbone=backbone,
        architecture="tpavi",
        drop_path=0.1 if backbone == "pvt_v2_b5" else 0.0,
        **ONLY_AVSEGFORMER,
    )
    train = TrainConfig(
        loss="cross_entropy",
        auxiliary="none" if task == "s4" else "matching",
        auxiliary_weight={"s4": 0.0, "ms3": 10.0, "avss": 0.5}[task],
        batch_size=4,
        epochs={"s4": 15, "ms3": 30, "avss": 60}[task],
        learning_rate=1e-4,
        weight_decay=0.0,
        backbone_weights=PRETRAINED[backbone],
        audio_weights="vggish",
        best_by="benchmark",
        validate_every=2 if task == "avss" else 1,
        validate_from=15 if task == "avss" else 0,
    )
    return Config(model, train)


def _tiny_tpavi() -> Config:
    """Return TPAVI at the size of `tiny`, trained for minutes; for a comparison, give both the same steps."""
    tiny = _tiny()
    model = replace(
        tiny.model,
        architecture="tpavi",
        head_channels=(16, 16),
        **ONLY_AVSEGFORMER,
    )
    train = replace(
        tiny.train,
        loss="cross_entropy",
        auxiliary="matching",
        auxiliary_weight=0.5,
        bce_weight=0.0,
        frames_per_clip=0,  # its frames attend to each other
        batch_size=6,
        epochs=3,
        freeze_backbone_epochs=0,
        synth_clips=600,
        audio_pretrain_steps=300,
        visual_pretrain_steps=200,
    )
    return Config(model, train)


def _tiny() -> Config:
    """Return the settings of the bundled models: minutes of training from random weights on two CPU cores."""
    model = ModelConfig(
        task="ms3",
        backbone="resnet10t",
        backbone_channels=(48, 96, 160, 256),
        audio_backbone="vggish-small",
        image_size=128,
        embed_dim=64,
        encoder_layers=1,
        decoder_layers=3,
        heads=4,
        feedforward_dim=256,
        queries=16,
        mlp_dim=128,
        head_channels=(8, 8),
        dropout=0.0,
        drop_path=0.0,
    )
    train = TrainConfig(
        bce_weight=1.0,
        batch_size=12,
        epochs=12,
        learning_rate=1e-3,
        weight_decay=0.05,
        schedule="one-cycle",
        freeze_backbone_epochs=2,
        backbone_lr_scale=0.3,
        synth_clips=2400,
        frames_per_clip=2,
        resample_sounds_every_second=True,
        audio_pretrain_steps=1200,
        visual_pretrain_steps=800,
        jitter=0.2,
        clip_gradient=1.0,
        train_audio=True,
        seed=7,
    )
    return Config(model, train)


def _tiny_224() -> Config:
    """Return the second stage of the bundled model's training: from `tiny`'s weights, at the paper's size.

    The mask feature has a quarter of the frame's height: at 128 px it misses thin objects.
    """
    tiny = _tiny()
    model = replace(tiny.model, image_size=224, head_channels=(16, 16))
    train = replace(
        tiny.train,
        mixed_precision="bf16",
        epochs=7,
        learning_rate=8e-4,
        backbone_lr_scale=0.5,
        freeze_backbone_epochs=0,
        audio_pretrain_steps=0,
        visual_pretrain_steps=0,
        seed=11,
    )
    return Config(model, train)


def _tiny_256() -> Config:
    """Return the last stage of the bundled model's training: from the weights of `tiny-224`, for finer edges.

    At 224 px, most errors lie along the outlines of thin objects.
    """
    tiny = _tiny_224()
    model = replace(tiny.model, image_size=256, head_channels=(32, 16))
    return Config(model, replace(tiny.train, epochs=5, learning_rate=6e-4, seed=13))


def _tiny_avss() -> Config:
    """Return `tiny` for 71 classes, from the weights of `tiny-224`: wider mask layers, 160 px.

    It has no intermediate masks, which would triple the cost of 71 channels.
    """
    tiny = _tiny_224()
    model = replace(tiny.model, task="avss", image_size=160, reformer="none", head_channels=(24, 24))
    # Clips last 10 s: with four frames each, mixing their sound is not done for two frames only.
    train = replace(
        tiny.train,
        auxiliary="mixing",
        batch_size=6,
        epochs=2,
        frames_per_clip=4,
        synth_clips=1500,
    )
    return Config(model, train)


def _frozen_backbones(**changes: Any) -> Config:
    """Return `tiny` on top of pretrained backbones that stay as they are, with changes of its training."""
    tiny = _tiny()
    train = replace(
        tiny.train,
        audio_pretrain_steps=0,
        visual_pretrain_steps=0,
        train_audio=False,
        batch_size=8,
        validation_clips=8,
        jitter=0.0,
        **changes,
    )
    return Config(tiny.model, train)


def _classroom() -> Config:
    """Return a lesson's training, to be started from `tiny-ms3` (START_FROM): minutes on two CPU cores.

    The mask head has other widths than that of `tiny-ms3`, so that it is learned from nothing; the backbones
    stay as they are, and the rest follows at a low resolution.
    """
    return _frozen_backbones(epochs=12, freeze_backbone_epochs=12, synth_clips=48, seed=5)


def _ablation() -> Config:
    """Return the default row of the bundled ablation study: `tiny` on top of backbones that stay as they are.

    The backbones were pretrained to name the sounds and to find the objects of SynthAVS, and never trained
    with any row, so that none has an advantage.
    """
    return _frozen_backbones(
        backbone_weights="tiny",
        audio_weights="tiny",
        mixed_precision="bf16",
        epochs=1,
        freeze_backbone_epochs=1,
        synth_clips=2400,
    )


def _small_real() -> Config:
    """Return the settings for compositions of photographs and recordings: a model of 16 MB for filmed video.

    EfficientNet-Lite0 is to be given ImageNet weights by `train.backbone_weights`; the audio network is
    pretrained on the recordings.
    """
    model = ModelConfig(
        task="ms3",
        backbone="tf_efficientnet_lite0",
        audio_backbone="vggish-medium",
        image_size=224,
        embed_dim=96,
        encoder_layers=2,
        decoder_layers=3,
        heads=6,
        feedforward_dim=384,
        queries=24,
        mlp_dim=192,
        head_channels=(48, 24),
        reformer="none",
        dropout=0.0,
        drop_path=0.0,
    )
    train = TrainConfig(
        auxiliary="none",
        bce_weight=2.0,
        batch_size=8,
        mixed_precision="bf16",
        epochs=10,
        learning_rate=1e-3,
        weight_decay=0.05,
        schedule="one-cycle",
        backbone_lr_scale=0.15,
        keep_visual_statistics=True,
        synth_clips=1200,
        frames_per_clip=1,
        sounds_per_frame=3,
        resample_sounds_every_second=True,
        audio_pretrain_steps=2500,
        jitter=0.2,
        clip_gradient=1.0,
        train_audio=True,
        validate_every=2,
        validation_clips=60,
        seed=19,
    )
    return Config(model, train)


PRESETS: dict[str, Config] = (
    {
        f"{task}-{short}-{edition}": _preset(task, backbone, edition)
        for task in ("s4", "ms3", "avss")
        for short, backbone in (("r50", "resnet50"), ("pvt", "pvt_v2_b5"))
        for edition in ("paper", "apr2023", "aug2023")
    }
    | {
        f"{task}-{short}-avsbench": _avsbench(task, backbone)
        for task in ("s4", "ms3", "avss")
        for short, backbone in (("r50", "resnet50"), ("pvt", "pvt_v2_b5"))
    }
    | {"classroom": _classroom(), "tiny-tpavi": _tiny_tpavi()}
    | {"tiny": _tiny(), "tiny-224": _tiny_224(), "tiny-256": _tiny_256(), "tiny-avss": _tiny_avss()}
    | {"ablation": _ablation(), "small-real": _small_real()}
)


# Bundled models whose weights a preset is meant to start from, as --start-from does.
START_FROM = {"classroom": "tiny-ms3"}


def check_first(preset: str, config: Config, command: str, out: Path) -> None:
    """Raise ConfigError unless `config`, to which a command's flags default, is that of the preset.

    It is another one where the preset does not come first among the arguments.
    """
    if load_config(preset) != config:
        raise ConfigError(f"Put the preset first: python -m avseg {command} {preset} --out {out} ...")


def load_config(name_or_path: str | Path) -> Config:
    """Return a preset by name, or the config in a JSON file; `ConfigError` lists the presets."""
    if str(name_or_path) in PRESETS:
        return PRESETS[str(name_or_path)]
    path = Path(name_or_path).expanduser()
    if not os.path.isfile(path):
        raise ConfigError(f"{name_or_path} is neither a preset nor a file. Presets: {', '.join(PRESETS)}.")
    try:
        return from_dict(Config, read_json(path))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON text: {error}") from error
