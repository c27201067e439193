"""Training runs and evaluations share one kind of folder."""

import json
import os
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
    assert folder.read_launch() == launch and lives(launch.pid, launch.process_started)
    folder.console_file.write_text("clips:  10%\rclips: 100%\n\navseg: Model x does not exist.\n")
    assert folder.console_tail() == "clips: 100%\navseg: Model x does not exist."
    assert folder.last_message == "Model x does not exist."
