"""The two charts of a run: its loss, and a metric of choice; with other runs for comparison."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from avseg.config import Config
from avseg.training.history import BACKBONES, LOSSES, History, chart_line
from avseg.web.charts import SMALLEST, UNIT, Axis, Line, line_chart, linear_axis, log_axis, series

LOSS_COLOURS = dict(zip(LOSSES, ("var(--ink)", series(4), series(1), series(2)), strict=True))
SMOOTHING = {"none": 0.0, "2 %": 0.02, "10 %": 0.1}  # share of the run
LOSS_AXES = ("linear", "log")
PRETRAINING = "pretraining"  # the key of METRICS whose chart has steps of its own


@dataclass(frozen=True)
class Metric:
    """A number that the right-hand chart can show."""

    key: str  # in the history
    title: str
    note: str
    smoothed: bool = False


METRICS = {
    "mIoU": Metric("miou", "Validation mIoU", "over frames with a sounding object"),
    "false positives": Metric("silence", "False positives", "share of the frame predicted in silent frames"),
    "learning rate": Metric("learning_rate", "Learning rate", "of AdamW, per step"),
    PRETRAINING: Metric("accuracy", "Pretraining", "accuracy; images: of pixels, audio: of seconds"),
    "s per step": Metric("seconds", "Seconds per step", "forward and backward pass, without loading", True),
}


@dataclass(frozen=True)
class Curve:
    """A run in the charts."""

    name: str
    history: History
    config: Config | None
    steps: int  # of the whole run


def loss_chart(runs: Sequence[Curve], share: float, log: bool) -> Markup:
    """Return the loss: of one run its terms, of several runs the total of each."""
    first, lines = runs[0], []
    if len(runs) == 1:
        for key in LOSSES:
            name = loss_name(key, first.config)
            if name and np.any(first.history.step_values(key)):
                lines.append(_step_line(name, first.history, key, LOSS_COLOURS[key], share, key == "loss"))
    else:
        for index, run in enumerate(runs):
            if len(run.history):
                lines.append(_step_line(run.name, run.history, "loss", series(index), share, index == 0))
    return _chart(lines, runs, log, "Loss", "Waiting for the first step.")


def metric_chart(runs: Sequence[Curve], metric: str, share: float) -> Markup:
    """Return one number of every run; metric: a key of METRICS."""
    if metric == PRETRAINING:
        return _pretraining_chart(runs)
    options, lines = METRICS[metric], []
    for index, run in enumerate(runs):
        history, colour = run.history, series(index)
        if options.key in history.validations:
            values = history.validation_values(options.key)
            if len(values):
                x = history.validation_values("step")
                lines.append(Line(run.name, x, values, colour, index == 0, dots=True))
        elif len(history):
            smoothing = share if options.smoothed else 0.0
            lines.append(_step_line(run.name, history, options.key, colour, smoothing, index == 0))
    return _chart(lines, runs, False, options.title, "Waiting for the first validation.")


def _pretraining_chart(runs: Sequence[Curve]) -> Markup:
    """Return the accuracy of both backbones over the steps of their pretraining, one after the other."""
    lines, end = [], 1
    for index, run in enumerate(runs):
        first = 0
        for backbone in BACKBONES:
            table = run.history.pretraining[backbone]
            if table["done"]:
                name = backbone if len(runs) == 1 else f"{run.name}, {backbone}"
                colour = series(2 * index + BACKBONES.index(backbone))
                x, y = np.array(table["done"]) + first, np.array(table["accuracy"])
                lines.append(Line(name, x, y, colour, index == 0))
                first += int(table["total"][-1])
        end = max(end, first)
    x_axis = linear_axis(0, end, widen=False, unit="steps")
    return line_chart(lines, x_axis, UNIT, METRICS[PRETRAINING].title, "This run had no pretraining.")


def loss_name(key: str, config: Config | None) -> str:
    """Return the name of a term of the loss with its weight, "" for a term that the config turns off."""
    if key == "loss":
        return "total"
    if config is None:
        return key
    train = config.train
    if key == "mask":
        return {"dice": "Dice", "cross_entropy": "cross-entropy"}[train.loss]
    if key == "auxiliary":
        return "" if train.auxiliary == "none" else f"{train.auxiliary} ×{train.auxiliary_weight:g}"
    return f"cross-entropy ×{train.bce_weight:g}" if train.bce_weight else ""


def _step_line(name: str, history: History, key: str, colour: str, share: float, strong: bool) -> Line:
    steps, values = history.step_values("step"), history.step_values(key)
    x, y = chart_line(steps, values, share)
    return Line(name, x, y, colour, strong, raw=chart_line(steps, values)[1] if share else None)


def _chart(lines: list[Line], runs: Sequence[Curve], log: bool, title: str, empty: str) -> Markup:
    lines = [line for line in lines if len(line.y)]
    end = max([1, *(run.steps for run in runs), *(float(line.x.max()) for line in lines)])
    x = linear_axis(0, end, widen=False, unit="steps")
    return line_chart(lines, x, _value_axis(lines, log), title, empty)


def _value_axis(lines: Sequence[Line], log: bool) -> Axis:
    values = np.concatenate([line.y for line in lines]) if lines else np.ones(1)
    raw = [line.raw for line in lines if line.raw is not None]
    if raw:  # the faint lines may be clipped at the highest steps, but not over half their length
        values = np.append(values, np.percentile(np.concatenate(raw), [2, 98]))
    if not log:
        return linear_axis(0, float(values.max()) or 1.0, count=3)
    positive = values[values > SMALLEST]
    return log_axis(float(positive.min()), float(positive.max())) if len(positive) else log_axis(1, 1)
