"""Tags and notes on the clips of a data set, kept beside its index; old flags are the tag `flagged`."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.services.host import public_host
from avseg.data.avsbench.facts import ClipName
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_text

FLAGGED = "flagged"  # the tag of the Flag button, and of flags from before there were tags
MAX_TAG, MAX_NOTE = 40, 500  # characters
MAX_TAGS, MAX_NAMES = 12, 200  # of one clip; different ones of a data set
MAX_CLIPS, MAX_CLIPS_PUBLIC = 20_000, 2_000  # with a tag or a note, of one data set


@dataclass(frozen=True)
class Mark:
    """What is written about a clip."""

    tags: tuple[str, ...] = ()
    note: str = ""
    when: str = ""  # of the last change; UTC, ISO


class Tags:
    """The marks of a data set's clips; with a path they are loaded from a file, which every change rewrites.

    Lines of the file that are no mark stay in it.
    """

    def __init__(self, path: Path | None = None):
        self._path, self._lock = path, threading.Lock()
        self._marks, self._foreign = _load(path)

    def get(self, clip: ClipName) -> Mark | None:
        return self._marks.get(clip)

    def all(self) -> dict[ClipName, Mark]:
        return dict(self._marks)

    def names(self) -> dict[str, int]:
        """Return the tags in use with the number of their clips, the most frequent first."""
        counts = Counter(tag for mark in self._marks.values() for tag in mark.tags)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def add(self, clip: ClipName, tag: str) -> None:
        """Tag a clip; raises DatasetError for too many tags, and if they cannot be saved."""
        self.merge({clip: Mark((tag,))})

    def remove(self, clip: ClipName, tag: str) -> None:
        """Remove a tag; raises DatasetError if the change cannot be saved."""
        with self._lock:
            mark = self._marks.get(clip)
            if mark is not None:
                self._save(self._with(clip, replace(mark, tags=tuple(t for t in mark.tags if t != tag))))

    def set_note(self, clip: ClipName, note: str) -> None:
        """Write or change the note of a clip, which is flagged if it has no tag.

        Raises DatasetError if it cannot be saved.
        """
        with self._lock:
            mark, note = self._marks.get(clip, Mark()), _plain(note, MAX_NOTE)
            tags = mark.tags or ((FLAGGED,) if note else ())
            self._save(self._with(clip, replace(mark, note=note, tags=tags)))

    def merge(self, marks: Mapping[ClipName, Mark]) -> None:
        """Add tags and notes to those that are there; raises DatasetError where they are too many."""
        with self._lock:
            merged = dict(self._marks)
            known = {name.lower(): name for name in self.names()}
            for clip, new in marks.items():
                mark, tags = merged.get(clip, Mark()), []
                for tag in map(clean, new.tags):
                    tags.append(known.setdefault(tag.lower(), tag))
                joined = tuple(dict.fromkeys((*mark.tags, *filter(None, tags))))
                if len(joined) > MAX_TAGS:
                    raise DatasetError(f"{clip[1]} would have more than {MAX_TAGS} tags; remove one first.")
                note = mark.note if new.note in mark.note else " / ".join(filter(None, (mark.note, new.note)))
                changed = Mark(joined, _plain(note, MAX_NOTE), mark.when)
                if changed != mark:
                    merged[clip] = replace(changed, when=new.when or _now())
            self._save({clip: mark for clip, mark in merged.items() if mark.tags or mark.note})

    def _with(self, clip: ClipName, mark: Mark) -> dict[ClipName, Mark]:
        marks = {**self._marks, clip: replace(mark, when=_now())}
        return {name: one for name, one in marks.items() if one.tags or one.note}

    def _save(self, marks: dict[ClipName, Mark]) -> None:
        most = MAX_CLIPS_PUBLIC if public_host() else MAX_CLIPS
        if len(marks) > max(most, len(self._marks)):
            raise DatasetError(f"{most:,} clips have tags or notes already; remove some first.")
        if len({tag for mark in marks.values() for tag in mark.tags}) > MAX_NAMES:
            raise DatasetError(f"There are {MAX_NAMES} different tags already; use one of them.")
        if self._path is not None:
            lines = [*map(json.dumps, rows_of(marks)), *self._foreign]
            try:
                with atomic_write(self._path) as file:
                    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            except OSError as error:
                raise DatasetError(
                    f"The tag could not be saved ({error.strerror}). Free some disk, or set AVSEG_CACHE."
                ) from None
        self._marks = marks


def clean(tag: str) -> str:
    """Return a tag without what separates tags, and of at most MAX_TAG characters."""
    return _plain(tag.replace(";", " ").replace(",", " "), MAX_TAG)


def rows_of(marks: Mapping[ClipName, Mark]) -> list[dict[str, Any]]:
    """Return marks as rows of a file."""
    return [
        {"split": split, "clip": name, "tags": list(mark.tags), "note": mark.note, "when": mark.when}
        for (split, name), mark in marks.items()
    ]


def mark_of(row: Mapping[str, Any]) -> tuple[ClipName, Mark]:
    """Return the mark of a row; raises LookupError or TypeError for one that is none."""
    tags = row.get("tags", [FLAGGED])
    if not isinstance(tags, list):
        raise TypeError("tags is not a list")
    texts = tuple(filter(None, (clean(str(tag)) for tag in tags[:MAX_TAGS])))
    mark = Mark(texts, _plain(str(row["note"]), MAX_NOTE), _plain(str(row.get("when", "")), MAX_TAG))
    return (str(row["split"]), str(row["clip"])), mark


def _load(path: Path | None) -> tuple[dict[ClipName, Mark], list[str]]:
    """Return the marks of a file, and its lines that are none."""
    marks: dict[ClipName, Mark] = {}
    foreign: list[str] = []
    lines: Iterable[str] = ()
    if path is not None and path.is_file():
        lines = read_text(path, errors="replace").splitlines()
    for line in lines:
        try:
            clip, mark = mark_of(json.loads(line))
            marks[clip] = mark
        except (ValueError, LookupError, TypeError, AttributeError):
            foreign += [line] if line.strip() else []
    return marks, foreign


def _plain(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest].strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
