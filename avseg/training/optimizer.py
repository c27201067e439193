"""Optimizer, learning rate schedule, frozen backbones, and initialisation from a checkpoint."""

import torch

from avseg.config import Config
from avseg.errors import ConfigError
from avseg.models.avsegformer import AVSegFormer
from avseg.models.build import SegmentationModel
from avseg.models.pretrained import AUDIO, VISUAL


def initialise_from(model: SegmentationModel, source: SegmentationModel) -> str:
    """Copy the weights of `source` wherever name and shape match; return a message that names the others.

    Raises ConfigError if a backbone is a different network.
    """
    weights, state = source.state_dict(), model.state_dict()
    matching = {k: v for k, v in weights.items() if k in state and state[k].shape == v.shape}
    missing = sorted(set(state) - set(matching))
    if any(name.startswith((VISUAL, AUDIO)) for name in missing):
        raise ConfigError(
            f"{source.card.name} has another backbone ({source.config.backbone}, "
            f"{source.config.audio_backbone}) than this run ({model.config.backbone}, "
            f"{model.config.audio_backbone}), so its weights cannot be used."
        )
    model.load_state_dict(matching, strict=False)
    new = f"; new: {', '.join(missing)}" if missing else ""
    return f"Initialised {len(matching)} of {len(state)} tensors from {source.card.name}{new}."


def make_optimizer(model: SegmentationModel, config: Config) -> torch.optim.AdamW:
    """Return AdamW with the backbones in a parameter group of their own."""
    c = config.train
    backbones = [*model.visual_backbone.parameters(), *model.audio_backbone.parameters()]
    backbone_ids = {id(p) for p in backbones}
    rest = [p for p in model.parameters() if id(p) not in backbone_ids]
    groups = [{"params": rest}, {"params": backbones, "lr": c.learning_rate * c.backbone_lr_scale}]
    return torch.optim.AdamW(groups, c.learning_rate, weight_decay=c.weight_decay)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: Config, steps: int, done: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the learning rate schedule of a run of `steps` steps, of which `done` are done.

    One-cycle peaks at a tenth of the run, so that a short run spends most of its steps annealing.
    """
    last = done - 1 if done else -1
    if config.train.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, last_epoch=last)
    backbone = config.train.learning_rate * config.train.backbone_lr_scale
    peaks = [config.train.learning_rate, backbone]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, steps + 1, pct_start=0.1, last_epoch=last)


def set_training(model: SegmentationModel, config: Config, epoch: int) -> None:
    """Set the model to training mode; frozen parts keep their weights and, if configured, statistics."""
    c = config.train
    model.train()
    frozen_epoch = epoch < c.freeze_backbone_epochs
    frozen = {model.visual_backbone: frozen_epoch, model.audio_backbone: frozen_epoch or not c.train_audio}
    for backbone, is_frozen in frozen.items():
        backbone.requires_grad_(not is_frozen)
        keep = c.keep_visual_statistics and backbone is model.visual_backbone
        if keep or (is_frozen and c.freeze_batchnorm):
            backbone.eval()
    if isinstance(model, AVSegFormer) and model.reformer is not None:  # only the intermediate masks need it
        model.reformer.requires_grad_(c.auxiliary == "intermediate")
