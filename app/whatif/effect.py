"""The visitor's clip under changes: one run, a sweep over a range, and players of before and after."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.services.clips import MAX_SECONDS, bundled, check_offered_rate, truth_of
from app.services.host import public_host
from app.services.models import available_models, model_exists, model_file
from app.services.session import MODELS, ClipResult
from avseg.checkpoints import read_card
from avseg.config import ModelConfig
from avseg.errors import AvsegError, ConfigError
from avseg.files import make_folder
from avseg.interventions.compare import compare, mean_curve
from avseg.interventions.effect import Effect, FrameTruth
from avseg.interventions.run import (
    INTERVENTION,
    INTERVENTIONS,
    Change,
    Sweep,
    checked,
    checkpoint_of,
    sweep,
    what_if,
)
from avseg.media.clip import Clip, read_clip
from avseg.media.draw import resize
from avseg.media.export import write_clip
from avseg.media.video import replace_audio
from avseg.player.value import PlayerValue, player_value
from avseg.predict import Prediction, Predictor, Progress

QUICK = 20.0  # seconds that a sweep may take unasked; whatever is asked for meanwhile goes first
SMALL = 50_000_000  # bytes of a model whose time per frame is not known yet


@dataclass(frozen=True, eq=False)
class ClipEffect(Effect):
    """The effect of changes on the visitor's clip."""

    result: ClipResult  # `before` is its prediction


@dataclass(frozen=True, eq=False)
class SweepResult:
    """One change over its whole range. V: number of values."""

    result: ClipResult
    change: Change  # with the values that do not vary
    others: tuple[Change, ...]  # that apply at every value
    sweep: Sweep
    unchanged_iou: np.ndarray  # float64 [V], with the unchanged mask, mean over frames where either has one
    truth_iou: np.ndarray | None  # float64 [V], with the ground truth, likewise
    seconds: float


def segment_bundled(
    clip: str, model: str, on_frame: Progress | None = None, fps: float = 1.0, precision: str = "auto"
) -> ClipResult:
    """Segment a bundled clip for a visitor who has no result yet; raises ConfigError for another name."""
    path = _file_of(clip)
    check_offered_rate(fps)
    MODELS.config(model)
    prediction = MODELS.predict(
        model, read_clip(path, fps=fps, seconds=MAX_SECONDS), on_frame, precision=precision
    )
    return ClipResult(prediction, bundled()[clip].title, model, clip)


def change_bundled(
    clip: str, model: str, changes: Sequence[Change], fps: float = 1.0, precision: str = "auto"
) -> ClipEffect:
    """Segment a bundled clip, then run it under some changes, which are checked first; raises AvsegError."""
    config = MODELS.config(_model_for(model, changes))
    checked(_with_files(changes), config)
    return run_changes(segment_bundled(clip, model, fps=fps, precision=precision), changes)


def run_changes(
    result: ClipResult, changes: Sequence[Change], on_frame: Progress | None = None
) -> ClipEffect:
    """Run the visitor's clip again under some changes; raises AvsegError with a message for the visitor."""
    if not changes:
        raise ConfigError("Tick at least one change on the left.")
    changes, before = _with_files(changes), result.prediction
    began = time.perf_counter()
    model = _model_for(result.model, changes)
    options = {"on_frame": on_frame, "precision": before.precision}
    after = MODELS.run(model, _predict, before.clip, changes, before.threshold, **options)
    seconds = time.perf_counter() - began
    truth = truth_of_result(result)
    comparison = compare(before, after, truth.sounding if truth else None)
    return ClipEffect(before, after, tuple(changes), comparison, truth, seconds, result)


def sweep_change(
    result: ClipResult, change: Change, others: Sequence[Change] = (), on_frame: Progress | None = None
) -> SweepResult:
    """Run the visitor's clip with one change over its range; `others` apply at every value."""
    (change,), others = _with_files([change]), _with_files(others)
    before, began = result.prediction, time.perf_counter()
    model = _model_for(result.model, others)
    others = [other for other in others if other.row.kind != "weights" and other.name != change.name]
    options = {"rest": others, "threshold": before.threshold, "precision": before.precision}
    swept = MODELS.run(model, sweep, before.clip, change, on_frame=on_frame, **options)
    seconds = time.perf_counter() - began
    truth = truth_of_result(result)
    truth_iou = mean_curve(truth.sounding, swept.predictions) if truth else None
    unchanged_iou = mean_curve(before, swept.predictions)
    return SweepResult(result, change, tuple(others), swept, unchanged_iou, truth_iou, seconds)


def is_quick(result: ClipResult, change: str) -> bool:
    """Return whether a sweep is over in a few seconds, so that it may run unasked; never on a public host."""
    if public_host():
        return False
    values = len(INTERVENTION[change].swept.values_in(config_of(result)))
    seconds = MODELS.seconds_per_frame(result.model)
    if seconds is None:  # not run yet
        small = model_exists(result.model) and model_file(result.model).stat().st_size < SMALL
        return small and len(result.prediction.labels) <= 10
    return seconds * len(result.prediction.labels) * values <= QUICK


def both_players(effect: ClipEffect, folder: Path) -> tuple[PlayerValue, PlayerValue]:
    """Return players of before and after, each with the audio of its run; `folder` gets the files."""
    make_folder(folder)
    result, clip = effect.result, effect.before.clip
    source = bundled().get(result.clip)
    # A visitor's file is never served as it is.
    video, start = (source.path, clip.start) if source else (write_clip(clip, folder / "before.mp4"), 0.0)
    changed = video
    if effect.after.audio != "original":
        changed = replace_audio(video, effect.after.clip.waveform, folder / "after.mp4", start)
    truth = result.truth
    if truth is None and effect.truth is not None:
        truth = tuple(effect.truth.sounding)
    options = {"truth": truth, "start": start, "frame": result.frame}
    title = f"{result.title}, {', '.join(change.words for change in effect.changes)}"
    return (
        player_value(effect.before, folder / "before", video=video, title=result.title, **options),
        player_value(effect.after, folder / "after", video=changed, title=title, **options),
    )


def config_of(result: ClipResult | None, other: str | None = None) -> ModelConfig:
    """Return the config of the model that will run: `other`, else the result's, else the first one."""
    name = other or (result.model if result else "")
    try:
        return read_card(model_file(name if model_exists(name) else next(iter(available_models()), "")))[0]
    except AvsegError:
        return ModelConfig()


def truth_of_result(result: ClipResult) -> FrameTruth | None:
    """Return the ground truth of a result's frames, None where a frame has no label."""
    clip = result.prediction.clip
    if result.truth is not None:
        if any(labels is None for labels in result.truth):
            return None
        size = clip.frames.shape[1:3]
        return FrameTruth(np.stack([resize(labels, size, smooth=False) for labels in result.truth]))
    if result.clip not in bundled():
        return None
    times = tuple(float(clip.start + time) for time in clip.times)
    in_view = truth_of(result.clip, times, silent=True)
    return FrameTruth(np.stack(truth_of(result.clip, times)), np.stack(in_view))


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
        pairs = zip(change.row.parameters, change.given, strict=True)
        values = [str(_file_of(value)) if parameter.kind == "clip" else value for parameter, value in pairs]
        result.append(Change(change.name, tuple(values)))
    return result


def _file_of(clip: object) -> Path:
    if not isinstance(clip, str) or clip not in bundled():
        names = ", ".join(bundled())
        raise ConfigError(f"No bundled clip is called {str(clip)[:60]!r}. Bundled clips: {names}.")
    return bundled()[clip].path


def _model_for(model: str, changes: Sequence[Change]) -> str:
    """Return the model that runs: the other checkpoint of the changes, else `model`."""
    other = checkpoint_of(changes)
    if other is not None and other not in available_models():
        raise ConfigError(f"No model is called {other!r}. Models: {', '.join(available_models())}.")
    return other or model
