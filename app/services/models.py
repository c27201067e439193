"""Every model that the page offers: bundled ones, those trained here, and imported ones."""

from functools import lru_cache
from pathlib import Path

from app.services.host import may_train
from app.services.process import ROOT
from app.services.runs import all_runs, study_model
from avseg.checkpoints import (
    Card,
    bundled_models,
    bundled_rows,
    foreign_weights,
    imported_models,
    imported_root,
    read_card,
)
from avseg.config import ModelConfig
from avseg.errors import CheckpointError
from avseg.file_kinds import require_weights
from avseg.files import visible
from avseg.training.command import display_path
from avseg.training.run_folder import RunFolder

TRAINED, IMPORTED = "trained", "imported"
ADD_MODEL = "Add a model…"  # the last entry of every list of models; it opens a panel
UNREADABLE = "Its file is missing or cannot be read: see assets/models."


def available_models() -> dict[str, Path]:
    """Return every model by the name that the page gives it: bundled, trained (newest first), imported.

    A run offers its best checkpoint, or its last one before the first validation. Incomplete files and those
    that avseg did not write are left out. A file's header is read once, and again after the file changed.
    """
    trained = {}
    for run in all_runs():
        path = next(filter(_is_model, (run.best_model, run.last_model)), None)
        if path:
            trained[trained_name(run)] = path
    files = filter(_is_model, visible(imported_root().glob("*.safetensors")))
    return bundled_models() | trained | {f"{path.stem} · {IMPORTED}": path for path in files}


def model_choices() -> list[str]:
    """Return the entries of a list of models."""
    return [*available_models(), ADD_MODEL]


def model_file(name: object) -> Path:
    """Return the file of a model, listed or of an ablation study; CheckpointError when it does not exist."""
    path = None
    if isinstance(name, str):
        path = bundled_models().get(name) or bundled_rows().get(name)
        path = path or available_models().get(name) or study_model(name)
    if path is None:
        raise CheckpointError(f"The model {str(name)[:60]!r} no longer exists. Choose another one.")
    return path


def model_exists(name: str) -> bool:
    """Return whether there is a model of a name, listed or of an ablation study."""
    try:
        return bool(model_file(name))
    except CheckpointError:
        return False


def model_version(name: object) -> tuple[Path, int]:
    """Return the file of a model and when it was written, ns; CheckpointError when it does not exist."""
    path = model_file(name)
    try:
        return path, path.stat().st_mtime_ns
    except OSError as error:  # deleted since it was listed
        raise CheckpointError(f"The model {name!r} no longer exists. Choose another one.") from error


def model_info(name: str | None) -> tuple[Card, ModelConfig | None]:
    """Return card and config of a model; for one that cannot be read, a card that says so."""
    try:
        config, card = read_card(model_file(name))
    except CheckpointError:
        return Card(name or "none", "none", UNREADABLE), None
    return card, config


def ignored_files() -> dict[str, str]:
    """Return by name why files in the folder of imported models are not offered; {} on a public host.

    PyTorch files are left out: the panel that adds models offers to import them.
    """
    if not may_train():
        return {}
    root = imported_root()
    return {name: why for name, why in foreign_weights(root).items() if not is_pytorch(root / name)}


def is_pytorch(path: Path) -> bool:
    """Return whether a file holds weights in PyTorch's own format."""
    try:
        return require_weights(path) == "torch"
    except CheckpointError:
        return False


def model_argument(name: str) -> str:
    """Return what a command takes for a model of the page: a bundled or imported name, or its file."""
    path = model_file(name)
    if name in bundled_models() or name in bundled_rows():
        return name
    if path == imported_models().get(path.stem):
        return path.stem
    return str(display_path(path, ROOT))


def trained_name(run: RunFolder) -> str:
    """Return the name that the page gives to the model of a run."""
    return f"{run.path.name} · {TRAINED}"


def _is_model(path: Path) -> bool:
    try:
        about = path.stat()
    except OSError:
        return False
    return _is_readable(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1024)
def _is_readable(path: Path, _written: int, _size: int) -> bool:
    try:
        read_card(path)
    except CheckpointError:  # also when it is only half copied: the header says how long the file is
        return False
    return True
