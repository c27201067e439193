import json
import os
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import avseg.checkpoints
from avseg.checkpoints import (
    Card,
    bundled_models,
    check_model,
    find_model,
    import_released,
    import_weights,
    load_model,
    read_card,
    read_released,
    save_model,
)
from avseg.config import Config, ModelConfig
from avseg.errors import CheckpointError
from avseg.models.avsegformer import AVSegFormer
from avseg.models.build import SegmentationModel
from avseg.models.pretrained import load_pretrained
from avseg.models.released import find_state_dict
from avseg.presets import PRESETS
from tests.support.reference_fill import empty_state
from tests.support.small_model import SMALL

CARD = Card("mine", "trained", "Trained for no time at all, for a test.")


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    """A small model with weights and batch statistics that are nobody's defaults."""
    torch.manual_seed(3)
    model = AVSegFormer(SMALL)
    model(torch.randn(2, 3, 64, 64), torch.randn(2, 1, 96, 64))
    return model.eval()


@pytest.fixture
def saved(model, tmp_path) -> Path:
    """The small model's file."""
    return save_model(tmp_path / "mine.safetensors", model, CARD)


@pytest.fixture
def sharing(tmp_path: Path, monkeypatch) -> tuple[Path, SegmentationModel]:
    """A file without backbones, which are bundled, and its model."""
    config = replace(PRESETS["ablation"].model, queries=4)
    model = AVSegFormer(config)
    load_pretrained(model, Config(config, PRESETS["ablation"].train))
    return save_model(tmp_path / "shared.safetensors", model.eval(), CARD, torch.float16, "tiny"), model


def test_a_model_shares_bundled_backbones(sharing, tmp_path):
    path, model = sharing
    whole = save_model(tmp_path / "whole", model, CARD, torch.float16)
    assert path.stat().st_size < 0.4 * whole.stat().st_size
    loaded, expected = load_model(path).state_dict(), model.state_dict()
    assert set(loaded) == set(expected)
    for name, tensor in expected.items():
        assert torch.allclose(loaded[name], tensor, rtol=1e-3, atol=1e-3), name
    assert check_model(path)[1] == CARD


def test_a_model_whose_backbones_are_others_cannot_share_them(sharing, tmp_path):
    _, model = sharing
    with torch.no_grad():
        next(iter(model.audio_backbone.parameters())).add_(0.1)
    with pytest.raises(CheckpointError, match="is not that of the backbones 'tiny'"):
        save_model(tmp_path / "other.safetensors", model, CARD, backbones="tiny")


@pytest.mark.parametrize("name", ["gone", "../models/tiny-ms3"])
def test_backbones_that_are_not_bundled_are_named(sharing, name):
    with pytest.raises(CheckpointError, match=r"needs the backbones .* which are not in assets/backbones"):
        load_model(rewritten(sharing[0], backbones=name))


def rewritten(path: Path, **changes: str | None) -> Path:
    """The same file with other metadata; None takes an entry out."""
    with safe_open(path, framework="pt") as file:
        metadata = {k: v for k, v in (file.metadata() | changes).items() if v is not None}
    save_file(load_file(path), path, metadata=metadata)
    return path


def refused(path: Path) -> str:
    """The message with which a file is refused, the same for its card and for its weights."""
    with pytest.raises(CheckpointError) as error:
        read_card(path)
    with pytest.raises(CheckpointError) as again:
        load_model(path)
    assert str(error.value) == str(again.value)
    return str(error.value)


def test_a_model_comes_back_as_it_was_saved(model, saved):
    loaded = load_model(saved)
    assert loaded.config == SMALL and loaded.card == CARD and not loaded.training
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert list(ours) == list(theirs) and all(torch.equal(ours[k], theirs[k]) for k in ours)
    inputs = torch.randn(1, 3, 64, 64), torch.randn(1, 1, 96, 64)
    assert torch.equal(loaded(*inputs).logits, model(*inputs).logits)


def test_config_and_card_are_inside_the_file(saved):
    assert read_card(saved) == read_card(str(saved)) == (SMALL, CARD)
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "avseg-1" and json.loads(metadata["card"])["note"] == CARD.note
    assert json.loads(metadata["config"]) == json.loads(json.dumps(asdict(SMALL)))


def test_half_precision_halves_the_file_and_loads_as_float32(model, saved, tmp_path):
    half = save_model(tmp_path / "half.safetensors", model, CARD, torch.float16)
    assert half.stat().st_size < 0.6 * saved.stat().st_size
    loaded = load_model(half)
    for name, tensor in model.state_dict().items():
        assert loaded.state_dict()[name].dtype == tensor.dtype
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=1e-2, rtol=1e-2)


def test_folders_are_made_and_an_old_file_is_replaced(model, saved, tmp_path):
    path = tmp_path / "a" / "b" / "mine.safetensors"
    save_model(path, model, CARD)
    save_model(path, model, replace(CARD, note="Again."))
    assert read_card(path)[1].note == "Again." and os.listdir(path.parent) == [path.name]


def test_a_save_that_fails_keeps_the_old_file_and_leaves_nothing_else(model, saved, monkeypatch):
    before = saved.read_bytes()

    def run_full(_tensors: dict, path: Path, metadata: dict) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", run_full)
    with pytest.raises(OSError, match="the disk is full"):
        save_model(saved, model, CARD)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, -1])
def test_half_a_file_is_refused(saved, keep: float):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    assert ("not a complete safetensors file" if keep else "is empty") in refused(saved)


@pytest.mark.parametrize("content", [b"hello\n" * 100, b"\x00" * 64, b"\xff" * 64, pickle.dumps({"a": 1})])
def test_a_file_of_another_kind_is_refused_with_the_way_in(tmp_path, content: bytes):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    assert "import-weights" in refused(path)


def test_a_safetensors_file_of_others_is_refused(saved, tmp_path):
    path = tmp_path / "plain.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    assert "avseg did not write it" in refused(path)
    assert "avseg did not write it" in refused(rewritten(saved, format="avseg-0"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": None}, "config"),
        ({"card": None}, "card"),
        ({"config": "{"}, "cannot be read"),
        ({"config": "[]"}, "JSON object"),
        ({"config": '{"quieries": 3}'}, "quieries"),
        ({"config": '{"queries": 0}'}, "queries"),
        ({"card": '{"name": 3}'}, "Card.name"),
        ({"card": "{}"}, "lacks the field name"),
        ({"card": "null"}, "JSON object"),
    ],
)
def test_a_damaged_config_or_card_is_named(saved, changes: dict, said: str):
    assert said in refused(rewritten(saved, **changes))


@pytest.mark.parametrize(
    "change", [{"queries": 7}, {"decoder_layers": 2}, {"mixer": "none"}, {"task": "avss"}]
)
def test_weights_that_do_not_fit_their_config_are_refused(saved, change: dict):
    rewritten(saved, config=json.dumps(asdict(replace(SMALL, **change))))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_model(saved)


def test_a_name_that_is_no_model_is_refused_with_the_names_there_are(tmp_path, monkeypatch, model):
    monkeypatch.setattr(avseg.checkpoints, "BUNDLED", tmp_path)
    with pytest.raises(CheckpointError, match=r"'nobody'.*none"):
        find_model("nobody")
    save_model(tmp_path / "tiny-test.safetensors", model, CARD)
    assert list(bundled_models()) == ["tiny-test"] and load_model("tiny-test").card == CARD
    for wrong in ("nobody", tmp_path, tmp_path / "missing.safetensors"):
        with pytest.raises(CheckpointError, match="tiny-test"):
            load_model(wrong)
    with pytest.raises(CheckpointError, match="does not exist"):
        read_card(tmp_path / "missing.safetensors")


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("beside_weights", [True, False])
def test_code_in_a_released_file_is_refused_and_not_run(tmp_path, zipped: bool, beside_weights: bool):
    proof, path, out = tmp_path / "proof", tmp_path / "evil.pth", tmp_path / "out.safetensors"
    payload = Payload(proof)
    content = {"backbone.conv1.weight": torch.zeros(3), "head": payload} if beside_weights else payload
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="only tensors are ever loaded") as error:
        read_released(path)
    assert "weights_only" not in str(error.value)  # torch's own text advises to switch the protection off
    with pytest.raises(CheckpointError):
        import_weights(path, out)
    with pytest.raises(CheckpointError):
        load_model(path)
    assert not proof.exists() and not out.exists()


def test_the_payload_of_these_tests_would_run(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "proof")))
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [[torch.zeros(2)], torch.zeros(2), "text", 3, None])
def test_a_released_file_that_holds_no_dict_is_refused(tmp_path, content: object):
    torch.save(content, tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match=f"contains a {type(content).__name__}, not a state dict"):
        read_released(tmp_path / "list.pth")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("content", [b"hello world", b"PK\x03\x04", pickle.dumps(3)])
def test_a_released_file_of_another_kind_is_refused(tmp_path, content: bytes):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read as plain weights"):
        read_released(tmp_path / "other.pth")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    st.booleans(),
    st.integers(0, 99),
)
def test_a_damaged_released_file_is_refused_in_words(tmp_path, changes, zipped: bool, cut: int):
    path = tmp_path / "damaged.pth"
    content = {"a": torch.arange(3), "b": torch.zeros(2, 2)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    damaged = bytearray(path.read_bytes())
    for place, value in changes:
        damaged[place % len(damaged)] = value
    path.write_bytes(damaged[: len(damaged) - cut])
    with pytest.raises(CheckpointError):  # were it read after all, it would be no AVSegFormer
        read_released(path)


def test_a_released_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pth does not exist"):
        read_released(tmp_path / "gone.pth")


def test_imported_weights_go_into_a_safetensors_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"\.safetensors"):
        import_weights(tmp_path / "any.pth", tmp_path / "out.pth")


@pytest.mark.parametrize(("task", "expected"), [(None, "s4"), ("ms3", "ms3")])
def test_a_released_file_is_read_and_renamed(tmp_path, task: str | None, expected: str):
    path = tmp_path / "released.pth"
    # A stored zero that is repeated: the shapes of 144 million parameters in a small file.
    content = {k: torch.zeros(()).expand(v.shape) for k, v in empty_state("apr2023_r50_s4").items()}
    torch.save({f"module.{name}": tensor for name, tensor in content.items()}, path)
    imported = read_released(path, task)
    assert imported.config == replace(PRESETS["s4-r50-apr2023"].model, task=expected)
    assert isinstance(imported.config, ModelConfig) and "mixer.key.weight" in imported.weights
    assert imported.dropped and all("_2." in name for name in imported.dropped)


@pytest.mark.parametrize(
    ("wrap", "source"),
    [
        (lambda state: {"state_dict": state, "epoch": 3}, "entry state_dict"),
        (lambda state: {"model": state, "optimizer": {"state": {0: torch.zeros(2)}}}, "entry model"),
        (lambda state: {"n": 1, "x": {"ema": state}}, "entry x.ema"),
        (
            lambda state: {f"model.module.{k}": v for k, v in state.items()} | {"step": 5},
            "prefix model. removed",
        ),
        (lambda state: {f"_orig_mod.{k}": v for k, v in state.items()}, ""),
        (lambda state: {k.replace("backbone.", "backbone._orig_mod."): v for k, v in state.items()}, ""),
        (lambda state: {"model": state, "ema": state}, "entry model, not used: entry ema"),
    ],
)
def test_a_released_state_dict_is_found_in_what_scripts_save(wrap, source: str):
    state = empty_state("apr2023_r50_s4")
    found, where = find_state_dict(wrap(state))
    assert where == source and import_released(found).config.backbone == "resnet50"
    assert set(import_released(found).weights) == set(import_released(state).weights)


def test_numpy_numbers_beside_the_tensors_are_named(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}, "best": np.float64(0.5)}, tmp_path / "best.pth")
    with pytest.raises(CheckpointError, match=r"Python objects \(numpy.*save the state dict alone"):
        read_released(tmp_path / "best.pth")


HOSTILE = [
    *({"embed_dim": 4096}, {"queries": 60_000}, {"mlp_dim": 100_000}, {"feedforward_dim": 100_000}),
    *({"encoder_layers": 10**6}, {"decoder_layers": 99}, {"query_generator_layers": 100}, {"points": 200}),
    *({"image_size": 10**6 * 32}, {"head_channels": [16_000, 16_000]}, {"queries": 10**30}),
    *({"backbone": "hf-hub:somebody/model"}, {"backbone": "local-dir:/etc"}, {"backbone": "a/b"}),
    *({"backbone": "vit_giant_patch14_dinov2"}, {"backbone": "x" * 10**6}),
]


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: str(changes)[:40])
def test_a_config_that_asks_for_more_than_the_file_holds_takes_no_memory(saved, monkeypatch, changes):
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata["config"] = json.dumps(json.loads(metadata["config"]) | changes)
    save_file(tensors, saved, metadata=metadata)
    real, devices = avseg.checkpoints.build_model, []

    def built(config: ModelConfig) -> AVSegFormer:
        devices.append(torch.empty(0).device.type)
        return real(config)

    monkeypatch.setattr(avseg.checkpoints, "build_model", built)
    with pytest.raises(CheckpointError) as error:
        load_model(saved)
    assert saved.name in str(error.value) and len(str(error.value)) < 1000
    assert set(devices) <= {"meta"}


@pytest.mark.parametrize("entry", ["config", "card"])
def test_deeply_nested_metadata_is_refused(saved, entry: str):
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
    save_file({"a": torch.zeros(1)}, saved, metadata=metadata | {entry: "[" * 100_000})
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_card(saved)


def test_a_saved_file_has_the_usual_mode(saved, tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


def test_drawn_clips_and_other_videos_get_the_model_trained_for_them(tmp_path, monkeypatch):
    drawn = avseg.checkpoints.CLIPS / "dog-and-guitar.mp4"
    (tmp_path / "mine.json").write_text('{"scene": {}}')  # beside a video of the user's own: no drawn clip
    files = {avseg.checkpoints.DRAWN: Path("a"), avseg.checkpoints.FILMED: Path("b")}
    monkeypatch.setattr(avseg.checkpoints, "bundled_models", lambda: files)
    assert avseg.checkpoints.is_drawn(drawn) and not avseg.checkpoints.is_drawn(tmp_path / "mine.mp4")
    assert avseg.checkpoints.recommended_model(drawn) == avseg.checkpoints.DRAWN
    assert avseg.checkpoints.recommended_model(tmp_path / "mine.mp4") == avseg.checkpoints.FILMED
    del files[avseg.checkpoints.FILMED]
    assert avseg.checkpoints.recommended_model(tmp_path / "mine.mp4") == avseg.checkpoints.DRAWN
