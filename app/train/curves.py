"""The curves of runs as HTML: lines are SVG that stretches, words stay as large as all others.

Every line is labelled at its end with its last value; no legend.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from app.train.events import Course, line_of
from avseg.config import Config

HEIGHT = 190  # pixels of the plot
APART = 15  # pixels between two labels
COLOURS = ("var(--accent)", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#E69F00")
PARTS = (
    ("loss", "total", "var(--ink)"),
    ("mask", "", "#0072B2"),
    ("auxiliary", "", "#D55E00"),
    ("bce", "", "#009E73"),
)
METRICS = {"mIoU": "miou", "in silence": "silence", "learning rate": "learning_rate", "s per step": "seconds"}
NOTES = {
    "mIoU": "validation, where something sounds",
    "in silence": "share of the frame marked without sound",
    "learning rate": "of AdamW, per step",
    "s per step": "forward and backward, without the wait for clips",
}
EMPTY = 1e-12


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    name: str
    steps: np.ndarray
    values: np.ndarray
    colour: str
    strong: bool = False
    raw: np.ndarray | None = None  # the same before it was smoothed, drawn faintly
    dots: bool = False


@dataclass(frozen=True)
class Followed:
    """A run in a plot."""

    name: str
    course: Course
    config: Config | None
    steps: int  # of the whole run


def loss_plot(runs: Sequence[Followed], share: float, log: bool) -> str:
    """Return the loss: of one run its parts, of several the total of each; smoothed over a share of it."""
    first = runs[0]
    lines = []
    if len(runs) == 1:
        for key, _, colour in PARTS:
            name = part_name(key, first.config)
            if name and np.any(first.course.of_steps(key)):
                lines.append(_smoothed(name, first.course, key, colour, share, key == "loss"))
    else:
        for place, one in enumerate(runs):
            if len(one.course):
                lines.append(_smoothed(one.name, one.course, "loss", _colour(place), share, place == 0))
    return plot(lines, max(one.steps for one in runs), log, "Loss", "The first step is still to come.")


def metric_plot(runs: Sequence[Followed], metric: str, share: float) -> str:
    """Return one number of every run over its steps; metric: a key of METRICS."""
    key = METRICS[metric]
    lines = []
    for place, one in enumerate(runs):
        if key in one.course.checks:
            steps, values = one.course.of_checks("step"), one.course.of_checks(key)
            if len(steps):
                lines.append(Line(one.name, steps, values, _colour(place), place == 0, dots=True))
        elif len(one.course):
            lines.append(
                _smoothed(one.name, one.course, key, _colour(place), share * (key == "seconds"), place == 0)
            )
    none = "The first evaluation is still to come."
    top = 1.0 if key == "miou" and lines and max(line.values.max() for line in lines) > 0.75 else None
    return plot(lines, max(one.steps for one in runs), False, metric, none, top)


def part_name(key: str, config: Config | None) -> str:
    """Return what a part of the loss is called, with its weight where it has one."""
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


def _smoothed(name: str, course: Course, key: str, colour: str, share: float, strong: bool) -> Line:
    steps = course.of_steps("step")
    x, y = line_of(steps, course.of_steps(key), share)
    raw = line_of(steps, course.of_steps(key))[1] if share else None
    return Line(name, x, y, colour, strong, raw if raw is not None and len(raw) == len(y) else None)


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def plot(
    lines: Sequence[Line], end: float, log: bool, title: str, none: str, top: float | None = None
) -> str:
    """Return a plot of lines over steps 0 to `end`; `none` stands there while there is no line."""
    lines = [line for line in lines if len(line.values) and (not log or (line.values > EMPTY).any())]
    if not lines:
        return f'<div class="tr-plot tr-none" style="height:{HEIGHT}px"><p>{escape(none)}</p></div>'
    end = max(end, 1, *(float(line.steps.max()) for line in lines))
    low, high, ticks = _scale(lines, log, top)

    def height(value: float) -> float:
        """Return pixels from the top."""
        if log:
            value = math.log10(max(value, low) / low) / math.log10(high / low)
        else:
            value = (value - low) / (high - low)
        return HEIGHT * (1 - min(1.0, max(0.0, value)))

    grid = "".join(
        f'<i class="tr-grid" style="top:{height(tick):.1f}px"></i>'
        f'<span class="tr-tick" style="top:{height(tick):.1f}px">{_number(tick)}</span>'
        for tick in ticks
    )
    drawn = "".join(_drawn(line, end, height) for line in lines)
    dots = "".join(
        f'<i class="tr-dot" style="left:{100 * x / end:.2f}%;top:{height(y):.1f}px;'
        f'background:{line.colour}"></i>'
        for line in lines
        if line.dots
        for x, y in zip(line.steps, line.values, strict=True)
    )
    said = "; ".join(f"{line.name} {_number(line.values[-1])}" for line in lines)
    words = f"{title} over {end:,.0f} steps, last values: {said}"
    return (
        f'<div class="tr-plot" role="img" aria-label="{escape(words)}" style="height:{HEIGHT}px">'
        f'{grid}<svg viewBox="0 0 1000 {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
        f"{dots}{_labels(lines, end, height)}</div>{_axis(end)}"
    )


def _drawn(line: Line, end: float, height: Callable[[float], float]) -> str:
    def path(values: np.ndarray) -> str:
        return " ".join(
            f"{1000 * x / end:.1f},{height(y):.1f}" for x, y in zip(line.steps, values, strict=True)
        )

    faint = "" if line.raw is None else _polyline(path(line.raw), line.colour, 1, 0.25)
    return faint + _polyline(path(line.values), line.colour, 2.4 if line.strong else 1.7, 1)


def _polyline(points: str, colour: str, width: float, opacity: float) -> str:
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'opacity="{opacity}" vector-effect="non-scaling-stroke"/>'
    )


def _labels(lines: Sequence[Line], end: float, height: Callable[[float], float]) -> str:
    """Return the name and last value of every line at its end, moved apart where they would touch."""
    places = sorted((height(line.values[-1]), number) for number, line in enumerate(lines))
    free, found = -math.inf, []
    for wanted, number in places:
        free = max(wanted, free + APART)
        found.append([free, number])
    if found and (over := found[-1][0] - (HEIGHT - 4)) > 0:  # too low: push the column up
        limit = found[-1][0] - over
        for place in reversed(found):
            place[0] = min(place[0], limit)
            limit = place[0] - APART
    return "".join(
        f'<span class="tr-label{" strong" if lines[number].strong else ""}" '
        f'style="left:{100 * float(lines[number].steps[-1]) / end:.2f}%;top:{top:.1f}px">'
        f'<i style="background:{lines[number].colour}"></i>{escape(lines[number].name)} '
        f"<b>{_number(lines[number].values[-1])}</b></span>"
        for top, number in found
    )


def _axis(end: float) -> str:
    step = _nice(end / 4)
    ticks = [step * k for k in range(int(end / step) + 1)]
    if end - ticks[-1] > 0.4 * step:
        ticks.append(end)
    else:
        ticks[-1] = end
    words = "".join(
        f'<span style="left:{100 * tick / end:.2f}%">{tick:,.0f}'
        f"{' steps' if tick == ticks[-1] else ''}</span>"
        for tick in ticks
    )
    return f'<div class="tr-axis" aria-hidden="true">{words}</div>'


def _scale(lines: Sequence[Line], log: bool, top: float | None) -> tuple[float, float, list[float]]:
    """Return lower end, upper end and the values of the grid."""
    values = np.concatenate([line.values for line in lines])
    raw = [line.raw for line in lines if line.raw is not None]
    if raw:  # faint lines may be cut at the first, highest steps, not by half of them
        values = np.append(values, np.percentile(np.concatenate(raw), [2, 98]))
    if log:
        good = values[values > EMPTY]
        low, high = float(good.min()) / 1.15, float(good.max()) * 1.15
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for marks in ((1, 2, 5), (1, 3), (1,)):
            ticks = [m * 10.0**d for d in decades for m in marks if low <= m * 10.0**d <= high]
            if len(ticks) <= 5:
                break
        return low, high, ticks
    high = float(values.max()) or 1.0
    step = _nice(high / 3)
    top = top or step * math.ceil(high / step - 1e-9)
    return 0.0, top, [k * step for k in range(1, 6) if k * step <= top + 1e-9]


def _nice(value: float) -> float:
    """Return the next larger one of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-12)))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= value - 1e-12)


def _number(value: float) -> str:
    """Return a number in three digits: 0.532, 1.25, 2.0e-04."""
    value = float(value)
    if value and not 1e-3 <= abs(value) < 1e4:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:.3g}"
