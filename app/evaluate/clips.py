"""The clips of a report, worst first: which are in view, and small pictures of what went wrong in them."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from threading import Lock
from time import monotonic

from app.components.text import share_words
from app.evaluate.distribution import BINS, bin_of
from app.services.clips import jpeg_uri
from app.services.evaluation_data import DRAWN, index_of, open_clips
from app.services.models import available_models
from app.services.reports import Shelved
from app.services.session import MODELS
from avseg.checkpoints import read_card
from avseg.data.samples import Clips
from avseg.errors import AvsegError, CheckpointError, DatasetError, ReportError
from avseg.evaluation.clip import EvaluatedClip, evaluate_clip
from avseg.evaluation.report import ClipRow
from avseg.media.draw import error_map, resize
from avseg.predict import Predictor
from avseg.synthavs.dataset import SynthAVS

PAGE = 12
ORDERS = ("worst", "best")
THUMB = (180, 320)  # height, width
PICTURES_KEPT = 600
AT_ONCE = 3  # pictures between two updates of the page
PATIENCE = 25.0  # seconds after which no further picture of a page is begun


@dataclass(frozen=True)
class View:
    """What of the clips is shown; None stands for all."""

    page: int = 0
    order: str = "worst"
    bin: int | None = None  # a tenth of the IoU
    label: str | None = None  # a class


def changed(view: View, data: object) -> View:
    """Return the view after what the page sent; whatever is no choice is left out."""
    if not isinstance(data, dict):
        return view
    page, which, label = data.get("page"), data.get("bin"), data.get("label")
    if data.get("all"):
        return View(order=view.order)
    if data.get("order") in ORDERS:
        return replace(view, page=0, order=data["order"])
    if _whole(which) and which < BINS:
        return View(order=view.order, bin=which)
    if isinstance(label, str) and len(label) < 100:
        return View(order=view.order, label=label)
    return replace(view, page=page) if _whole(page) else view


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def selected(one: Shelved, view: View) -> list[ClipRow]:
    """Return the clips of a view, all pages."""
    rows = [
        row
        for row in one.evaluation.clips
        if (view.bin is None or (row.iou is not None and bin_of(row.iou) == view.bin))
        and (view.label is None or view.label in row.labels.split())
    ]
    return rows if view.order == "worst" else rows[::-1]


def on_page(one: Shelved, view: View) -> list[ClipRow]:
    """Return the clips of the page in view."""
    rows = selected(one, view)
    page = min(view.page, max(0, (len(rows) - 1) // PAGE))
    return rows[page * PAGE : (page + 1) * PAGE]


def grid(one: Shelved, view: View) -> str:
    """Return the clips in view with the pictures that are there already."""
    rows = selected(one, view)
    if not one.evaluation.clips:
        return '<p class="ev-none">The report came without its clips.csv, which lists the clips.</p>'
    pages = max(1, -(-len(rows) // PAGE))
    page = min(view.page, pages - 1)
    tiles = "".join(_tile(one, row) for row in on_page(one, view))
    which = (
        f"{view.label}: {len(rows)}"
        if view.label
        else f"IoU {view.bin / 10:g} to {(view.bin + 1) / 10:g}: {len(rows)}"
        if view.bin is not None
        else f"{len(rows)}"
    )
    every = f'<button type="button" data-all="1">All {len(one.evaluation.clips)}</button>'
    all_ = every if view.bin is not None or view.label else ""
    orders = "".join(
        f'<button type="button" data-order="{order}" '
        f'aria-pressed="{str(order == view.order).lower()}">{words}</button>'
        for order, words in zip(ORDERS, ("Worst first", "Best first"), strict=True)
    )
    last = page + 1 == pages
    turn = (
        f'<button type="button" data-page="{page - 1}" {"disabled" if page == 0 else ""}>Back</button>'
        f"<span>{page + 1} of {pages}</span>"
        f'<button type="button" data-page="{page + 1}" {"disabled" if last else ""}>Next</button>'
        if pages > 1
        else ""
    )
    key = (
        '<span class="ev-errors"><i class="key lost"></i>miss <i class="key gained"></i>false alarm '
        '<i class="key kept"></i>hit</span>'
    )
    return (
        f'<div class="ev-clips"><div class="ev-top"><h2>Clips, {view.order} first '
        f'<small>{escape(which)}</small></h2>{key}<span class="ev-turn">{orders}{all_}{turn}</span></div>'
        f'<div class="ev-grid">{tiles}</div></div>'
    )


def _tile(one: Shelved, row: ClipRow) -> str:
    picture = _PICTURES.get(_key_of(one, row.name))
    image = (
        f'<img src="{picture}" alt="">'
        if picture
        else f'<span class="ev-blank">{"" if picture is None else "no picture"}</span>'
    )
    share = row.false_positive_share or 0.0
    number = f"{row.iou:.2f}" if row.iou is not None else share_words(share)
    what = "IoU" if row.iou is not None else "marked"
    label = row.labels or ("nothing sounds" if not row.frames_with_ground_truth else row.name)
    said = f"Open {row.name}, {label}: {number} {what}"
    return (
        f'<button type="button" class="ev-tile" data-clip="{escape(row.name)}" '
        f'aria-label="{escape(said)}" '
        f'title="{escape(said)}">{image}<span><span>{escape(label)}</span>'
        f"<b>{number}</b></span></button>"
    )


class _Pictures:
    """The pictures made last, as data URIs; "" where one cannot be made."""

    def __init__(self):
        self._lock, self._kept = Lock(), OrderedDict()

    def get(self, key: tuple) -> str | None:
        with self._lock:
            return self._kept.get(key)

    def put(self, key: tuple, picture: str) -> None:
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > PICTURES_KEPT:
                self._kept.popitem(last=False)


_PICTURES = _Pictures()


def _key_of(one: Shelved, name: str) -> tuple:
    report = one.evaluation.report
    return model_name(one), report.data, name


def fill(one: Shelved, view: View) -> Iterator[str]:
    """Make the pictures of the page in view that are missing; yields the grid after every few, and last."""
    began, since = monotonic(), 0
    for row in on_page(one, view):
        if _PICTURES.get(_key_of(one, row.name)) is not None:
            continue
        if monotonic() - began > PATIENCE:
            break
        _PICTURES.put(_key_of(one, row.name), _picture(one, row.name))
        since += 1
        if since == AT_ONCE:
            since = 0
            yield grid(one, view)
    yield grid(one, view)


def _picture(one: Shelved, name: str) -> str:
    try:
        seen = look(one, name, THUMB)
    except AvsegError:
        return ""
    frame = seen.prediction.clip.frames[seen.worst]
    labels, truth = seen.prediction.mask(seen.worst, frame.shape[:2]), seen.truth[seen.worst]
    if truth is not None and not _by_class(one):
        labels, truth = ((of > 0).astype("uint8") for of in (labels, truth))
    picture = frame if truth is None else error_map(frame, labels, truth)
    scale = min(1.0, THUMB[1] / picture.shape[1])
    size = (round(picture.shape[0] * scale), round(picture.shape[1] * scale))
    return jpeg_uri(resize(picture, size), 78)


def _by_class(one: Shelved) -> bool:
    return one.evaluation.report.measured_as == "classes"


def model_name(one: Shelved) -> str | None:
    """Return the name under which the page offers the model of a report, None when it is not here."""
    report, models = one.evaluation.report, available_models()
    if one.model in models:
        return one.model
    if report.model in models:
        return report.model
    for name, path in models.items():
        try:
            if read_card(path)[1].name == report.model:
                return name
        except CheckpointError:
            continue
    return None


def place(one: Shelved, name: str, size: tuple[int, int]) -> tuple[Clips, int]:
    """Return the clips of a report, SynthAVS at a size, and the index of one; raises AvsegError without."""
    if name not in {row.name for row in one.evaluation.clips}:
        raise ReportError("This clip is not in the report.")
    clips = open_clips(one.evaluation.report, size)
    if clips is None:
        raise DatasetError("The clips of this report are not here: only its numbers can be shown.")
    index = index_of(clips, name)
    if index is None:
        raise DatasetError(f"{name} is not among the clips that are here; the data have changed.")
    return clips, index


def look(one: Shelved, name: str, size: tuple[int, int] = DRAWN) -> EvaluatedClip:
    """Return a clip of a report as its model sees it now; SynthAVS is drawn at a size to be shown.

    Raises AvsegError when the clip or the model is not here.
    """
    shown, index = place(one, name, size)
    model = model_name(one)
    if model is None:
        raise CheckpointError(f"The model {one.evaluation.report.model!r} is not here.")
    return MODELS.run(model, _measured, shown, index)


def _measured(predictor: Predictor, shown: Clips, index: int) -> EvaluatedClip:
    side = predictor.model.config.image_size
    clips = replace(shown, size=(side, side)) if isinstance(shown, SynthAVS) else shown
    return evaluate_clip(predictor.model, clips, index, shown)
