"""Views of a data set saved under a name: the conditions of a filter, the order, and the map."""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.explore.map_choice import read_choice
from app.services.permalink import conditions_text, read_conditions
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_json

MAX_VIEWS = 50  # of a data set
MAX_NAME, MAX_CONDITIONS = 60, 3000  # characters


@dataclass(frozen=True)
class SavedView:
    """What a visitor looked at."""

    conditions: tuple[tuple[str, int | str], ...] = ()  # of the filter and the order, as clicks send them
    map: str = ""  # which map is shown, none where empty
    model: str = ""  # whose IoU and whose map


class SavedViews:
    """The saved views of a data set by name; with a path they are loaded from a file."""

    def __init__(self, path: Path | None = None):
        self._path, self._lock = path, threading.Lock()
        self._views: dict[str, SavedView] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            self._views = views_of(read_json(path)) if path is not None else {}

    def all(self) -> dict[str, SavedView]:
        return dict(self._views)

    def save(self, name: str, view: SavedView) -> None:
        """Save a view, in place of one of the same name; raises DatasetError where it cannot be saved."""
        name = " ".join(name.split())[:MAX_NAME]
        if not name:
            raise DatasetError("Give the view a name.")
        self.merge({name: view})

    def merge(self, views: Mapping[str, SavedView]) -> None:
        """Add views; raises DatasetError where there are too many of them, or no disk space."""
        with self._lock:
            self._keep({**self._views, **views})

    def remove(self, name: str) -> None:
        """Forget a view; raises DatasetError if the change cannot be saved."""
        with self._lock:
            self._keep({other: view for other, view in self._views.items() if other != name})

    def _keep(self, views: dict[str, SavedView]) -> None:
        if len(views) > max(MAX_VIEWS, len(self._views)):
            raise DatasetError(f"There are {MAX_VIEWS} saved views already; delete one first.")
        if self._path is not None:
            try:
                with atomic_write(self._path) as file:
                    file.write_text(json.dumps(rows_of_views(views)), encoding="utf-8")
            except OSError as error:
                raise DatasetError(
                    f"The view could not be saved ({error.strerror}). Free some disk, or set AVSEG_CACHE."
                ) from None
        self._views = views


def rows_of_views(views: Mapping[str, SavedView]) -> dict[str, dict[str, str]]:
    """Return views as a JSON object."""
    return {
        name: {"filter": conditions_text(view.conditions), "map": view.map, "model": view.model}
        for name, view in views.items()
    }


def views_of(rows: Any) -> dict[str, SavedView]:
    """Return the views of a JSON object; raises AttributeError, TypeError or ValueError for anything else."""
    views: dict[str, SavedView] = {}
    for name, row in list(rows.items())[:MAX_VIEWS]:
        name = " ".join(str(name).split())[:MAX_NAME]
        if name:
            conditions = read_conditions(str(row.get("filter", ""))[:MAX_CONDITIONS])
            views[name] = SavedView(
                conditions, read_choice(str(row.get("map", ""))).text, str(row.get("model", ""))[:MAX_NAME]
            )
    return views
