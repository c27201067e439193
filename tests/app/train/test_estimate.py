"""Time and disk space of a run, from earlier runs with the same settings."""

from types import SimpleNamespace

from app.train import order
from avseg.config import TrainConfig
from avseg.presets import PRESETS
from avseg.training.estimate import Estimate, validations
from avseg.training.run_folder import Status
from tests.support.training_runs import a_run, own_runs, values  # noqa: F401 (a fixture)


def test_time_and_disk_come_from_an_earlier_run_or_are_unknown(monkeypatch):
    parsed = order.read_order(values())
    assert order.estimate_of(parsed) is None and "Duration unknown" in order.time_and_disk(parsed, 6)[0].text
    run = a_run("earlier")
    run.write_status(Status("finished", command="python -m avseg train tiny --device cpu --workers 0"))
    result = order.estimate_of(parsed)
    assert result.source == "in earlier" and result.disk > 500
    assert order.estimate_of(order.read_order(values(workers=1))) is None
    monkeypatch.setattr(order, "estimate_of", lambda _: Estimate(2.0, "in earlier", 3 * 10**9))
    monkeypatch.setattr(order.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 10**9))
    lines = order.time_and_disk(parsed, 90)
    assert "About 3 min" in lines[0].text and "measured in earlier" in lines[0].text
    assert [line.kind for line in lines] == ["ok", "bad"] and "too little" in lines[1].text


def test_validations_and_pretraining_count_where_they_were_measured():
    config = TrainConfig(epochs=7, validate_every=2, validate_from=1)
    assert validations(config) == 3  # after epochs 3, 5 and 7
    own = {"device": "auto", "workers": 1, "preset": "classroom", "start_from": "tiny-ms3"}
    classroom = order.read_order(values(PRESETS["classroom"], **own))
    assert classroom.pretraining == 0
    assert order.estimate_of(classroom).seconds_per_validation > 0.1
    assert "validation included" in order.time_and_disk(classroom, 240)[0].text
    tiny = order.read_order(values(PRESETS["tiny"], device="auto", workers=1))
    assert "2,000 steps of pretraining" in order.time_and_disk(tiny, 2400)[0].text


def test_a_bundled_models_training_estimates_the_same_settings():
    result = order.estimate_of(order.read_order(values(PRESETS["tiny"], device="auto", workers=1)))
    assert 0.1 < result.seconds_per_step < 30 and "tiny was trained on two CPU cores" in result.source
    assert result.disk is None
