"""The form of the Train tab: its fields, what is checked of an order, its command, time and memory."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.services import runs
from app.services.training_commands import resume_command, settings_of
from app.train import estimate, form, order
from app.train import form_handlers as train_form
from app.train import run_handlers as train_watch
from avseg.__main__ import main
from avseg.errors import ConfigError, RunError
from avseg.presets import PRESETS
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from avseg.training.run_folder import Status
from tests.support.small_model import small_config
from tests.support.training_runs import a_run, own_runs, values  # noqa: F401 (a fixture)


def test_every_field_has_a_place_a_control_and_help():
    listed = [field.key for _, group in form.groups() for field in group]
    assert sorted(listed) == sorted(form.form_fields()) and len(set(listed)) == len(listed)
    assert all(field.help for field in form.form_fields().values())
    help_of = form.form_fields()["train.bce_weight"].help
    assert help_of.startswith("Weight of a cross-entropy beside the loss; Dice has no gradient")
    assert form.form_fields()["model.mixer"].choices == ("none", "cross", "channel", "gated")


@pytest.mark.parametrize("name", PRESETS)
def test_the_form_gives_back_every_preset(name):
    assert form.config_of(form.values_of(PRESETS[name])) == PRESETS[name]


@pytest.mark.parametrize(
    ("key", "value", "said"),
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
        ("preset", "huge", "There is no preset"),
        ("preset", None, "There is no preset"),
        ("data", "/etc", "not there any more"),
        ("data", None, "not there any more"),
        ("name", "../x", "is not a valid run name"),
        ("name", "a b", "is not a valid run name"),
        ("name", "", "is not a valid run name"),
        ("device", "tpu", "device is 'tpu'"),
        ("workers", 1e9, "workers must be"),
        ("workers", "1", "workers must be"),
        ("start_from", "/etc/passwd", "no model"),
    ],
)
def test_what_comes_from_outside_is_refused_in_words(key, value, said):
    found, lines = order.checks(values() | {key: value})
    assert found is None and [line.kind for line in lines] == ["bad"] and said in lines[0].words
    command, checks, button = train_form.preview(values() | {key: value})
    assert command == "" and said.split("'")[0] in checks.replace("&#x27;", "'") and not button["interactive"]


@pytest.mark.parametrize("widths", [(), (32, 32, 32, 64)])
def test_the_command_says_all_of_it_to_the_command_line(widths, monkeypatch, capsys):
    config = small_config(
        {"backbone_channels": widths, "heads": 4}, resample_sounds_every_second=False, learning_rate=3e-4
    )
    asked = order.read_order(values(config, start_from="tiny-ms3"))
    taken = []
    monkeypatch.setattr("avseg.training.trainer.train", lambda *given: taken.extend(given) or "there")
    assert main(asked.command()[2:]) == 0 and "there" in capsys.readouterr().out
    told, out, data, device, workers, resume, start_from, *_ = taken
    assert (told, out, data, device, workers) == (config, asked.run.path, "synth", "cpu", 0)
    assert resume is False and start_from == Path("tiny-ms3")


def test_an_order_is_checked_before_it_is_started(tmp_path, monkeypatch):
    a_run("new")
    write(SynthAVS("ms3", "train", 1, 3, (64, 64)), tmp_path / "data", videos=False)
    write(SynthAVS("ms3", "val", 1, 2, (64, 64)), tmp_path / "data", videos=False)
    monkeypatch.setenv("AVSEG_DATA", str(tmp_path / "data"))
    key = next(key for _, key in order.data_choices() if key.startswith("environment"))
    words = " / ".join(line.words for line in order.checks(values(data=key))[1])
    assert "3 clips to train on; 2 to check on" in words and "A run named new already exists" in words
    other = small_config({"task": "s4"})
    assert "set Task to ms3" in order.checks(values(other, data=key, name="other"))[1][0].words
    many = small_config(batch_size=4)
    assert "lower train.batch_size" in order.checks(values(many, data=key, name="other"))[1][0].words
    before = set(runs.runs_root().iterdir())
    *said, view, _, notice = train_watch.start(values(), train_watch.View())[:7]
    assert "A run named new already exists" in notice["value"] and view == train_watch.View()
    assert set(runs.runs_root().iterdir()) == before and all("update" in one["__type__"] for one in said)


def test_time_and_disk_come_from_an_earlier_run_or_are_unknown(monkeypatch):
    asked = order.read_order(values())
    assert estimate.estimate(asked) is None and "Duration unknown" in estimate.checks(asked, 6)[0].words
    run = a_run("earlier")
    run.write_status(Status("finished", command="python -m avseg train tiny --device cpu --workers 0"))
    found = estimate.estimate(asked)
    assert found.source == "in earlier" and found.disk > 500
    assert estimate.estimate(order.read_order(values(workers=1))) is None
    monkeypatch.setattr(estimate, "estimate", lambda _: estimate.Estimate(2.0, "in earlier", 3 * 10**9))
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 10**9))
    lines = estimate.checks(asked, 90)
    assert "About 3 min" in lines[0].words and "measured in earlier" in lines[0].words
    assert [line.kind for line in lines] == ["ok", "bad"] and "too little" in lines[1].words


def test_a_bundled_models_training_estimates_the_same_settings():
    found = estimate.estimate(order.read_order(values(PRESETS["tiny"], device="auto", workers=1)))
    assert 0.1 < found.seconds_per_step < 30 and "tiny was trained on two CPU cores" in found.source
    assert found.disk is None


def test_a_run_goes_on_with_its_own_settings_for_more_epochs():
    run = a_run("one")
    run.write_status(Status("stopped", epoch=2, command="python x --device cpu --workers 3", data="synth"))
    words = resume_command(run, 5)
    assert words[3] == "tiny" and words[words.index("--train.epochs") + 1] == "5" and "--resume" in words
    assert words[words.index("--workers") + 1] == "3" and words[words.index("--device") + 1] == "cpu"
    with pytest.raises(ConfigError, match="has done 2 epochs"):
        resume_command(run, 1)
    assert settings_of("python x --workers many --device 'cuda") == ("'cuda", 1)


def test_a_full_disk_and_a_missing_folder_are_told(monkeypatch):
    runs.runs_root().write_text("a file where the runs should lie")
    with pytest.raises(RunError, match=r"cannot be written: (Not a directory|File exists)"):
        runs.start(["-c", "pass"], runs.run_folder("new"))
    runs.runs_root().unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.process, "launch", full)
    _, _, notice = train_watch.start(values(), train_watch.View())[4:7]
    assert "cannot be written: No space left on device" in notice["value"]
    assert "not there any more" in train_form.preview(values(data="environment-gone"))[1]
