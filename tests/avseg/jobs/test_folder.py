"""Training runs and evaluations share one kind of folder."""

import json
import os
import time
from pathlib import Path

import psutil
import pytest

from avseg.evaluation.folder import EvaluationFolder, EvaluationStatus
from avseg.jobs.folder import Launch, lives
from avseg.training.run_folder import RunFolder, Status

# As written before both kinds of folder shared a class.
OLD_RUN = {
    "state": "stopped",
    "message": "Stopped as asked after step 4.",
    "step": 4,
    "steps": 6,
    "epoch": 1,
    "epochs": 2,
    "best_miou": 0.3,
    "seconds_left": 0.0,
    "data": "synth",
    "command": "python -m avseg train tiny",
    "pid": 12,
    "process_started": 1.0,
    "started": 2.0,
    "updated": 3.0,
}
OLD_EVALUATION = {
    "state": "finished",
    "message": "",
    "done": 4,
    "total": 4,
    "seconds": 1.5,
    "pid": 12,
    "process_started": 1.0,
    "updated": 3.0,
}


@pytest.mark.parametrize(
    ("folder_class", "status_class", "values"),
    [(RunFolder, Status, OLD_RUN), (EvaluationFolder, EvaluationStatus, OLD_EVALUATION)],
)
def test_status_files_of_earlier_versions_load(folder_class, status_class, values, tmp_path: Path):
    (tmp_path / "status.json").write_text(json.dumps(values))
    assert folder_class(tmp_path).read_status() == status_class(**values)


def test_a_launch_and_its_console_are_recorded(tmp_path: Path):
    folder = EvaluationFolder(tmp_path)
    assert folder.read_launch() is None and folder.console_tail() == folder.last_message == ""
    launch = Launch(os.getpid(), psutil.Process().create_time(), 5.0)
    folder.write_launch(launch)
    assert folder.read_launch() == launch and lives(launch)
    folder.console_file.write_text("clips:  10%\rclips: 100%\n\navseg: Model x does not exist.\n")
    assert folder.console_tail() == "clips: 100%\navseg: Model x does not exist."
    assert folder.last_message == "Model x does not exist."


def test_a_console_stays_short_while_its_process_goes_on(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("avseg.jobs.folder.CONSOLE_MOST", 1000)
    monkeypatch.setattr("avseg.jobs.folder.CONSOLE_BYTES", 100)
    folder = EvaluationFolder(tmp_path)
    folder.trim_console()  # there is none yet
    with folder.console_file.open("ab", buffering=0) as console:
        console.write(b"".join(b"line %d\n" % number for number in range(80)))
        folder.trim_console()
        assert folder.console_file.stat().st_size == 630  # short enough
        console.write(b"".join(b"line %d\n" % number for number in range(80, 200)))
        folder.trim_console()
        console.write(b"after\n")
    assert folder.console_file.stat().st_size < 200
    lines = folder.console_file.read_text().splitlines()
    assert lines[-2:] == ["line 199", "after"] and all(line.startswith("line ") for line in lines[:-1])


def test_a_log_takes_names_that_are_not_utf_8(tmp_path: Path):
    folder = EvaluationFolder(tmp_path)
    folder.log(f"Segmented {os.fsdecode(bytes([0xFF]))}.mp4 · 3 frames")
    assert folder.log_tail().endswith("Segmented \\udcff.mp4 · 3 frames")
    folder.write_status(EvaluationStatus("failed", f"{os.fsdecode(bytes([0xFF]))}.mp4 is damaged."))
    assert folder.read_status().message.endswith(".mp4 is damaged.")


def test_a_file_is_parsed_once_until_it_is_written_anew(tmp_path: Path, monkeypatch):
    folder, parsed = EvaluationFolder(tmp_path), []
    loads = json.loads
    monkeypatch.setattr("avseg.config.json.loads", lambda text: parsed.append(text) or loads(text))
    folder.write_status(EvaluationStatus("waiting", done=1))
    folder.write_launch(Launch(1, 2.0, 3.0))
    for _ in range(3):
        assert folder.read_status().done == 1 and folder.read_launch().pid == 1
    assert len(parsed) == 2
    folder.write_status(EvaluationStatus("finished", done=20))
    assert folder.read_status().done == 20 and len(parsed) == 3
    folder.status_file.unlink()
    assert folder.read_status() is None


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux counts a start from the time of boot")
def test_a_clock_that_jumps_does_not_take_a_process_for_dead(tmp_path: Path, monkeypatch):
    folder = EvaluationFolder(tmp_path)
    folder.write_status(EvaluationStatus("running"))
    now, booted = time.time(), psutil.boot_time()
    for jump in (-7200, 7200):
        monkeypatch.setattr(time, "time", lambda jump=jump: now + jump)
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda jump=jump: booted + jump)
        assert abs(psutil.Process().create_time() - folder.read_status().process_started) > 7000
        assert folder.read_status().state == "running"
    written = json.loads(folder.status_file.read_text())
    folder.status_file.write_text(json.dumps(written | {"process_started": written["process_started"] - 9}))
    assert folder.read_status().state == "killed"
