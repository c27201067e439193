"""Models to and from a folder in the Hub's form, and a stand-in for the Hub on the loopback."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from avseg import hub
from avseg.checkpoints import Card, load_model, save_model
from avseg.errors import CheckpointError
from avseg.models.avsegformer import AVSegFormer
from tests.support.hub_server import Repo, hub_server
from tests.support.small_model import SMALL

CARD = Card("small <net>", "trained", "Trained for no time at all, for a test.")


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    torch.manual_seed(3)
    model = AVSegFormer(SMALL).eval()
    model.card = CARD
    return model


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    return torch.randn(2, 3, 64, 64), torch.randn(2, 1, 96, 64)


def same(one: AVSegFormer, other: AVSegFormer, inputs: tuple[torch.Tensor, torch.Tensor]) -> bool:
    with torch.inference_mode():
        return torch.equal(one(*inputs).logits, other(*inputs).logits)


def test_a_folder_gives_the_same_model_again(model, inputs, tmp_path):
    folder = hub.save_pretrained(model, tmp_path / "mine")
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "config.json", "README.md"}
    again = hub.from_pretrained(folder)
    assert same(model, again, inputs) and not again.training
    assert (again.config, again.card) == (model.config, CARD)
    assert same(load_model(folder / "model.safetensors"), again, inputs)


def test_bundled_names_and_files_load_too(model, inputs, tmp_path):
    assert hub.from_pretrained("tiny-ms3").card.weights == "demo"
    path = save_model(tmp_path / "one.safetensors", model, CARD)
    assert same(hub.from_pretrained(path), model, inputs)
    with pytest.raises(CheckpointError, match="leave out revision"):
        hub.from_pretrained("tiny-ms3", revision="main")
    with pytest.raises(CheckpointError, match="Bundled models: "):
        hub.from_pretrained("no-such-model")


def test_the_card_says_what_the_weights_are_and_its_snippet_loads_them(model, inputs, tmp_path):
    folder = hub.save_pretrained(model, tmp_path / "mine", licence="cc-by-4.0")
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert (metadata["license"], metadata["library_name"]) == ("cc-by-4.0", "avseg")
    assert metadata["pipeline_tag"] == "image-segmentation" and "weights-trained" in metadata["tags"]
    assert CARD.note in text and "Toy" not in text and "| `image_size` | `64` |" in text
    snippet = text.split("```python\n")[1].split("```")[0].splitlines()
    found: dict[str, object] = {}
    exec("\n".join(line for line in snippet if not line.startswith("prediction")), found)
    assert same(found["model"], model, inputs)


def test_toys_and_random_weights_carry_a_warning(model, tmp_path):
    texts = {
        weights: hub.model_card(model, Card("it", weights), "me/it")
        for weights in ("demo", "random", "trained", "released")
    }
    assert 'license: "apache-2.0"' in texts["demo"] and "Demo weights" in texts["demo"]
    assert "noise" in texts["random"]
    for weights in ("random", "trained", "released"):
        assert "license:" not in texts[weights] and "None was stated" in texts[weights]


def test_a_model_without_a_card_is_not_saved(tmp_path):
    nameless = AVSegFormer(SMALL)
    with pytest.raises(CheckpointError, match="has no card"):
        hub.save_pretrained(nameless, tmp_path / "it")
    assert not (tmp_path / "it").exists()
    folder = hub.save_pretrained(nameless, tmp_path / "it", card=Card("it", "random"))
    assert hub.from_pretrained(folder).card.weights == "random"


@pytest.mark.parametrize("change", ["missing", "spare", "shape"])
def test_every_weight_has_to_be_there_and_to_fit(model, tmp_path, change):
    folder = hub.save_pretrained(model, tmp_path / "mine")
    weights, metadata = load_file(folder / "model.safetensors"), _metadata(folder / "model.safetensors")
    name = "mask_generation.linear.0.weight"
    if change == "missing":
        del weights[name]
    elif change == "spare":
        weights["one.more"] = torch.zeros(1)
    else:
        weights[name] = torch.zeros(7, 7)
    save_file(weights, folder / "model.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match="do not fit"):
        hub.from_pretrained(folder)


def test_a_config_beside_that_says_otherwise_is_refused(model, tmp_path):
    folder = hub.save_pretrained(model, tmp_path / "mine")
    config = json.loads((folder / "config.json").read_text())
    config["model"]["queries"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="do not belong together"):
        hub.from_pretrained(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="was not written by avseg"):
        hub.from_pretrained(folder)
    (folder / "config.json").unlink()  # the one inside the weights is enough
    assert hub.from_pretrained(folder).config == model.config


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple:
        return Path.touch, (Path(self.path),)


def test_pickled_weights_are_refused_unopened(tmp_path):
    trap = Trap()
    trap.path = str(tmp_path / "sprung")
    folder = tmp_path / "theirs"
    folder.mkdir()
    with pytest.raises(CheckpointError, match="it is empty"):
        hub.from_pretrained(folder)
    (folder / "notes.txt").write_text("hello")
    with pytest.raises(CheckpointError, match=r"it contains notes\.txt"):
        hub.from_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(trap))
    with pytest.raises(CheckpointError, match=r"pickled weights \(pytorch_model.bin\).*import-weights"):
        hub.from_pretrained(folder)
    (folder / "model.safetensors").write_bytes(pickle.dumps(trap))
    with pytest.raises(CheckpointError, match="a PyTorch file, not a model"):
        hub.from_pretrained(folder)
    assert not Path(trap.path).exists()


def test_names_of_repositories():
    for name in ("me/net", "A-b/c.d_e", "a/b-2"):
        assert hub.REPOSITORY.fullmatch(name)
    for name in ("me", "me/net/x", "../net", "/net", "me/", "me/ne t", "https://hub/me", "~/net"):
        assert not hub.REPOSITORY.fullmatch(name)
    with pytest.raises(CheckpointError, match="owner/name"):
        hub.push_to_hub(AVSegFormer(SMALL), "just-a-name")


CLIENT = """
import json, os, sys
from pathlib import Path
from avseg import hub
from avseg.checkpoints import load_model
from avseg.errors import CheckpointError
from huggingface_hub import HfApi, constants

answers = {}

def tried(key, work):
    try:
        answers[key] = str(work())
    except CheckpointError as error:
        answers[key] = f"CheckpointError: {error}"

model = load_model(sys.argv[1])
tried("no token", lambda: hub.push_to_hub(model, "me/net"))
os.environ["HF_TOKEN"] = "hf_reader"
tried("reader", lambda: hub.push_to_hub(model, "me/net"))
os.environ["HF_TOKEN"] = "hf_writer"
tried("push", lambda: hub.push_to_hub(model, "me/net", licence="mit"))
first = HfApi().model_info("me/net").sha
tried("push again", lambda: hub.push_to_hub(model, "me/net", message="Once more"))
tried("push private", lambda: hub.push_to_hub(model, "me/secret", private=True))
del os.environ["HF_TOKEN"]
again = hub.from_pretrained("me/net")
answers["same"] = all(again.state_dict()[k].equal(v) for k, v in model.state_dict().items())
answers["card"] = again.card.name
tried("folder", lambda: sorted(p.name for p in hub.fetch("me/net", None, Path("it")).glob("[!.]*")))
tried("first commit", lambda: hub.from_pretrained("me/net", revision=first).card.note)
tried("no revision", lambda: hub.from_pretrained("me/net", revision="nope"))
tried("none", lambda: hub.from_pretrained("me/nothing"))
tried("private", lambda: hub.from_pretrained("me/secret"))
tried("gated", lambda: hub.from_pretrained("me/gated"))
tried("pickled", lambda: hub.from_pretrained("me/pickled"))
tried("strange", lambda: hub.from_pretrained("me/strange"))
constants.ENDPOINT = "http://127.0.0.1:9"  # nobody listens there
tried("cached", lambda: hub.from_pretrained("me/net").card.name)
tried("offline", lambda: hub.from_pretrained("me/other"))
os.environ["HF_TOKEN"] = "hf_writer"
tried("push offline", lambda: hub.push_to_hub(model, "me/net"))
print(json.dumps(answers))
"""


SAID = {
    "no token": "The Hub denied access to me/net (status 401): log in with `hf auth login`",
    "reader": "The Hub denied access to me/net (status 403)",
    "no revision": "me/net has no branch, tag or commit 'nope'",
    "none": "The Hub has no model repository me/nothing, or it is private",
    "private": "The Hub has no model repository me/secret, or it is private",
    "gated": "me/gated is gated: its owner must grant access",
    "pickled": "me/pickled contains pickled weights (pytorch_model.bin) and no model.safetensors",
    "strange": "model.safetensors has no avseg config",
    "offline": "The Hub cannot be reached, and me/other is not in the local cache",
    "push offline": "The Hub cannot be reached for me/net (ConnectError)",
}


def test_a_model_goes_to_the_hub_and_comes_back(model, tmp_path, root):
    """In a process of its own, since huggingface_hub reads its settings once."""
    path = save_model(tmp_path / "mine.safetensors", model, CARD)
    stranger = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(2)}, stranger)
    with hub_server() as server:
        server.repos["me/gated"] = Repo({"model.safetensors": path.read_bytes()}, gated=True)
        server.repos["me/pickled"] = Repo({"pytorch_model.bin": b"\x80\x04."})
        server.repos["me/strange"] = Repo({"model.safetensors": stranger.read_bytes()})
        for repo in server.repos.values():
            repo.commit()
        settings = {
            "HF_ENDPOINT": server.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(tmp_path / "home"),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": str(root),
        }
        kept = {k: v for k, v in os.environ.items() if k not in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")}
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, str(path)],
            cwd=tmp_path,
            env=kept | settings,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    for key, words in SAID.items():
        assert answers[key].startswith(f"CheckpointError: {words}"), (key, answers[key])
    assert answers["push"] == answers["push again"] == f"{server.url}/me/net"
    assert answers["same"] is True and answers["card"] == answers["cached"] == CARD.name
    assert answers["first commit"] == CARD.note
    assert answers["folder"] == "['config.json', 'model.safetensors']"
    net = server.repos["me/net"]
    assert set(net.files) == {"model.safetensors", "config.json", "README.md"} and len(net.commits) == 2
    assert [set(files) for files in net.commits] == [set(net.files)] * 2  # all three in one commit
    assert server.modes["model.safetensors"] == "lfs" and server.repos["me/secret"].private
    assert yaml.safe_load(net.commits[0]["README.md"].decode().split("---\n")[1])["license"] == "mit"
    assert b'from_pretrained("me/net")' in net.files["README.md"]
    assert not [asked for asked in server.asked if "pytorch_model.bin" in asked]  # not even fetched


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()
