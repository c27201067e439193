"""Reads the files of an ablation study, of this or an earlier version; every value is checked."""

from pathlib import Path
from typing import Any, cast

from avseg.ablation.table import TABLE_JSON, Numbers
from avseg.arguments import is_number
from avseg.config import Config, from_dict
from avseg.errors import ConfigError, ReportError
from avseg.files import is_plain_name, read_json

RECORD = "ablation.json"  # what `avseg.ablation.study` writes first: rows, seeds and data
MOST_BYTES = 2_000_000  # of one file
MOST_ROWS, LONGEST_TEXT = 100, 2000


def read_record(path: Path) -> tuple[Config, str]:
    """Return config and data of the default row; raises ReportError."""
    values = _json(path)
    default = values.get("default") if isinstance(values, dict) else None
    if not isinstance(default, list) or len(default) < 2 or not isinstance(default[1], str):
        raise ReportError(f"{path.name} does not say what the default row is.")
    try:
        return from_dict(Config, default[0]), default[1][:LONGEST_TEXT]
    except ConfigError as error:
        raise ReportError(f"{path.name} has no valid default row ({error})") from error


def read_table(path: Path) -> tuple[Numbers, ...]:
    """Return the rows of a table.json; raises ReportError, which names what is wrong."""
    values = _json(path)
    if not isinstance(values, list) or not 0 < len(values) <= MOST_ROWS:
        raise ReportError(f"{path.name} is not a list of rows.")
    rows = tuple(_numbers(item, place) for place, item in enumerate(values, 1))
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise ReportError(f"{path.name} has two rows of one name.")
    return rows


def _json(path: Path) -> Any:
    try:
        return read_json(path, MOST_BYTES)
    except OSError:
        raise ReportError(f"{path.name} cannot be read.") from None
    except ValueError:
        raise ReportError(f"{path.name} is not JSON.") from None


def _numbers(values: object, place: int) -> Numbers:
    """Return one row of table.json, every value checked; fields that a later version added are left out."""
    where = f"row {place} of {TABLE_JSON}"
    if not isinstance(values, dict):
        raise ReportError(f"{where} is not an object.")

    def number(name: str, low: float, high: float) -> float:
        value = values.get(name)
        if not is_number(value, low, high):
            raise ReportError(f"{name} in {where} is {str(value)[:40]!r}, which cannot be right.")
        return float(cast(float, value))

    def optional(name: str, low: float, high: float) -> float | None:
        return None if values.get(name) is None else number(name, low, high)

    def interval(name: str) -> tuple[float, float] | None:
        ends = values.get(name)
        return None if ends is None else _pair(ends, f"{name} in {where}")

    def text(name: str) -> str:
        value = values.get(name)
        if not isinstance(value, str):
            raise ReportError(f"{where} lacks {name}.")
        return value[:LONGEST_TEXT]

    published = values.get("published") or {}
    if not isinstance(published, dict):
        raise ReportError(f"published in {where} is not an object.")
    name = text("name")
    if not is_plain_name(name):  # its folder is looked for
        raise ReportError(f"the name of {where} is not a folder's name.")
    return Numbers(
        name=name,
        title=text("title"),
        note=text("note"),
        parameters=int(number("parameters", 0, 1e13)),
        gflop=number("gflop", 0, 1e9),
        seeds=int(number("seeds", 1, 1000)),
        miou=number("miou", 0, 1),
        miou_spread=optional("miou_spread", 0, 1),
        miou_interval=interval("miou_interval"),
        f_score=optional("f_score", 0, 1),
        swap_sensitivity=optional("swap_sensitivity", 0, 1),
        change=optional("change", -1, 1),
        change_spread=optional("change_spread", 0, 1),
        change_interval=interval("change_interval"),
        published={str(task): _pair(pair, f"published in {where}", 100) for task, pair in published.items()},
    )


def _pair(value: object, where: str, most: float = 1.0) -> tuple[float, float]:
    """Return two numbers in [-most, most]; raises ReportError."""
    ends = value if isinstance(value, list) else []
    if len(ends) != 2 or not all(is_number(end, -most, most) for end in ends):
        raise ReportError(f"{where} is not a pair of numbers from {-most:g} to {most:g}.")
    return float(ends[0]), float(ends[1])
