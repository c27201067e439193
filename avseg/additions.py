"""Adds a model to the folder of imported models, from a file or from the Hugging Face Hub, and follows it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avseg.checkpoints import check_model, import_weights, imported_root, read_card, read_named
from avseg.config import ModelConfig, Storage, Task
from avseg.downloads import OnBytes
from avseg.errors import CheckpointError
from avseg.file_kinds import require_weights
from avseg.files import atomic_write, read_text, write_texts
from avseg.jobs.progress import ProgressFolder, ProgressStatus, track
from avseg.late import torch
from avseg.models.zoo import RELEASED
from avseg.weights import MIRROR, get, places

MODEL_FILE = "model.txt"
STATUS_EVERY = 0.4  # seconds
KEPT = "Stopped. What has arrived is kept: the next download continues from there."


@dataclass(frozen=True)
class AdditionStatus(ProgressStatus):
    """State of a model that is being added; done and total in bytes, of the download."""


class AdditionFolder(ProgressFolder[AdditionStatus]):
    """Reads and writes the status of `weights get` and `weights add`."""

    status_class = AdditionStatus

    @property
    def model(self) -> str:
        """The name of the model that was added, empty until then."""
        path = self.path / MODEL_FILE
        return read_text(path).strip() if path.is_file() else ""


@contextmanager
def track_addition(path: Path | None) -> Iterator[tuple[OnBytes, Callable[[str], None]]]:
    """Yield the `on_progress` of `get` and what takes the name of the added model; None keeps no record."""
    if path is None:
        yield (lambda *_: None), (lambda _: None)
        return
    folder = AdditionFolder(path)
    (folder.path / MODEL_FILE).unlink(missing_ok=True)
    with track(folder, lambda *_: KEPT, KEPT, STATUS_EVERY) as on_progress:
        yield on_progress, lambda name: write_texts(folder.path, {MODEL_FILE: name})


def add(source: str, task: Task | None = None, storage: Storage = "float32") -> str:
    """Add a model to the folder of imported models and return its name there.

    source: a .pth file of the release, a .safetensors file that avseg wrote, or hub:owner/name. A released
    model gets its name in the table and a record of its origin; any other keeps the name of its file. task:
    tells S4 from MS3. Raises CheckpointError.
    """
    if source.startswith(MIRROR):
        return _add_from_hub(source)
    path = Path(source).expanduser()
    if require_weights(path) == "safetensors":
        return _copy(path, path.stem)
    imported = read_named(path, task)
    if name := _row_of(imported.config):
        get(name, path, storage=storage)
        return name
    out = _free(path.stem)
    import_weights(path, out, imported.config.task, getattr(torch, storage))
    return out.stem


def _add_from_hub(source: str) -> str:
    from avseg.hub import WEIGHTS, fetch

    repo = source.removeprefix(MIRROR)
    weights = fetch(repo) / WEIGHTS
    config, card = read_card(weights)
    name = _row_of(config)
    if name and card.weights == "released" and not places(name).model.is_file():
        get(name, mirror=source)
        return name
    return _copy(weights, repo.replace("/", "-"))


def _row_of(config: ModelConfig) -> str:
    """Return the name of the released model with this config, "" without one."""
    return next((name for name, row in RELEASED.items() if row.config == config), "")


def _copy(path: Path, name: str) -> str:
    """Copy a complete checkpoint under a name into the folder of imported models."""
    check_model(path)
    out = _free(name)
    with atomic_write(out) as unfinished:
        shutil.copyfile(path, unfinished)
    return out.stem


def _free(name: str) -> Path:
    out = imported_root() / f"{name}.safetensors"
    if out.exists():
        raise CheckpointError(f"{name} is here already: {out}. Delete that file to add it again.")
    return out
