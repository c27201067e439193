"""Pretrained backbones: by file, by name from a cache or a server of our own, and in words without either."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import avseg.models.pretrained
from avseg.checkpoints import Card, save_model
from avseg.config import Config, ModelConfig
from avseg.errors import CheckpointError, ConfigError
from avseg.models.avsegformer import AVSegFormer
from avseg.models.pretrained import load_pretrained
from avseg.models.vggish import VGGish
from avseg.presets import PRESETS
from tests.support.small_model import SMALL, small_config

PLAIN = replace(SMALL, backbone_channels=(), backbone="resnet10t")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as timm gives them out for resnet10t, classifier included, but random."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    save_file(timm.create_model("resnet10t").state_dict(), path)
    return path


def loaded(config: Config) -> AVSegFormer:
    model = AVSegFormer(config.model)
    load_pretrained(model, config)
    return model


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_visual_backbone_from_a_file(ending: str, imagenet: Path, tmp_path: Path):
    from safetensors.torch import load_file

    state, path = load_file(imagenet), imagenet
    if ending == ".pth":
        path = tmp_path / "resnet.pth"
        torch.save(state, path)
    model = loaded(replace(small_config(backbone_weights=str(path)), model=PLAIN))
    ours = model.visual_backbone.state_dict()
    assert torch.equal(ours["pyramid.layer2.0.conv1.weight"], state["layer2.0.conv1.weight"])
    assert torch.equal(ours["pyramid.layer4.0.bn1.running_mean"], state["layer4.0.bn1.running_mean"])


def test_a_visual_backbone_by_its_timm_name(imagenet: Path, monkeypatch):
    import timm.models._hub as hub
    from safetensors.torch import load_file

    asked = []

    def stand_in(name: str, **rest: object) -> dict[str, torch.Tensor]:
        asked.append(name)
        return load_file(imagenet)

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", stand_in)
    assert hub.has_hf_hub(necessary=False)
    model = loaded(replace(small_config(backbone_weights="resnet10t.c3_in1k"), model=PLAIN))
    assert asked == ["timm/resnet10t.c3_in1k"]
    expected = load_file(imagenet)["layer1.0.conv1.weight"]
    assert torch.equal(model.visual_backbone.state_dict()["pyramid.layer1.0.conv1.weight"], expected)


def test_without_a_network_the_sentence_says_what_to_do():
    config = replace(small_config(backbone_weights="resnet10t.c3_in1k"), model=PLAIN)
    with pytest.raises(CheckpointError, match="Without a network, give a file"):
        loaded(config)


@pytest.mark.parametrize("weights", ["resnet50.tv_in1k", "gone.pth", "resnet10"])
def test_weights_of_another_network_are_refused(weights: str):
    with pytest.raises(ConfigError, match="backbone_weights"):
        loaded(replace(small_config(backbone_weights=weights), model=PLAIN))


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = tmp_path / "resnet.pth"
    path.write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        loaded(replace(small_config(backbone_weights=str(path)), model=PLAIN))


def test_both_backbones_of_a_whole_model(tmp_path: Path):
    config = PRESETS["ablation"]
    tiny = loaded(config)
    path = save_model(tmp_path / "whole.safetensors", tiny, Card("whole", "random", ""))
    files = replace(config.train, backbone_weights=str(path), audio_weights=str(path))
    again = loaded(Config(config.model, files))
    for part in ("visual_backbone", "audio_backbone"):
        ours, theirs = getattr(again, part).state_dict(), getattr(tiny, part).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert any(tensor.abs().max() > 1 for tensor in theirs.values()), "nothing was loaded"
    narrow = replace(config.model, backbone_channels=(32, 32, 32, 32))
    with pytest.raises(CheckpointError, match="another network"):
        loaded(Config(narrow, files))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        loaded(Config(config.model, files))


class SmallNet(torch.nn.Module):
    """Replaces VGGish, whose weights are 289 MB: the same code path with four numbers."""

    def __init__(self):
        super().__init__()
        self.embeddings = torch.nn.Linear(2, 2, bias=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server on this machine that gives out one weights file, named by its hash as the release is."""
    torch.save({"embeddings.weight": torch.full((2, 2), 7.0)}, tmp_path / "weights")
    data = (tmp_path / "weights").read_bytes()
    name = f"vggish-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    (tmp_path / name).write_bytes(data)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *rest: object):
            super().__init__(*rest, directory=str(tmp_path))

        def log_message(self, *rest: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/{name}"
        running.shutdown()


def test_vggish_is_downloaded_and_checked(server: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))  # torch.hub.set_dir, undone afterwards
    monkeypatch.setattr(avseg.models.pretrained, "VGGISH_URL", server)
    network = SmallNet()
    avseg.models.pretrained.load_audio_weights(network, "vggish")
    assert (network.embeddings.weight == 7).all()
    monkeypatch.setattr(avseg.models.pretrained, "VGGISH_URL", server.replace("vggish-", "vggish-0"))
    with pytest.raises(CheckpointError, match="Without a network"):
        avseg.models.pretrained.load_audio_weights(network, "vggish")


def test_vggish_has_the_names_of_its_release():
    # FIELD_FACTS: keys and shapes of vggish-10086976.pth.
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in VGGish().state_dict().items()}
    assert shapes["features.0.weight"] == (64, 1, 3, 3) and shapes["features.13.weight"] == (512, 512, 3, 3)
    assert shapes["embeddings.0.weight"] == (4096, 12288) and shapes["embeddings.4.bias"] == (128,)
    assert len(shapes) == 18


def test_other_audio_weights_are_refused(tmp_path: Path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        avseg.models.pretrained.load_audio_weights(SmallNet(), str(tmp_path / "x.pth"))
    with pytest.raises(ConfigError, match="vggish"):
        avseg.models.pretrained.load_audio_weights(SmallNet(), "no-such-name")


@pytest.mark.parametrize("field", ["backbone_weights", "audio_weights"])
def test_a_web_page_that_was_saved_as_weights_is_recognised(tmp_path: Path, field: str):
    (tmp_path / "weights.pth").write_text("<!doctype html>")
    with pytest.raises(CheckpointError, match=r"weights\.pth is a web page"):
        loaded(small_config(**{field: str(tmp_path / "weights.pth")}))


def test_the_paper_presets_name_their_weights():
    from avseg.presets import PRESETS

    for name, preset in PRESETS.items():
        if not name.startswith(("tiny", "small", "classroom", "ablation")):
            assert preset.train.backbone_weights.split(".")[0] == preset.model.backbone
            assert preset.train.audio_weights == "vggish"
    assert ModelConfig().audio_backbone == "vggish"
