"""A run folder can be read while, and after, somebody else writes it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from avseg.errors import RunError
from avseg.training.run_folder import RunFolder, Status, list_runs
from tests.support.small_model import small_config


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create(small_config())
    return folder


def test_a_folder_holds_one_run(run: RunFolder):
    assert run.exists and run.config() == small_config()
    with pytest.raises(RunError, match="already contains a run"):
        run.create(small_config())
    with pytest.raises(RunError, match=r"config\.json is missing"):
        RunFolder(run.path / "other").config()


@pytest.mark.parametrize(("state", "free"), [("failed", True), ("running", False), ("stopped", False)])
def test_a_run_that_failed_before_its_first_checkpoint_leaves_its_folder_free(run, state, free):
    run.write_status(Status(state))
    if free:
        run.create(small_config(epochs=3))
        assert run.config().train.epochs == 3
        run.resume_file.touch()
    with pytest.raises(RunError, match="already contains a run"):
        run.create(small_config())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be created"):
        RunFolder(tmp_path / "file" / "run").create(small_config())


def test_an_event_cut_short_is_left_out(run: RunFolder):
    run.write_event("step", step=1, loss=0.5)
    run.write_event("step", step=2, loss=0.4)
    with run.events_file.open("a") as file:
        file.write('{"kind": "step", "step": 3, "lo')
    assert [event["step"] for event in run.events()] == [1, 2]
    run.truncate_events(1)
    assert [event["step"] for event in run.events()] == [1]
    assert run.events_file.read_text().endswith("}\n")


@pytest.mark.parametrize(
    "line", ["3", "null", '["step"]', '{"step": 2}', '{"kind": "step", "step": "2"}', "\xff"]
)
def test_what_is_no_event_is_left_out(line: str, run: RunFolder):
    run.write_event("lesson", steps=9)
    with run.events_file.open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    run.write_event("step", step=1)
    run.truncate_events(1)
    assert [event["kind"] for event in run.events()] == ["lesson", "step"]


def test_a_status_that_a_hand_wrote_says_nothing_about_a_process(run: RunFolder):
    run.write_status(Status("running"))
    values = json.loads(run.status_file.read_text())
    run.status_file.write_text(json.dumps(values | {"pid": -5}))
    assert run.read_status().state == "killed" and not run.damage
    for wrong in ("nine", 2**70):
        run.status_file.write_text(json.dumps(values | {"pid": wrong}))
        assert run.read_status() is None and "status.json is damaged" in run.damage


def test_the_status_tells_a_dead_process_from_a_living_one(run: RunFolder):
    assert run.read_status() is None
    run.write_status(Status("running", step=3))
    assert run.read_status().state == "running" and run.read_status().pid == os.getpid()
    writer = (
        "import sys; from pathlib import Path; from avseg.training.run_folder import RunFolder, Status; "
        "RunFolder(Path(sys.argv[1])).write_status(Status('running', step=4))"
    )
    subprocess.run([sys.executable, "-c", writer, str(run.path)], check=True)
    assert run.read_status().state == "killed" and run.read_status().step == 4
    run.status_file.write_text("{")
    assert run.read_status() is None


def test_a_later_process_of_the_same_number_is_another(run: RunFolder):
    run.write_status(Status("running"))
    written = run.status_file.read_text()
    started = str(run.read_status().process_started)
    run.status_file.write_text(written.replace(started, "12.0"))
    assert run.read_status().state == "killed"


def test_stop_log_and_list(run: RunFolder):
    assert not run.stop_requested
    run.request_stop()
    assert run.stop_requested
    run.clear_stop()
    run.clear_stop()
    assert not run.stop_requested
    for number in range(60):
        run.log(f"line {number}")
    assert run.log_tail(2).splitlines()[-1].endswith("line 59") and len(run.log_tail().splitlines()) == 50
    later = RunFolder(run.path.parent / "later")
    later.create(replace(small_config()))
    os.utime(run.config_file, (1, 1))
    assert [found.path for found in list_runs(run.path.parent)] == [later.path, run.path]


def test_watching_needs_no_torch():
    code = "import sys, avseg.training.run_folder; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
