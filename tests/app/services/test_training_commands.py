"""The command of a training run, and resuming a run by its command."""

import pytest

from app.services.training_commands import device_and_workers, resume_arguments
from avseg.errors import ConfigError
from avseg.training.run_folder import Status
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


def test_a_run_is_resumed_with_its_own_settings_for_more_epochs():
    run = a_run("one")
    run.write_status(Status("stopped", epoch=2, command="python x --device cpu --workers 3", data="synth"))
    words = resume_arguments(run, 5)
    assert words[3] == "tiny" and words[words.index("--train.epochs") + 1] == "5" and "--resume" in words
    assert words[words.index("--workers") + 1] == "3" and words[words.index("--device") + 1] == "cpu"
    with pytest.raises(ConfigError, match="has done 2 epochs"):
        resume_arguments(run, 1)
    assert device_and_workers("python x --workers many --device 'cuda") == ("'cuda", 1)
