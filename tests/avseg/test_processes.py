"""Variables that a launcher sets, and that another program may have left."""

import os
from pathlib import Path

import pytest

from avseg.__main__ import main
from avseg.errors import ConfigError
from avseg.processes import PREFIXES, VARIABLES, drop_launcher, world_size

LAUNCHED = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "3", "TORCHELASTIC_RUN_ID": "none"}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in tuple(os.environ):
        if name in VARIABLES or name.startswith(PREFIXES):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("variables", [{}, {"WORLD_SIZE": "1"}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_one_process_is_one(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert world_size() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"TORCHELASTIC_RUN_ID": None},
        {"RANK": None},
        {"RANK": "4"},
        {"RANK": "-1"},
        {"WORLD_SIZE": "many"},
        {"WORLD_SIZE": None},
        {"WORLD_SIZE": "1"},
    ],
)
def test_variables_that_another_program_left_are_named(wrong, monkeypatch):
    for name, value in LAUNCHED.items():
        monkeypatch.setenv(name, value)
    assert world_size() == 4
    for name, value in wrong.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"one of several processes .*unset"):
        world_size()


def test_an_environment_without_a_launcher_keeps_the_rest():
    kept = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1"}
    assert drop_launcher(kept | LAUNCHED | {"MASTER_ADDR": "x", "ACCELERATE_USE_CPU": "1"}) == kept


@pytest.mark.parametrize("command", [["train", "tiny"], ["evaluate", "--model", "tiny-ms3"]])
def test_the_commands_say_it_and_do_not_wait(command, tmp_path: Path, monkeypatch, capsys):
    for name, value in (LAUNCHED | {"MASTER_ADDR": "127.0.0.1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    assert main([*command, "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("avseg: The environment says that this is one of several processes (WORLD_SIZE=4")
    assert not (tmp_path / "out").exists()
