"""Models that are added from any file: what they are called, what the page reads of it, what is refused."""

import json
from pathlib import Path

import pytest
import torch

from avseg.__main__ import main
from avseg.additions import AdditionFolder, add
from avseg.checkpoints import Card, find_model, load_model, read_card, save_model
from avseg.cost import known_cost
from avseg.errors import CheckpointError
from avseg.models import zoo
from avseg.models.avsegformer import AVSegFormer
from avseg.presets import PRESETS
from tests.support.small_model import SMALL
from tests.support.small_released import NAME, SMALL_PRESET, small_released_file


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """An empty folder of imported models."""
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_a_released_file_gets_its_name_its_record_and_its_cost(models, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, NAME, SMALL_PRESET)
    file, job = tmp_path / "AVSegFormer_r50_s4.pth", tmp_path / "job"
    model = small_released_file(file)
    monkeypatch.setitem(zoo.MEGABYTES, "r50-aug2023", round(file.stat().st_size / 1e6))
    assert main(["weights", "add", str(file), "--status", str(job)]) == 0
    assert f"--model {NAME}" in capsys.readouterr().out
    folder = AdditionFolder(job)
    assert folder.read_status().state == "finished" and folder.model == NAME
    assert json.loads((models / f"{NAME}.json").read_text())["source"] == file.name
    loaded = load_model(NAME).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    cost = known_cost(find_model(NAME))
    assert cost.seconds_per_frame > 0 and cost.device
    assert main(["weights", "add", str(file), "--status", str(job)]) == 1
    assert folder.read_status().state == "failed" and "is here already" in folder.read_status().message
    assert folder.model == ""


def test_a_file_of_ours_is_copied_and_a_broken_one_is_not(models, tmp_path):
    path = save_model(tmp_path / "mine.safetensors", AVSegFormer(SMALL), Card("mine", "trained"))
    assert add(str(path)) == "mine" and read_card(find_model("mine"))[1].name == "mine"
    with pytest.raises(CheckpointError, match="mine is here already"):
        add(str(path))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        add(str(cut))
    assert not (models / "cut.safetensors").exists()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_files_load_as_float32(tmp_path, dtype):
    model = AVSegFormer(SMALL)
    whole = save_model(tmp_path / "whole.safetensors", model, Card("whole"))
    half = save_model(tmp_path / "half.safetensors", model, Card("half"), dtype)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    for name, value in load_model(half).state_dict().items():
        expected = model.state_dict()[name]
        assert value.dtype == expected.dtype
        torch.testing.assert_close(value, expected, rtol=1e-2, atol=1e-3)
