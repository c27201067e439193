"""Models to and from the Hugging Face Hub, or a folder in its form: weights, config and model card.

The weights are the same safetensors file that `avseg.checkpoints` writes, so the config travels inside it;
`config.json` beside it is for people and tools and has to agree. Nothing is ever unpickled.
huggingface_hub is imported only where the Hub is asked.
"""

import dataclasses
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from avseg.checkpoints import FORMAT, bundled_models, find_model, load_model, read_card, save_model
from avseg.config import UNTITLED, Card
from avseg.errors import CheckpointError
from avseg.files import atomic_write
from avseg.models.avsegformer import AVSegFormer

WEIGHTS, CONFIG, README = "model.safetensors", "config.json", "README.md"
PICKLED = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]*[A-Za-z0-9]")

TOY_WARNING = (
    "**Toy weights.** Trained for a short time on drawn scenes with synthesised sound. They say nothing "
    "about the paper's results, and they do badly on real video."
)
RANDOM_WARNING = "**Random weights.** Nothing was learnt; every mask they give is noise."


def from_pretrained(
    name: str | Path, revision: str | None = None, device: str | torch.device = "cpu"
) -> AVSegFormer:
    """Return a model in eval mode by folder, bundled name, file, or Hub repository (owner/name).

    revision: branch, tag or commit of a Hub repository. What is on this disk goes first. Every weight has to
    be there and to fit. Raises CheckpointError when it does not, and for a repository that cannot be had.
    """
    path, local = Path(name).expanduser(), str(name) in bundled_models()
    if not local and not path.exists() and REPOSITORY.fullmatch(str(name)):
        return _load_folder(_download(str(name), revision), str(name), device)
    if revision is not None:
        raise CheckpointError(f"{name} is no Hub repository: leave out revision={revision!r}.")
    if not local and path.is_dir():
        return _load_folder(path, str(path), device)
    return load_model(find_model(name), device)


def save_pretrained(
    model: AVSegFormer, folder: Path, repo: str = "", licence: str = "", card: Card | None = None
) -> Path:
    """Write model.safetensors, config.json and README.md into a folder, and return it.

    repo: what the README loads the model from; the folder without one. licence: its short name on the Hub;
    apache-2.0 for toys. card: the model's own if not given. Raises CheckpointError for a model without one.
    """
    folder, card = Path(folder), card or model.card
    if card == UNTITLED:
        raise CheckpointError(
            "This model has no card, so nobody could tell what its weights are. Pass one: "
            'card=Card(name, "trained", "Training data, length, command."), from avseg.checkpoints.'
        )
    save_model(folder / WEIGHTS, model, card)
    with atomic_write(folder / CONFIG) as file:
        file.write_text(json.dumps(_config_file(model, card), indent=2) + "\n", encoding="utf-8")
    with atomic_write(folder / README) as file:
        file.write_text(model_card(model, card, repo or str(folder), licence), encoding="utf-8")
    return folder


def push_to_hub(
    model: AVSegFormer,
    repo: str,
    private: bool = False,
    licence: str = "",
    card: Card | None = None,
    revision: str | None = None,
    message: str = "Upload model, config and card",
) -> str:
    """Put weights, config and card into a Hub repository as one commit, and return its address.

    The repository (owner/name) is made where there is none. Log in before, by `hf auth login` or HF_TOKEN.
    Raises CheckpointError when the Hub cannot be reached or does not allow it.
    """
    if not REPOSITORY.fullmatch(repo):
        raise CheckpointError(f"{repo!r} is no name of a repository: give it as owner/name.")
    from huggingface_hub import CommitOperationAdd, HfApi

    with tempfile.TemporaryDirectory() as place, _translate_hub_errors(repo):
        folder, api = save_pretrained(model, Path(place), repo, licence, card), HfApi(library_name="avseg")
        address = api.create_repo(repo, private=private, exist_ok=True)
        files = [CommitOperationAdd(name, folder / name) for name in (WEIGHTS, CONFIG, README)]
        api.create_commit(repo, files, commit_message=message, revision=revision)
    return str(address)


def model_card(model: AVSegFormer, card: Card, source: str, licence: str = "") -> str:
    """Return the README of a model: what its weights are, how to load it, its config; source: where it is."""
    c = model.config
    licence = licence or ("apache-2.0" if card.weights == "toy" else "")
    tags = ["audio-visual-segmentation", "avsegformer", "avsbench", c.task, f"weights-{card.weights}"]
    front = [
        *([f"license: {json.dumps(licence)}"] if licence else []),
        *("library_name: avseg", "pipeline_tag: image-segmentation", "tags:"),
        *(f"- {tag}" for tag in tags),
    ]
    warning = {"toy": TOY_WARNING, "random": RANDOM_WARNING}.get(card.weights, "")
    rows = [f"| `{name}` | `{json.dumps(value)}` |" for name, value in dataclasses.asdict(c).items()]
    parts = [
        "---\n" + "\n".join(front) + "\n---",
        f"# {card.name}",
        *filter(None, (warning, card.note)),
        f"An AVSegFormer (arXiv:2307.01146) of edition `{c.edition}` for {c.task.upper()}, with "
        f"{card.weights} weights, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters: "
        "frames and their sound in, the masks of what sounds out.",
        "## Load it\n\nWith AVSeg Explorer's library `avseg`:\n\n```python\n"
        "from avseg import Predictor, from_pretrained, read_clip\n\n"
        f"model = from_pretrained({json.dumps(source)})\n"
        'prediction = Predictor(model).predict(read_clip("my_video.mp4"))\n```\n\n'
        f"`{WEIGHTS}` holds plain tensors and the config; loading it runs no code.",
        "## Config\n\n| field | value |\n|---|---|\n" + "\n".join(rows),
        "## Licence\n\n" + (licence or "Nobody stated one for these weights: ask who published them."),
        "## Source\n\nShengyi Gao, Zhe Chen, Guo Chen, Wenhai Wang, Tong Lu. *AVSegFormer: Audio-Visual "
        "Segmentation with Transformer.* arXiv:2307.01146, 2023.",
    ]
    return "\n\n".join(parts) + "\n"


def _config_file(model: AVSegFormer, card: Card) -> dict[str, object]:
    described = {"model": dataclasses.asdict(model.config), "card": dataclasses.asdict(card)}
    return {"library_name": "avseg", "model_type": "avsegformer", "format": FORMAT, **described}


def _load_folder(folder: Path, name: str, device: str | torch.device) -> AVSegFormer:
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(_no_weights(name, (path.name for path in folder.iterdir())))
    config, _ = read_card(folder / WEIGHTS)
    if (folder / CONFIG).is_file():
        try:
            beside = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
        except (ValueError, TypeError, LookupError) as error:
            raise CheckpointError(f"{CONFIG} of {name} is not one that avseg wrote.") from error
        if beside != json.loads(json.dumps(dataclasses.asdict(config))):
            raise CheckpointError(
                f"{CONFIG} of {name} says another model than the config inside {WEIGHTS}: the two files do "
                "not belong together. Take both from one place."
            )
    return load_model(folder / WEIGHTS, device)


def _no_weights(name: str, files: Iterable[str]) -> str:
    """Return what is wrong with a folder or repository without model.safetensors."""
    files = sorted(files)
    if pickled := [file for file in files if file.lower().endswith(PICKLED)]:
        return (
            f"{name} holds pickled weights ({', '.join(pickled[:3])}) and no {WEIGHTS}. Opening a pickle can "
            "run code, so it is not loaded. The authors' .pth files are brought in by "
            "`python -m avseg import-weights FILE.pth --out MODEL.safetensors`."
        )
    found = f"it holds {', '.join(files[:5])}{' ...' if len(files) > 5 else ''}" if files else "it is empty"
    return f"{name} has no {WEIGHTS}: {found}. Expected what `save_pretrained` or `push_to_hub` wrote."


def _download(repo: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    with _translate_hub_errors(repo, revision):
        wanted = [WEIGHTS, CONFIG]
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=wanted, library_name="avseg"))
        if not (folder / WEIGHTS).is_file():
            raise CheckpointError(_no_weights(repo, HfApi().list_repo_files(repo, revision=revision)))
    return folder


@contextmanager
def _translate_hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn what huggingface_hub raises into a CheckpointError that says what to do."""
    from huggingface_hub import errors

    login = "log in with `hf auth login`, or set HF_TOKEN"
    try:
        yield
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{repo} is gated: its owner has to let you in. Ask on its page, then {login}."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"There is no model repository {repo} on the Hub, or it is private. Check the name; for a "
            f"private one, {login}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{repo} has no branch, tag or commit called {revision!r}.") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise CheckpointError(
            f"The Hub cannot be reached, and {repo} was not downloaded before. Check the network and "
            "HF_HUB_OFFLINE, or give a folder or file on this disk."
        ) from error
    except errors.LocalTokenNotFoundError as error:
        raise CheckpointError(f"The Hub does not know who you are: {login}.") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            words = f"The Hub does not allow it for {repo} (status {status}): {login} of one who may."
        else:
            words = f"The Hub answered for {repo} with status {status}. Try again later."
        raise CheckpointError(words) from error
    except errors.HTTPError as error:  # of the library that huggingface_hub asks through
        raise CheckpointError(
            f"The Hub cannot be reached for {repo} ({type(error).__name__}). Check the network and try again."
        ) from error
