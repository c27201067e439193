"""Histograms whose bars are buttons; the other charts of the tabs are those of `avseg.web.charts`.

    histogram([Bin("dog", "dog", total=12, shown=3)], "Clips per class", "class", labels=("dog", "cat"))

Bars, and lanes with an `action`, are buttons with `data-action` and `data-value`: their `gr.HTML` needs
`js_on_load=ACTIONS_SCRIPT` (app.components.events), which also makes the bars of a histogram one Tab stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.components.render import environment
from avseg.web.charts import Axis, linear_axis


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram."""

    value: object  # of the action, whatever JSON holds
    name: str
    total: int
    shown: int | None = None  # of the total, drawn in the accent; None for all
    selected: bool = False
    kind: str = ""  # "bad" for a bar to worry about


def histogram(
    bins: Sequence[Bin],
    title: str,
    action: str,
    labels: Sequence[str] = (),
    unit: str = "clip",
    height: int = 62,
    grid: bool = False,
) -> Markup:
    """Return bars that are buttons: `action` gets the value of the bar that was clicked.

    labels: under the bars, one each or spread from the left end to the right one; unit: what is counted,
    singular; height: px of the plot; grid: ticks and lines of the count, otherwise only the largest count.
    """
    most = max((bar.total for bar in bins), default=0) or 1
    axis = linear_axis(0, most, whole=True) if grid else Axis(0, most, (most,))
    focus = next((index for index, bar in enumerate(bins) if bar.selected), 0)
    centred = len(labels) == len(bins) > 2
    places, shift = (len(bins), 0.5) if centred else (max(1, len(labels) - 1), 0)
    x_ticks = [(100 * (index + shift) / places, text) for index, text in enumerate(labels)]
    module = environment().get_template("components/templates/histogram.html").module
    drawn = module.histogram(bins, title, action, unit, axis, focus, x_ticks, centred, height, grid)
    return Markup(drawn)
