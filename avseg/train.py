"""The training loop: clips in, a run folder with its config, its events and its latest model out."""

import json
import math
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from avseg.audio import LOG_OFFSET
from avseg.checkpoints import Card, load_model, save_model
from avseg.config import Config
from avseg.data.batches import Batch, SynthClips, collate
from avseg.data.synth.dataset import SynthAVS
from avseg.errors import ConfigError
from avseg.lessons import lessons
from avseg.losses import training_loss
from avseg.metrics import frame_iou
from avseg.models.avsegformer import AVSegFormer

VALIDATION_CLIPS = 40


@dataclass(frozen=True)
class Validation:
    """Quick numbers during training; the report of a finished model comes from `avseg.evaluate`."""

    miou: float  # mean IoU over frames that have ground truth, probability 0.5
    silence: float  # share of pixels marked when the same frames are heard with digital silence


def train(
    config: Config,
    out: Path,
    device: str = "cpu",
    workers: int = 1,
    command: str = "",
    start_from: Path | None = None,
) -> Path:
    """Train on SynthAVS, drawn on the fly, and return the path of the final model file.

    Writes out/config.json, out/events.jsonl and, after every epoch, out/last.safetensors. start_from: a model
    whose weights this run begins with; it has had its first lessons. `ConfigError` when the folder already
    holds a run or that model is another one.
    """
    out = Path(out)
    if (out / "config.json").exists():
        raise ConfigError(f"{out} already holds a run; choose another folder for this one.")
    torch.manual_seed(config.train.seed)
    first = _first_weights(config, start_from)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.to_json())
    model = first.to(device, memory_format=torch.channels_last)
    optimizer, schedule = _optimizer(model, config)
    note = f"Trained for {config.train.epochs} epochs of {config.train.synth_clips} SynthAVS clips. {command}"
    with (out / "events.jsonl").open("a", buffering=1) as events:
        for words, values in lessons(model, config, workers) if start_from is None else ():
            _write(events, kind=words, **values)
        validation = list(_loader(config, "val", VALIDATION_CLIPS))
        # One loader for all epochs: its workers draw the sprites once, and no scene comes twice.
        clips = iter(_loader(config, "train", config.train.epochs * config.train.synth_clips, workers))
        for epoch in range(config.train.epochs):
            set_training(model, config, epoch)
            words = f"epoch {epoch + 1}/{config.train.epochs}"
            for batch in tqdm(islice(clips, _steps(config)), words, _steps(config), unit="step", leave=False):
                values = _step(model, optimizer, schedule, batch, config)
                _write(events, kind="step", epoch=epoch, step=schedule.last_epoch, **values)
            result = validate(model, validation)
            _write(events, kind="validation", epoch=epoch, miou=result.miou, silence=result.silence)
            save_model(out / "last.safetensors", model, Card(out.name, "trained", note.strip()))
    return out / "last.safetensors"


def _first_weights(config: Config, start_from: Path | None) -> AVSegFormer:
    if start_from is None:
        return AVSegFormer(config.model)
    model = load_model(start_from)
    if model.config != config.model:
        raise ConfigError(f"{start_from} holds another model than the config describes; change one of them.")
    return model


def _steps(config: Config) -> int:
    """Return the steps of one epoch; an incomplete last batch is left out."""
    return max(1, config.train.synth_clips // config.train.batch_size)


def _loader(config: Config, split: str, count: int, workers: int = 0) -> DataLoader:
    c, training = config.model, split == "train"
    size, restless = (c.image_size, c.image_size), training and config.train.restless
    scenes = SynthAVS(c.task, split, config.train.seed, count, size, restless=restless)
    clips = SynthClips(scenes, config.train.jitter if training else 0.0, training and c.task == "s4")
    return DataLoader(clips, config.train.batch_size, num_workers=workers, collate_fn=collate)


def _step(
    model: AVSegFormer,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batch: Batch,
    config: Config,
) -> dict[str, float]:
    """Move the model by one batch and return what the event log keeps of it."""
    start = time.perf_counter()
    batch = batch.to(next(model.parameters()).device)
    frames = batch.frames.contiguous(memory_format=torch.channels_last)
    output = model(frames, batch.log_mel, intermediate=config.train.auxiliary == "intermediate")
    loss = training_loss(output, batch.classes, batch.labelled, config.train)
    if not math.isfinite(loss.total.item()):
        raise ConfigError("The loss is not a number any more: lower learning_rate and start again.")
    optimizer.zero_grad(set_to_none=True)
    loss.total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.train.clip_gradient or math.inf)
    optimizer.step()
    rate = schedule.get_last_lr()[0]
    schedule.step()
    parts = {"loss": loss.total, "mask": loss.mask, "auxiliary": loss.auxiliary, "bce": loss.bce}
    values = {name: part.item() for name, part in parts.items()}
    return values | {"learning_rate": rate, "seconds": time.perf_counter() - start}


def set_training(model: AVSegFormer, config: Config, epoch: int) -> None:
    """Put the model in training mode; a frozen part keeps its weights and its batch statistics."""
    model.train()
    frozen = {
        model.visual_backbone: epoch < config.train.freeze_backbone_epochs,
        model.audio_backbone: not config.train.train_audio,
    }
    for part, still in frozen.items():
        part.requires_grad_(not still)
        part.train(not still)


@torch.inference_mode()
def validate(model: AVSegFormer, batches: list[Batch]) -> Validation:
    """Return the quick numbers of a model on a list of batches."""
    model.eval()
    device = next(model.parameters()).device
    ious, false_shares = [], []
    for batch in (b.to(device) for b in batches):
        truth = batch.classes > 0
        ious.append(frame_iou(foreground(model, batch), truth)[truth.flatten(1).any(1)])
        silent = Batch(
            batch.frames, torch.full_like(batch.log_mel, math.log(LOG_OFFSET)), batch.classes, batch.labelled
        )
        false_shares.append(foreground(model, silent).float().mean((1, 2)))
    return Validation(torch.cat(ious).mean().item(), torch.cat(false_shares).mean().item())


def foreground(model: AVSegFormer, batch: Batch) -> torch.Tensor:
    """Return the boolean foreground mask [B*T, H, W] of a batch: probability over 0.5, or any class but 0."""
    logits = model(batch.frames, batch.log_mel).logits
    return logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1) > 0


def _optimizer(
    model: AVSegFormer, config: Config
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    c = config.train
    optimizer = torch.optim.AdamW(model.parameters(), c.learning_rate, weight_decay=c.weight_decay)
    steps = c.epochs * _steps(config)
    if c.schedule == "one-cycle":
        # The peak comes early: most of a short run is spent cooling down.
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(
            optimizer, c.learning_rate, steps + 1, pct_start=0.1
        )
    return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _write(events: object, **values: object) -> None:
    events.write(json.dumps({"time": time.time(), **values}) + "\n")
