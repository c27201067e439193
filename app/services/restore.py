"""The clip of a link, segmented again unless the visitor has its result."""

from dataclasses import replace

from app.services.clips import MAX_SECONDS, bundled, check_offered_rate
from app.services.datasets import LIBRARY
from app.services.handoff import ClipRequest
from app.services.models import available_models
from app.services.session import MODELS, ClipResult, DatasetSource, Visitor
from avseg.checkpoints import recommended_model
from avseg.data.avsbench.clip import read_dataset_clip, truth_for
from avseg.data.avsbench.index import read_index
from avseg.errors import DatasetError
from avseg.media.clip import check_range, read_clip
from avseg.predict import Progress, check_threshold


def restore_clip(visitor: Visitor, on_frame: Progress | None = None) -> bool:
    """Make the clip that a link asks for the visitor's result; return whether one was asked for.

    Raises AvsegError where it cannot be segmented; the visitor's result then stays.
    """
    wanted = visitor.take(ClipRequest)
    if wanted is None:
        return False
    check_threshold(wanted.threshold)
    result = visitor.result
    if result is None or not _is_of(result, wanted):
        result = _from_dataset(wanted, on_frame) if wanted.data else _bundled(wanted, on_frame)
    prediction = result.prediction
    if prediction.task != "avss" and abs(prediction.threshold - wanted.threshold) > 1e-6:
        result = replace(result, prediction=prediction.at_threshold(wanted.threshold), shared=False)
    frame = min(wanted.frame, len(prediction.clip.frames)) - 1
    visitor.result = result if frame == result.frame else replace(result, frame=frame)
    return True


def _is_of(result: ClipResult, wanted: ClipRequest) -> bool:
    """Return whether a result is of the clip, range, rate and model that a link asks for."""
    if wanted.model not in ("", result.model):
        return False
    if wanted.data:
        return result.source == DatasetSource(wanted.data, wanted.split, wanted.clip)
    clip = result.prediction.clip
    whole = bundled()[result.clip].seconds if result.clip in bundled() else 0.0
    end = min(whole, clip.start + MAX_SECONDS) if wanted.end is None else wanted.end
    same = (clip.letterbox, result.precision) == (wanted.letterbox, wanted.precision)
    near = abs(clip.start - wanted.start) < 0.05 and abs(clip.start + clip.duration - end) < 0.05
    return result.clip == wanted.clip and clip.fps == wanted.fps and near and same


def _bundled(wanted: ClipRequest, on_frame: Progress | None) -> ClipResult:
    bundle = bundled()[wanted.clip]
    check_offered_rate(wanted.fps)
    seconds = MAX_SECONDS if wanted.end is None else wanted.end - wanted.start
    check_range(wanted.start, seconds, MAX_SECONDS)
    model = wanted.model or recommended_model(bundle.path) or ""
    MODELS.config(model)
    clip = read_clip(bundle.path, fps=wanted.fps, start=wanted.start, seconds=seconds)
    clip = replace(clip, letterbox=wanted.letterbox)
    prediction = MODELS.predict(model, clip, on_frame, measure_mute=True, precision=wanted.precision)
    return ClipResult(prediction, bundle.title, model, bundle.name, precision=wanted.precision)


def _from_dataset(wanted: ClipRequest, on_frame: Progress | None) -> ClipResult:
    dataset = LIBRARY.get(wanted.data)
    if not dataset.ready:
        raise DatasetError(f"{dataset.title} is not drawn yet: open it in Explore, then open the link again.")
    entries = read_index(dataset.folder, dataset.task)
    matching = [e for e in entries if e.name == wanted.clip and wanted.split in ("", e.split)]
    if not matching:
        raise DatasetError(f"{dataset.title} has no clip {wanted.clip[:60]}.")
    model = wanted.model or next(iter(available_models()), "")
    content = read_dataset_clip(dataset.folder, matching[0])
    prediction = MODELS.predict(model, content.clip, on_frame)
    truth = truth_for(content.truth, dataset.task, prediction.task)
    source = DatasetSource(dataset.key, matching[0].split, matching[0].name)
    return ClipResult(prediction, content.clip.name, model, truth=truth, source=source)
