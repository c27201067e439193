"""Finds the tasks in a folder of AVSBench, and reads the clips in their tables, with a cache."""

import csv
import hashlib
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from avseg.data.avsbench import synthetic
from avseg.data.avsbench.layout import (
    CONVERSION,
    LAYOUTS,
    SPLITS,
    SYNTHETIC,
    Entry,
    Layout,
    converted_layout,
)
from avseg.data.labels import CLASS_INDEX, S4_CATEGORY_CLASS, parse_objects
from avseg.errors import ConfigError, DatasetError
from avseg.files import atomic_write, find_file, read_bytes, read_json, visible

SEARCH_DEPTH = 2  # levels of folders below the one that is named
MAX_SUBFOLDERS, MAX_LISTED = 64, 10_000  # of one folder: subfolders searched, names listed
SPREADSHEET_ERRORS = ("#NAME?", "#REF!", "#VALUE!", "#N/A", "#ERROR!")
_PLAIN = re.compile(r"(?!\.\.?$)[^/\\\0]*")  # a name without path separators
_VERSION = 5  # of the cached index; indexes of other versions are read anew


def layout_of(folder: Path, task: str) -> Layout:
    """Return the layout of a task's folder: AVSBench's, for S4 that of AVS-Synthetic, or as it was converted.

    Raises DatasetError for a damaged description of converted data.
    """
    layout = _released_layout(folder, task)
    path = folder / CONVERSION
    if layout is SYNTHETIC or not os.path.isfile(path):
        return layout
    try:
        saved = read_json(path)
        frames, rate = int(saved["frames"]), float(saved["rate"])
        if saved["task"] != task or not (frames >= 0 and 0 < rate < 1000):
            raise ValueError("values out of range")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DatasetError(f"{path} is damaged ({error}). Convert the data again.") from None
    return converted_layout(task, frames, rate) if frames else layout  # 0: as released


def _released_layout(folder: Path, task: str) -> Layout:
    if task == "s4" and not os.path.isfile(find_file(folder / LAYOUTS[task].table, (".csv",))):
        parts = (folder / pattern.partition("/")[0] for pattern in (SYNTHETIC.frame, SYNTHETIC.masks[0][0]))
        if os.path.isfile(folder / SYNTHETIC.table) and all(map(os.path.isdir, parts)):
            return SYNTHETIC
    return LAYOUTS[task]


def table_file(folder: Path, task: str) -> Path:
    """Return the table of a task's folder, whether it exists or not."""
    return find_file(folder / _released_layout(folder, task).table, (".csv",))


def table_state(folder: Path, task: str) -> str:
    """Return a text that changes when the table of a task's folder does."""
    try:
        status = table_file(folder, task).stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    except OSError:
        return "missing"


def find_tasks(root: Path | str) -> dict[str, Path]:
    """Return the tasks in a folder, each with its own folder; empty without any.

    root: the folder that contains Single-source, Multi-sources or AVSS, the parent of such a folder if that
    is called `data`, or a task's folder itself, whatever its name. Without a task there, the folders inside
    are searched, down to two levels (AVSBench_object/Single-source); a task in several of them is left out.
    """
    return {task: folders[0] for task, folders in _candidates(Path(root)).items() if len(folders) == 1}


def _candidates(root: Path) -> dict[str, list[Path]]:
    """Return the folders of every task at the first level that has one; one folder per task at the top."""
    level = [root, root / "data"]
    for depth in range(SEARCH_DEPTH + 1):
        candidates: dict[str, list[Path]] = {}
        for task, layout in LAYOUTS.items():
            names = (layout.folder, SYNTHETIC.folder) if task == "s4" else (layout.folder,)
            places = [folder for base in level for folder in (base, *(base / name for name in names))]
            folders = [place.resolve() for place in places if os.path.isfile(table_file(place, task))]
            if folders:
                candidates[task] = list(dict.fromkeys(folders[:1] if depth == 0 else folders))
        if candidates:
            return candidates
        level = [folder for base in level for folder in _subfolders(base)]
    return {}


def _subfolders(folder: Path) -> list[Path]:
    """Return the visible folders in a folder, not all of a very large one; none if it cannot be read."""
    try:
        with os.scandir(folder) as items:
            folders = visible(Path(item.path) for item in islice(items, MAX_LISTED) if item.is_dir())
            return folders[:MAX_SUBFOLDERS]
    except OSError:
        return []


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
    several = [folders for task, folders in _candidates(root).items() if task in tasks and len(folders) > 1]
    if several:
        return f"{root} contains the same task several times: name one of {', '.join(map(str, several[0]))}."
    if not root.is_dir():
        contents = "is not a folder"
    elif existing:
        contents = f"contains only {', '.join(existing)}"
    else:
        names = [path.name for path in visible(islice(root.iterdir(), MAX_LISTED))]
        contents = (
            f"contains {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}" if names else "is empty"
        )
    return f"{root} {contents}; expected {expected}. Name the folder into which AVSBench was unpacked."


def read_index(folder: Path, task: str) -> tuple[Entry, ...]:
    """Return every clip in the table of a task's folder, of all splits, in the table's order.

    The index is cached (in `AVSEG_CACHE`, else the user's cache folder) until the table changes. Raises
    DatasetError if the table is missing, unreadable or has other columns.
    """
    table = table_file(folder, task)
    try:
        state = table.stat()
    except OSError as error:
        raise DatasetError(f"{table} cannot be read ({error.strerror}).") from None
    layout = layout_of(folder, task)
    key = [_VERSION, str(table), state.st_size, state.st_mtime_ns, layout.seconds, layout.rate]
    cached = cache_file(folder, task)
    entries = _from_cache(cached, key)
    if entries is None:
        entries = _from_table(table, task, layout)
        _to_cache(cached, key, entries)
    return entries


def _from_table(table: Path, task: str, layout: Layout) -> tuple[Entry, ...]:
    sounds = synthetic.read_sound_names(table.parent) if layout is SYNTHETIC else {}
    try:
        lines = io.StringIO(_decoded(read_bytes(table)), newline="")
        header = lines.readline()
        lines.seek(0)
        # Excel saves with semicolons where the comma is the decimal sign.
        rows = csv.reader(lines, delimiter=max(",;\t", key=header.count))
        columns = [name.strip().lower() for name in next(rows, ())]
        if layout is SYNTHETIC:
            columns = synthetic.name_columns(columns)
        if missing := [name for name in layout.columns if name not in columns]:
            raise DatasetError(
                f"{table} has the columns {', '.join(columns)}; expected {', '.join(layout.columns)}. "
                f"Restore {missing[0]!r} from AVSBench's own table."
            )
        entries = []
        for cells in rows:
            row = defaultdict(str, zip(columns, map(str.strip, cells)))
            if row[layout.name]:
                where = f"{table}, line {rows.line_num}, column"
                if layout is SYNTHETIC:
                    row |= {"audio_name": synthetic.sound_of(row, sounds)}
                    row["split"] = synthetic.SPLITS.get(row["split"], row["split"])
                entries.append(_entry(row, task, layout, where))
        return tuple(entries)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} cannot be read as a table ({error}); expected a csv file.") from None


def _decoded(data: bytes) -> str:
    """Return the text of a table: UTF-8 with or without a mark, or the UTF-16 of a spreadsheet."""
    return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")


def _entry(row: Mapping[str, str], task: str, layout: Layout, where: str) -> Entry:
    """Return a row as an entry; raises DatasetError, which begins with `where`, for an impossible value."""
    annotation, subset = (row[column] if column else "" for column in (layout.annotation, layout.subset))
    folders = {layout.name: row[layout.name], "split": row["split"], layout.subset: subset}
    if "{annotation}" in layout.frame:
        folders[layout.annotation] = annotation
    image, audio = (row["img_id"], row["audio_name"]) if layout is SYNTHETIC else ("", "")
    folders |= {"img_id": image, "audio_name": audio}
    for column, value in folders.items():
        if value in SPREADSHEET_ERRORS:
            raise DatasetError(
                f"{where} {column}: {value} is what a spreadsheet makes of a name that begins with = or -. "
                "Restore the column from AVSBench's own table."
            )
        if not _PLAIN.fullmatch(value):  # would lead out of the folder
            raise DatasetError(
                f"{where} {column}: {value!r} is not the name of a file or folder: remove that row."
            )
    labels, unknown = _labels(annotation, layout)
    frames = required = layout.frames.get(subset, layout.seconds)
    if subset in layout.first_only and (start := row[layout.start]):
        # S4's videos last 10 s: its preparation script extracts only 4 frames if a clip starts at second 6.
        required = max(1, min(frames, 10 - _seconds(start, f"{where} {layout.start}")))
    split = row["split"].lower() if row["split"].lower() in SPLITS else row["split"]
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
        image=image,
        audio=audio,
        converted=layout.seconds if layout is not SYNTHETIC and layout is not LAYOUTS[task] else 0,
        rate=layout.rate,
    )


def _seconds(text: str, where: str) -> int:
    """Return whole seconds, which pandas and spreadsheets also write as 6.0 or 6,0."""
    try:
        return int(float(text.replace(",", ".")))
    except (ValueError, OverflowError):
        raise DatasetError(f"{where}: {text!r} is not a number of seconds. Correct it.") from None


def _labels(annotation: str, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the class names in a category or an a_obj value, and the names that are not classes."""
    if layout.own_classes:
        return ((annotation,), ()) if annotation in CLASS_INDEX else ((), (annotation,))
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
        cached = read_json(path)
        if cached["key"] != key:
            return None
        return tuple(
            Entry(
                *row[:5],
                *map(tuple, row[5:7]),
                *map(int, row[7:10]),
                *map(str, row[10:12]),
                int(row[12]),
                float(row[13]),
            )
            for row in cached["entries"]
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _to_cache(path: Path | None, key: list[object], entries: tuple[Entry, ...]) -> None:
    if path is None:
        return
    try:
        with atomic_write(path) as file:
            rows = [[*vars(entry).values()] for entry in entries]
            file.write_text(json.dumps({"key": key, "entries": rows}), encoding="utf-8")
    except OSError:  # a full disk or a read-only folder only costs time
        return
