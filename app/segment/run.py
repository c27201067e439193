"""One run from a chosen clip to all that the page shows of it, and its files; no component is known here."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from app.components import html as figures
from app.components import text
from app.components.player.player import PlayerValue, player_value
from app.services.clips import Bundled, bundled, lanes_of, truth_of
from app.services.mask_statistics import measure
from app.services.session import MODELS, ClipResult
from avseg.errors import ClipError, ConfigError
from avseg.media.clip import Clip, read_clip
from avseg.media.export import write_coco, write_prediction
from avseg.predict import OnMasks, Prediction

RATES = (1, 2, 4, 8)  # frames per second
MODEL_SHARE = 0.7  # of the progress bar; making the player's files has the rest

Report = Callable[[float, str], object]
"""Called with the share done and words; may raise to stop."""


@dataclass(frozen=True)
class Choice:
    """What to segment, and how."""

    source: Bundled | Path  # a bundled clip, or the visitor's own file
    model: str
    fps: float = 1
    start: float = 0.0  # seconds
    end: float | None = None  # seconds; None for the clip's end


@dataclass(frozen=True)
class Stages:
    """Seconds that the stages of a run took."""

    decode: float
    model: float
    player: float  # pictures, counts, and the video where it is the visitor's own
    files: float = 0.0  # written after the masks are on the page


@dataclass(frozen=True, eq=False)
class Result:
    """What a run puts on the page."""

    context: str  # HTML of the header
    finding: str  # HTML: sentence, line below, notices
    player: PlayerValue
    stages: Stages
    shown: ClipResult


@dataclass(frozen=True)
class Files:
    """What can be downloaded of a result."""

    everything: Path  # zip of all the others
    overlay: Path  # mp4
    masks: Path  # zip of PNG files
    coco: Path  # json, COCO run lengths
    record: Path  # json


def source_of(clip: str | None, upload: str | None) -> Bundled | Path:
    """Return what was chosen, an upload first; only names of the table count as bundled clips.

    Raises ClipError when nothing was.
    """
    if upload:
        return Path(upload)
    if clip not in bundled():
        raise ClipError("No clip is chosen. Pick one of the bundled clips or upload a video.")
    return bundled()[clip]


def read(choice: Choice) -> Clip:
    """Read the range of the chosen clip; raises ClipError in words for the visitor."""
    if choice.fps not in RATES:
        raise ClipError(f"{choice.fps} frames per second are not offered here: choose 1, 2, 4 or 8.")
    path = choice.source if isinstance(choice.source, Path) else choice.source.path
    start, end = choice.start or 0.0, choice.end
    if end is not None and end <= start:
        raise ClipError(
            f"The clip would end at {end:g} s, before it starts at {start:g} s. Give a later end."
        )
    seconds = text.LONGEST if end is None else end - start
    if seconds > text.LONGEST + 1e-6:
        raise ClipError(f"{seconds:g} s are more than {text.LONGEST:g} s: choose a shorter range.")
    return read_clip(path, fps=choice.fps, start=start, seconds=seconds)


def run(choice: Choice, folder: Path, report: Report, on_masks: OnMasks | None = None) -> Result:
    """Read and segment a clip; `folder` gets the player's files. Raises AvsegError in words."""
    own = isinstance(choice.source, Path)
    report(0, "Reading the clip")
    clip = read(choice)
    report(0, "Running the model")
    on_frame = _part(report, 0, MODEL_SHARE, "Frame {done} of {total}")
    prediction = MODELS.predict(choice.model, clip, on_frame, on_masks)
    if own:
        return present(ClipResult(prediction, choice.source.name, choice.model), folder, report)
    return present(
        ClipResult(prediction, choice.source.title, choice.model, choice.source.name), folder, report
    )


def present(shown: ClipResult, folder: Path, report: Report) -> Result:
    """Return what the page shows of a finished prediction of any source; `folder` gets the player's files."""
    prediction, began = shown.prediction, time.perf_counter()
    source = bundled().get(shown.clip)
    player = _player(shown, source, folder, _part(report, MODEL_SHARE, 1, "Making the video"))
    line = text.subject(prediction, shown.title, source.shows if source else "")
    unlike = source is None and shown.truth is None and prediction.weights == "toy"
    sentences = [*map(str, prediction.clip.notices), *([text.TOY_ON_REAL] if unlike else [])]
    finding = figures.heading(text.finding(measure(prediction)), line) + figures.notices(sentences)
    stages = Stages(prediction.seconds.decode, prediction.seconds.model, time.perf_counter() - began)
    return Result(figures.context_of(shown), finding, player, stages, shown)


def _player(
    shown: ClipResult, source: Bundled | None, folder: Path, making: Callable[[int, int], None]
) -> PlayerValue:
    clip, truth = shown.prediction.clip, shown.truth
    same = {"folder": folder / "player", "title": shown.title, "frame": shown.frame}
    if source is None:  # a stranger's file is never served as it is
        return player_value(shown.prediction, truth=truth, on_progress=making, **same)
    return player_value(
        shown.prediction,
        truth=truth_of(source.name, tuple(clip.start + clip.times)) if truth is None else truth,
        video=source.path,
        start=clip.start,
        lanes=lanes_of(source, clip.start, clip.duration),
        **same,
    )


def answer(choice: Choice, threshold: float, folder: Path, report: Report) -> tuple[Files, dict[str, object]]:
    """Segment a clip for another program; returns its files, written into `folder`, and its record."""
    report(0, "Reading the clip")
    clip = read(choice)
    model = _part(report, 0, MODEL_SHARE, "Frame {done} of {total}")
    prediction = MODELS.predict(choice.model, clip, model)
    files = write_files(prediction.at_threshold(threshold), folder, report)
    return files, json.loads(files.record.read_text(encoding="utf-8"))


def write_files(prediction: Prediction, folder: Path, report: Report) -> Files:
    """Write a result for download into `folder`, which must not be there yet.

    Raises ConfigError when the disk is full, or the folder taken away because the page was closed.
    """
    try:
        return _write_files(prediction, folder, report)
    except OSError as error:
        raise ConfigError(f"The files could not be written: {error.strerror}. Segment once more.") from error


def _write_files(prediction: Prediction, folder: Path, report: Report) -> Files:
    written = write_prediction(
        prediction, folder, on_progress=_part(report, MODEL_SHARE, 1, "Writing the files")
    )
    coco = write_coco(prediction, folder / "coco.json")
    everything = folder / f"{Path(prediction.clip.name).stem}-{prediction.model}.zip"
    with ZipFile(everything, "w", ZIP_DEFLATED, compresslevel=1) as packed:
        for path in (written.overlay, coco, written.record, *written.masks):
            packed.write(path, path.relative_to(folder))
    masks = Path(shutil.make_archive(str(folder / "masks"), "zip", folder / "masks"))
    shutil.rmtree(folder / "masks")
    return Files(everything, written.overlay, masks, coco, written.record)


def _part(report: Report, start: float, end: float, words: str) -> Callable[[int, int], None]:
    """Return a progress callback that fills the bar from `start` to `end`."""

    def tick(done: int, total: int) -> None:
        report(start + (end - start) * done / total, words.format(done=done, total=total))

    return tick
