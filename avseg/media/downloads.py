"""The files of a prediction, packed: overlay, masks, COCO run lengths, record, and a zip with the frames."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from avseg.errors import ClipError, ConfigError, WriteError
from avseg.files import printable, writing
from avseg.media.export import FRAMES, MASKS, write_coco, write_prediction

if TYPE_CHECKING:
    from avseg.predict import Prediction


@dataclass(frozen=True)
class Downloads:
    """The packed files of a prediction."""

    everything: Path  # zip of all the others and the frames
    overlay: Path  # mp4
    masks: Path  # zip of PNG files
    coco: Path  # json, COCO run lengths
    record: Path  # json


def write_downloads(
    prediction: Prediction, folder: Path, on_progress: Callable[[int, int], object] | None = None
) -> Downloads:
    """Write the files of a prediction into `folder`, which must not exist yet.

    Raises ConfigError when the disk is full or the folder is deleted meanwhile, ClipError when the source is
    gone or damaged.
    """
    try:
        written = write_prediction(prediction, folder, on_progress=on_progress, frames=True)
        coco = write_coco(prediction, folder / "coco.json")
        everything = folder / f"{printable(Path(prediction.clip.name).stem, 150)}-{prediction.model}.zip"
        with writing(everything), ZipFile(everything, "w", ZIP_DEFLATED, compresslevel=1) as archive:
            for path in (written.overlay, coco, written.record, *written.masks, *written.frames):
                archive.write(path, path.relative_to(folder))
        with writing(folder / f"{MASKS}.zip"):
            masks = Path(shutil.make_archive(str(folder / MASKS), "zip", folder / MASKS))
        for unpacked in (MASKS, FRAMES):
            shutil.rmtree(folder / unpacked)
    except (OSError, ClipError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.parent.is_dir():
            reason = "their folder was deleted. Run it again."
        elif isinstance(error, WriteError):
            reason = error.reason
        else:
            raise
        raise ConfigError(f"The files could not be written: {reason}") from error
    return Downloads(everything, written.overlay, masks, coco, written.record)
