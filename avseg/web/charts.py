"""Charts: axes, lines, lanes and scatter plots as HTML.

All functions return `Markup`. Geometry is in percent of the plot, so a chart fills whatever it is put into;
numbers, names and ticks are HTML and keep the size of the page's text. Colours are tokens of the style sheet
(`series(k)`, classes), so charts follow light and dark mode. Every chart has its numbers as text too.

    x = linear_axis(0, steps, widen=False, unit="steps")
    y = linear_axis(0, max(losses))                        # or log_axis(min(losses), max(losses))
    line_chart([Line("total", at, losses, series(0), strong=True)], x, y, "Loss", empty="No step yet.")

    lanes([Lane("dog", (0.81, 0.74), ("0.81", "0.74"), value="dog")], UNIT, action="label", mark="dots")
    scatter([Point(0.2, 0.6, "clip 7: 0.20 to 0.60", "gain")], UNIT, UNIT, "IoU of every clip, old and new")

Lanes with an `action` are buttons with `data-action` and `data-value`, for a page that handles them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup

from avseg.web.templates import environment

SERIES = 6  # colours of the style sheet, --series-0 to --series-5
LABEL_DISTANCE = 15  # px between two labels at the ends of lines
SMALLEST = 1e-12  # smaller values cannot be drawn on a logarithmic axis


@dataclass(frozen=True)
class Axis:
    """A range of values and the ticks on it."""

    low: float
    high: float
    ticks: tuple[float, ...] = ()
    log: bool = False
    unit: str = ""  # follows the last tick
    labels: tuple[str, ...] = ()  # of the ticks; their numbers by default

    def position(self, value: float) -> float:
        """Return where a value lies, in percent from the low end; values beyond an end lie at that end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        return 100 * min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0

    def tick_labels(self) -> list[tuple[float, str]]:
        """Return position and text of every tick."""
        texts = list(self.labels or map(number, self.ticks))
        if texts and self.unit:
            texts[-1] = f"{texts[-1]} {self.unit}"
        return [(self.position(tick), text) for tick, text in zip(self.ticks, texts, strict=True)]


UNIT = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
"""Of a number from 0 to 1, such as an IoU."""


def nice_step(span: float, whole: bool = False) -> float:
    """Return 1, 2, 2.5 or 5 times a power of ten, the first not below `span`; whole: an integer."""
    span = max(span, 1.0 if whole else SMALLEST) * (1 - 1e-9)
    power = 10.0 ** math.floor(math.log10(span))
    steps = [m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span]
    return next(step for step in steps if not whole or step == round(step))


def nice_ticks(low: float, high: float, count: int = 4) -> tuple[float, ...]:
    """Return the round numbers in [low, high] that divide it into at most `count` steps."""
    return _multiples(low, high, nice_step((high - low) / count))


def _multiples(low: float, high: float, step: float) -> tuple[float, ...]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(k * step, 12) for k in range(first, last + 1))


def linear_axis(
    low: float, high: float, count: int = 4, widen: bool = True, whole: bool = False, unit: str = ""
) -> Axis:
    """Return a linear axis of about `count` steps.

    widen: move both ends outwards to round numbers; otherwise the ends stay, and the upper one replaces the
    round number close to it. whole: ticks are integers.
    """
    high = high if high > low else low + 1.0
    step = nice_step((high - low) / count, whole)
    if widen:
        low, high = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
        return Axis(round(low, 12), round(high, 12), _multiples(low, high, step), unit=unit)
    ticks = _multiples(low, high, step)
    ticks = ticks if not ticks or high - ticks[-1] > 0.4 * step else ticks[:-1]
    return Axis(low, high, (*ticks, high), unit=unit)


def log_axis(low: float, high: float, unit: str = "") -> Axis:
    """Return a logarithmic axis with a margin of 15 % around positive values; at most five ticks."""
    low, high = max(low, SMALLEST) / 1.15, max(high, low, SMALLEST) * 1.15
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**d for d in decades for m in mantissas if low <= m * 10.0**d <= high]
        if len(ticks) <= 5:
            break
    return Axis(low, high, tuple(ticks[:: math.ceil(len(ticks) / 5) or 1]), log=True, unit=unit)


def number(value: float) -> str:
    """Return a number in three digits: 0.532, 1.25, 2,400, 2.0e-4."""
    value = float(value)
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    if not 1e-3 <= abs(value) < 1e4:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def series(index: int) -> str:
    """Return the colour of the k-th line of a chart."""
    return f"var(--series-{index % SERIES})"


@dataclass(frozen=True)
class Line:
    """One line; x and y are equally long."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str = "var(--accent)"
    strong: bool = False
    raw: np.ndarray | None = None  # y before smoothing, drawn faintly behind
    dots: bool = False  # a dot at every point


def line_chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    title: str,
    empty: str = "",
    height: int = 190,
    end_labels: bool = True,
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Return lines over one x axis, each labelled at its end with its name and last value.

    empty: text in place of the plot when no line has a point; height: px of the plot; end_labels: False where
    the caller has a legend of its own; marks: vertical lines, each an x value and its text.
    """
    lines = [line for line in lines if len(line.y) and (not y.log or (np.asarray(line.y) > SMALLEST).any())]
    items = []
    for line in lines:
        raw = "" if line.raw is None else _points(line.x, line.raw, x, y)
        items.append((line, _points(line.x, line.y, x, y), raw))
    labels = _end_labels(lines, x, y, height) if end_labels else []
    last = "; ".join(f"{line.name} {number(line.y[-1])}" for line in lines)
    alternative = f"{title}. Last values: {last}."
    return _draw("line_chart", items, labels, x, y, marks, alternative, empty, height)


def _points(xs: np.ndarray, ys: np.ndarray, x: Axis, y: Axis) -> str:
    return " ".join(f"{x.position(a):.2f},{100 - y.position(b):.2f}" for a, b in zip(xs, ys))


def _end_labels(lines: Sequence[Line], x: Axis, y: Axis, height: int) -> list[tuple[Line, str, float, float]]:
    """Return line, last value, x in % and y in px of every label, moved apart where two would overlap."""
    wanted = sorted((height * (1 - y.position(line.y[-1]) / 100), index) for index, line in enumerate(lines))
    tops: list[float] = []
    for top, _ in wanted:
        tops.append(max(top, tops[-1] + LABEL_DISTANCE) if tops else top)
    limit = height - 4.0
    for index in reversed(range(len(tops))):  # the column may not leave the plot at its foot
        tops[index] = min(tops[index], limit)
        limit = tops[index] - LABEL_DISTANCE
    return [
        (lines[index], number(lines[index].y[-1]), x.position(lines[index].x[-1]), top)
        for (_, index), top in zip(wanted, tops)
    ]


@dataclass(frozen=True)
class Lane:
    """One row of `lanes`: a name, its values on the shared axis, and their text."""

    name: str
    values: tuple[float | None, ...]  # by series: the first mark is filled, the second hollow
    texts: tuple[str, ...]  # bars: one per value; dots: one per column
    detail: str = ""  # small, after the name
    note: str = ""  # a line of its own below
    value: object = None  # of the action
    title: str = ""  # tooltip
    spans: tuple[tuple[float, float] | None, ...] = ()  # a whisker per value, such as its interval
    kind: str = ""  # classes: "strong", "muted" (grey), "reference" (hollow, ink: a published number)


def lanes(
    rows: Sequence[Lane],
    axis: Axis,
    action: str = "",
    mark: Literal["bars", "dots"] = "bars",
    ticks: bool = True,
    kind: str = "",
    heads: Sequence[str] = (),
) -> Markup:
    """Return rows on one axis: a bar per value, or dots on a common lane, joined where there are two.

    action: rows are buttons that send `Lane.value`; ticks: draw the axis below; kind: a class of the whole;
    heads: names of the columns of text.
    """
    columns = max((len(row.texts) for row in rows), default=1) if mark == "dots" else 1
    return _draw("lanes", rows, axis, action, mark, ticks, columns, kind, heads)


def legend(names: Sequence[str]) -> Markup:
    """Return which name is the filled mark of `lanes` and which the hollow one."""
    return _draw("legend", names)


@dataclass(frozen=True)
class Point:
    """One dot of a scatter plot."""

    x: float
    y: float
    text: str  # tooltip
    kind: str = ""  # "gain" or "loss"


def scatter(points: Sequence[Point], x: Axis, y: Axis, caption: str, diagonal: bool = False) -> Markup:
    """Return a square of dots under which the caption says what the axes are; diagonal: the line x = y."""
    return _draw("scatter", points, x, y, caption, diagonal)


def _draw(name: str, *values: object) -> Markup:
    module = environment().get_template("web/charts.html").module
    return Markup(getattr(module, name)(*values))
