import json
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from avseg.bench.command import run, tables, write_json
from avseg.bench.measure import Seconds, clocked, gflop, interleaved, peak_memory
from avseg.bench.models import PLAIN, model_named, training_speed
from avseg.errors import ConfigError
from tests.support.media import counting
from tests.support.small_model import small_config

CPU = torch.device("cpu")
NOTHING = {"train": (), "evaluation": False, "data": False, "start": False}


def test_turns_are_interleaved_after_one_to_warm_up():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = interleaved(works, 2, CPU)
    assert order == ["a", "b"] * 3
    assert [len(seconds[name].turns) for name in "ab"] == [2, 2]


def test_median_and_spread_by_hand():
    seconds = Seconds((4.0, 1.0, 2.0, 3.0, 10.0))
    assert seconds.median == 3.0 and seconds.spread == pytest.approx((4.0 - 2.0) / 2 / 3.0)
    assert Seconds((2.0,)).spread == 0.0


def test_work_is_counted_by_hand():
    layer, maps = nn.Conv2d(3, 8, 3, bias=False), torch.zeros(2, 3, 10, 12)
    assert gflop(lambda: layer(maps)) == pytest.approx(2 * (2 * 8 * 8 * 10) * (3 * 9) / 1e9)


def test_peak_memory_sees_what_was_let_go():
    found = peak_memory(lambda: torch.ones(50_000_000).sum(), CPU)
    assert found is None or 150e6 < found < 400e6


def test_a_part_is_clocked_and_left_alone():
    class Slow(nn.Module):
        def forward(self, x):
            time.sleep(0.01)
            return x

    slow, quick = Slow(), nn.Identity()
    with clocked({"slow": [slow], "quick": [quick]}, CPU) as seconds:
        quick(slow(slow(0)))
    assert seconds["slow"] >= 0.02 > seconds["quick"]
    assert not slow._forward_hooks and not slow._forward_pre_hooks


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory):
    """The bundled model on a clip of two frames."""
    clip = counting(tmp_path_factory.mktemp("bench") / "a.mp4", seconds=2)
    return run(("tiny-ms3",), ("cpu",), ("exact", "fast"), (clip,), 2, 1, **NOTHING)


def test_paths_are_measured_against_the_plain_one(measured):
    (model,) = measured.models
    plain, exact, fast = model.paths
    assert (plain.path, plain.ratio, plain.logits_apart) == (PLAIN, 1.0, 0.0)
    assert exact.logits_apart < 1e-3 and exact.iou > 0.999 and exact.reduced == ()
    assert fast.iou > 0.9
    assert model.gflop_plain > model.gflop > 0.1
    assert plain.parts["intermediate"] > 0.05 and exact.parts["intermediate"] == 0.0
    for path in model.paths:
        assert path.ratio == pytest.approx(plain.seconds.median / path.seconds.median)
        assert sum(path.parts.values()) == pytest.approx(1.0, abs=0.2)


def test_tables_and_json_hold_the_numbers(measured, tmp_path: Path):
    text = tables(measured)
    assert "| tiny-ms3 (demo, 256 px, 2 frames, cpu) | plain |" in text
    assert f"{measured.models[0].paths[1].ratio:.2f}" in text
    write_json(measured, tmp_path / "bench.json")
    stored = json.loads((tmp_path / "bench.json").read_text())
    assert stored["models"][0]["paths"][0]["seconds"]["turns"] == list(
        measured.models[0].paths[0].seconds.turns
    )


def test_a_training_step_is_measured():
    pair = training_speed(small_config({"task": "s4"}, auxiliary="intermediate"), "small", CPU, 1)
    assert pair.ratio == pytest.approx(pair.plain.median / pair.ours.median) and "small" in pair.what


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repeats": 0}, "--repeats"),
        ({"train": ("nothing",)}, "not a preset"),
        ({"frames": 9}, "No clip has 9"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(changes: dict, message: str, tmp_path: Path):
    clip = counting(tmp_path / "a.mp4", seconds=2)
    values = {"models": ("tiny-ms3",), "frames": 2, "repeats": 1} | NOTHING | changes
    with pytest.raises(ConfigError, match=message):
        run(devices=("cpu",), precisions=("exact",), clips=(clip,), **values)


def test_a_bundled_model_comes_before_the_preset_of_its_name():
    assert model_named("tiny-avss", CPU)[1] == "demo"
    assert model_named("tiny", CPU)[1] == "random"
