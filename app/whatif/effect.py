"""The visitor's clip under changes: one run, a sweep over a range, and players of before and after."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.components.player.player import PlayerValue, player_value
from app.services.clips import MAX_SECONDS, bundled
from app.services.models import available_models
from app.services.session import MODELS, ClipResult
from app.whatif.ground_truth import FrameTruth, truth_of_result
from avseg.checkpoints import read_card
from avseg.config import ModelConfig
from avseg.errors import AvsegError, ConfigError
from avseg.interpret.mask_statistics import mean_where
from avseg.interventions.compare import Comparison, compare, curve, label_maps
from avseg.interventions.run import INTERVENTIONS, Change, Sweep, sweep, what_if
from avseg.media.clip import Clip, read_clip
from avseg.media.export import write_clip
from avseg.media.video import replace_audio
from avseg.predict import Prediction, Predictor, Progress


@dataclass(frozen=True, eq=False)
class Effect:
    """What some changes do to a clip."""

    result: ClipResult  # before
    after: Prediction
    changes: tuple[Change, ...]
    comparison: Comparison
    truth: FrameTruth | None
    seconds: float  # that the changed run took

    @property
    def before(self) -> Prediction:
        """The prediction without the changes."""
        return self.result.prediction


@dataclass(frozen=True, eq=False)
class SweepResult:
    """One change over its whole range. V: number of values."""

    result: ClipResult
    change: Change
    others: tuple[Change, ...]  # that apply at every value
    sweep: Sweep
    unchanged_iou: np.ndarray  # float64 [V], with the unchanged mask, mean over frames where either has one
    truth_iou: np.ndarray | None  # float64 [V], with the ground truth, likewise
    seconds: float


def segment_bundled(clip: str, model: str, on_frame: Progress | None = None, fps: float = 1.0) -> ClipResult:
    """Segment a bundled clip for a visitor who has no result yet; raises ConfigError for another name."""
    if clip not in bundled():
        raise ConfigError(_not_bundled(clip))
    source = bundled()[clip]
    prediction = MODELS.predict(model, read_clip(source.path, fps=fps, seconds=MAX_SECONDS), on_frame)
    return ClipResult(prediction, source.title, model, clip)


def run_changes(result: ClipResult, changes: Sequence[Change], on_frame: Progress | None = None) -> Effect:
    """Run the visitor's clip again under some changes; raises AvsegError with a message for the visitor."""
    if not changes:
        raise ConfigError("Tick at least one change on the left.")
    changes, prediction = _with_files(changes), result.prediction
    began = time.perf_counter()
    model = _model_for(result, changes)
    after = MODELS.run(model, _predict, prediction.clip, changes, prediction.threshold, on_frame=on_frame)
    seconds = time.perf_counter() - began
    truth = truth_of_result(result)
    comparison = compare(prediction, after, truth.sounding if truth else None)
    return Effect(result, after, tuple(changes), comparison, truth, seconds)


def sweep_change(
    result: ClipResult, change: Change, others: Sequence[Change] = (), on_frame: Progress | None = None
) -> SweepResult:
    """Run the visitor's clip with one change over its range; `others` apply at every value."""
    (change,), others = _with_files([change]), _with_files(others)
    prediction, began = result.prediction, time.perf_counter()
    model = _model_for(result, others)
    others = [other for other in others if other.row.kind != "weights" and other.name != change.name]
    options = {"rest": others, "threshold": prediction.threshold}
    swept = MODELS.run(model, sweep, prediction.clip, change, on_frame=on_frame, **options)
    seconds = time.perf_counter() - began

    def mean_iou(reference: Prediction | np.ndarray, labels: np.ndarray) -> np.ndarray:
        rows = zip(curve(reference, swept.predictions), swept.predictions, strict=True)
        return np.array([mean_where(iou, shares(labels), shares(label_maps(p))) for iou, p in rows])

    truth = truth_of_result(result)
    unchanged_iou = mean_iou(prediction, label_maps(prediction))
    truth_iou = mean_iou(truth.sounding, truth.sounding) if truth else None
    return SweepResult(result, change, tuple(others), swept, unchanged_iou, truth_iou, seconds)


def both_players(effect: Effect, folder: Path) -> tuple[PlayerValue, PlayerValue]:
    """Return players of before and after, each with the audio of its run; `folder` gets the files."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, source = effect.before.clip, bundled().get(effect.result.clip)
    # A visitor's file is never served as it is.
    video, start = (source.path, clip.start) if source else (write_clip(clip, folder / "before.mp4"), 0.0)
    changed = video
    if effect.after.audio != "original":
        changed = replace_audio(video, effect.after.clip.waveform, folder / "after.mp4", start)
    truth = effect.result.truth
    if truth is None and effect.truth is not None:
        truth = tuple(effect.truth.sounding)
    options = {"truth": truth, "start": start, "frame": effect.result.frame}
    title = effect.result.title
    changed_title = f"{title}, {', '.join(change.words for change in effect.changes)}"
    return (
        player_value(effect.before, folder / "before", video=video, title=title, **options),
        player_value(effect.after, folder / "after", video=changed, title=changed_title, **options),
    )


def config_of(result: ClipResult | None, other: str | None = None) -> ModelConfig:
    """Return the config of the model that will run: `other`, else the result's, else the first one."""
    models = available_models()
    path = models.get(other or (result.model if result else None)) or next(iter(models.values()), None)
    try:
        return read_card(path)[0] if path else ModelConfig()
    except AvsegError:
        return ModelConfig()


def shares(labels: np.ndarray) -> np.ndarray:
    """Return the foreground share [T] of label maps [T, h, w]."""
    return (labels > 0).mean((1, 2))


def _predict(
    predictor: Predictor,
    clip: Clip,
    changes: Sequence[Change],
    threshold: float,
    on_frame: Progress | None = None,
) -> Prediction:
    """Predict under changes; where another checkpoint is one of them, `predictor` already is that model."""
    return what_if(predictor, clip, changes, threshold, on_frame, lambda _: predictor)


def _with_files(changes: Sequence[Change]) -> list[Change]:
    """Return changes in the order of the table, names of bundled clips replaced by their files.

    No other file is opened for a visitor.
    """
    result = []
    for change in sorted(changes, key=lambda change: INTERVENTIONS.index(change.row)):
        values = []
        for parameter, value in zip(change.row.parameters, change.given, strict=True):
            if parameter.kind == "clip":
                if value not in bundled():
                    raise ConfigError(_not_bundled(value))
                value = str(bundled()[value].path)
            values.append(value)
        result.append(Change(change.name, tuple(values)))
    return result


def _not_bundled(name: object) -> str:
    return f"No bundled clip is called {name!r}. Bundled clips: {', '.join(bundled())}."


def _model_for(result: ClipResult, changes: Sequence[Change]) -> str:
    """Return the model that runs: the other checkpoint of the changes, else the one of the result."""
    other = next((str(change.given[0]) for change in changes if change.row.kind == "weights"), None)
    if other is not None and other not in available_models():
        raise ConfigError(f"No model is called {other!r}. Models: {', '.join(available_models())}.")
    return other or result.model
