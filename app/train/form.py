"""The form of a run, made from the config dataclasses: groups, fields, their help and their values."""

import ast
import inspect
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Literal

from avseg.config import Config, ModelConfig, TrainConfig, from_dict
from avseg.errors import ConfigError

PARTS: dict[str, type] = {"model": ModelConfig, "train": TrainConfig}
Kind = Literal["choice", "switch", "whole", "number", "text", "widths"]

# The groups of the form: their fields and labels. Fields that are missing here go to "Other".
GROUPS: dict[str, dict[str, str]] = {
    "Length and data": {
        "epochs": "Epochs",
        "batch_size": "Batch size (clips)",
        "synth_clips": "SynthAVS clips per epoch",
        "frames_per_clip": "Frames per clip",
        "resample_sounds_every_second": "Sound changes every second",
        "jitter": "Colour jitter",
        "mute": "Train without sound",
    },
    "Optimiser": {
        "learning_rate": "Learning rate",
        "schedule": "Learning-rate schedule",
        "weight_decay": "Weight decay",
        "clip_gradient": "Gradient clipping (norm)",
        "accumulate": "Gradient accumulation (micro-batches)",
        "mixed_precision": "Mixed precision",
    },
    "Loss": {
        "loss": "Mask loss",
        "auxiliary": "Auxiliary loss",
        "auxiliary_weight": "Auxiliary loss weight (λ)",
        "bce_weight": "Additional cross-entropy weight",
    },
    "Model": {
        "task": "Task",
        "image_size": "Image size (px)",
        "mixer": "Mixer",
        "reformer": "Reformer",
        "queries": "Queries",
        "learnable_queries": "Learnable queries",
    },
    "Backbones": {
        "backbone": "Visual backbone",
        "backbone_channels": "Visual backbone channels",
        "audio_backbone": "Audio backbone",
        "backbone_weights": "Visual backbone weights",
        "audio_weights": "Audio backbone weights",
        "train_audio": "Train audio backbone",
        "backbone_lr_scale": "Backbone learning-rate scale",
        "freeze_backbone_epochs": "Freeze backbones for (epochs)",
        "freeze_batchnorm": "Freeze BatchNorm",
        "audio_pretrain_steps": "Audio pretraining steps",
        "visual_pretrain_steps": "Visual pretraining steps",
    },
    "Layers and dimensions": {
        "embed_dim": "Embedding dimension",
        "encoder_layers": "Encoder layers",
        "decoder_layers": "Decoder layers",
        "heads": "Attention heads",
        "points": "Sampling points",
        "feedforward_dim": "Feed-forward dimension",
        "query_generator_layers": "Query generator layers",
        "mlp_dim": "Mixer MLP dimension",
        "head_channels": "Mask head channels",
        "dropout": "Dropout",
        "drop_path": "Drop path",
    },
    "Validation and checkpoints": {
        "validate_every": "Validate every (epochs)",
        "validate_from": "No validation before (epochs)",
        "validation_clips": "Validation clips",
        "checkpoint_steps": "Steps between checkpoints",
        "seed": "Seed",
    },
}


@dataclass(frozen=True)
class Field:
    """One field of the config as the form presents it."""

    key: str  # model.task
    label: str
    kind: Kind
    choices: tuple[str, ...]
    help: str

    @property
    def name(self) -> str:
        """The name in the dataclass."""
        return self.key.split(".")[1]


@cache
def form_fields() -> dict[str, Field]:
    """Return every field of the model and of training by its key, in the order of the dataclasses."""
    labels = {name: label for group in GROUPS.values() for name, label in group.items()}
    result = {}
    for part, kind in PARTS.items():
        hints, help_texts = typing.get_type_hints(kind), field_help(kind)
        for name in (field.name for field in fields(kind)):
            key, hint = f"{part}.{name}", hints[name]
            choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
            label = labels.get(name, name.replace("_", " ").capitalize())
            result[key] = Field(key, label, _kind(hint), choices, help_texts.get(name, ""))
    return result


def _kind(hint: object) -> Kind:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        return "widths"
    return {bool: "switch", int: "whole", float: "number", str: "text"}[hint]


@cache
def groups() -> tuple[tuple[str, tuple[Field, ...]], ...]:
    """Return the groups of the form with their fields; every field is in exactly one."""
    by_name = {field.name: field for field in form_fields().values()}
    result = [(title, tuple(by_name.pop(name) for name in names)) for title, names in GROUPS.items()]
    return (*result, ("Other", tuple(by_name.values()))) if by_name else tuple(result)


def field_help(kind: type) -> dict[str, str]:
    """Return the docstring below every field of a dataclass, on one line."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    result = {}
    for line, below in pairwise(body):
        documented = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(line, ast.AnnAssign) and documented and isinstance(below.value.value, str):
            result[line.target.id] = " ".join(below.value.value.split())
    return result


def values_of(config: Config) -> dict[str, object]:
    """Return the values of the form's controls for a config: widths as "48 96", everything else as it is."""
    result = {}
    for key, field in form_fields().items():
        part, name = key.split(".")
        value = getattr(getattr(config, part), name)
        result[key] = " ".join(map(str, value)) if field.kind == "widths" else value
    return result


def config_of(values: Mapping[str, object]) -> Config:
    """Return the config of the controls' values; raises ConfigError, which names the field that is wrong."""
    parts: dict[str, dict[str, object]] = {part: {} for part in PARTS}
    for key, field in form_fields().items():
        part, name = key.split(".")
        parts[part][name] = _parse(field, values.get(key))
    return Config(*(from_dict(kind, parts[part]) for part, kind in PARTS.items()))


def _parse(field: Field, value: object) -> object:
    if field.kind in ("whole", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(f"{field.name} needs a number.")
        if field.kind == "number":
            return float(value)
        if value != int(value):
            raise ConfigError(f"{field.name} is {value:g}; it must be a whole number.")
        return int(value)
    if field.kind == "switch":
        return bool(value)
    text = value.strip() if isinstance(value, str) else ""
    if field.kind == "widths":
        widths = text.replace(",", " ").split()
        if not all(width.isascii() and width.isdigit() for width in widths):
            raise ConfigError(f"{field.name} is {text!r}; give whole numbers, such as 48 96.")
        return tuple(int(width) for width in widths)
    # Only names from the page: no path of the server, nothing that the command line would read as a flag.
    if text.startswith(("-", ".", "~")) or any(letter in text for letter in "/\\\0\n"):
        raise ConfigError(f"{field.name} is {text!r}; give a name here. The command line takes files too.")
    return text
