"""Flags: clips that somebody marked, each with a note, kept beside the data set's index."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from avseg.errors import DatasetError
from avseg.files import atomic_write

LONGEST_NOTE = 500  # characters
MOST = 20_000  # flags of one data set

Name = tuple[str, str]
"""Split and name of a clip."""


@dataclass(frozen=True)
class Flag:
    """Why a clip was marked."""

    note: str
    when: str  # UTC, ISO


class Flags:
    """The flags of a data set; with a path they are read from it and every change is written whole."""

    def __init__(self, path: Path | None = None):
        self._path, self._lock = path, threading.Lock()
        self._kept = _read(path)

    def get(self, clip: Name) -> Flag | None:
        return self._kept.get(clip)

    def all(self) -> dict[Name, Flag]:
        return dict(self._kept)

    def set(self, clip: Name, note: str) -> None:
        """Flag a clip; another note replaces the one it has. Raises DatasetError when it cannot be kept."""
        flag = Flag(" ".join(note.split())[:LONGEST_NOTE], datetime.now(UTC).isoformat(timespec="seconds"))
        with self._lock:
            if clip not in self._kept and len(self._kept) >= MOST:
                raise DatasetError(f"{MOST:,} clips are flagged already; take some flags off first.")
            self._write({**self._kept, clip: flag})

    def drop(self, clip: Name) -> None:
        """Take a flag off; raises DatasetError when that cannot be kept."""
        with self._lock:
            self._write({name: flag for name, flag in self._kept.items() if name != clip})

    def _write(self, flags: dict[Name, Flag]) -> None:
        if self._path is not None:
            lines = [
                json.dumps({"split": split, "clip": name, "note": flag.note, "when": flag.when})
                for (split, name), flag in flags.items()
            ]
            try:
                with atomic_write(self._path) as file:
                    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            except OSError as error:
                raise DatasetError(
                    f"The flag could not be kept ({error.strerror}). Free some disk, or set AVSEG_CACHE."
                ) from None
        self._kept = flags


def _read(path: Path | None) -> dict[Name, Flag]:
    found: dict[Name, Flag] = {}
    if path is None or not path.is_file():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            found[str(row["split"]), str(row["clip"])] = Flag(str(row["note"]), str(row["when"]))
        except (ValueError, LookupError, TypeError):
            continue
    return found
