"""Prediction, evaluation and training of one model: each fast path against the plain one, in the same run.

The plain path is the model as written: float32, with intermediate masks, as the released evaluation computes
them, one clip at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from avseg.bench.measure import Seconds, clocked, gflop, interleaved, peak_memory
from avseg.checkpoints import bundled_models, find_model, imported_models, load_model, read_card
from avseg.config import Config
from avseg.data.transforms import Batch, normalise
from avseg.errors import ConfigError
from avseg.evaluation.evaluate import EvaluationOptions, evaluate
from avseg.media.audio import patches_for
from avseg.media.clip import Clip, read_clip
from avseg.models.avsegformer import AVSegFormer
from avseg.models.masks import label_maps
from avseg.presets import PRESETS
from avseg.runtime.accelerate import accelerated
from avseg.runtime.choice import plan_for
from avseg.synthavs.dataset import SynthAVS
from avseg.training.losses import training_loss
from avseg.training.optimizer import make_optimizer, set_training
from avseg.training.trainer import labelled_rows

PLAIN = "plain"
AUDIO_CONDITIONS = 7  # that an evaluation hears: its own, and six of robustness


@dataclass(frozen=True)
class PathSpeed:
    """One way to compute the masks of a clip."""

    path: str  # plain, exact or fast
    seconds: Seconds
    ratio: float  # to the plain path in the same run, larger is faster
    parts: dict[str, float]  # share of the time by part of the model, and "other"
    memory: int | None  # bytes above those before
    reduced: tuple[str, ...]  # parts in bfloat16
    logits_apart: float  # largest distance from the plain logits
    iou: float  # of the foreground with that of the plain path, over all clips


@dataclass(frozen=True)
class ModelSpeed:
    """One model on one device."""

    model: str
    weights: str
    device: str
    frames: int
    size: int  # px
    gflop: float  # of a clip, without intermediate masks
    gflop_plain: float  # with them
    paths: tuple[PathSpeed, ...]


@dataclass(frozen=True)
class Pair:
    """Some work done plainly and as this program does it."""

    what: str
    plain: Seconds
    ours: Seconds

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.plain.median / self.ours.median


def model_named(name: str, device: torch.device) -> tuple[AVSegFormer, str]:
    """Return a model and whose weights it has: a checkpoint, else a preset with random ones."""
    torch.manual_seed(0)
    installed = bundled_models() | imported_models()
    path = installed.get(name) if name in PRESETS else find_model(name)
    config = read_card(path)[0] if path else PRESETS[name].model
    if config.architecture != "avsegformer":
        raise ConfigError(
            f"{name} is {config.architecture}, which has one path only. Name AVSegFormer models."
        )
    model = load_model(path, device) if path else AVSegFormer(config).to(device).eval()
    return model, model.card.weights


def clips_of(paths: Sequence[Path], frames: int) -> list[Clip]:
    """Return the clips with at least this many frames, cut to them; one frame per second."""
    clips = [read_clip(path, seconds=float(frames)) for path in paths]
    return [clip for clip in clips if len(clip.frames) == frames]


def model_speed(
    name: str, clips: Sequence[Clip], precisions: Sequence[str], device: torch.device, repeats: int
) -> ModelSpeed:
    """Return the speed of a model's paths on the first clip, and how far their masks agree on all."""
    model, weights = model_named(name, device)
    size = model.config.image_size
    tensors = [
        (
            normalise(torch.from_numpy(clip.frames).to(device), size),
            patches_for(clip.waveform, clip.times, clip.fps).to(device),
        )
        for clip in clips
    ]
    frames, log_mel = tensors[0]
    plans = {path: plan_for(model, path) for path in precisions}
    twins = {path: accelerated(model, plan) for path, plan in plans.items()}
    work = {PLAIN: lambda: model(frames, log_mel, intermediate=True)}
    work |= {path: lambda twin=twin: twin(frames, log_mel) for path, twin in twins.items()}
    with torch.inference_mode():
        seconds = interleaved(work, repeats, device)
        expected = [model(*inputs).logits for inputs in tensors]
        paths = []
        for path, run in work.items():
            network = twins.get(path, model)
            found = [network(*inputs).logits for inputs in tensors] if path in twins else expected
            paths.append(
                PathSpeed(
                    path=path,
                    seconds=seconds[path],
                    ratio=seconds[PLAIN].median / seconds[path].median,
                    parts=_shares(network, run, device),
                    memory=peak_memory(run, device),
                    reduced=plans[path].reduced if path in plans else (),
                    logits_apart=max((a - b).abs().max().item() for a, b in zip(found, expected)),
                    iou=_iou(found, expected),
                )
            )
    return ModelSpeed(
        model=name,
        weights=weights,
        device=str(device),
        frames=len(frames),
        size=size,
        gflop=gflop(lambda: model(frames, log_mel)),
        gflop_plain=gflop(work[PLAIN]),
        paths=tuple(paths),
    )


def _shares(model: nn.Module, run, device: torch.device) -> dict[str, float]:
    """Return the share of each part of the model in the duration of three runs."""
    parts = {
        "backbone": [model.visual_backbone],
        "audio": [model.audio_backbone],
        "encoder": [model.visual_projection, model.encoder, model.mask_feature],
        "decoder": [model.audio_queries, *model.decoder],
        "head": [model.mixer, model.mask_generation],
        "intermediate": [model.reformer] if model.reformer is not None else [],
    }
    with clocked(parts | {"all": [model]}, device) as seconds:
        interleaved({"all": run}, 2, device)
    total = seconds.pop("all")  # of the same turns
    shares = {name: value / total for name, value in seconds.items()}
    return shares | {"other": 1 - sum(shares.values())}


def _iou(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """Return the IoU of the foreground of two series of logits, over all frames; 1 where both are empty."""
    common = either = 0
    for ours, theirs in zip(found, expected, strict=True):
        a, b = label_maps(ours) > 0, label_maps(theirs) > 0
        common, either = common + int((a & b).sum()), either + int((a | b).sum())
    return common / either if either else 1.0


def evaluation_speed(name: str, device: torch.device, repeats: int) -> Pair:
    """Return one clip's evaluation under all audio conditions, against as many plain passes."""
    model, _ = model_named(name, device)
    size = model.config.image_size
    clips = SynthAVS(model.config.task, "test", 2026, 8, (size, size))
    frames = torch.randn(clips.seconds, 3, size, size, device=device)
    log_mel = torch.randn(clips.seconds, 1, 96, 64, device=device)

    @torch.inference_mode()
    def plain() -> None:
        for _ in range(AUDIO_CONDITIONS):
            model(frames, log_mel, intermediate=True)

    options = EvaluationOptions(workers=0)
    work = {PLAIN: plain, "ours": lambda: evaluate(model, clips, [0], options)}
    seconds = interleaved(work, repeats, device)
    return Pair(f"{name}: evaluation of a clip, {AUDIO_CONDITIONS} sounds", seconds[PLAIN], seconds["ours"])


def training_speed(config: Config, name: str, device: torch.device, repeats: int) -> Pair:
    """Return a training step of one clip, of which S4 labels the first frame, against one of all frames."""
    torch.manual_seed(0)
    config = replace(config, train=replace(config.train, batch_size=1))
    model = AVSegFormer(config.model).to(device, memory_format=torch.channels_last)
    optimizer = make_optimizer(model, config)
    set_training(model, config, config.train.freeze_backbone_epochs)
    frames, size = config.model.frames, config.model.image_size
    labelled = torch.arange(frames) < (1 if config.model.task == "s4" else frames)
    batch = Batch(
        frames=torch.randn(frames, 3, size, size),
        log_mel=torch.randn(frames, 1, 96, 64),
        classes=torch.randint(0, 2, (frames, size, size), dtype=torch.uint8),
        labelled=labelled,
        real=torch.ones(frames, dtype=torch.bool),
    ).to(device)

    def step(rows: torch.Tensor | None) -> None:
        optimizer.zero_grad(set_to_none=True)
        auxiliary = config.train.auxiliary == "intermediate"
        output = model(batch.frames, batch.log_mel, intermediate=auxiliary, rows=rows)
        picked = slice(None) if rows is None else rows
        loss = training_loss(output, batch.classes[picked], batch.labelled[picked], config.train)
        loss.total.backward()
        optimizer.step()

    work = {PLAIN: lambda: step(None), "ours": lambda: step(labelled_rows(batch))}
    seconds = interleaved(work, repeats, device)
    return Pair(f"{name}: training step, 1 clip", seconds[PLAIN], seconds["ours"])
