"""Finds the tasks in a folder of AVSBench, and reads the clips in their tables, with a cache."""

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

_PLAIN = re.compile(r"(?!\.\.?$)[^/\\\0]*")  # a name without path separators
_VERSION = 2  # of the cached index; indexes of other versions are read anew


def find_tasks(root: Path | str) -> dict[str, Path]:
    """Return the tasks in a folder, each with its own folder; empty without any.

    root: the folder that contains Single-source, Multi-sources or AVSS, the parent of such a folder if that
    is called `data`, or a task's folder itself, whatever its name.
    """
    folders = {}
    for task, layout in LAYOUTS.items():
        for folder in (Path(root), Path(root) / layout.folder, Path(root) / "data" / layout.folder):
            if (folder / layout.table).is_file():
                folders[task] = folder.resolve()
                break
    return folders


def locate(root: Path | str, task: str) -> Path:
    """Return a task's folder below root.

    Raises ConfigError for a task that does not exist, and DatasetError, which says what root contains.
    """
    if task not in LAYOUTS:
        raise ConfigError(f"AVSBench has no task {task!r}; tasks are {', '.join(LAYOUTS)}.")
    folders = find_tasks(root)
    if task not in folders:
        raise DatasetError(_not_found_message(Path(root), (task,), folders))
    return folders[task]


def find_task(root: Path | str) -> str:
    """Return the only task in a folder; raises DatasetError if there are none or several."""
    folders = find_tasks(root)
    if len(folders) > 1:
        raise DatasetError(f"{root} contains {', '.join(folders)}; select one with task.")
    if not folders:
        raise DatasetError(_not_found_message(Path(root), LAYOUTS, folders))
    return next(iter(folders))


def _not_found_message(root: Path, tasks: Iterable[str], existing: Iterable[str]) -> str:
    paths = []
    for layout in (LAYOUTS[task] for task in tasks):
        paths.append(f"{layout.folder}/{layout.table} and {layout.folder}/{layout.frame.split('/')[0]}/")
    expected = ", or ".join(paths).replace("{subset}/", "v1s/, v1m/, v2/")
    if not root.is_dir():
        contents = "is not a folder"
    elif existing:
        contents = f"contains only {', '.join(existing)}"
    else:
        names = sorted(path.name for path in root.iterdir())
        contents = (
            f"contains {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}" if names else "is empty"
        )
    return f"{root} {contents}; expected {expected}. Name the folder into which AVSBench was unpacked."


def read_index(folder: Path, task: str) -> tuple[Entry, ...]:
    """Return every clip in the table of a task's folder, of all splits, in the table's order.

    The index is cached (in `AVSEG_CACHE`, else the user's cache folder) until the table changes. Raises
    DatasetError if the table is missing, unreadable or has other columns.
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
    """Return an entry; raises DatasetError if its name, split or category would lead out of the folder."""
    annotation = entry.annotation if "{annotation}" in entry.layout.frame else ""
    for name in (entry.name, entry.split, entry.subset, annotation):
        if not _PLAIN.fullmatch(name):
            raise DatasetError(
                f"{table} has {name!r}, which is not the name of a file or folder: remove that row."
            )
    return entry


def _entry(row: dict[str, str], task: str) -> Entry:
    layout = LAYOUTS[task]
    annotation, subset = (row.get(column) or "" for column in (layout.annotation, layout.subset))
    labels, unknown = _labels(annotation, layout)
    frames = required = layout.frames.get(subset, layout.seconds)
    start = row.get(layout.start) or ""
    if subset in layout.first_only and start.isdigit():
        # S4's videos last 10 s: its preparation script extracts only 4 frames if a clip starts at second 6.
        required = max(1, min(frames, 10 - int(start)))
    split = row["split"] or ""
    return Entry(
        task=task,
        name=row[layout.name],
        split=split,
        annotation=annotation,
        subset=subset,
        labels=labels,
        unknown=unknown,
        frames=frames,
        required=required,
        labelled=1 if split == "train" and subset in layout.first_only else frames,
    )


def _labels(annotation: str, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the class names in a category or an a_obj value, and the names that are not classes."""
    if layout.one_class:
        name = S4_CATEGORY_CLASS.get(annotation, annotation)
        return ((name,), ()) if name in CLASS_INDEX else ((), (annotation,))
    labels, unknown = [], []
    for part in annotation.split("_"):
        try:
            labels += parse_objects(part)
        except DatasetError:
            unknown.append(part)
    return tuple(dict.fromkeys(labels)), tuple(unknown)


def cache_folder() -> Path:
    """Return the cache folder: `AVSEG_CACHE`, else avseg in the user's cache folder.

    Raises DatasetError for a user without a home folder.
    """
    try:
        home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
        return Path(os.environ.get("AVSEG_CACHE") or Path(home) / "avseg").resolve()
    except (OSError, RuntimeError):
        raise DatasetError("The cache needs a home folder: set AVSEG_CACHE.") from None


def cache_file(folder: Path, task: str) -> Path | None:
    """Return the cache file of a task's folder; None if it would be inside the data itself.

    Other cached facts about the folder are stored under the same name with another suffix.
    """
    try:
        cache = cache_folder()
    except DatasetError:
        return None
    if cache.is_relative_to(folder):
        return None
    return cache / f"index-{task}-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.json"


def _from_cache(path: Path | None, key: list[object]) -> tuple[Entry, ...] | None:
    if path is None:
        return None
    try:
        cached = json.loads(path.read_text())
        if cached["key"] != key:
            return None
        return tuple(
            Entry(*row[:5], tuple(row[5]), tuple(row[6]), *map(int, row[7:])) for row in cached["entries"]
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
    except OSError:  # a full disk or a read-only folder only costs time
        return
