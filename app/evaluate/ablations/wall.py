"""The wall of masks: the same clips under the variants of a study, a picture per cell, in one frame cursor.

The frames of a cell lie below each other in one picture, of which the page shows one at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import numpy as np

from app.evaluate.ablations.state import WallRequest
from app.evaluate.clips import THUMBNAIL, measure, open_clip
from app.services.ablations import Study, StudyRow
from app.services.cache import LRUCache
from app.services.clips import bundled, jpeg_uri, truth_of
from app.services.models import model_version
from app.services.reports import StoredReport
from app.services.session import MODELS, ClipResult, ModelVersion
from avseg.errors import ConfigError, ReportError
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.media.clip import read_clip
from avseg.media.draw import overlay, resize
from avseg.media.export import colours_of
from avseg.predict import Prediction

MAX_CLIPS, MAX_ROWS = 4, 12
TEST_CLIPS = 12  # that are offered: those on which the rows differ most
TEST = "test:"  # prefix of their keys
WIDTH = 256  # px of a cell's picture
QUALITY = 76

Report = Callable[[float, str], object]
"""Called with the share done and a description; may raise to stop."""


@dataclass(frozen=True)
class Cell:
    """One clip under one variant, or its frames with the ground truth."""

    picture: str  # data URI of the frames below each other
    frames: int
    height: int  # px of one frame, WIDTH wide
    ious: tuple[float | None, ...] = ()  # of every frame; None without ground truth, or where it is empty
    shares: tuple[float, ...] = ()  # of every frame that is marked
    iou: float | None = None  # mean over the frames with foreground in the ground truth
    silent: tuple[bool, ...] = ()  # of the ground truth: the frame is labelled and nothing in view sounds


CellKey = tuple[ModelVersion | None, object, str, bool]  # model (None: ground truth), data, clip, muted
_CELLS: LRUCache[CellKey, Cell] = LRUCache(600)
_SECONDS: dict[str, float] = {}  # by model: of its last cell


def clip_choices(study: Study) -> list[tuple[str, str]]:
    """Return title and key of the clips: bundled ones, then those of the test split that tell most."""
    drawn = sorted(bundled().values(), key=lambda clip: clip.kind != "drawn")
    return [*((clip.title, clip.name) for clip in drawn), *_test_choices(study)]


def _test_choices(study: Study) -> list[tuple[str, str]]:
    ious: dict[str, list[float]] = {}
    labels: dict[str, str] = {}
    for row in study.rows:
        evaluation = study.evaluation(row.name)
        for clip in evaluation.clips if evaluation else ():
            labels[clip.name] = clip.labels
            if clip.iou is not None:
                ious.setdefault(clip.name, []).append(clip.iou)
    ranked = sorted(ious, key=lambda name: (min(ious[name]) - max(ious[name]), name))
    return [
        (f"Test {name}: {labels[name]} (IoU {min(ious[name]):.2f} to {max(ious[name]):.2f})", TEST + name)
        for name in ranked[:TEST_CLIPS]
    ]


def check_request(study: Study, clips: Sequence[object], rows: Sequence[str]) -> WallRequest:
    """Return the wall of these clips and rows; raises AvsegError for what cannot be drawn."""
    known = {key for _, key in clip_choices(study)}
    chosen = tuple(dict.fromkeys(clip for clip in clips if isinstance(clip, str)))
    if unknown := [clip for clip in chosen if clip not in known]:
        raise ConfigError(f"The study {study.name} does not offer the clip {unknown[0][:60]!r}.")
    if not 1 <= len(chosen) <= MAX_CLIPS:
        raise ConfigError(f"Choose one to {MAX_CLIPS} clips for the wall.")
    if not 1 <= len(rows) <= MAX_ROWS:
        raise ConfigError(f"Tick one to {MAX_ROWS} rows of the table for the wall.")
    for name in rows:
        if not study.row(name).model:
            raise ReportError(
                f"The row {study.row(name).numbers.title} of {study.name} comes without weights."
            )
    return WallRequest(study.key, chosen, tuple(rows))


def estimate(study: Study, wall: WallRequest) -> tuple[int, float | None]:
    """Return how many cells are still to be computed, and about how long they take, s; None if unknown."""
    missing = [row for row, clip in _cells(study, wall) if _CELLS.get(_key(study, row, clip)) is None]
    seconds = []
    for row in missing:
        each, config = MODELS.seconds_per_frame(row.model), MODELS.config(row.model)
        guess = each * (10 if config.task == "avss" else 5) if each else None
        seconds.append(_SECONDS.get(row.model, guess))
    known = [value for value in seconds if value is not None]
    return len(missing), sum(known) / len(known) * len(missing) if known else None


def compute(study: Study, wall: WallRequest, report: Report) -> None:
    """Compute the cells that are missing; raises AvsegError, and keeps what is finished.

    report: called between two cells and, for bundled clips, two batches of frames.
    """
    cells = [pair for pair in _cells(study, wall) if _CELLS.get(_key(study, *pair)) is None]
    for done, (row, clip) in enumerate(cells):
        about = f"{row.numbers.title} on {title_of(clip)}, {done + 1} of {len(cells)}"

        def on_frame(frame: int, frames: int, done: int = done, about: str = about) -> None:
            report((done + frame / frames) / len(cells), about)

        on_frame(0, 1)
        started = monotonic()
        _CELLS.put(_key(study, row, clip), _draw(study, row, clip, on_frame))
        _SECONDS[row.model] = monotonic() - started


def drawn(study: Study, wall: WallRequest) -> Iterator[tuple[str, Cell | None, list[Cell | None]]]:
    """Yield every clip's key, its frames with ground truth, and a cell per row; None where one is missing."""
    for clip in wall.clips:
        cells = [_CELLS.get(_key(study, study.row(name), clip)) for name in wall.rows]
        yield clip, _CELLS.get(_truth_key(study, clip)), cells


def telling_frame(cells: Sequence[Sequence[Cell | None]]) -> int:
    """Return the frame, from 0, on which the variants differ most; cells: a list per clip."""
    frames = max((cell.frames for row in cells for cell in row if cell), default=1)
    spreads = np.zeros(frames)
    for row in cells:
        for frame in range(frames):
            values = [
                cell.ious[frame] if cell.ious[frame] is not None else 1 - cell.shares[frame]
                for cell in row
                if cell and frame < cell.frames
            ]
            spreads[frame] += max(values) - min(values) if values else 0.0
    return int(spreads.argmax())


def result_of(study: Study, row: StudyRow, clip: str, frame: int, folder: Path, report: Report) -> ClipResult:
    """Return a cell as the result that the other tabs show; a clip of the test split is written to `folder`.

    Raises AvsegError.
    """
    if clip.startswith(TEST):
        report(0, f"{row.numbers.title} on {title_of(clip)}")
        result = open_clip(_stored(study, row), clip.removeprefix(TEST), folder).result
    else:
        prediction = _predict(row, clip, lambda done, total: report(done / total, f"Frame {done} of {total}"))
        result = ClipResult(prediction, bundled()[clip].title, row.model, clip)
    # The checkpoints of a study's runs have the names seed-0, seed-1 and so on.
    prediction = replace(result.prediction, model=f"{study.name}: {row.numbers.title}")
    return replace(result, prediction=prediction, frame=min(frame, len(prediction.clip.frames) - 1))


def title_of(clip: str) -> str:
    """Return the title of a clip of the wall."""
    return clip.removeprefix(TEST) if clip.startswith(TEST) else bundled()[clip].title


def _cells(study: Study, wall: WallRequest) -> list[tuple[StudyRow, str]]:
    return [(study.row(name), clip) for clip in wall.clips for name in wall.rows]


def _key(study: Study, row: StudyRow, clip: str) -> CellKey:
    return model_version(row.model), _data(study, clip), clip, row.muted


def _truth_key(study: Study, clip: str) -> CellKey:
    return None, _data(study, clip), clip, False


def _data(study: Study, clip: str) -> object:
    """Return what tells apart the clips of one name in several test splits."""
    evaluation = study.evaluation(study.rows[0].name) if clip.startswith(TEST) else None
    return evaluation.report.data if evaluation else None


def _stored(study: Study, row: StudyRow) -> StoredReport:
    evaluation = study.evaluation(row.name)
    if evaluation is None:
        raise ReportError(f"The report of the row {row.numbers.title} of {study.name} cannot be read.")
    return StoredReport(row.name, evaluation, "bundled", model=row.model)


def _predict(row: StudyRow, name: str, on_frame: Callable[[int, int], object]) -> Prediction:
    clip = read_clip(bundled()[name].path, fps=1.0)
    if row.muted:
        clip = replace(clip, waveform=np.zeros_like(clip.waveform))
    prediction = MODELS.predict(row.model, clip, on_frame)
    return replace(prediction, audio="mute") if row.muted else prediction


def _draw(study: Study, row: StudyRow, clip: str, on_frame: Callable[[int, int], object]) -> Cell:
    """Return a new cell; also keeps that of the ground truth."""
    truth: Sequence[np.ndarray | None]
    if clip.startswith(TEST):
        measured = measure(_stored(study, row), clip.removeprefix(TEST), THUMBNAIL)
        prediction, truth, ious = measured.prediction, measured.truth, measured.iou
    else:
        prediction = _predict(row, clip, on_frame)
        truth = truth_of(clip, tuple(prediction.clip.start + prediction.clip.times))
        ious = tuple(frame_ious(prediction, truth))
    if _CELLS.get(_truth_key(study, clip)) is None:
        _CELLS.put(_truth_key(study, clip), _truth_cell(prediction, truth))
    filled = [labels is not None and bool(labels.any()) for labels in truth]
    size, colours = _size(prediction), colours_of(prediction)
    masks = [prediction.mask(frame, size) for frame in range(len(prediction.labels))]
    return Cell(
        picture=_sprite(prediction.clip.frames, masks, size, colours),
        frames=len(masks),
        height=size[0],
        ious=tuple(iou if known else None for iou, known in zip(ious, filled, strict=True)),
        shares=tuple(float((mask > 0).mean()) for mask in masks),
        iou=clip_iou(ious, truth),
    )


def _truth_cell(prediction: Prediction, truth: Sequence[np.ndarray | None]) -> Cell:
    size = _size(prediction)
    labels = [
        np.zeros(size, np.uint8) if item is None else resize(item, size, smooth=False) for item in truth
    ]
    if prediction.task != "avss":
        labels = [(item > 0).astype(np.uint8) for item in labels]
    return Cell(
        picture=_sprite(prediction.clip.frames, labels, size, colours_of(prediction)),
        frames=len(labels),
        height=size[0],
        silent=tuple(item is not None and not item.any() for item in truth),
    )


def _size(prediction: Prediction) -> tuple[int, int]:
    height, width = prediction.clip.frames.shape[1:3]
    return max(1, round(height * WIDTH / width)), WIDTH


def _sprite(
    frames: np.ndarray, masks: Sequence[np.ndarray], size: tuple[int, int], colours: dict[int, tuple]
) -> str:
    """Return the frames with their masks, below each other, as a data URI."""
    pictures = [
        overlay(resize(frame, size), mask, colours, width=1.6)
        for frame, mask in zip(frames, masks, strict=True)
    ]
    return jpeg_uri(np.concatenate(pictures), QUALITY)
