"""One question and its answer: changes, the visitor's clip under them, before and after beside each other."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.components.text import LONGEST, STOPPED
from app.services.clips import bundled
from app.services.jobs import Cancelled
from app.services.mask_statistics import LEAST_SHARE
from app.services.models import available_models
from app.services.session import MODELS, ClipResult, Visitor
from app.whatif.ground_truth import Known, known_of
from avseg.errors import ConfigError
from avseg.interventions.compare import Comparison, compare, curve, label_maps
from avseg.interventions.run import INTERVENTIONS, Change, Sweep, sweep, what_if
from avseg.media.clip import Clip, read_clip
from avseg.predict import Prediction, Predictor, Progress

TICK = 0.2  # seconds between two words about the progress


@dataclass(frozen=True, eq=False)
class Effect:
    """What some changes do to a clip."""

    shown: ClipResult  # before
    after: Prediction
    changes: tuple[Change, ...]
    comparison: Comparison
    known: Known | None  # ground truth, where there is one
    seconds: float  # that the changed run took

    @property
    def before(self) -> Prediction:
        """What the model says about the clip as it is."""
        return self.shown.prediction


@dataclass(frozen=True, eq=False)
class Trial:
    """One change over its whole range."""

    shown: ClipResult
    change: Change
    rest: tuple[Change, ...]  # what held for every value
    sweep: Sweep
    same: np.ndarray  # float64 [V], IoU with the unchanged, mean where either marks something
    truth: np.ndarray | None  # float64 [V], IoU with the ground truth, likewise
    seconds: float


def first_look(clip: str, model: str, on_frame: Progress | None = None, fps: float = 1.0) -> ClipResult:
    """Segment a bundled clip for a visitor who has no result yet."""
    if clip not in bundled():
        raise ConfigError(f"No bundled clip is called {clip!r}. Bundled clips: {', '.join(bundled())}.")
    read = read_clip(bundled()[clip].path, fps=fps, seconds=LONGEST)
    return ClipResult(MODELS.predict(model, read, on_frame), bundled()[clip].title, model, clip)


def ask(shown: ClipResult, changes: Sequence[Change], on_frame: Progress | None = None) -> Effect:
    """Run the visitor's clip again under some changes; raises AvsegError in words for the visitor."""
    if not changes:
        raise ConfigError("Nothing is chosen yet. Tick at least one change on the left.")
    changes, prediction = _to_files(changes), shown.prediction
    began = time.perf_counter()
    model = _model_for(shown, changes)
    after = MODELS.run(model, _changed, prediction.clip, changes, prediction.threshold, on_frame=on_frame)
    seconds = time.perf_counter() - began
    known = known_of(shown)
    comparison = compare(prediction, after, known.sounding if known else None)
    return Effect(shown, after, tuple(changes), comparison, known, seconds)


def try_range(
    shown: ClipResult, change: Change, rest: Sequence[Change] = (), on_frame: Progress | None = None
) -> Trial:
    """Run the visitor's clip with one change over its range; `rest` holds for every value."""
    (change,), rest = _to_files([change]), _to_files(rest)
    prediction, began = shown.prediction, time.perf_counter()
    model = _model_for(shown, rest)
    rest = [other for other in rest if other.row.kind != "weights" and other.name != change.name]
    same_cut = {"rest": rest, "threshold": prediction.threshold}
    found = MODELS.run(model, sweep, prediction.clip, change, on_frame=on_frame, **same_cut)
    seconds = time.perf_counter() - began
    known = known_of(shown)
    marked = [marks(label_maps(p)) for p in found.predictions]
    same = _means(curve(prediction, found.predictions), marks(label_maps(prediction)), marked)
    truth = None
    if known:
        truth = _means(curve(known.sounding, found.predictions), marks(known.sounding), marked)
    return Trial(shown, change, tuple(rest), found, same, truth, seconds)


def mean_where(iou: np.ndarray, *shares: np.ndarray) -> float:
    """Return the mean IoU over the frames in which any of the shares [T] marks something, 1 without one."""
    either = np.any([share >= LEAST_SHARE for share in shares], axis=0)
    return float(iou[either].mean()) if either.any() else 1.0


def marks(labels: np.ndarray) -> np.ndarray:
    """Return the share of every frame [T] that label maps [T, h, w] mark."""
    return (labels > 0).mean((1, 2))


def _changed(
    predictor: Predictor,
    clip: Clip,
    changes: Sequence[Change],
    threshold: float,
    on_frame: Progress | None = None,
) -> Prediction:
    """Return what a predictor says under changes; it is already the other checkpoint where one was chosen."""
    return what_if(predictor, clip, changes, threshold, on_frame, lambda _: predictor)


def _means(iou: np.ndarray, one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([mean_where(row, one, other) for row, other in zip(iou, others, strict=True)])


def _to_files(changes: Sequence[Change]) -> list[Change]:
    """Put the file of a bundled clip where its name stands, and the changes in the order of the table.

    No other file is opened for a visitor.
    """
    found = []
    for change in sorted(changes, key=lambda change: INTERVENTIONS.index(change.row)):
        values = []
        for parameter, value in zip(change.row.parameters, change.given, strict=True):
            if parameter.kind == "clip":
                if value not in bundled():
                    known = ", ".join(bundled())
                    raise ConfigError(f"No bundled clip is called {value!r}. Bundled clips: {known}.")
                value = str(bundled()[value].path)
            values.append(value)
        found.append(Change(change.name, tuple(values)))
    return found


def _model_for(shown: ClipResult, changes: Sequence[Change]) -> str:
    """Return the model that runs: the one of the result, or the other checkpoint that was asked for."""
    other = next((str(change.given[0]) for change in changes if change.row.kind == "weights"), None)
    if other is not None and other not in available_models():
        raise ConfigError(f"No model is called {other!r}. Models: {', '.join(available_models())}.")
    return other or shown.model


def listener(visitor: Visitor, tell: Callable[[float, str], object]) -> Progress:
    """Return what a run calls after every batch: it tells the progress, and hears that it shall stop."""
    token, said = object(), 0.0
    visitor.run = token

    def tick(done: int, total: int) -> None:
        nonlocal said
        if visitor.run is not token:
            raise Cancelled(STOPPED)
        if time.monotonic() - said > TICK:
            said = time.monotonic()
            tell(done / total, f"Frame {done} of {total}")

    return tick
