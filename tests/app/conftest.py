"""Fixtures that tests of several tabs and services share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.services import evaluations
from app.services.reports import BUNDLED
from avseg.checkpoints import Card, save_model
from avseg.evaluation.folder import EvaluationFolder
from avseg.evaluation.report import Evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.jobs.folder import lives
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import SMALL
from tests.support.small_study import write_study


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights, alone in its folder."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    return save_model(path, AVSegFormer(SMALL), Card("small", "random", "No training."))


@pytest.fixture
def evaluations_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_model: Path) -> Iterator[Path]:
    """A folder of evaluations for one test, where `small_model` is offered beside the bundled models."""
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(tmp_path / "evaluations"))
    monkeypatch.setenv("AVSEG_MODELS", str(small_model.parent))
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("AVSEG_PUBLIC", raising=False)
    yield tmp_path / "evaluations"
    for item in evaluations.queue():  # what a failed test left running
        launched = EvaluationFolder(tmp_path / "evaluations" / item.key).read_launch()
        if launched and lives(launched):
            evaluations.kill(launched.pid)


@pytest.fixture(scope="session")
def written_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ablation study `first`, alone in its folder; tests change copies of it."""
    root = tmp_path_factory.mktemp("runs")
    write_study(root / "first")
    return root


@pytest.fixture
def study_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_study: Path) -> Path:
    """A runs folder for one test with the ablation study `first`."""
    root = shutil.copytree(written_study, tmp_path / "runs")
    monkeypatch.setenv("AVSEG_RUNS", str(root))
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("AVSEG_PUBLIC", raising=False)
    return root


@pytest.fixture
def bundled_report() -> Evaluation:
    """The report of tiny-ms3 that comes with the app."""
    return read_evaluation(BUNDLED / "tiny-ms3")
