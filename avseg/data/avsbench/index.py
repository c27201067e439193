"""The clips of AVSBench: which tasks a folder holds, and an index made from the table alone and cached."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from avseg.data.avsbench.layout import LAYOUTS, Entry, Layout
from avseg.data.labels import CLASS_INDEX, S4_CATEGORY_CLASS, parse_objects
from avseg.errors import ConfigError, DatasetError
from avseg.files import atomic_write

_PLAIN = re.compile(r"(?!\.\.?$)[^/\\\0]*")  # what stays in the folder that it is put into
_VERSION = 2  # of the cached index; another one is made anew


def find_tasks(root: Path | str) -> dict[str, Path]:
    """Return the tasks that a folder holds, each with its own folder; empty when there is none.

    root: the folder that holds Single-source, Multi-sources or AVSS, the parent of such a folder when that is
    called `data`, or a task's folder itself, whatever its name.
    """
    found = {}
    for task, layout in LAYOUTS.items():
        for folder in (Path(root), Path(root) / layout.folder, Path(root) / "data" / layout.folder):
            if (folder / layout.table).is_file():
                found[task] = folder.resolve()
                break
    return found


def locate(root: Path | str, task: str) -> Path:
    """Return a task's folder below root.

    Raises ConfigError for a task that does not exist, and DatasetError, which says what root holds instead.
    """
    if task not in LAYOUTS:
        raise ConfigError(f"AVSBench has no task {task!r}; tasks are {', '.join(LAYOUTS)}.")
    found = find_tasks(root)
    if task not in found:
        raise DatasetError(_not_found(Path(root), (task,), found))
    return found[task]


def find_task(root: Path | str) -> str:
    """Return the one task that a folder holds; raises DatasetError when it holds none, or several."""
    found = find_tasks(root)
    if len(found) > 1:
        raise DatasetError(f"{root} holds {', '.join(found)}; name the task that is meant.")
    if not found:
        raise DatasetError(_not_found(Path(root), LAYOUTS, found))
    return next(iter(found))


def _not_found(root: Path, tasks: Iterable[str], found: Iterable[str]) -> str:
    wanted = []
    for layout in (LAYOUTS[task] for task in tasks):
        wanted.append(f"{layout.folder}/{layout.table} beside {layout.folder}/{layout.frame.split('/')[0]}/")
    expected = ", or ".join(wanted).replace("{subset}/", "v1s/, v1m/, v2/")
    if not root.is_dir():
        holds = "is not a folder"
    elif found:
        holds = f"holds {', '.join(found)} only"
    else:
        names = sorted(path.name for path in root.iterdir())
        holds = f"holds {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}" if names else "is empty"
    return f"{root} {holds}; expected {expected}. Name the folder that AVSBench was unpacked into."


def read_index(folder: Path, task: str) -> tuple[Entry, ...]:
    """Return every clip that the table of a task's folder lists, all splits, in the table's order.

    The index is kept in the cache folder (`AVSEG_CACHE`, else the user's) until the table changes. Raises
    DatasetError when the table is missing, unreadable or has other columns.
    """
    table = folder / LAYOUTS[task].table
    try:
        state = table.stat()
    except OSError as error:
        raise DatasetError(f"{table} cannot be read ({error.strerror}).") from None
    key = [_VERSION, str(table), state.st_size, state.st_mtime_ns]
    cached = cache_file(folder, task)
    entries = _from_cache(cached, key)
    if entries is None:
        entries = _from_table(table, task)
        _to_cache(cached, key, entries)
    return entries


def _from_table(table: Path, task: str) -> tuple[Entry, ...]:
    layout = LAYOUTS[task]
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = tuple(rows.fieldnames or ())
            if missing := [name for name in layout.columns if name not in columns]:
                raise DatasetError(
                    f"{table} has the columns {', '.join(columns)}; expected {', '.join(layout.columns)}. "
                    f"Restore {missing[0]!r} from AVSBench's own table."
                )
            return tuple(_inside(_entry(row, task), table) for row in rows if row[layout.name])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} cannot be read as a table ({error}); expected a csv file.") from None


def _inside(entry: Entry, table: Path) -> Entry:
    """Return an entry; DatasetError for one whose name, split or category would lead out of the folder."""
    given = entry.given if "{given}" in entry.layout.frame else ""
    for name in (entry.name, entry.split, entry.subset, given):
        if not _PLAIN.fullmatch(name):
            raise DatasetError(
                f"{table} has {name!r}, which is no name of a file or folder: take that row out."
            )
    return entry


def _entry(row: dict[str, str], task: str) -> Entry:
    layout = LAYOUTS[task]
    given, subset = (row.get(column) or "" for column in (layout.given, layout.subset))
    labels, unknown = _labels(given, layout)
    frames = promised = layout.frames.get(subset, layout.seconds)
    start = row.get(layout.start) or ""
    if subset in layout.first_only and start.isdigit():
        # S4's videos last 10 s: its preparation script cuts only 4 frames where a clip begins at second 6.
        promised = max(1, min(frames, 10 - int(start)))
    split = row["split"] or ""
    return Entry(
        task=task,
        name=row[layout.name],
        split=split,
        given=given,
        subset=subset,
        labels=labels,
        unknown=unknown,
        frames=frames,
        promised=promised,
        labelled=1 if split == "train" and subset in layout.first_only else frames,
    )


def _labels(given: str, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the class names in a category or an a_obj value, and the names that are no class."""
    if layout.one_class:
        name = S4_CATEGORY_CLASS.get(given, given)
        return ((name,), ()) if name in CLASS_INDEX else ((), (given,))
    known, unknown = [], []
    for part in given.split("_"):
        try:
            known += parse_objects(part)
        except DatasetError:
            unknown.append(part)
    return tuple(dict.fromkeys(known)), tuple(unknown)


def cache_folder() -> Path:
    """Return the folder of everything kept between runs: `AVSEG_CACHE`, else avseg in the user's cache.

    Raises DatasetError for a user who has no home.
    """
    try:
        home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
        return Path(os.environ.get("AVSEG_CACHE") or Path(home) / "avseg").resolve()
    except (OSError, RuntimeError):
        raise DatasetError("There is no home folder to keep an index in: set AVSEG_CACHE.") from None


def cache_file(folder: Path, task: str) -> Path | None:
    """Return where the index of a task's folder is kept; None when that would be inside the data itself.

    What else is kept of the folder stands beside it, under the same name with another ending.
    """
    try:
        kept = cache_folder()
    except DatasetError:
        return None
    if kept.is_relative_to(folder):
        return None
    return kept / f"index-{task}-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.json"


def _from_cache(path: Path | None, key: list[object]) -> tuple[Entry, ...] | None:
    if path is None:
        return None
    try:
        kept = json.loads(path.read_text())
        if kept["key"] != key:
            return None
        return tuple(
            Entry(*row[:5], tuple(row[5]), tuple(row[6]), *map(int, row[7:])) for row in kept["entries"]
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _to_cache(path: Path | None, key: list[object], entries: tuple[Entry, ...]) -> None:
    if path is None:
        return
    try:
        with atomic_write(path) as file:
            file.write_text(
                json.dumps({"key": key, "entries": [[*vars(entry).values()] for entry in entries]})
            )
    except OSError:  # a full disk or a folder that may not be written only costs the time saved
        return
