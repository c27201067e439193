"""What moves in a step and how far: parameter groups, learning rate, frozen backbones."""

import torch

from avseg.config import Config
from avseg.errors import ConfigError
from avseg.models.avsegformer import AVSegFormer


def begin_with(model: AVSegFormer, first: AVSegFormer) -> str:
    """Give a model the weights of another wherever name and shape agree, and say which parts are left.

    `ConfigError` when one of the backbones is another network.
    """
    known, state = first.state_dict(), model.state_dict()
    fitting = {k: v for k, v in known.items() if k in state and state[k].shape == v.shape}
    missing = sorted(set(state) - set(fitting))
    if any(name.startswith(("visual_backbone.", "audio_backbone.")) for name in missing):
        raise ConfigError(
            f"{first.card.name} has another backbone ({first.config.backbone}, "
            f"{first.config.audio_backbone}) than this run ({model.config.backbone}, "
            f"{model.config.audio_backbone}); nothing could be begun with."
        )
    model.load_state_dict(fitting, strict=False)
    new = f"; new: {', '.join(missing)}" if missing else ""
    return f"Begun with {len(fitting)} of {len(state)} tensors of {first.card.name}{new}."


def make_optimizer(model: AVSegFormer, config: Config) -> torch.optim.AdamW:
    """Return AdamW with the backbones in a group of their own."""
    c = config.train
    backbones = [*model.visual_backbone.parameters(), *model.audio_backbone.parameters()]
    known = {id(p) for p in backbones}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": rest}, {"params": backbones, "lr": c.learning_rate * c.backbone_lr_scale}]
    return torch.optim.AdamW(groups, c.learning_rate, weight_decay=c.weight_decay)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: Config, steps: int, done: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the learning rate of every step of `steps`, `done` of which are over.

    One-cycle peaks at a tenth of the run: most of a short run is spent cooling down.
    """
    last = done - 1 if done else -1
    if config.train.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, last_epoch=last)
    backbone = config.train.learning_rate * config.train.backbone_lr_scale
    peaks = [config.train.learning_rate, backbone]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, steps + 1, pct_start=0.1, last_epoch=last)


def set_training(model: AVSegFormer, config: Config, epoch: int) -> None:
    """Put the model in training mode; a frozen part keeps its weights, and as configured its statistics."""
    c = config.train
    model.train()
    still = epoch < c.freeze_backbone_epochs
    frozen = {model.visual_backbone: still, model.audio_backbone: still or not c.train_audio}
    for part, frozen_now in frozen.items():
        part.requires_grad_(not frozen_now)
        if frozen_now and c.freeze_batchnorm:
            part.eval()
    if model.reformer is not None:  # only the intermediate masks need it
        model.reformer.requires_grad_(c.auxiliary == "intermediate")
