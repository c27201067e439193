"""The list of models: what is in it, and that the page borrows by its names."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from app.segment.html import model_card
from app.services import clips, models, session
from app.services.models import available_models, ignored_files, model_file
from app.services.runs import all_runs
from avseg.__main__ import main
from avseg.checkpoints import BUNDLED, Card, bundled_models, save_model
from avseg.errors import CheckpointError
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from avseg.training.run_folder import RunFolder, list_runs
from tests.support.small_model import SMALL, small_config


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A small model whose card says another name than its file."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("checkpoint")
    return save_model(folder / "a.safetensors", AVSegFormer(SMALL), Card("somebody's net", "random"))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch) -> Path:
    """Runs and imported models of our own."""
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    for name in ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "models").mkdir()
    return tmp_path


def run_of(folders: Path, name: str) -> RunFolder:
    run = RunFolder(folders / "runs" / name)
    run.create(small_config())
    return run


def test_bundled_ones_come_first_under_their_own_names(folders):
    assert available_models() == bundled_models()
    shutil.rmtree(folders / "models")
    assert available_models() == bundled_models()


def test_a_run_offers_its_best_checkpoint_or_its_last(folders, checkpoint):
    new, old = run_of(folders, "new"), run_of(folders, "old")
    run_of(folders, "nothing-yet")
    os.utime(old.config_file, (1, 1))
    shutil.copy(checkpoint, new.last_model)
    shutil.copy(checkpoint, old.last_model)
    shutil.copy(checkpoint, old.best_model)
    found = {name: path for name, path in available_models().items() if name not in bundled_models()}
    assert list(found.items()) == [("new · trained", new.last_model), ("old · trained", old.best_model)]
    old.best_model.write_bytes(checkpoint.read_bytes()[:-100])
    assert available_models()["old · trained"] == old.last_model


def test_imported_files_are_listed_when_they_are_whole_and_ours(folders, checkpoint):
    path = folders / "models" / "mine.safetensors"
    path.write_bytes(checkpoint.read_bytes()[:5000])
    (folders / "models" / "notes.safetensors").write_text("hello")
    assert available_models() == bundled_models()
    shutil.copy(checkpoint, path)
    assert model_file("mine · imported") == path
    path.unlink()
    with pytest.raises(CheckpointError, match="The model 'mine · imported' no longer exists"):
        model_file("mine · imported")


def test_files_that_are_no_models_are_named_on_a_private_page(folders, checkpoint, monkeypatch):
    shutil.copy(checkpoint, folders / "models" / "mine.safetensors")
    with safe_open(checkpoint, framework="pt") as file:
        metadata = file.metadata()
    tensors = {"a": torch.zeros(1)}
    nested = metadata | {"config": "[" * 100_000}
    save_file(tensors, folders / "models" / "nested.safetensors", metadata=nested)
    (folders / "models" / "<b>page.pth").write_text("<!doctype html><title>Sign in</title>")
    assert set(available_models()) - set(bundled_models()) == {"mine · imported"}
    assert list(ignored_files()) == ["<b>page.pth", "nested.safetensors"]
    card = model_card("tiny-ms3", 1)
    assert "&lt;b&gt;page.pth is not offered" in card and "is a web page" in card and "<b>" not in card
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert ignored_files() == {} and "not offered" not in model_card("tiny-ms3", 1)


def test_a_header_is_read_once(folders, checkpoint, monkeypatch):
    shutil.copy(checkpoint, folders / "models" / "mine.safetensors")
    assert "mine · imported" in available_models()
    monkeypatch.setattr(models, "read_card", None)
    assert "mine · imported" in available_models()


def test_a_model_is_lent_by_the_name_of_the_list_and_anew_when_it_was_written_anew(folders, checkpoint):
    lent, path = session.Models(), folders / "models" / "mine.safetensors"
    shutil.copy(checkpoint, path)
    first = lent.run("mine · imported", _itself)
    assert first.model.card.name == "somebody's net"
    assert lent.run("mine · imported", _itself) is first
    os.utime(path, (1, 1))
    assert lent.run("mine · imported", _itself) is not first


def _itself(predictor: Predictor) -> Predictor:
    return predictor


def test_names_are_no_paths(folders, checkpoint):
    for name in (str(checkpoint), "../models/mine", "mine", ""):
        with pytest.raises(CheckpointError):
            model_file(name)


def test_files_that_systems_leave_are_not_models_clips_reports_or_runs(
    folders, checkpoint, monkeypatch, tmp_path
):
    shutil.copy(checkpoint, folders / "models/mine.safetensors")
    run = run_of(folders, "first")
    shutil.copytree(BUNDLED, tmp_path / "bundled")
    shutil.copytree(clips.FOLDER, tmp_path / "clips")
    monkeypatch.setattr("avseg.checkpoints.BUNDLED", tmp_path / "bundled")
    monkeypatch.setattr(clips, "FOLDER", tmp_path / "clips")
    before = available_models()
    for folder in (folders / "models", tmp_path / "bundled", tmp_path / "clips"):
        for path in [*folder.iterdir()]:
            (folder / f"._{path.name}").write_bytes(bytes(20))
    shutil.copytree(run.path, run.path.with_name("._first"))
    assert available_models() == before and main(["info"]) == 0
    assert list(clips.bundled.__wrapped__()) == list(clips.bundled())
    assert (
        [found.path for found in all_runs()]
        == [run.path]
        == [found.path for found in list_runs(run.path.parent)]
    )


def test_a_model_deleted_after_it_was_listed_is_an_error_message(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "available_models", lambda: {"gone": tmp_path / "gone.safetensors"})
    with pytest.raises(CheckpointError, match="'gone' no longer exists"):
        models.model_version("gone")
    with pytest.raises(CheckpointError, match="'gone' no longer exists"):
        session.Models().run("gone", print)
