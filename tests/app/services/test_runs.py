"""Training as a child process: started, observed, stopped, resumed, and never lost."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services import runs
from app.services.host import may_train
from app.train.order import preset_of
from avseg.errors import ConfigError, RunError
from avseg.presets import PRESETS
from avseg.training.command import command_line, train_arguments
from avseg.training.run_folder import RunFolder, Status
from tests.support.small_model import small_config

LIMIT = 120  # seconds that anything here may take


@pytest.fixture(autouse=True)
def root_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    yield tmp_path / "runs"
    for run in runs.all_runs():  # a child that a failed test left behind
        status = run.read_status()
        if status is not None and status.state == "running":
            os.kill(status.pid, signal.SIGKILL)


def wait_for(run: RunFolder, *states: str) -> Status:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        status = run.read_status()
        if status is not None and status.state in states:
            return status
        time.sleep(0.2)
    raise AssertionError(f"{run.read_status()} is none of {states}; its console: {run.console_tail()}")


def arguments_of(config, run: RunFolder, resume: bool = False) -> list[str]:
    arguments = train_arguments(config, "tiny", "synth", run.path, resume, "cpu")
    return [*arguments, "--workers", "0"]


def test_the_command_has_a_flag_for_every_field_that_differs(tmp_path: Path):
    assert command_line(train_arguments(PRESETS["tiny"], "tiny", "synth", Path("runs/a"))) == (
        "python -m avseg train tiny --data synth --out runs/a --device auto"
    )
    config = small_config(resample_sounds_every_second=False, epochs=7)
    arguments = train_arguments(config, "tiny", "synth", tmp_path / "run")
    assert "--train.no-resample-sounds-every-second" in arguments
    assert arguments[arguments.index("--train.epochs") + 1] == "7"
    widths = arguments.index("--model.backbone-channels")
    assert arguments[widths + 1 : widths + 5] == ["32"] * 4


def test_a_run_is_started_stopped_and_resumed(root_of_runs: Path):
    run, config = runs.run_folder("first"), small_config(epochs=40)
    runs.start(arguments_of(config, run), run)
    wait_for(run, "running")
    with pytest.raises(RunError, match="already running"):
        runs.start(arguments_of(config, run, resume=True), run)
    with pytest.raises(RunError, match="stop it first"):
        runs.delete(run)
    while not any(event["kind"] == "step" for event in run.events()):
        time.sleep(0.2)
    run.request_stop()
    stopped = wait_for(run, "stopped", "failed")
    assert stopped.state == "stopped" and 0 < stopped.step < stopped.steps
    assert run.config() == config
    shorter = small_config(epochs=stopped.step // 3 + 1)
    runs.start(arguments_of(shorter, run, resume=True), run)
    assert wait_for(run, "finished", "failed").state == "finished"
    renamed = runs.rename(run, "second")
    assert [other.path.name for other in runs.all_runs()] == ["second"]
    assert renamed.last_model.is_file() and not (root_of_runs / "first").exists()
    runs.delete(renamed)
    assert runs.all_runs() == []


def test_a_child_that_cannot_start_leaves_its_message():
    run = runs.run_folder("broken")
    runs.start(["-m", "avseg", "train", "no-such-preset", "--out", str(run.path)], run)
    end = time.monotonic() + LIMIT
    while "Presets" not in run.console_tail() and time.monotonic() < end:
        time.sleep(0.2)
    assert "no-such-preset is neither a preset nor a file" in run.console_tail()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "/etc"])
def test_names_stay_inside_the_root(name: str):
    with pytest.raises(RunError, match="not a valid run name"):
        runs.run_folder(name)


def test_a_public_host_does_not_train(monkeypatch):
    assert may_train()
    for variable, value in (("SPACE_ID", "somebody/space"), ("AVSEG_PUBLIC", "1")):
        monkeypatch.setenv(variable, value)
        assert not may_train()
        with pytest.raises(RunError, match="off on this host"):
            runs.start(["-c", "pass"], runs.run_folder("x"))
        monkeypatch.setenv("AVSEG_ALLOW_TRAINING", "1")
        assert may_train()
        monkeypatch.delenv(variable)
        monkeypatch.delenv("AVSEG_ALLOW_TRAINING")


def test_presets_by_name():
    assert preset_of("tiny") == PRESETS["tiny"]
    with pytest.raises(ConfigError, match="ms3-pvt-paper"):
        preset_of("huge")
