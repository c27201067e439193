"""Flags: clips that a visitor marked, each with a note, kept beside the data set's index."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from avseg.data.avsbench.facts import ClipName
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_text

MAX_NOTE = 500  # characters
MAX_FLAGS = 20_000  # of one data set


@dataclass(frozen=True)
class Flag:
    """Why a clip is flagged."""

    note: str
    when: str  # UTC, ISO


class Flags:
    """The flags of a data set; with a path they are loaded from a file, which every change rewrites."""

    def __init__(self, path: Path | None = None):
        self._path, self._lock = path, threading.Lock()
        self._flags = _load(path)

    def get(self, clip: ClipName) -> Flag | None:
        return self._flags.get(clip)

    def all(self) -> dict[ClipName, Flag]:
        return dict(self._flags)

    def set(self, clip: ClipName, note: str) -> None:
        """Flag a clip, or change its note. Raises DatasetError if the flag cannot be saved."""
        flag = Flag(" ".join(note.split())[:MAX_NOTE], datetime.now(UTC).isoformat(timespec="seconds"))
        with self._lock:
            if clip not in self._flags and len(self._flags) >= MAX_FLAGS:
                raise DatasetError(f"{MAX_FLAGS:,} clips are flagged already; remove some flags first.")
            self._save({**self._flags, clip: flag})

    def remove(self, clip: ClipName) -> None:
        """Remove a flag; raises DatasetError if the change cannot be saved."""
        with self._lock:
            self._save({name: flag for name, flag in self._flags.items() if name != clip})

    def _save(self, flags: dict[ClipName, Flag]) -> None:
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
                    f"The flag could not be saved ({error.strerror}). Free some disk, or set AVSEG_CACHE."
                ) from None
        self._flags = flags


def _load(path: Path | None) -> dict[ClipName, Flag]:
    flags: dict[ClipName, Flag] = {}
    if path is None or not path.is_file():
        return flags
    for line in read_text(path, errors="replace").splitlines():
        try:
            row = json.loads(line)
            flags[str(row["split"]), str(row["clip"])] = Flag(str(row["note"]), str(row["when"]))
        except (ValueError, LookupError, TypeError):
            continue
    return flags
