"""The command of a training run, and resuming a run by its command."""

import pytest

from app.services.training_commands import device_and_workers, resume_arguments
from avseg.errors import ConfigError
from avseg.training.run_folder import Status
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


def test_a_run_is_resumed_with_its_own_settings_for_more_epochs():
    run = a_run("one")
    run.write_status(Status("stopped", epoch=2, command="python x --device cpu --workers 3", data="synth"))
    arguments = resume_arguments(run, 5)
    assert arguments[3] == "tiny" and "--resume" in arguments
    for flag, value in (("--train.epochs", "5"), ("--workers", "3"), ("--device", "cpu")):
        assert arguments[arguments.index(flag) + 1] == value
    with pytest.raises(ConfigError, match="has done 2 epochs"):
        resume_arguments(run, 1)
    assert device_and_workers("python x --workers many --device 'cuda") == ("'cuda", 1)
