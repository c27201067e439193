"""Loads models from the Hugging Face Hub or a folder in its layout, and saves them there.

The weights are the same safetensors file that `avseg.checkpoints` writes, with the config inside;
`config.json` is for people and tools and must agree with it. Nothing is ever unpickled. huggingface_hub is
imported only when the Hub is accessed.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from avseg.checkpoints import FORMAT, bundled_models, find_model, load_model, read_card, save_model
from avseg.config import UNTITLED, Card, ModelConfig, from_dict
from avseg.errors import CheckpointError, ConfigError
from avseg.files import atomic_writes, read_json, visible
from avseg.late import torch
from avseg.models.build import SegmentationModel

WEIGHTS, CONFIG, README = "model.safetensors", "config.json", "README.md"
PICKLED = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]*[A-Za-z0-9]")

DEMO_WARNING = (
    "**Demo weights.** Trained briefly on drawn scenes with synthesised sound. They say nothing about the "
    "paper's results and are not meant for real video."
)
RANDOM_WARNING = "**Random weights.** The model is untrained; its masks are noise."

AVSEGFORMER_SOURCE = (
    "Shengyi Gao, Zhe Chen, Guo Chen, Wenhai Wang, Tong Lu. *AVSegFormer: Audio-Visual Segmentation with "
    "Transformer.* arXiv:2307.01146, 2023."
)
TPAVI_SOURCE = (
    "Jinxing Zhou, Jianyuan Wang, Jiayi Zhang, Weixuan Sun, Jing Zhang, Stan Birchfield, Dan Guo, Lingpeng "
    "Kong, Meng Wang, Yiran Zhong. *Audio-Visual Segmentation.* ECCV 2022, arXiv:2207.05042."
)


def from_pretrained(
    name: str | Path, revision: str | None = None, device: str | torch.device = "cpu"
) -> SegmentationModel:
    """Return a model in eval mode by folder, bundled name, file, or Hub repository (owner/name).

    revision: branch, tag or commit of a Hub repository. Local files take precedence. Raises CheckpointError
    for weights that are missing or do not fit, and for a repository that cannot be downloaded.
    """
    path, local = Path(name).expanduser(), str(name) in bundled_models()
    if not local and not path.exists() and REPOSITORY.fullmatch(str(name)):
        return _load_folder(fetch(str(name), revision), str(name), device)
    if revision is not None:
        raise CheckpointError(f"{name} is not a Hub repository: leave out revision={revision!r}.")
    if not local and path.is_dir():
        return _load_folder(path, str(path), device)
    return load_model(find_model(name), device)


def save_pretrained(
    model: SegmentationModel, folder: Path, repo: str = "", licence: str = "", card: Card | None = None
) -> Path:
    """Write model.safetensors, config.json and README.md into a folder, and return it.

    repo: the repository in the README's example; the folder by default. licence: its short name on the Hub;
    apache-2.0 for the bundled models by default. card: the model's own by default. Raises CheckpointError for
    a model that was constructed here and given no card.
    """
    folder, card = Path(folder), card or model.card
    if card == UNTITLED:
        raise CheckpointError(
            "This model has no card, so nobody could tell what its weights are. Pass one: "
            'card=Card(name, "trained", "Training data, length, command."), from avseg.checkpoints.'
        )
    with atomic_writes(*(folder / name for name in (WEIGHTS, CONFIG, README))) as (weights, config, readme):
        save_model(weights, model, card)
        config.write_text(json.dumps(_config_file(model, card), indent=2) + "\n", encoding="utf-8")
        readme.write_text(model_card(model, card, repo or str(folder), licence), encoding="utf-8")
    return folder


def push_to_hub(
    model: SegmentationModel,
    repo: str,
    private: bool = False,
    licence: str = "",
    card: Card | None = None,
    revision: str | None = None,
    message: str = "Upload model, config and card",
) -> str:
    """Upload weights, config and card to a Hub repository in one commit, and return its URL.

    The repository (owner/name) is created if it does not exist. Log in with `hf auth login` or HF_TOKEN.
    Raises CheckpointError when the Hub cannot be reached or denies access.
    """
    if not REPOSITORY.fullmatch(repo):
        raise CheckpointError(f"{repo!r} is not a repository name: use owner/name.")
    from huggingface_hub import CommitOperationAdd, HfApi

    with tempfile.TemporaryDirectory() as temporary, translate_hub_errors(repo):
        folder = save_pretrained(model, Path(temporary), repo, licence, card)
        api = HfApi(library_name="avseg")
        address = api.create_repo(repo, private=private, exist_ok=True)
        files = [CommitOperationAdd(name, folder / name) for name in (WEIGHTS, CONFIG, README)]
        api.create_commit(repo, files, commit_message=message, revision=revision)
    return str(address)


def model_card(model: SegmentationModel, card: Card, source: str, licence: str = "") -> str:
    """Return the README of a model: its weights, usage and config; source: where it is published."""
    c = model.config
    licence = licence or ("apache-2.0" if card.weights == "demo" else "")
    tags = ["audio-visual-segmentation", c.architecture, "avsbench", c.task, f"weights-{card.weights}"]
    model_name, source_text = (
        ("A TPAVI, the baseline of AVSBench (arXiv:2207.05042),", TPAVI_SOURCE)
        if c.architecture == "tpavi"
        else (f"An AVSegFormer (arXiv:2307.01146) of edition `{c.edition}`", AVSEGFORMER_SOURCE)
    )
    front = [
        *([f"license: {json.dumps(licence)}"] if licence else []),
        *("library_name: avseg", "pipeline_tag: image-segmentation", "tags:"),
        *(f"- {tag}" for tag in tags),
    ]
    warning = {"demo": DEMO_WARNING, "random": RANDOM_WARNING}.get(card.weights, "")
    rows = [f"| `{name}` | `{json.dumps(value)}` |" for name, value in dataclasses.asdict(c).items()]
    parts = [
        "---\n" + "\n".join(front) + "\n---",
        f"# {card.name}",
        *filter(None, (warning, card.note)),
        f"{model_name} for {c.task.upper()}, with "
        f"{card.weights} weights, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters: "
        "from frames and their sound to masks of the sounding objects.",
        "## Usage\n\nWith AVSeg Explorer's library `avseg`:\n\n```python\n"
        "from avseg import Predictor, from_pretrained, read_clip\n\n"
        f"model = from_pretrained({json.dumps(source)})\n"
        'prediction = Predictor(model).predict(read_clip("my_video.mp4"))\n```\n\n'
        f"`{WEIGHTS}` contains plain tensors and the config; loading it runs no code.",
        "## Config\n\n| field | value |\n|---|---|\n" + "\n".join(rows),
        "## Licence\n\n" + (licence or "None was stated for these weights: ask their publisher."),
        f"## Source\n\n{source_text}",
    ]
    return "\n\n".join(parts) + "\n"


def _config_file(model: SegmentationModel, card: Card) -> dict[str, object]:
    described = {"model": dataclasses.asdict(model.config), "card": dataclasses.asdict(card)}
    return {"library_name": "avseg", "model_type": "avsegformer", "format": FORMAT, **described}


def _load_folder(folder: Path, name: str, device: str | torch.device) -> SegmentationModel:
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(_no_weights(name, (path.name for path in visible(folder.iterdir()))))
    config, _ = read_card(folder / WEIGHTS)
    if (folder / CONFIG).is_file():
        try:
            stated = from_dict(ModelConfig, read_json(folder / CONFIG)["model"])
        except (ValueError, TypeError, LookupError, ConfigError) as error:
            raise CheckpointError(f"{CONFIG} of {name} was not written by avseg.") from error
        if stated != config:
            raise CheckpointError(
                f"{CONFIG} of {name} describes another model than the config inside {WEIGHTS}: the two files "
                "do not belong together. Download both from the same source."
            )
    return load_model(folder / WEIGHTS, device)


def _no_weights(name: str, files: Iterable[str]) -> str:
    """Return the error message for a folder or repository without model.safetensors."""
    files = sorted(files)
    if pickled := [file for file in files if file.lower().endswith(PICKLED)]:
        return (
            f"{name} contains pickled weights ({', '.join(pickled[:3])}) and no {WEIGHTS}. Unpickling can "
            "run code, so they are not loaded. Import the authors' .pth files with "
            "`python -m avseg import-weights FILE.pth --out MODEL.safetensors`."
        )
    content = (
        f"it contains {', '.join(files[:5])}{' ...' if len(files) > 5 else ''}" if files else "it is empty"
    )
    return f"{name} has no {WEIGHTS}: {content}. Expected files of `save_pretrained` or `push_to_hub`."


def fetch(repo: str, revision: str | None = None, folder: Path | None = None) -> Path:
    """Download weights and config of a Hub repository, by default into the cache; return their folder.

    Raises CheckpointError for a repository that cannot be downloaded or has no weights that avseg reads.
    """
    from huggingface_hub import HfApi, snapshot_download

    if not REPOSITORY.fullmatch(repo):
        raise CheckpointError(f"{repo!r} is not a repository name: use owner/name.")
    with translate_hub_errors(repo, revision):
        path = Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=[WEIGHTS, CONFIG],
                library_name="avseg",
                local_dir=folder,
            )
        )
        if not (path / WEIGHTS).is_file():
            raise CheckpointError(_no_weights(repo, HfApi().list_repo_files(repo, revision=revision)))
    return path


@contextmanager
def translate_hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn errors of huggingface_hub into a CheckpointError that says what to do."""
    from huggingface_hub import errors

    login = "log in with `hf auth login`, or set HF_TOKEN"
    try:
        yield
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{repo} is gated: its owner must grant access. Request it on its page, then {login}."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"The Hub has no model repository {repo}, or it is private. Check the name; for a private one, "
            f"{login}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{repo} has no branch, tag or commit {revision!r}.") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise CheckpointError(
            f"The Hub cannot be reached, and {repo} is not in the local cache. Check the network and "
            "HF_HUB_OFFLINE, or use a local folder or file."
        ) from error
    except errors.LocalTokenNotFoundError as error:
        raise CheckpointError(f"You are not logged in to the Hub: {login}.") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            message = f"The Hub denied access to {repo} (status {status}): {login} of an account with access."
        else:
            message = f"The Hub answered the request for {repo} with status {status}. Try again later."
        raise CheckpointError(message) from error
    except errors.HTTPError as error:  # of the HTTP library of huggingface_hub
        raise CheckpointError(
            f"The Hub cannot be reached for {repo} ({type(error).__name__}). Check the network and try again."
        ) from error
