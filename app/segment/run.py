"""From a selected clip to its prediction, its player and its files."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from app.components.player.player import PlayerValue, player_value
from app.services.clips import MAX_SECONDS, Bundled, bundled, lanes_of, truth_of
from app.services.session import MODELS, ClipResult
from avseg.errors import ClipError, ConfigError
from avseg.media.clip import Clip, read_clip
from avseg.media.export import write_coco, write_prediction
from avseg.predict import OnMasks, Prediction

RATES = (1, 2, 4, 8)  # frames per second
MODEL_SHARE = 0.7  # of the progress bar; writing the player's files has the rest

Report = Callable[[float, str], object]
"""Called with the share done and a description; may raise to stop the run."""


@dataclass(frozen=True)
class Choice:
    """What to segment, and how."""

    source: Bundled | Path  # a bundled clip, or the visitor's own file
    model: str
    fps: float = 1
    start: float = 0.0  # seconds
    end: float | None = None  # seconds; None for the clip's end


@dataclass(frozen=True)
class Timings:
    """Seconds that the parts of a run took."""

    decode: float
    model: float
    player: float  # images, counts, and the video where it is the visitor's own
    files: float = 0.0  # written after the masks are on the page


@dataclass(frozen=True)
class Files:
    """The downloads of a result."""

    everything: Path  # zip of all the others
    overlay: Path  # mp4
    masks: Path  # zip of PNG files
    coco: Path  # json, COCO run lengths
    record: Path  # json


def read(choice: Choice) -> Clip:
    """Read the range of the selected clip; raises ClipError."""
    if choice.fps not in RATES:
        raise ClipError(f"{choice.fps} frames per second is not available here: choose 1, 2, 4 or 8.")
    path = choice.source if isinstance(choice.source, Path) else choice.source.path
    start, end = choice.start or 0.0, choice.end
    if end is not None and end <= start:
        raise ClipError(f"The range ends at {end:g} s, before it starts at {start:g} s. Enter a later end.")
    seconds = MAX_SECONDS if end is None else end - start
    if seconds > MAX_SECONDS + 1e-6:
        raise ClipError(f"{seconds:g} s is more than {MAX_SECONDS:g} s: choose a shorter range.")
    return read_clip(path, fps=choice.fps, start=start, seconds=seconds)


def predict(choice: Choice, report: Report, on_masks: OnMasks | None = None) -> ClipResult:
    """Read and segment the selected clip; raises AvsegError."""
    report(0, "Reading the clip")
    clip = read(choice)
    report(0, "Running the model")
    on_frame = _part(report, 0, MODEL_SHARE, "Frame {done} of {total}")
    prediction = MODELS.predict(choice.model, clip, on_frame, on_masks)
    if isinstance(choice.source, Path):
        return ClipResult(prediction, choice.source.name, choice.model)
    return ClipResult(prediction, choice.source.title, choice.model, choice.source.name)


def make_player(result: ClipResult, folder: Path, report: Report) -> PlayerValue:
    """Return the player of a prediction of any source; its files go into `folder`. Raises AvsegError."""
    source, clip, truth = bundled().get(result.clip), result.prediction.clip, result.truth
    options = {"folder": folder / "player", "title": result.title, "frame": result.frame}
    if source is None:  # a visitor's file is never served as it is
        on_progress = _part(report, MODEL_SHARE, 1, "Writing the video")
        return player_value(result.prediction, truth=truth, on_progress=on_progress, **options)
    return player_value(
        result.prediction,
        truth=truth_of(source.name, tuple(clip.start + clip.times)) if truth is None else truth,
        video=source.path,
        start=clip.start,
        lanes=lanes_of(source, clip.start, clip.duration),
        **options,
    )


def answer(choice: Choice, threshold: float, folder: Path, report: Report) -> tuple[Files, dict[str, object]]:
    """Segment a clip for another program; returns its files, written into `folder`, and its record."""
    prediction = predict(choice, report).prediction.at_threshold(threshold)
    files = write_files(prediction, folder, report)
    return files, json.loads(files.record.read_text(encoding="utf-8"))


def write_files(prediction: Prediction, folder: Path, report: Report) -> Files:
    """Write the downloads of a prediction into `folder`, which must not exist yet.

    Raises ConfigError when the disk is full, or when the folder is deleted because the page was closed.
    """
    on_progress = _part(report, MODEL_SHARE, 1, "Writing the files")
    try:
        written = write_prediction(prediction, folder, on_progress=on_progress)
        coco = write_coco(prediction, folder / "coco.json")
        everything = folder / f"{Path(prediction.clip.name).stem}-{prediction.model}.zip"
        with ZipFile(everything, "w", ZIP_DEFLATED, compresslevel=1) as archive:
            for path in (written.overlay, coco, written.record, *written.masks):
                archive.write(path, path.relative_to(folder))
        masks = Path(shutil.make_archive(str(folder / "masks"), "zip", folder / "masks"))
        shutil.rmtree(folder / "masks")
    except (OSError, ClipError) as error:
        if isinstance(error, ClipError) and folder.parent.is_dir():  # the source is gone or damaged
            raise
        reason = error.strerror if isinstance(error, OSError) else "their folder was deleted"
        raise ConfigError(f"The files could not be written: {reason}. Run it again.") from error
    return Files(everything, written.overlay, masks, coco, written.record)


def _part(report: Report, start: float, end: float, description: str) -> Callable[[int, int], None]:
    """Return a progress callback that fills the bar from `start` to `end`."""

    def tick(done: int, total: int) -> None:
        report(start + (end - start) * done / total, description.format(done=done, total=total))

    return tick
