"""One run from a chosen clip to all that the page shows of it; no component of the page is known here."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app import figures, text
from app.clips import Bundled, bundled
from app.measured import measure
from app.session import MODELS
from avseg.clip import read_clip
from avseg.errors import ClipError
from avseg.export import write_prediction

RATES = (1, 2, 4, 8)  # frames per second
MODEL_SHARE = 0.5  # of the progress bar; writing the video has the rest

Report = Callable[[float, str], object]
"""Called with the share done and words; may raise to stop."""


@dataclass(frozen=True)
class Result:
    """What a run puts on the page."""

    context: str  # HTML of the header
    finding: str  # HTML: sentence, line below, notices
    facts: str  # HTML
    timeline: str  # HTML
    overlay: Path  # mp4
    masks: Path  # zip of PNG files
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


def run(source: Bundled | Path, model: str, fps: float, folder: Path, report: Report) -> Result:
    """Read, segment and write a clip; `folder` gets the files. Raises AvsegError in words for the visitor."""
    if fps not in RATES:
        raise ClipError(f"{fps} frames per second are not offered here: choose 1, 2, 4 or 8.")
    uploaded = isinstance(source, Path)
    path = source if uploaded else source.path
    title, shows = (source.name, "") if uploaded else (source.title, source.shows)
    report(0, "Reading the clip")
    clip = read_clip(path, fps=fps, seconds=text.LONGEST)
    report(0, "Running the model")
    prediction = MODELS.predict(model, clip, _part(report, 0, MODEL_SHARE, "Frame {done} of {total}"))
    writing = _part(report, MODEL_SHARE, 1, "Writing the video")
    written = write_prediction(prediction, folder / "files", on_progress=writing)
    measured = measure(prediction)
    sentences = list(clip.notices)
    if uploaded and prediction.weights == "toy":
        sentences.append(text.TOY_ON_REAL)
    line = text.subject(prediction, title, shows)
    return Result(
        context=figures.context(title, prediction.model, prediction.weights),
        finding=figures.heading(text.finding(measured), line) + figures.notices(sentences),
        facts=figures.facts(prediction, measured, written.seconds),
        timeline=figures.timeline(prediction, measured, None if uploaded else source),
        overlay=written.overlay,
        masks=_packed(written.folder),
        record=written.record,
    )


def _part(report: Report, start: float, end: float, words: str) -> Callable[[int, int], None]:
    """Return a progress callback that fills the bar from `start` to `end`."""

    def tick(done: int, total: int) -> None:
        report(start + (end - start) * done / total, words.format(done=done, total=total))

    return tick


def _packed(folder: Path) -> Path:
    """Pack the masks of a result into one file; the loose ones go."""
    packed = shutil.make_archive(str(folder / "masks"), "zip", folder / "masks")
    shutil.rmtree(folder / "masks")
    return Path(packed)
