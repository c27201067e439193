"""The history of a run, read incrementally from its event log."""

import json
import shutil
from pathlib import Path

from avseg.training.history import Histories, History
from avseg.training.run_folder import RunFolder
from tests.support.small_run import write_run


def test_pretraining_and_the_time_of_validations_are_read():
    history = History()
    for done, moment in ((1, 10.0), (3, 14.0)):
        event = {"kind": "pretraining", "backbone": "audio", "done": done, "total": 4, "accuracy": 0.5}
        history.add({**event, "time": moment})
    history.add(
        {"kind": "pretraining", "backbone": "other", "done": 1, "total": 4, "accuracy": 1.0, "time": 1.0}
    )
    assert history.pretrained == 3 and history.seconds_per_pretraining_step() == 2.0
    assert history.seconds_per_validation() is None
    for step, moment in ((1, 20.0), (2, 21.0)):
        parts = {"loss": 1.0, "mask": 1.0, "learning_rate": 0.1}
        history.add({"kind": "step", "step": step, "time": moment, **parts})
    history.add({"kind": "validation", "step": 2, "epoch": 0, "miou": 0.5, "silence": 0.0, "time": 24.0})
    assert history.seconds_per_validation() == 3.0


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
