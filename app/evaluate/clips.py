"""The clips of a report, worst first: which are in view, small pictures of their errors, the opened one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from markupsafe import Markup

from app.components.render import render
from app.evaluate.charts import bin_of
from app.evaluate.state import BINS, PAGE, ClipsView
from app.services.cache import LRUCache
from app.services.clips import jpeg_uri
from app.services.evaluation_data import DISPLAY_SIZE, open_clips
from app.services.models import available_models, model_exists
from app.services.reports import StoredReport
from app.services.session import MODELS, ClipResult
from avseg.checkpoints import read_card
from avseg.data.avsbench.clip import read_dataset_clip, with_video
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.samples import Clips, DataReference
from avseg.errors import AvsegError, CheckpointError, DatasetError, ReportError
from avseg.evaluation.clip import EvaluatedClip, evaluate_clip
from avseg.evaluation.report import ClipRow
from avseg.files import make_folder
from avseg.media.draw import error_map, shrink
from avseg.player.value import Lane, PlayerValue, player_value
from avseg.predict import Predictor
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import sounding
from avseg.synthavs.video import write_video

THUMBNAIL = (180, 320)  # height, width
BATCH = 3  # pictures between two updates of the page
TOLERANCE = 0.005  # of IoU: another device may change as much
TIME_LIMIT = 25.0  # seconds after which no further picture of a page is made

PictureKey = tuple[str | None, DataReference, str]  # model, data, clip
_PICTURES: LRUCache[PictureKey, str] = LRUCache(600)  # data URIs; "" where a picture cannot be made


def selected(report: StoredReport, view: ClipsView) -> list[ClipRow]:
    """Return the clips of a view, all pages."""
    rows = [
        row
        for row in report.evaluation.clips
        if (view.bin is None or (row.iou is not None and bin_of(row.iou) == view.bin))
        and (view.label is None or view.label in row.labels.split())
    ]
    return rows if view.order == "worst" else rows[::-1]


def on_page(report: StoredReport, view: ClipsView) -> list[ClipRow]:
    """Return the clips of the page in view, of the last page if there are fewer pages."""
    rows = selected(report, view)
    page = min(view.page, max(0, (len(rows) - 1) // PAGE))
    return rows[page * PAGE : (page + 1) * PAGE]


def grid(report: StoredReport, view: ClipsView) -> Markup:
    """Return the clips in view with the pictures made so far."""
    count, rows = len(selected(report, view)), on_page(report, view)
    pages = max(1, -(-count // PAGE))
    title = view.label or ""
    if view.bin is not None:
        title = f"IoU {view.bin / BINS:g} to {(view.bin + 1) / BINS:g}"
    return render(
        "evaluate/templates/clips.html",
        total=len(report.evaluation.clips),
        order=view.order,
        title=title,
        count=count,
        page=min(view.page, pages - 1),
        pages=pages,
        rows=[(row, _PICTURES.get(_picture_key(report, row.name))) for row in rows],
    )


def draw_pictures(report: StoredReport, view: ClipsView) -> Iterator[Markup]:
    """Make the missing pictures of the page in view; yields the grid after every few, and at the end."""
    started, pending = monotonic(), 0
    for row in on_page(report, view):
        key = _picture_key(report, row.name)
        if _PICTURES.get(key) is not None:
            continue
        if monotonic() - started > TIME_LIMIT:
            break
        _PICTURES.put(key, _picture(report, row.name))
        pending += 1
        if pending == BATCH:
            pending = 0
            yield grid(report, view)
    yield grid(report, view)


def drawn_pictures(report: StoredReport) -> dict[str, str]:
    """Return the pictures made so far, data URIs by the name of their clip."""
    pictures = {row.name: _PICTURES.get(_picture_key(report, row.name)) for row in report.evaluation.clips}
    return {name: picture for name, picture in pictures.items() if picture}


def _picture_key(report: StoredReport, name: str) -> PictureKey:
    return model_name(report), report.evaluation.report.data, name


def _picture(report: StoredReport, name: str) -> str:
    """Return the worst frame of a clip with hits, misses and false positives, "" if it cannot be made."""
    try:
        clip = measure(report, name, THUMBNAIL)
    except AvsegError:
        return ""
    frame = clip.prediction.clip.frames[clip.worst]
    labels, truth = clip.prediction.mask(clip.worst, frame.shape[:2]), clip.truth[clip.worst]
    if truth is not None and report.evaluation.report.measured_as != "classes":
        labels, truth = (labels > 0).astype("uint8"), (truth > 0).astype("uint8")
    picture = frame if truth is None else error_map(frame, labels, truth)
    return jpeg_uri(shrink(picture, THUMBNAIL[1]), 78)


def model_name(report: StoredReport) -> str | None:
    """Return the name of a report's model on the page, None if this machine does not have it."""
    own, models = report.evaluation.report.model, available_models()
    for name in (report.model, own):
        if name and model_exists(name):
            return name
    for name, path in models.items():
        try:
            if read_card(path)[1].name == own:
                return name
        except CheckpointError:
            continue
    return None


def locate(report: StoredReport, name: str, size: tuple[int, int]) -> tuple[SynthAVS | AVSBench, int]:
    """Return the clips of a report, SynthAVS at a size, and the index of one; raises AvsegError without."""
    if name not in {row.name for row in report.evaluation.clips}:
        raise ReportError("This clip is not in the report.")
    clips = open_clips(report.evaluation.report, size)
    if clips is None:
        raise DatasetError("The clips of this report are not on this machine; only its numbers are shown.")
    index = clips.index_of(name)
    if index is None:
        raise DatasetError(f"{name} is no longer in the data set, which has changed since the evaluation.")
    return clips, index


def measure(report: StoredReport, name: str, size: tuple[int, int] = DISPLAY_SIZE) -> EvaluatedClip:
    """Evaluate one clip of a report again; SynthAVS is drawn at a size to be shown.

    Raises AvsegError if this machine lacks the clip or the model.
    """
    displayed, index = locate(report, name, size)
    model = model_name(report)
    if model is None:
        raise CheckpointError(f"The model {report.evaluation.report.model!r} is not on this machine.")
    return MODELS.run(model, _measure, displayed, index, report.evaluation.report.muted)


def _measure(predictor: Predictor, displayed: Clips, index: int, mute: bool) -> EvaluatedClip:
    side = predictor.model.config.image_size
    clips = replace(displayed, size=(side, side)) if isinstance(displayed, SynthAVS) else displayed
    return evaluate_clip(predictor.model, clips, index, displayed, mute)


@dataclass(frozen=True, eq=False)
class OpenedClip:
    """What the page shows of an opened clip."""

    about: Markup
    player: PlayerValue
    result: ClipResult  # for the other tabs


def open_clip(report: StoredReport, name: str, folder: Path) -> OpenedClip:
    """Return a clip of a report for the page; its files go to `folder`. Raises AvsegError."""
    measured = measure(report, name)
    clips, index = locate(report, name, DISPLAY_SIZE)
    make_folder(folder)
    prediction, truth, lanes = measured.prediction, tuple(measured.truth), []
    if isinstance(clips, SynthAVS):
        scene, video = clips.scene(index), folder / "clip.mp4"
        write_video(video, scene, DISPLAY_SIZE)
        clip = replace(prediction.clip, path=video)
        visible = {name for second in range(scene.seconds) for name in sounding(scene, second)}
        for sound in scene.sounds:
            spans = tuple((float(second), second + 1.0) for second, on in enumerate(sound.on) if on)
            lanes += [Lane(sound.name, spans, sound.name in visible)] if spans else []
    else:
        source, entry = clips.folder, clips.entry(index)
        clip = with_video(read_dataset_clip(source, entry), source, entry, folder).clip
    prediction = replace(prediction, clip=clip)
    player = player_value(
        prediction,
        folder / "player",
        truth=truth,
        video=clip.path,
        title=f"{name}, {report.name}",
        lanes=tuple(lanes),
        frame=measured.worst,
    )
    row = next(row for row in report.evaluation.clips if row.name == name)
    now, then = measured.mean_iou, row.iou
    about = render(
        "evaluate/templates/clip.html",
        name=name,
        labels=row.labels,
        mean_iou=now,
        report=report.name,
        side=prediction.probability.shape[-1],
        before=then if now is not None and then is not None and abs(now - then) > TOLERANCE else None,
        in_folder=not isinstance(clips, SynthAVS),
        scores=list(zip(measured.iou, measured.false_positive, strict=True)),
    )
    result = ClipResult(prediction, name, model_name(report) or "", truth=truth, frame=measured.worst)
    return OpenedClip(about, player, result)
