"""Files that look like a model by their name: what they are is said, and nothing is loaded."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from avseg.__main__ import main
from avseg.checkpoints import foreign_weights, load_model, read_released, save_model
from avseg.config import Card
from avseg.errors import CheckpointError
from avseg.file_kinds import require_weights
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import SMALL

DOWNLOADS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n": "git lfs pull",
    b"\xef\xbb\xbf\n<!DOCTYPE html><title>Google Drive - Quota exceeded</title>": "is a web page",
    b"<html>Sign in</html>": "is a web page",
    b'{"error": "Repository not found"}': "is a web page or a server's error message",
    b"": "is empty",
}


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
@pytest.mark.parametrize(("content", "sentence"), DOWNLOADS.items())
def test_a_download_that_went_wrong_is_recognised(tmp_path: Path, name: str, content: bytes, sentence: str):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (load_model, read_released):
        with pytest.raises(CheckpointError, match=sentence):
            read(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_kinds_of_files(tmp_path: Path, zipped: bool):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert require_weights(tmp_path / "a.pth") == "torch"
    assert require_weights(tmp_path / "a.safetensors") == "safetensors"


def test_files_in_the_folder_of_models_are_noticed(tmp_path: Path, monkeypatch, capsys):
    torch.save({"a": torch.zeros(1)}, tmp_path / "s4.pth")
    save_file({"a": torch.zeros(1)}, tmp_path / "others.safetensors")
    (tmp_path / "half.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    (tmp_path / "._mine.safetensors").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "notes.txt").write_text("not a model")
    save_model(tmp_path / "mine.safetensors", AVSegFormer(SMALL), Card("mine", "trained", ""))
    found = foreign_weights(tmp_path)
    assert list(found) == ["half.safetensors", "others.safetensors", "s4.pth"]
    assert "import-weights s4.pth --out s4.safetensors" in found["s4.pth"]
    assert "avseg did not write it" in found["others.safetensors"]
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path))
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "not a model: s4.pth" in printed and "  mine: trained weights" in printed


def test_a_folder_of_models_that_is_missing_holds_nothing(tmp_path: Path):
    assert foreign_weights(tmp_path / "gone") == {}
