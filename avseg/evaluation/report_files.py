"""Reading a report that somebody wrote: this command, an older one, or a hand. Nothing in it is believed."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import get_args, get_type_hints

from avseg.data.labels import CLASS_INDEX
from avseg.errors import ReportError
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
    Report,
    Robustness,
)

MOST_BYTES = 20_000_000  # of one file; AVSBench's 11,356 clips need 1
LONGEST_TEXT = 2000
CHOICES: Mapping[str, Sequence[str]] = {
    "task": ("s4", "ms3", "avss"),
    "measured_as": ("classes", "foreground"),
    "weights": ("toy", "released", "trained", "random"),
}
AGAIN = "Write it again with `python -m avseg evaluate`."


def read_evaluation(folder: Path) -> Evaluation:
    """Return the evaluation that a folder holds; its tables may be missing, its report.json may not.

    Raises ReportError, which names the file and what is wrong in it.
    """
    return read_files({name: Path(folder) / name for name in (REPORT, CLIPS, CLASSES, CONFUSION)})


def read_files(files: Mapping[str, Path]) -> Evaluation:
    """Return the evaluation of report.json and whichever of its tables there are, by their usual names."""
    found = {name: path for name, path in files.items() if path.is_file()}
    if REPORT not in found:
        raise ReportError(f"There is no {REPORT}. Give the one that `python -m avseg evaluate` wrote.")
    return Evaluation(
        report=_report(_text(found[REPORT], REPORT)),
        clips=_rows(ClipRow, found.get(CLIPS), CLIPS),
        classes=_rows(ClassRow, found.get(CLASSES), CLASSES),
        confusion=_confusion(found.get(CONFUSION)),
    )


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ReportError(f"{name} is larger than {MOST_BYTES // 10**6} MB; it is no report. {AGAIN}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{name} cannot be read as text ({type(error).__name__}). {AGAIN}") from None


def _report(text: str) -> Report:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{REPORT} is not JSON ({str(error)[:80]}). {AGAIN}") from None
    if not isinstance(given, dict) or not isinstance(given.get("robustness"), dict):
        raise ReportError(f"{REPORT} is not a report: it has no `robustness`. {AGAIN}")
    heard = Robustness(**_values(Robustness, given.pop("robustness"), REPORT))
    return Report(**_values(Report, given, REPORT), robustness=heard)


def _values(kind: type, given: Mapping[str, object], name: str) -> dict[str, object]:
    """Return the fields of a dataclass, each of the type that it declares; `robustness` is left to others."""
    hints = get_type_hints(kind)
    wanted = [field.name for field in fields(kind) if field.name != "robustness"]
    if missing := [field for field in wanted if field not in given]:
        raise ReportError(f"{name} lacks {missing[0]!r}. {AGAIN}")
    return {field: _checked(given[field], hints[field], f"{field} of {name}", field) for field in wanted}


def _checked(value: object, kind: object, place: str, field: str) -> object:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if value is None and type(None) in kinds:
        return None
    if float in kinds and _number(value) and -1.001 <= value <= 1.001:  # all are shares, or differences
        return float(value)
    if int in kinds and _number(value) and value == int(value) >= 0:
        return int(value)
    if str in kinds and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        if value in CHOICES.get(field, (value,)):
            return value
        raise ReportError(f"{place} is {value[:40]!r}; expected {', '.join(CHOICES[field])}. {AGAIN}")
    if str not in kinds and isinstance(value, list) and all(isinstance(item, str) for item in value[:50]):
        return tuple(item[:LONGEST_TEXT] for item in value[:50])
    raise ReportError(f"{place} is {str(value)[:40]!r}, which cannot be. {AGAIN}")


def _number(value: object) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value) and abs(value) < 1e15


def _rows(kind: type, path: Path | None, name: str) -> tuple:
    """Return the rows of a table, none where there is no table."""
    if path is None:
        return ()
    hints = get_type_hints(kind)
    rows = []
    for number, row in enumerate(_table(path, name, tuple(hints)), start=2):
        place = f"line {number} of {name}"
        values = {field: _cell(row[field], hint, place) for field, hint in hints.items()}
        rows.append(kind(**_values(kind, values, place)))
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


def _cell(text: str, hint: object, place: str) -> object:
    if hint is str:
        return text
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ReportError(f"{text[:40]!r} in {place} is no number. {AGAIN}") from None


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
