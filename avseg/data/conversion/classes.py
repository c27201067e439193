"""From the class names of a source to AVSBench's 71 classes."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import VOID
from avseg.data.labels import CLASS_INDEX, CLASSES, S4_CATEGORY_CLASS
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import ConfigError, DatasetError
from avseg.files import read_text

BACKGROUND, IGNORE = "background", "ignore"  # what a table may say instead of a class
_LISTED = 20  # unknown names in a message


def plain(name: str) -> str:
    """Return a class name as it is compared: lower case, dashes for spaces."""
    return "-".join(str(name).strip().lower().split())


@dataclass(frozen=True)
class ClassNames:
    """The classes of a conversion. label: class of all foreground, "" for those of the source."""

    label: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)  # name in the source: class, background, ignore

    def index(self, name: str) -> int | None:
        """Return the class index of a name of the source, IGNORED, 0 for background; None if unknown."""
        target = self.renamed.get(plain(name), plain(name))
        if target == IGNORE:
            return IGNORED
        if target == BACKGROUND:
            return 0
        if self.label:
            return CLASS_INDEX[self.label]
        return CLASS_INDEX.get(S4_CATEGORY_CLASS.get(target, target))

    def foreground(self, name: str) -> int:
        """Return the class index of a name as `index`, UNNAMED if unknown."""
        known = self.index(name)
        return UNNAMED if known is None else known

    def relabelled(self, classes: np.ndarray) -> np.ndarray:
        """Return class indices uint8 [H, W] of a source whose own indices the table renames."""
        table = np.arange(256, dtype=np.uint8)
        table[VOID] = IGNORED
        if self.label:
            table[1:IGNORED] = CLASS_INDEX[self.label]
        for name in self.renamed:
            if name.isdecimal() and int(name) < 256:
                table[int(name)] = self.foreground(name)
        return table[classes]

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return the names that are no class, each once, sorted."""
        return sorted({name for name in names if self.index(name) is None})


def read_classes(path: Path | None, label: str) -> ClassNames:
    """Return the classes of a conversion; path: a table of two columns as csv or JSON, or None.

    Raises ConfigError for a label, DatasetError for a table, that names a class that does not exist.
    """
    if label and label not in CLASS_INDEX:
        raise ConfigError(f"{label!r} is not one of AVSBench's 71 classes; see avseg.data.labels.CLASSES.")
    if path is None:
        return ClassNames(label)
    try:
        text = read_text(path)
        rows = json.loads(text).items() if path.suffix.lower() == ".json" else _rows(text)
        renamed = {plain(name): plain(target) or BACKGROUND for name, target in rows}
    except (OSError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise DatasetError(
            f"{path} cannot be read as a table of classes ({error}). Give a line NAME,CLASS for every name, "
            f'or JSON such as {{"puppy": "dog"}}; CLASS may also be {BACKGROUND} or {IGNORE}.'
        ) from None
    wrong = sorted(set(renamed.values()) - set(CLASSES) - {IGNORE})
    if wrong:
        raise DatasetError(
            f"{path} renames to {', '.join(wrong[:_LISTED])}, which are not among AVSBench's 71 classes "
            f"(avseg.data.labels.CLASSES), {BACKGROUND} or {IGNORE}."
        )
    return ClassNames(label, renamed)


def _rows(text: str) -> list[tuple[str, str]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if wrong := [row for row in rows if len(row) != 2]:
        raise ValueError(f"a line has {len(wrong[0])} cells")
    return [(row[0], row[1]) for row in rows if [plain(cell) for cell in row] != ["name", "class"]]


def require_known(classes: ClassNames, names: Iterable[str], where: Path) -> None:
    """Raise DatasetError, which lists them, for names that are no class."""
    if unknown := classes.unknown(names):
        listed = f"{', '.join(unknown[:_LISTED])}{' ...' if len(unknown) > _LISTED else ''}"
        raise DatasetError(
            f"{where} has classes that are not among AVSBench's 71 classes: {listed}. Name a class for each "
            "in a table (--classes), one class for all with --label, or convert to ms3, which has none."
        )
