"""The form of a run, generated from the fields of the config: groups, labels, and values."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from avseg.config import Config, from_dict
from avseg.config_fields import PARTS, ConfigField, config_fields
from avseg.errors import ConfigError

GROUPS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("form.toml").read_text(encoding="utf-8")
)


@cache
def groups() -> dict[str, dict[str, ConfigField]]:
    """Return the fields of every group of the form by label; every field is in exactly one group."""
    by_name = {field.name: field for field in config_fields().values()}
    result = {
        title: {label: by_name.pop(name) for name, label in names.items()} for title, names in GROUPS.items()
    }
    other = {name.replace("_", " ").capitalize(): field for name, field in by_name.items()}
    return result | ({"Other": other} if other else {})


def values_of(config: Config) -> dict[str, object]:
    """Return the values of the form's controls for a config: widths as "48 96", everything else as it is."""
    result = {}
    for key, field in config_fields().items():
        value = getattr(getattr(config, field.part), field.name)
        result[key] = " ".join(map(str, value)) if field.kind == "widths" else value
    return result


def config_of(values: Mapping[str, object]) -> Config:
    """Return the config of the controls' values; raises ConfigError, which names the field that is wrong."""
    parts: dict[str, dict[str, object]] = {part: {} for part in PARTS}
    for key, field in config_fields().items():
        parts[field.part][field.name] = _parse(field, values.get(key))
    return Config(*(from_dict(kind, parts[part]) for part, kind in PARTS.items()))


def _parse(field: ConfigField, value: object) -> object:
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
