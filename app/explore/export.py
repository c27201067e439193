"""The csv file of the clips that match the filter."""

from collections.abc import Sequence
from pathlib import Path

from app.explore.collection import Collection
from app.explore.flags import Flags
from avseg.errors import DatasetError
from avseg.files import atomic_write, escape_formula

COLUMNS = (  # of Collection.columns
    *("split", "clip", "classes", "sounding_objects", "video", "subset", "frames", "labelled_frames"),
    *("frames_with_mask", "mask_share", "iou"),
)


def write_csv(path: Path, collection: Collection, rows: Sequence[int], flags: Flags, model: str) -> Path:
    """Write a row per clip, in the given order; a cell is empty where the value is unknown.

    Names of clips stay as they are, so that the rows can be joined with other tables; see `escape_formula`.

    Raises DatasetError if the file cannot be written.
    """
    table = collection.columns(model).iloc[rows][list(COLUMNS)]
    table["iou_model"] = table["iou"].notna().map({True: model, False: ""})
    row_flags = [flags.get(clip) for clip in zip(table["split"], table["clip"], strict=True)]
    table["flagged"] = ["yes" if flag else "" for flag in row_flags]
    table["note"] = [flag.note if flag else "" for flag in row_flags]
    table["flagged_at"] = [flag.when if flag else "" for flag in row_flags]
    try:
        with atomic_write(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            table.map(escape_formula).to_csv(file, index=False, float_format="%.6f")
    except OSError as error:
        raise DatasetError(
            f"The csv could not be written ({error.strerror}). Free some disk space."
        ) from error
    return path
