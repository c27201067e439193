"""Charts: ticks and positions at known values, and what the HTML says."""

import re

import numpy as np
import pytest

from app.components.histogram import Bin, histogram
from avseg.web.charts import (
    UNIT,
    Axis,
    Lane,
    Line,
    Point,
    lanes,
    legend,
    line_chart,
    linear_axis,
    log_axis,
    nice_step,
    nice_ticks,
    number,
    scatter,
    series,
)


@pytest.mark.parametrize(
    ("span", "step"), [(0.7, 1), (1, 1), (1.1, 2), (2.2, 2.5), (3, 5), (7, 10), (0.03, 0.05)]
)
def test_steps_are_round(span: float, step: float):
    assert nice_step(span) == pytest.approx(step)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, (0, 0.25, 0.5, 0.75, 1)),
        (0, 0.3, (0, 0.1, 0.2, 0.3)),
        (-1, 1, (-1, -0.5, 0, 0.5, 1)),
        (3, 7, (3, 4, 5, 6, 7)),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, ticks: tuple):
    assert nice_ticks(low, high) == ticks


def test_a_linear_axis_ends_at_round_numbers_or_at_its_own():
    wide = linear_axis(0, 0.83)
    assert (wide.low, wide.high) == (0, 1) and wide.ticks == (0, 0.25, 0.5, 0.75, 1)
    exact = linear_axis(0, 2400, widen=False, unit="steps")
    assert exact.high == 2400 and exact.ticks == (0, 1000, 2400)
    assert exact.tick_labels()[-1] == (100, "2,400 steps")
    assert linear_axis(0, 1100, widen=False).ticks == (0, 500, 1100)
    same = linear_axis(2, 2)
    assert same.high > same.low


def test_positions_are_percent_and_stop_at_the_ends():
    axis = Axis(0, 4)
    assert [axis.position(value) for value in (-1, 0, 1, 4, 9)] == [0, 0, 25, 100, 100]
    log = Axis(0.01, 100, log=True)
    assert [log.position(value) for value in (0.01, 0.1, 1, 100)] == pytest.approx([0, 25, 50, 100])
    assert log.position(0) == 0


def test_a_logarithmic_axis_has_at_most_five_ticks():
    narrow, wide = log_axis(0.1, 2), log_axis(1e-7, 1e7)
    assert narrow.low < 0.1 and narrow.high > 2 and narrow.ticks == pytest.approx((0.1, 0.2, 0.5, 1, 2))
    assert 2 <= len(wide.ticks) <= 5 and all(wide.low <= tick <= wide.high for tick in wide.ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5321, "0.532"),
        (1.25, "1.25"),
        (2400, "2,400"),
        (2345.6, "2,346"),
        (2e-4, "2.0e-4"),
        (0, "0"),
        (12, "12"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str):
    assert number(value) == text


def test_lines_lie_where_their_values_are():
    line = Line(
        "loss", np.array([0, 5, 10]), np.array([4.0, 1.0, 2.0]), series(1), raw=np.array([4, 4, 4]), dots=True
    )
    html = line_chart([line], Axis(0, 10, (0, 10)), Axis(0, 4, (0, 4)), "Loss over 10 steps")
    assert 'points="0.00,0.00 50.00,75.00 100.00,50.00"' in html and html.count("chart-dot") == 3
    assert 'points="0.00,0.00 50.00,0.00 100.00,0.00"' in html and "var(--series-1)" in html
    assert 'aria-label="Loss over 10 steps. Last values: loss 2."' in html and "<b>2</b>" in html


def test_labels_at_the_ends_of_lines_do_not_overlap():
    x, axis = np.array([0, 1]), Axis(0, 1)
    lines = [Line(f"run {k}", x, np.array([0.5, 0.001 * k])) for k in range(5)]
    html = line_chart(lines, axis, axis, "IoU", height=100)
    tops = sorted(float(top) for top in re.findall(r"chart-label[^>]*top:([\d.]+)px", html))
    assert len(tops) == 5 and tops[-1] <= 100 and min(np.diff(tops)) >= 14.9


def test_a_chart_without_a_point_says_so():
    nothing = Line("loss", np.array([]), np.array([]))
    assert "No step yet." in line_chart([nothing], UNIT, UNIT, "Loss", empty="No step yet.")
    assert "No step yet." in line_chart(
        [Line("rate", np.array([1]), np.array([0]))], UNIT, log_axis(1, 2), "", "No step yet."
    )


def test_bars_are_buttons_with_one_tab_stop():
    bins = [Bin(0, "IoU 0 to 0.5", 3, kind="bad"), Bin(1, "IoU 0.5 to 1", 12, shown=1, selected=True)]
    html = histogram(bins, "Clips by IoU", "bin", ("0", "0.5", "1"))
    assert html.count('data-action="bin"') == 2 and re.findall(r'tabindex="(-?\d)"', html) == ["-1", "0"]
    assert "IoU 0 to 0.5: 3 clips" in html and "IoU 0.5 to 1: 1 of 12 clips shown" in html
    assert re.findall(r"height:([\d.]+)%", html) == ["25.0", "25.0", "100.0", "8.3"]
    assert re.findall(r'<span style="left:([\d.]+)%">', html) == ["0.00", "50.00", "100.00"]


def test_counts_on_an_axis_are_whole():
    for most in (1, 2, 3, 7, 10, 25, 40, 12345):
        html = histogram([Bin(0, "a", most)], "Clips", "bin", grid=True, height=200)
        ticks = re.findall(r'chart-y"[^>]*>([^<]+)<', html)
        assert ticks[0] == "0" and all("." not in tick for tick in ticks) and len(ticks) <= 6


def test_lanes_join_two_dots_and_measure_bars():
    pair = Lane("dog", (0.25, 0.75), ("0.25 / 0.75",), value="dog", title="dog")
    html = lanes([pair], UNIT, "label", "dots")
    assert "left:25.00%;width:50.00%" in html and html.count("lane-dot") == 2
    assert 'data-action="label" data-value="&#34;dog&#34;"' in html and html.index("series-1") < html.index(
        "series-0"
    )
    bars = lanes([Lane("Silence", (0.1, None), ("10 %", "–"), note="no sound")], Axis(0, 0.2), ticks=False)
    assert re.findall(r"width:([\d.]+)%", bars) == ["50.00"] and "no sound" in bars and "<button" not in bars


def test_dots_of_a_scatter_plot_are_named():
    html = scatter(
        [Point(0.25, 1.0, "clip 7: 0.25 to 1.00", "gain")], UNIT, UNIT, "old against new", diagonal=True
    )
    assert 'class="gain" cx="25.00%" cy="0.00%"' in html and "<title>clip 7: 0.25 to 1.00</title>" in html
    assert html.count("old against new") == 2 and "<line" in html


def test_names_are_text():
    evil = "<img src=x>"
    html = histogram([Bin(evil, evil, 1)], evil, "bin", (evil, "b")) + legend([evil])
    html += lanes([Lane(evil, (0.1,), (evil,), evil, evil, evil, evil)], UNIT, "label")
    html += line_chart([Line(evil, np.array([0]), np.array([0]))], UNIT, UNIT, evil) + scatter(
        [], UNIT, UNIT, evil
    )
    assert "<img" not in html and html.count("&lt;img") > 10
