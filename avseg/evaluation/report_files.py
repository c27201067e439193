"""Reads reports of this or an earlier version, or edited by hand; every value is checked."""

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from avseg.config import RENAMED_WEIGHTS
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import COMPOSED, FOLDER, SYNTHAVS, DataReference
from avseg.errors import ReportError
from avseg.evaluation.floors import RULES
from avseg.evaluation.report import (
    CLASSES,
    CLIPS,
    CONFUSION,
    REPORT,
    TRUTH,
    ClassRow,
    ClipRow,
    Confusion,
    Evaluation,
    Floor,
    Report,
    Robustness,
)
from avseg.files import read_text

MOST_BYTES = 20_000_000  # of one file; AVSBench's 11,356 clips need 1
LONGEST_TEXT = 2000
CHOICES: Mapping[str, Sequence[str]] = {
    "kind": (SYNTHAVS, FOLDER, COMPOSED),
    "task": ("s4", "ms3", "avss"),
    "measured_as": ("classes", "foreground"),
    "weights": ("demo", "composed", "released", "trained", "random"),
}
AGAIN = "Write it again with `python -m avseg evaluate`."
SYNTHAVS_SENTENCE = re.compile(r"SynthAVS (s4|ms3|avss) (train|val|test), seed (\d{1,6})")
SYNTHAVS_SPLITS = ("train", "val", "test")


def read_evaluation(folder: Path) -> Evaluation:
    """Return the evaluation in a folder; its tables may be missing, its report.json may not.

    Raises ReportError, which names the file and what is wrong in it.
    """
    return read_files({name: Path(folder) / name for name in (REPORT, CLIPS, CLASSES, CONFUSION)})


def read_files(files: Mapping[str, Path]) -> Evaluation:
    """Return the evaluation of report.json and those of its tables that exist, by their usual names."""
    existing = {name: path for name, path in files.items() if path.is_file()}
    if REPORT not in existing:
        raise ReportError(f"{REPORT} is missing. Choose the file written by `python -m avseg evaluate`.")
    return Evaluation(
        report=read_report(existing[REPORT]),
        clips=_rows(ClipRow, existing.get(CLIPS), CLIPS),
        classes=_rows(ClassRow, existing.get(CLASSES), CLASSES),
        confusion=_confusion(existing.get(CONFUSION)),
    )


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ReportError(f"{name} is larger than {MOST_BYTES // 10**6} MB; it is not a report. {AGAIN}")
        return read_text(path, MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{name} cannot be read as text ({type(error).__name__}). {AGAIN}") from None


def read_report(path: Path) -> Report:
    """Return the report in a report.json; raises ReportError as `read_evaluation`."""
    text = _text(path, REPORT)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{REPORT} is not JSON ({str(error)[:80]}). {AGAIN}") from None
    if not isinstance(values, dict) or not isinstance(values.get("robustness"), dict):
        raise ReportError(f"{REPORT} is not a report: it has no `robustness`. {AGAIN}")
    values = _upgraded(values)
    if not isinstance(values["data"], dict):
        raise ReportError(f"data of {REPORT} is not an object. {AGAIN}")
    reference = DataReference(**_values(DataReference, values["data"], REPORT))
    if reference.kind == SYNTHAVS and (reference.split not in SYNTHAVS_SPLITS or reference.seed is None):
        raise ReportError(f"data of {REPORT} is not a split of SynthAVS. {AGAIN}")
    robustness = Robustness(**_values(Robustness, values["robustness"], REPORT))
    return Report(
        **_values(Report, values, REPORT),
        data=reference,
        robustness=robustness,
        intervals=_intervals(values.get("intervals", {})),
        floors=_floors(values.get("floors", {})),
    )


def _intervals(values: Any) -> dict[str, tuple[float, float]]:
    """Return the intervals; reports of earlier versions have none."""
    numbers = {field.name for kind in (Report, Robustness) for field in fields(kind)}
    intervals = {}
    for name, ends in _object(values, "intervals").items():
        if name not in numbers or not isinstance(ends, list) or len(ends) != 2:
            raise ReportError(f"intervals of {REPORT} is wrong at {name[:40]!r}. {AGAIN}")
        low, high = (_checked(end, float, f"The interval {name} of {REPORT}", name) for end in ends)
        intervals[name] = (low, high)
    return intervals


def _floors(values: Any) -> dict[str, Floor]:
    """Return the trivial rules; reports of earlier versions have none."""
    floors = {}
    for rule, floor in _object(values, "floors").items():
        if rule not in RULES:
            raise ReportError(f"floors of {REPORT} has no rule {rule[:40]!r}. {AGAIN}")
        floors[rule] = Floor(**_values(Floor, _object(floor, "floors"), f"floors of {REPORT}"))
    return floors


def _object(values: Any, field: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ReportError(f"{field} of {REPORT} is not an object. {AGAIN}")
    return values


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a report.json in today's form.

    Earlier versions described the data in a sentence, "SynthAVS ms3 test, seed 7" or "FOLDER, ms3 test",
    beside the task and the split, and recorded muted audio only in a note.
    """
    values = dict(values)
    weights = values.get("weights")
    values["weights"] = RENAMED_WEIGHTS.get(weights, weights) if isinstance(weights, str) else weights
    notes, data = values.get("notes"), values.get("data")
    if "muted" not in values:
        values["muted"] = isinstance(notes, list) and any("--mute" in str(note) for note in notes)
    if isinstance(data, str):
        if missing := [name for name in ("task", "split", "seed") if name not in values]:
            raise ReportError(f"{REPORT} lacks {missing[0]!r}. {AGAIN}")
        task, split, seed = values["task"], values["split"], values["seed"]
        match = SYNTHAVS_SENTENCE.fullmatch(data)
        drawn = match is not None and match.groups() == (task, split, str(seed))
        values["data"] = {
            "kind": SYNTHAVS if drawn else FOLDER,
            "task": task,
            "split": split,
            "root": "" if drawn else data.removesuffix(f", {task} {split}"),
            "seed": seed if drawn else None,
        }
    elif "data" not in values:
        raise ReportError(f"{REPORT} lacks 'data'. {AGAIN}")
    return values


@lru_cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _values(kind: type, values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the fields of a dataclass, each of its declared type; nested ones are left out."""
    hints = _hints(kind)
    nested = {name for name, hint in hints.items() if is_dataclass(hint) or get_origin(hint) is Mapping}
    names = [field.name for field in fields(kind) if field.name not in nested]
    if missing := [field for field in names if field not in values]:
        raise ReportError(f"{name} lacks {missing[0]!r}. {AGAIN}")
    return {field: _checked(values[field], hints[field], f"{field} of {name}", field) for field in names}


def _checked(value: Any, hint: object, location: str, field: str) -> Any:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if (value is None and type(None) in kinds) or (isinstance(value, bool) and bool in kinds):
        return value
    if float in kinds and _number(value) and -1.001 <= value <= 1.001:  # all are shares, or differences
        return float(value)
    if int in kinds and _number(value) and value == int(value) >= 0:
        return int(value)
    if str in kinds and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        if value in CHOICES.get(field, (value,)):
            return value
        raise ReportError(f"{location} is {value[:40]!r}; expected {', '.join(CHOICES[field])}. {AGAIN}")
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value[:50])
    if is_list and get_origin(hint) is tuple:
        return tuple(item[:LONGEST_TEXT] for item in value[:50])
    raise ReportError(f"{location} is {str(value)[:40]!r}, which cannot be right. {AGAIN}")


def _number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value) and abs(value) < 1e15


def _rows(kind: type, path: Path | None, name: str) -> tuple:
    """Return the rows of a table, none without a table."""
    if path is None:
        return ()
    hints = _hints(kind)
    rows = []
    for number, row in enumerate(_table(path, name, tuple(hints)), start=2):
        location = f"line {number} of {name}"
        values = {field: _cell(row[field], hint, location) for field, hint in hints.items()}
        rows.append(kind(**_values(kind, values, location)))
    return tuple(rows)


def _table(path: Path, name: str, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        table = csv.DictReader(_text(path, name).splitlines())
        if missing := [column for column in columns if column not in (table.fieldnames or ())]:
            raise ReportError(f"{name} has no column {missing[0]!r}. {AGAIN}")
        rows = list(table)
    except csv.Error as error:
        raise ReportError(f"{name} cannot be read as a table ({error}). {AGAIN}") from None
    if any(None in row or None in row.values() for row in rows):
        raise ReportError(f"A line of {name} has more or fewer cells than its head. {AGAIN}")
    return rows


def _cell(text: str, hint: object, location: str) -> object:
    if hint is str:
        return text
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ReportError(f"{text[:40]!r} in {location} is not a number. {AGAIN}") from None


def _confusion(path: Path | None) -> Confusion | None:
    if path is None:
        return None
    rows = _table(path, CONFUSION, (TRUTH,))
    names = tuple(row[TRUTH] for row in rows)
    if not names or set(names) - set(CLASS_INDEX) or [*rows[0]] != [TRUTH, *names]:
        raise ReportError(f"{CONFUSION} needs a row and a column of every class, in one order. {AGAIN}")
    cells = [[_cell(row[name], int, CONFUSION) for name in names] for row in rows]
    return Confusion(
        names,
        tuple(tuple(_checked(cell, int, f"A cell of {CONFUSION}", "") for cell in row) for row in cells),
    )
