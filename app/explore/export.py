"""The csv file of the clips that match the filter."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from app.explore.collection import Collection
from app.explore.filters import matching_rows
from app.explore.marks import SEPARATOR, Marks
from app.explore.state import with_conditions
from app.explore.tags import Mark
from avseg.errors import DatasetError
from avseg.evaluation.frame_mistakes import KINDS
from avseg.files import atomic_write, escape_formula

COLUMNS = (  # of Collection.columns
    *("split", "clip", "classes", "sounding_objects", "video", "subset", "frames", "labelled_frames"),
    *("frames_with_mask", "mask_share", "iou"),
)


def write_csv(path: Path, collection: Collection, rows: Sequence[int], marks: Marks, model: str) -> Path:
    """Write a row per clip, in the given order; a cell is empty where the value is unknown.

    Names of clips stay as they are, so that the rows can be joined with other tables; see `escape_formula`.

    Raises DatasetError if the file cannot be written.
    """
    table = collection.columns(model).iloc[rows][list(COLUMNS)]
    table["iou_model"] = table["iou"].notna().map({True: model, False: ""})
    mistakes = collection.mistakes(model)[rows]
    for k, kind in enumerate(KINDS):
        table[kind] = pd.Series(mistakes[:, k], table.index, "Int16").mask(mistakes[:, k] < 0)
    clips = zip(table["split"], table["clip"], strict=True)
    row_marks = [marks.tags.get(clip) or Mark() for clip in clips]
    table["flagged"] = ["yes" if mark.tags or mark.note else "" for mark in row_marks]
    table["tags"] = [SEPARATOR.join(mark.tags) for mark in row_marks]
    table["note"] = [mark.note for mark in row_marks]
    table["flagged_at"] = [mark.when for mark in row_marks]
    table["saved_views"] = _views_of(collection, rows, marks, model)
    try:
        with atomic_write(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            table.map(escape_formula).to_csv(file, index=False, float_format="%.6f")
    except OSError as error:
        raise DatasetError(
            f"The csv could not be written ({error.strerror}). Free some disk space."
        ) from error
    return path


def _views_of(collection: Collection, rows: Sequence[int], marks: Marks, model: str) -> list[str]:
    """Return the names of the saved views that show each clip."""
    shown = {
        name: np.isin(
            rows,
            matching_rows(
                with_conditions(view.conditions, collection), collection, marks.tags, view.model or model
            ),
        )
        for name, view in marks.views.all().items()
    }
    return [SEPARATOR.join(name for name in shown if shown[name][k]) for k in range(len(rows))]
