"""What a visitor wrote about a data set: tags, notes and saved views; they travel as one file."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.explore.saved_views import SavedViews, rows_of_views, views_of
from app.explore.tags import FLAGGED, Mark, Tags, clean, mark_of, rows_of
from app.services.wording import plural
from avseg.data.avsbench.facts import ClipName
from avseg.errors import DatasetError
from avseg.files import escape_formula, read_text

MAX_BYTES = 5_000_000  # of an imported file
MAX_KEPT = 400_000  # characters that a browser keeps for its visitor
SEPARATOR = "; "
CANNOT_READ = (
    "This file cannot be imported. Choose a csv with the columns split, clip and tags (or flagged, or note), "
    "as Export csv writes it, or the json of Export tags."
)


@dataclass(eq=False)
class Marks:
    """Tags and saved views of one data set."""

    tags: Tags = field(default_factory=Tags)
    views: SavedViews = field(default_factory=SavedViews)

    @property
    def empty(self) -> bool:
        return not (self.tags.all() or self.views.all())

    def text(self) -> str:
        """Return everything as JSON."""
        return json.dumps({"tags": rows_of(self.tags.all()), "views": rows_of_views(self.views.all())})

    def take(self, text: str, known: Mapping[ClipName, int]) -> str:
        """Add what a csv or JSON text says about clips that are known; returns what was added, in words.

        Raises DatasetError for a text that is neither, or says too much.
        """
        try:
            is_json = text.lstrip().startswith("{")
            marks, views = _from_json(json.loads(text)) if is_json else (_from_csv(text), {})
        except (ValueError, LookupError, TypeError, AttributeError, csv.Error):
            raise DatasetError(CANNOT_READ) from None
        here = {clip: mark for clip, mark in marks.items() if clip in known}
        self.tags.merge(here)
        if views:
            self.views.merge(views)
        missing = len(marks) - len(here)
        said = [f"Imported tags and notes of {plural(len(here), 'clip')}"]
        said += [f"{plural(len(views), 'saved view')}"] if views else []
        left = f" Not in this data set: {plural(missing, 'clip')}." if missing else ""
        return " and ".join(said) + "." + left


@dataclass(eq=False)
class OwnMarks:
    """The marks of one visitor of a public host, by data set; a reload of the page keeps them."""

    SURVIVES_RELOAD = True
    by_data: dict[str, Marks] = field(default_factory=dict)

    def of(self, data: str) -> Marks:
        return self.by_data.setdefault(data, Marks())


def read_upload(path: Path) -> str:
    """Return the text of an imported file; raises DatasetError for one that is none."""
    try:
        return read_text(path, MAX_BYTES).removeprefix("\ufeff")
    except (OSError, ValueError):
        raise DatasetError(CANNOT_READ) from None


def _from_json(saved: Any) -> tuple[dict[ClipName, Mark], dict[str, Any]]:
    return dict(map(mark_of, saved["tags"])), views_of(saved.get("views", {}))


def _from_csv(text: str) -> dict[ClipName, Mark]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = set(rows.fieldnames or ())
    if not {"split", "clip"} <= columns or not {"tags", "flagged", "note"} & columns:
        raise LookupError
    marks: dict[ClipName, Mark] = {}
    for row in rows:
        cell = {name: _unescaped(value or "") for name, value in row.items() if name}
        tags = [clean(tag) for tag in cell.get("tags", "").split(SEPARATOR.strip())]
        if not any(tags) and cell.get("flagged") == "yes":
            tags = [FLAGGED]
        mark = Mark(tuple(filter(None, tags)), cell.get("note", ""), cell.get("flagged_at", ""))
        if mark.tags or mark.note:
            marks[cell["split"], cell["clip"]] = mark
    return marks


def _unescaped(cell: str) -> str:
    """Return a cell without the apostrophe of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and escape_formula(cell[1:]) == cell else cell
