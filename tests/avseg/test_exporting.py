"""Exported programs compute what the model computes, also at numbers of frames that were not traced."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from avseg import exporting
from avseg.__main__ import main
from avseg.checkpoints import load_model
from avseg.errors import CheckpointError, ConfigError
from avseg.exporting import ABOUT, MOST_DIFFERENCE, example_inputs, export


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """A bundled model exported, then its program and its card as they are in the file."""
    made, files = export("ablation-default", tmp_path_factory.mktemp("exported") / "default.pt2"), {ABOUT: ""}
    return made, torch.export.load(made.path, extra_files=files).module(), json.loads(files[ABOUT])


def test_the_program_in_the_file_equals_the_model_at_any_number_of_frames(default):
    model, (made, program, _) = load_model("ablation-default"), default
    assert made.frames == 0 and made.difference <= MOST_DIFFERENCE
    for frames in (1, 3, 7):
        inputs = example_inputs(model, frames, seed=10 + frames)
        with torch.inference_mode():
            own, exported = model(*inputs).logits, program(*inputs)
        assert own.shape == exported.shape and len(exported) == frames
        assert (own - exported).abs().max() <= MOST_DIFFERENCE
        assert own.std() > 0.1  # not a constant that anything would equal


def test_the_file_says_what_its_inputs_are(default):
    about = default[2]
    assert about["image_size"] == 128 and about["classes"] == ["sounding"] and about["frames"] == "any"
    assert about["card"]["name"] == load_model("ablation-default").card.name


def test_tpavi_has_a_fixed_number_of_frames(tmp_path: Path):
    made = export("ablation-tpavi", tmp_path / "tpavi.pt2", frames=3)
    model = load_model("ablation-tpavi")
    program, inputs = torch.export.load(made.path).module(), example_inputs(model, 3, seed=5)
    with torch.inference_mode():
        difference = (model(*inputs).logits - program(*inputs)).abs().max()
    assert made.frames == 3 and made.compared == (3,) and difference <= MOST_DIFFERENCE
    with pytest.raises((RuntimeError, AssertionError)):
        program(*example_inputs(model, 2))


def test_a_program_that_differs_is_not_written(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(exporting, "_difference", lambda *_: float("nan"))
    monkeypatch.setattr(
        torch.export, "export", lambda *_, **__: type("Program", (), {"module": lambda self: None})()
    )
    monkeypatch.setattr(exporting, "_to_torch", lambda *_: b"")
    with pytest.raises(ConfigError, match="nothing was written"):
        export("ablation-default", tmp_path / "a.pt2")
    assert list(tmp_path.iterdir()) == []


def test_wrong_requests_are_refused_before_any_work(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(torch.export, "export", lambda *_, **__: pytest.fail("exported"))
    with pytest.raises(ConfigError, match=r"must be \.pt2"):
        export("ablation-default", tmp_path / "a.pth")
    with pytest.raises(ConfigError, match="--frames is for TPAVI"):
        export("ablation-default", tmp_path / "a.pt2", frames=5)
    with pytest.raises(CheckpointError):
        export("no-such-model", tmp_path / "a.pt2")
    monkeypatch.setattr(exporting, "PACKAGES", ("no_such_package",))
    assert main(["export", "ablation-default", "--out", str(tmp_path / "a.onnx")]) == 1
    assert "pip install no_such_package" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ablation-default", "ablation-tpavi"])
def test_onnx_equals_the_model(name, tmp_path: Path):
    for package in exporting.PACKAGES:
        pytest.importorskip(package)
    made = export(name, tmp_path / "a.onnx")
    assert made.difference <= MOST_DIFFERENCE
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    model = load_model(name)
    frames, log_mel = example_inputs(model, made.frames or 4, seed=3)
    [logits] = session.run(["logits"], {"frames": frames.numpy(), "log_mel": log_mel.numpy()})
    with torch.inference_mode():
        own = model(frames, log_mel).logits.numpy()
    assert np.abs(own - logits).max() <= MOST_DIFFERENCE
    assert session.get_modelmeta().custom_metadata_map["image_size"] == "128"
