"""The run that a visitor asks for: what is checked, and its command."""

from pathlib import Path

import pytest

from app.services import runs
from app.services.handoff import TrainRequest
from app.train import form_handlers, handlers, order
from app.train.form import values_of
from app.train.state import TrainState
from avseg.__main__ import main
from avseg.errors import RunError
from avseg.presets import PRESETS
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from tests.support.small_model import small_config
from tests.support.training_runs import a_run, own_runs, values  # noqa: F401 (a fixture)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("train.epochs", 0, "epochs is 0"),
        ("train.epochs", 2.5, "whole number"),
        ("train.epochs", None, "epochs needs a number"),
        ("train.epochs", True, "epochs needs a number"),
        ("train.learning_rate", float("nan"), "learning_rate needs a number"),
        ("model.mixer", "best", "mixer is 'best'"),
        ("model.mixer", ["none"], "mixer is ''"),
        ("model.image_size", 100, "multiple of 32"),
        ("model.backbone_channels", "1 x", "whole numbers"),
        ("train.backbone_weights", "/etc/passwd", "give a name here"),
        ("train.backbone_weights", "--out=/tmp", "give a name here"),
        ("preset", "huge", "preset 'huge' does not exist"),
        ("preset", None, "preset None does not exist"),
        ("data", "/etc", "no longer exists"),
        ("data", None, "no longer exists"),
        ("name", "../x", "is not a valid run name"),
        ("name", "a b", "is not a valid run name"),
        ("name", "", "is not a valid run name"),
        ("device", "tpu", "device is 'tpu'"),
        ("workers", 1e9, "workers must be"),
        ("workers", "1", "workers must be"),
        ("start_from", "/etc/passwd", "no longer exists"),
    ],
)
def test_invalid_values_are_refused_with_a_reason(key, value, reason):
    result, lines = order.checks(values() | {key: value})
    assert result is None and [line.kind for line in lines] == ["bad"] and reason in lines[0].text
    updates = form_handlers.preview(values() | {key: value})
    assert updates.command == "" and reason.split("'")[0] in updates.checks.replace("&#39;", "'")
    assert not updates.start["interactive"]


@pytest.mark.parametrize("widths", [(), (32, 32, 32, 64)])
def test_the_command_line_parses_the_whole_command(widths, monkeypatch, capsys):
    config = small_config(
        {"backbone_channels": widths, "heads": 4}, resample_sounds_every_second=False, learning_rate=3e-4
    )
    parsed = order.read_order(values(config, start_from="tiny-ms3"))
    received = []
    monkeypatch.setattr("avseg.training.trainer.train", lambda *args, **_: received.extend(args) or "trained")
    assert main(parsed.arguments()[2:]) == 0 and "trained" in capsys.readouterr().out
    trained, out, data, device, workers, resume, start_from, *_ = received
    assert (trained, out, data, device, workers) == (config, parsed.run.path, "synth", "cpu", 0)
    assert resume is False and start_from == Path("tiny-ms3")


def test_a_preset_brings_the_model_that_it_starts_from():
    updates = form_handlers.choose_preset(values(preset="classroom", start_from=""))
    assert updates.start_from == "tiny-ms3" and "--start-from tiny-ms3" in updates.command
    assert form_handlers.choose_preset(values(preset="tiny", start_from="tiny-ms3")).start_from == ""


def test_another_tab_asks_for_a_preset():
    updates = form_handlers.arrive(values(preset="tiny"), TrainRequest("classroom"))
    assert updates.preset == "classroom" and updates.config == values_of(PRESETS["classroom"])
    assert updates.start_from["value"] == "tiny-ms3" and updates.name == "classroom-01"
    assert "avseg train classroom" in updates.command and "--data synth" in updates.command
    untouched = form_handlers.arrive(values(preset="tiny"))
    assert not {"preset", "config"} & set(untouched.changes())


def test_an_order_is_checked_before_it_is_started(tmp_path, monkeypatch):
    a_run("new")
    write(SynthAVS("ms3", "train", 1, 3, (64, 64)), tmp_path / "data", videos=False)
    write(SynthAVS("ms3", "val", 1, 2, (64, 64)), tmp_path / "data", videos=False)
    monkeypatch.setenv("AVSEG_DATA", str(tmp_path / "data"))
    key = next(key for _, key in order.data_choices() if key.startswith("environment"))
    text = " / ".join(line.text for line in order.checks(values(data=key))[1])
    assert "3 training clips; 2 for validation" in text and "A run named new already exists" in text
    ordered, lines = order.checks(values(data=key, more_data=["synth", key], name="more"))
    assert ordered.arguments().count("--data") == 3 and ordered.data.count(str(tmp_path / "data")) == 2
    assert f"{3 + 3 + ordered.config.train.synth_clips} training clips; " in lines[0].text
    assert "no longer exists" in order.checks(values(data="synth", more_data=["/etc"]))[1][0].text
    other = small_config({"task": "s4"})
    assert "set Task to ms3" in order.checks(values(other, data=key, name="other"))[1][0].text
    many = small_config(batch_size=4)
    assert (
        "fewer than train.batch_size 4: lower it"
        in order.checks(values(many, data=key, name="other"))[1][0].text
    )
    before = set(runs.runs_root().iterdir())
    state = TrainState()
    updates = handlers.start(state, values())
    assert "A run named new already exists" in updates.notice["value"] and state == TrainState()
    assert set(runs.runs_root().iterdir()) == before and set(updates.changes()) == {"notice"}


def test_a_full_disk_and_a_missing_folder_are_reported(monkeypatch):
    runs.runs_root().write_text("a file where the runs should lie")
    with pytest.raises(RunError, match=r"cannot be written: (Not a directory|File exists)"):
        runs.start(["-c", "pass"], runs.run_folder("new"))
    runs.runs_root().unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.process, "launch", full)
    updates = handlers.start(TrainState(), values())
    assert "cannot be written: No space left on device" in updates.notice["value"]
    assert "no longer exists" in form_handlers.preview(values(data="environment-gone")).checks
