"""The form of the Train tab, made from the config dataclasses: groups, fields, their help, their values."""

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
Kind = Literal["choice", "switch", "whole", "number", "words", "widths"]


@dataclass(frozen=True)
class Field:
    """One field of the config as the form shows it."""

    key: str  # model.task
    kind: Kind
    choices: tuple[str, ...]
    help: str

    @property
    def name(self) -> str:
        """The field's own name."""
        return self.key.split(".")[1]

    @property
    def label(self) -> str:
        """The words above the control."""
        words = self.name.replace("_", " ")
        for short in ("mlp", "bce"):
            words = words.replace(short, short.upper())
        return words[0].upper() + words[1:]


# Title of a group and its fields; a field that is named nowhere stands in the last group.
GROUPS: dict[str, str] = {
    "Length and data": (
        "epochs batch_size synth_clips frames_per_clip resample_sounds_every_second jitter mute"
    ),
    "Optimiser": "learning_rate schedule weight_decay clip_gradient accumulate mixed_precision",
    "Loss": "loss auxiliary auxiliary_weight bce_weight",
    "Model": "task image_size mixer reformer queries learnable_queries",
    "Backbones": "backbone backbone_channels audio_backbone backbone_weights audio_weights train_audio "
    "backbone_lr_scale freeze_backbone_epochs freeze_batchnorm audio_pretrain_steps visual_pretrain_steps",
    "Sizes": "embed_dim encoder_layers decoder_layers heads points feedforward_dim query_generator_layers "
    "mlp_dim head_channels dropout drop_path",
    "Evaluations and checkpoints": "validate_every validate_from validation_clips checkpoint_steps seed",
}


@cache
def form_fields() -> dict[str, Field]:
    """Return every field of the model and of training by its key, in the order of the dataclasses."""
    found = {}
    for part, kind in PARTS.items():
        hints, help_of = typing.get_type_hints(kind), docstrings(kind)
        for one in fields(kind):
            key = f"{part}.{one.name}"
            hint = hints[one.name]
            found[key] = Field(key, _kind(hint), _choices(hint), help_of.get(one.name, ""))
    return found


@cache
def groups() -> tuple[tuple[str, tuple[Field, ...]], ...]:
    """Return the groups of the form with their fields; every field stands in exactly one."""
    by_name = {field.name: field for field in form_fields().values()}
    placed = {name for names in GROUPS.values() for name in names.split()}
    rest = tuple(field for name, field in by_name.items() if name not in placed)
    listed = [(title, tuple(by_name[name] for name in names.split())) for title, names in GROUPS.items()]
    return (*listed, ("Other", rest)) if rest else tuple(listed)


def docstrings(kind: type) -> dict[str, str]:
    """Return the string below every field of a dataclass, on one line."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    found = {}
    for line, below in pairwise(body):
        said = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(line, ast.AnnAssign) and said and isinstance(below.value.value, str):
            found[line.target.id] = " ".join(below.value.value.split())
    return found


def values_of(config: Config) -> dict[str, object]:
    """Return what the controls show of a config: widths as "48 96", everything else as it is."""
    shown = {}
    for key, field in form_fields().items():
        part, name = key.split(".")
        value = getattr(getattr(config, part), name)
        shown[key] = " ".join(map(str, value)) if field.kind == "widths" else value
    return shown


def config_of(values: Mapping[str, object]) -> Config:
    """Return the config of the controls' values; ConfigError says in words which field is wrong."""
    parts: dict[str, dict[str, object]] = {part: {} for part in PARTS}
    for key, field in form_fields().items():
        part, name = key.split(".")
        parts[part][name] = _read(field, values.get(key))
    return Config(*(from_dict(kind, parts[part]) for part, kind in PARTS.items()))


def _read(field: Field, value: object) -> object:
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
    words = value.strip() if isinstance(value, str) else ""
    if field.kind == "widths":
        parts = words.replace(",", " ").split()
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise ConfigError(f"{field.name} is {words!r}; give whole numbers, such as 48 96.")
        return tuple(int(part) for part in parts)
    # From the page only names: no path of the server, nothing that the command line takes for a flag.
    if words.startswith(("-", ".", "~")) or any(letter in words for letter in "/\\\0\n"):
        raise ConfigError(f"{field.name} is {words!r}; give a name here. The command line takes files too.")
    return words


def _kind(hint: object) -> Kind:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        return "widths"
    return {bool: "switch", int: "whole", float: "number", str: "words"}[hint]


def _choices(hint: object) -> tuple[str, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
