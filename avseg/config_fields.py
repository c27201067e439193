"""The fields of a config with their types, choices and help, for forms that are generated from them."""

import ast
import inspect
import typing
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Literal

from avseg.config import ModelConfig, TrainConfig

PARTS: dict[str, type] = {"model": ModelConfig, "train": TrainConfig}
Kind = Literal["choice", "switch", "whole", "number", "text", "widths"]


@dataclass(frozen=True)
class ConfigField:
    """One field of the model or of training."""

    part: str  # of the config: model or train
    name: str  # in the dataclass
    kind: Kind
    choices: tuple[str, ...]
    help: str

    @property
    def key(self) -> str:
        """The field as the command line names it: model.task."""
        return f"{self.part}.{self.name}"


@cache
def config_fields() -> dict[str, ConfigField]:
    """Return every field of the model and of training by its key, in the order of the dataclasses."""
    result = {}
    for part, kind in PARTS.items():
        hints, help_texts = typing.get_type_hints(kind), field_help(kind)
        for name in (field.name for field in fields(kind)):
            choices = typing.get_args(hints[name]) if typing.get_origin(hints[name]) is Literal else ()
            field = ConfigField(part, name, _kind(hints[name]), choices, help_texts.get(name, ""))
            result[field.key] = field
    return result


def _kind(hint: object) -> Kind:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        return "widths"
    kinds: dict[object, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
    return kinds[hint]


def field_help(kind: type) -> dict[str, str]:
    """Return the docstring below every field of a dataclass, on one line."""
    definition = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(definition, ast.ClassDef)
    result = {}
    for line, below in pairwise(definition.body):
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            result[line.target.id] = " ".join(str(below.value.value).split())
    return result
