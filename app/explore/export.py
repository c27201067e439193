"""The clips that are shown as a csv file."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.explore.collection import Collection
from app.explore.flags import Flags
from avseg.errors import DatasetError
from avseg.files import atomic_write

COLUMNS = (
    *("split", "clip", "classes", "sounding_objects", "video", "subset", "frames", "labelled_frames"),
    *("frames_with_mask", "mask_share", "iou", "iou_model", "flagged", "note", "flagged_at"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def write_csv(path: Path, there: Collection, rows: Sequence[int], flags: Flags, model: str) -> Path:
    """Write a row per clip, in the given order; a cell is empty where nobody knows.

    Raises DatasetError when the file cannot be written.
    """
    iou = there.iou(model)
    try:
        with atomic_write(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(COLUMNS)
            for row in rows:
                lines.writerow([safe(cell) for cell in _row(there, int(row), float(iou[row]), flags, model)])
    except OSError as error:
        raise DatasetError(f"The csv could not be written ({error.strerror}). Free some disk.") from error
    return path


def _row(there: Collection, row: int, iou: float, flags: Flags, model: str) -> list[object]:
    facts, measured = there.facts, there.measured
    entry, known = facts.entries[row], bool(measured.known[row])
    share = measured.share[row]
    flag = flags.get((entry.split, entry.name))
    scored = not np.isnan(iou)
    return [
        *(entry.split, entry.name, " ".join(facts.labels[row])),
        "" if facts.objects[row] < 0 else int(facts.objects[row]),
        *(entry.video, entry.subset, entry.frames, entry.labelled),
        int((share > 0).sum()) if known else "",
        f"{measured.area[row]:.6f}" if known else "",
        *((f"{iou:.6f}", model) if scored else ("", "")),
        *(("yes", flag.note, flag.when) if flag else ("", "", "")),
    ]
