"""The numbers that others printed, from one file with their sources; they never share a row with ours."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class Published:
    """One method's numbers on one task, in %."""

    method: str
    backbone: str
    miou: float
    f: float
    source: str = ""  # where it differs from the group's


@dataclass(frozen=True)
class Group:
    """Rows of one source."""

    title: str
    source: str
    note: str
    rows: tuple[Published, ...]


@cache
def published(task: str) -> tuple[Group, ...]:
    """Return what was printed about a task, Table 1 first; methods without numbers are left out."""
    groups = json.loads(FILE.read_text(encoding="utf-8"))["groups"]
    return tuple(
        Group(
            group["title"],
            group["source"],
            group["note"],
            tuple(
                Published(row["method"], row["backbone"], *map(float, row[task]), row.get("source", ""))
                for row in group["rows"]
                if row[task]
            ),
        )
        for group in groups
    )
