"""The history of a run, read incrementally from its event log."""

import json
import shutil
from pathlib import Path

from avseg.training.history import Histories
from avseg.training.run_folder import RunFolder
from tests.support.small_run import write_run


def test_a_log_is_read_once_and_forgotten_when_it_is_written_anew(tmp_path: Path):
    run, histories = write_run(RunFolder(tmp_path / "run"), steps=3), Histories()
    history = histories.of(run)
    assert len(history) == 3 and history.validation_values("miou").tolist() == [0.15]
    with run.events_file.open("a") as file:
        file.write('{"kind": "step", "step": 4')  # half a line
    assert len(histories.of(run)) == 3
    with run.events_file.open("a") as file:
        rest = {"loss": 1, "mask": 1, "time": 1.0, "learning_rate": 0.1}
        file.write(", " + json.dumps(rest)[1:] + '\nno json\n{"kind": "step", "step": 5}\n')
    assert histories.of(run) is history and history.step_values("step").tolist() == [1, 2, 3, 4]
    run.truncate_events(2)
    assert len(histories.of(run)) == 2
    shutil.rmtree(run.path)
    assert len(histories.of(run)) == 0
