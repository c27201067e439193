"""The charts of runs: the terms of the loss, several runs, and long ones."""

import json

import numpy as np

from app.services import runs
from app.train import curves
from avseg.config import Config, TrainConfig
from avseg.presets import PRESETS
from avseg.training.history import POINTS, Histories, History, chart_line
from tests.support.small_model import small_config
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


def test_curves_name_the_parts_of_the_loss_and_compare_runs():
    run, other = a_run(), a_run("<b>other")
    followed = [curves.Curve(run.path.name, Histories().of(run), run.config(), 6)]
    parts = curves.loss_chart(followed, 0.5, True)
    for name in ("total", "Dice", "intermediate ×0.1", "cross-entropy ×1"):
        assert f"<span>{name}</span><b>" in parts
    both = [*followed, curves.Curve(other.path.name, Histories().of(other), other.config(), 6)]
    for html in (curves.loss_chart(both, 0, False), curves.metric_chart(both, "mIoU", 0)):
        assert html.count("<polyline") == 2 and "<b>other" not in html and "&lt;b&gt;other" in html
    assert "0.3" in curves.metric_chart(both, "mIoU", 0)
    for metric in curves.METRICS.keys() - {curves.PRETRAINING}:
        assert curves.metric_chart(followed, metric, 0.1).count('class="chart-label ') == 1
    assert "no pretraining" in curves.metric_chart(followed, curves.PRETRAINING, 0)
    empty = [curves.Curve("none", History(), None, 6)]
    assert "Waiting for the first step" in curves.loss_chart(empty, 0.1, True)
    without = Config(PRESETS["avss-pvt-aug2023"].model, TrainConfig(loss="cross_entropy", auxiliary="none"))
    assert curves.loss_name("mask", without) == "cross-entropy" and not curves.loss_name("auxiliary", without)


def test_a_hundred_thousand_steps_are_read_once_and_drawn_thinned(monkeypatch):
    run = runs.run_folder("long")
    run.create(small_config())
    event = {"kind": "step", "epoch": 0, "loss": 1.0, "mask": 1.0, "auxiliary": 0.5, "bce": 0.1}
    event |= {"learning_rate": 1e-3, "seconds": 0.1}
    text = "".join(json.dumps({"time": float(k), "step": k} | event) + "\n" for k in range(1, 100_001))
    run.events_file.write_text(text)
    histories = Histories()
    histories.of(run)
    lines = []
    monkeypatch.setattr("json.loads", lambda line, loads=json.loads: lines.append(line) or loads(line))
    for step in range(3):
        run.write_event(**event, step=100_001 + step)
        history = histories.of(run)
        chart = curves.loss_chart([curves.Curve("long", history, small_config(), 200_000)], 0.02, True)
    assert len(history) == 100_003 and len(lines) == 3
    assert len(chart) < 100_000
    steps, line = chart_line(np.arange(1e5), np.append(np.nan, np.ones(99_999)), 0.1)
    assert len(line) == POINTS and steps[0] == 1 and steps[-1] == 99_999 and (line == 1).all()
