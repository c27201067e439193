"""Models that are added from the page: released weights, files and Hub repositories, as child processes.

Each addition is the command that a person would type. Its folder is the only link to its process, so a reload
of the page or a restart of the app loses nothing.
"""

import re
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.services import process
from app.services.host import may_train
from app.services.models import IMPORTED, is_pytorch
from app.services.process import ROOT
from avseg.additions import AdditionFolder
from avseg.checkpoints import imported_root, read_card
from avseg.config import ModelConfig, Storage, Task, read_record
from avseg.cost import known_cost
from avseg.errors import CheckpointError, ConfigError
from avseg.file_kinds import require_weights
from avseg.files import visible
from avseg.hub import REPOSITORY
from avseg.models.zoo import RELEASED, ReleasedFile
from avseg.training.command import command_line, display_path
from avseg.weights import MIRROR, Origin, places

NOT_HERE = "Models are not added on this host. Copy the command and run it on your own machine."
FULL_DISK = "The disk is full. Free some space and try again: what has arrived is kept."
LEAST_FREE = 2_000_000  # bytes; with less, a process that ended without a message ran out of space
PAGE_WORDS = (
    (r"[Rr]un the same command again", "press Resume"),
    (r"the same command downloads", "Get downloads"),
    (
        r"run `python -m avseg weights get \S+ --file FILE\.pth`",
        "enter its path below, under “I have the file”",
    ),
    (r"add --task s4 or --task ms3", "select the task below"),
)
JOBS = "jobs"  # folder below that of imported models
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Addition:
    """A model that is being added, or the last attempt to add it."""

    key: str
    state: str  # starting, running, stopping, finished, stopped, failed
    message: str = ""
    done: int = 0  # bytes
    total: int = 0  # 0 while nothing is downloaded
    model: str = ""  # the page's name of the model, once it is there
    pid: int = 0

    @property
    def under_way(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("starting", "running", "stopping")

    @property
    def share(self) -> float | None:
        """The share of the download that is done; None before it and while the file is converted."""
        return self.done / self.total if self.total and self.done < self.total else None


@dataclass(frozen=True)
class Offer:
    """A released model: what it is, and how far it is on this computer."""

    row: ReleasedFile
    state: str  # here, partly or absent
    arrived: int  # bytes of its download
    addition: Addition | None

    @property
    def name(self) -> str:
        """The name that commands take."""
        return self.row.name

    @property
    def config(self) -> ModelConfig:
        """Its architecture."""
        return self.row.config

    @property
    def model(self) -> str:
        """Its name on the page."""
        return page_name(self.row.name)

    @property
    def facts(self) -> tuple[str, ...]:
        """What was measured of a model that is here: its cost, and what storing it in 16 bits changes."""
        path = places(self.row.name).model
        try:
            storage = read_card(path)[1].storage if self.state == "here" else ""
        except CheckpointError:
            return ()
        cost = known_cost(path) if self.state == "here" else None
        return (
            *([f"It takes {cost.sentence}."] if cost else []),
            *([f"Stored as {storage}"] if storage else []),
        )

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return command_line(["-m", "avseg", "weights", "get", self.row.name])


def page_name(stem: str) -> str:
    """Return the page's name of an imported model."""
    return f"{stem} · {IMPORTED}"


def may_add() -> bool:
    """Whether models are added on this host."""
    return may_train()


def offers(known: Sequence[Addition] | None = None) -> list[Offer]:
    """Return the released models in the order of the table; known: the additions, read by default."""
    by_name = {addition.key: addition for addition in (additions() if known is None else known)}
    found = []
    for name, row in RELEASED.items():
        at = places(name)
        found.append(Offer(row, at.state, at.arrived, by_name.get(name)))
    return found


def unimported() -> list[Path]:
    """Return the PyTorch files in the folder of imported models that no model there was made of."""
    root = imported_root()
    if not may_add() or not root.is_dir():
        return []
    sources = {origin.source for origin in map(_origin, visible(root.glob("*.json"))) if origin}
    return [
        path
        for path in visible(root.glob("*"))
        if path.name not in sources and not path.with_suffix(".safetensors").is_file() and is_pytorch(path)
    ]


def _origin(path: Path) -> Origin | None:
    try:
        return read_record(Origin, path)
    except ConfigError:
        return None


def additions() -> list[Addition]:
    """Return the additions that are under way or ended, by key."""
    root = imported_root() / JOBS
    paths = visible(root.iterdir()) if root.is_dir() else []
    return [state for path in paths if (state := _state(AdditionFolder(path))) is not None]


def _state(folder: AdditionFolder) -> Addition | None:
    key, status = folder.path.name, folder.read_status()
    if status is not None and status.state == "running":
        state = "stopping" if folder.stop_requested else "running"
        return Addition(key, state, "", status.done, status.total, pid=status.pid)
    if (child := process.startup(folder, status)) is not None:
        return Addition(key, child.state, child.message, pid=child.pid)
    if status is None:
        return None
    if status.state == "finished":
        return Addition(key, "finished", model=page_name(folder.model))
    message, state = status.message, "stopped" if status.state == "stopped" else "failed"
    if status.state == "killed" and shutil.disk_usage(folder.path).free < LEAST_FREE:
        message = FULL_DISK
    return Addition(key, state, _for_page(message), status.done, status.total)


def _for_page(message: str) -> str:
    """Return a command's message with what the page offers in place of what is typed."""
    for pattern, words in PAGE_WORDS:
        message = re.sub(pattern, words, message)
    return message


def fetch(name: object, storage: Storage = "float32") -> str:
    """Start to fetch a released model and return the key of its addition; raises CheckpointError."""
    if not isinstance(name, str) or name not in RELEASED:
        raise CheckpointError(f"{str(name)[:60]!r} does not name a released model.")
    return _start(name, ["get", name], storage)


def add_file(path: object, task: Task | None = None, storage: Storage = "float32", name: str = "") -> str:
    """Start to add a file of this computer; name: its own name, where `path` is a copy under another one."""
    text = str(path or "").strip().strip("\"'")
    if not text:
        raise CheckpointError(
            "Enter the path of a .pth or .safetensors file on the computer that runs this page."
        )
    file = Path(text).expanduser()
    if not file.is_absolute():
        file = ROOT / file
    require_weights(file)
    return _start(name or file.stem, ["add", str(file), *(["--task", task] if task else [])], storage)


def add_from_hub(repo: object) -> str:
    """Start to add a model of a Hub repository, owner/name."""
    text = str(repo or "").strip().removeprefix(MIRROR).removeprefix("https://huggingface.co/").strip("/")
    if not REPOSITORY.fullmatch(text):
        raise CheckpointError(f"{text[:60]!r} is not a repository of the Hub: use owner/name.")
    return _start(text, ["add", f"{MIRROR}{text}"], "float32")


def _start(name: str, arguments: list[str], storage: Storage) -> str:
    if not may_add():
        raise CheckpointError(NOT_HERE)
    key = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "model"
    folder = AdditionFolder(imported_root() / JOBS / key)
    stored = [] if storage == "float32" else ["--storage", storage]
    with _LOCK:
        state = _state(folder)
        if state is not None and state.under_way:
            return key
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            for path in (folder.status_file, folder.launch_file, folder.stop_file, folder.console_file):
                path.unlink(missing_ok=True)
            command = ["-m", "avseg", "weights", *arguments, *stored, "--status", str(folder.path)]
            process.launch(command, folder)
        except OSError as error:
            raise CheckpointError(
                f"Nothing can be written to {display_path(folder.path, ROOT)}: {error.strerror or error}."
            ) from error
    return key


def cancel(key: object) -> None:
    """Stop an addition at its next step, or at once on the second call; what has arrived is kept."""
    state = next((addition for addition in additions() if addition.key == key), None)
    if state is None or not state.under_way or not may_add():
        return
    folder = AdditionFolder(imported_root() / JOBS / state.key)
    if state.state == "starting":
        process.withdraw(folder)
    elif state.state == "stopping":
        process.kill(state.pid)
    else:
        folder.request_stop()


def dismiss(key: object) -> None:
    """Forget an addition that has ended; its model or what has arrived of it stays."""
    state = next((addition for addition in additions() if addition.key == key), None)
    if state is not None and not state.under_way and may_add():
        shutil.rmtree(imported_root() / JOBS / state.key, ignore_errors=True)


def free_bytes() -> int:
    """Return the free space where models are kept."""
    root = imported_root()
    return shutil.disk_usage(next(path for path in (root, *root.parents) if path.is_dir())).free
