"""Published numbers with their sources, from published.json; they never share a row with measured ones."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class PublishedRow:
    """One method's numbers on one task, in %."""

    method: str
    backbone: str
    miou: float
    f: float
    source: str = ""  # where it differs from the table's


@dataclass(frozen=True)
class PublishedTable:
    """The rows of one source."""

    title: str
    source: str
    note: str
    rows: tuple[PublishedRow, ...]


@cache
def published(task: str) -> tuple[PublishedTable, ...]:
    """Return what was published about a task, Table 1 first; methods without numbers are left out."""
    groups = json.loads(FILE.read_text(encoding="utf-8"))["groups"]
    return tuple(
        PublishedTable(
            group["title"],
            group["source"],
            group["note"],
            tuple(
                PublishedRow(row["method"], row["backbone"], *map(float, row[task]), row.get("source", ""))
                for row in group["rows"]
                if row[task]
            ),
        )
        for group in groups
    )
