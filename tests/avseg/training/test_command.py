"""The command of a training run, and resuming a run by its command."""

from pathlib import Path

import pytest

from avseg.errors import ConfigError
from avseg.training.command import device_and_workers, resume_arguments
from avseg.training.run_folder import RunFolder, Status
from tests.support.small_run import write_run


def test_a_run_on_several_data_sets_is_resumed_with_all_of_them(tmp_path: Path):
    run = write_run(RunFolder(tmp_path / "one"))
    run.write_status(Status("stopped", epoch=2, data="data/own + data/AVSBench + synth"))
    arguments = resume_arguments(run, tmp_path)
    named = [arguments[k + 1] for k, word in enumerate(arguments) if word == "--data"]
    assert named == ["data/own", "data/AVSBench", "synth"]


def test_a_run_is_resumed_with_its_own_settings_for_more_epochs(tmp_path: Path):
    run = write_run(RunFolder(tmp_path / "one"))
    run.write_status(Status("stopped", epoch=2, command="python x --device cpu --workers 3", data="synth"))
    arguments = resume_arguments(run, tmp_path, 5)
    assert arguments[arguments.index("--out") + 1] == "one"
    assert arguments[3] == "tiny" and "--resume" in arguments
    for flag, value in (("--train.epochs", "5"), ("--workers", "3"), ("--device", "cpu")):
        assert arguments[arguments.index(flag) + 1] == value
    with pytest.raises(ConfigError, match="has done 2 epochs"):
        resume_arguments(run, tmp_path, 1)
    assert device_and_workers("python x --workers many --device 'cuda") == ("'cuda", 1)
