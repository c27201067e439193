"""What the code wrote before fields and event kinds were renamed still loads.

The files in tests/support/before_renames were written by commit 1a8ba4b: a checkpoint with random weights
(rounded, so that it compresses), the run folder of six training steps, and an evaluation report.
"""

import json
import lzma
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avseg.checkpoints import load_model, read_card
from avseg.errors import ConfigError
from avseg.evaluation.report_files import read_evaluation
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from avseg.presets import load_config
from avseg.training.run_folder import RunFolder
from tests.support.media import counting


@pytest.fixture(scope="module")
def before(root: Path) -> Path:
    return root / "tests" / "support" / "before_renames"


@pytest.fixture
def checkpoint(before: Path, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(lzma.decompress((before / "model.safetensors.xz").read_bytes()))
    return path


@pytest.fixture
def run(before: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(before / "run", tmp_path / "run"))


def test_a_checkpoint_gives_the_same_masks(before: Path, checkpoint: Path):
    config, card = read_card(checkpoint)
    assert (config.edition, card.name, card.weights) == ("paper", "before-renames", "random")
    frames = torch.linspace(-1, 1, 2 * 3 * 64 * 64).view(2, 3, 64, 64).sin()
    log_mel = torch.linspace(-4, 2, 2 * 96 * 64).view(2, 1, 96, 64)
    with torch.inference_mode():
        logits = load_model(checkpoint)(frames, log_mel).logits
    means = torch.nn.functional.adaptive_avg_pool2d(logits, 2).flatten()
    expected = json.loads((before / "logits.json").read_text())["logits"]
    torch.testing.assert_close(means, torch.tensor(expected), atol=1e-4, rtol=1e-3)


def test_a_checkpoint_predicts(checkpoint: Path, tmp_path: Path):
    prediction = Predictor(checkpoint).predict(read_clip(counting(tmp_path / "a.mp4", seconds=2)))
    assert prediction.model == "before-renames" and prediction.labels.shape == (2, 64, 64)


def test_a_run_folder_is_read(run: RunFolder):
    train = run.config().train
    assert train.resample_sounds_every_second and not train.freeze_batchnorm
    assert (train.audio_pretrain_steps, train.visual_pretrain_steps, train.backbone_lr_scale) == (2, 2, 0.5)
    assert run.config().model.edition == "paper"
    kinds = [event["kind"] for event in run.events()]
    assert kinds[:2] == ["audio_pretrain_steps", "visual_pretrain_steps"]
    assert kinds.count("step") == 6 and kinds.count("validation") == 2
    status = run.read_status()
    assert status is not None and (status.state, status.step, status.steps) == ("finished", 6, 6)


def test_a_run_may_be_resumed_with_its_own_config(run: RunFolder):
    config = run.config()
    longer = replace(config, train=replace(config.train, epochs=3))
    run.extend(longer)
    assert run.config() == longer
    with pytest.raises(ConfigError, match=r"train\.freeze_batchnorm"):
        run.extend(replace(config, train=replace(config.train, freeze_batchnorm=True)))


def test_the_old_names_serve_in_a_json_file(run: RunFolder, tmp_path: Path):
    old = json.loads(run.config_file.read_text())
    assert "edition" in old["model"] and "restless" in old["train"]
    new = tmp_path / "new.json"
    new.write_text(load_config(run.config_file).to_json())
    assert load_config(new) == load_config(run.config_file)
    values = json.loads(new.read_text())
    assert not {"edition", "restless", "backbone_rate"} & {*values["model"], *values["train"]}


def test_an_evaluation_is_read(before: Path):
    evaluation = read_evaluation(before / "report")
    assert evaluation.report.model == "before-renames" and evaluation.report.clips == 3
    assert not evaluation.report.intervals and not evaluation.report.floors  # younger than this report
    assert [row.name for row in evaluation.clips] == ["te2026_000002", "te2026_000001", "te2026_000000"]
    assert evaluation.clips[1].iou == pytest.approx(0.0203425)
    assert evaluation.classes
