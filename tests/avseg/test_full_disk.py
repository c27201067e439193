"""On a full disk every command says so in one sentence, and what was there before stays as it was."""

import os
import sys
from pathlib import Path

import pytest

from avseg.__main__ import main
from avseg.presets import PRESETS
from tests.support.full_disk import contents, file_size_limit, harmed
from tests.support.small_released import NAME, SMALL_PRESET
from tests.support.writing_commands import write_inputs, writing_commands

COMMANDS = tuple(writing_commands(Path(), Path()))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_sentence_and_harms_nothing(
    name: str, inputs: Path, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.setitem(PRESETS, NAME, SMALL_PRESET)  # which released.pth fits
    command = writing_commands(inputs, tmp_path)[name]
    assert main(command) == 0
    whole = contents(tmp_path)
    if name == "train":
        command += ["--train.epochs", "2", "--resume"]
    for limit in (0, max(map(len, whole.values())) // 2):
        capsys.readouterr()
        if name == "convert":  # which leaves alone what is newer than its sources
            os.utime(next((inputs / "masks/clip").iterdir()))
        with file_size_limit(limit):
            assert main(command) == 1
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("avseg: ")]
        assert len(said) == 1 and "could not be written: it is larger than" in said[0]
        assert harmed(whole, contents(tmp_path)) == []
    assert main(command) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_one_sentence(capsys, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["info"]) == 1
    said = "avseg: The output could not be written: the disk is full. Free some space and try again.\n"
    assert capsys.readouterr().err == said
