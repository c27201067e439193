"""What the server keeps while it runs: loaded models behind one lock, and a private folder per visitor."""

import atexit
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from avseg.checkpoints import list_models
from avseg.clip import Clip
from avseg.errors import AvsegError, CheckpointError
from avseg.predict import Prediction, Predictor, Progress

MODEL_QUEUE = "model"  # the concurrency id of every event that calls a model
MODELS_KEPT = 3
RESULTS_KEPT = 2  # of each visitor: the one on screen may still be playing while the next is written
FILES_AGE = 7200  # seconds after which everything goes, also where nobody said goodbye


class Stopped(AvsegError):
    """The visitor asked to stop."""


def private_cache() -> Path:
    """Return the folder for everything visitors send and get; one of our own unless GRADIO_TEMP_DIR names it.

    Gradio's default folder is shared by all apps and users of a machine. Ours goes when the server ends.
    """
    if not os.environ.get("GRADIO_TEMP_DIR"):
        folder = tempfile.mkdtemp(prefix="avseg-explorer-")
        os.environ["GRADIO_TEMP_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ["GRADIO_TEMP_DIR"]).resolve()


class Models:
    """The models in memory; every call of one goes through a single lock."""

    def __init__(self, kept: int = MODELS_KEPT, device: str = "auto"):
        self._kept, self._device = kept, device
        self._lock = threading.Lock()
        self._loaded: OrderedDict[tuple[str, int], Predictor] = OrderedDict()

    def predict(self, name: str, clip: Clip, on_frame: Progress | None = None) -> Prediction:
        """Return what a bundled model says about a clip; raises CheckpointError when it is not there."""
        with self.borrow(name) as predictor:
            return predictor.predict(clip, on_frame=on_frame)

    @contextmanager
    def borrow(self, name: str) -> Iterator[Predictor]:
        """Lend a model to one caller at a time; raises CheckpointError when it is not there."""
        with self._lock:
            yield self._predictor(name)

    def _predictor(self, name: str) -> Predictor:
        """Return a loaded model; a file that was written anew since is loaded anew."""
        path = list_models().get(name)
        if path is None:
            raise CheckpointError(f"There is no model {name!r} any more. Choose another one.")
        key = (name, path.stat().st_mtime_ns)
        if key not in self._loaded:
            self._loaded[key] = Predictor(path, self._device)
        self._loaded.move_to_end(key)
        while len(self._loaded) > self._kept:
            self._loaded.popitem(last=False)
        return self._loaded[key]


@dataclass(frozen=True, eq=False)
class Shown:
    """The result that a visitor looks at; every tab speaks of it."""

    prediction: Prediction
    title: str
    clip: str | None  # name of the bundled clip, None for the visitor's own video
    frame: int = 0  # selected frame of the prediction


@dataclass
class Visitor:
    """One open page."""

    folder: Path
    shown: Shown | None = None
    uploads: set[Path] = field(default_factory=set)
    results: list[Path] = field(default_factory=list)  # newest last
    run: object | None = None  # the run that may go on; another one, or none, stops it
    seen: float = field(default_factory=time.monotonic)


class Visitors:
    """The open pages by Gradio's session hash, which is only ever a key: clients choose it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open: dict[str, Visitor] = {}

    def of(self, session: str) -> Visitor:
        """Return the visitor of a session, a new one at its first call."""
        with self._lock:
            if session not in self._open:
                self._open[session] = Visitor(private_cache() / "results" / uuid.uuid4().hex)
            self._open[session].seen = time.monotonic()
            return self._open[session]

    def new_result(self, session: str) -> Path:
        """Return an empty folder for a result; the visitor's oldest ones go, and visitors long not seen."""
        visitor = self.of(session)
        for old in [name for name, other in self._open.copy().items() if _forgotten(other)]:
            self.leave(old)
        folder = visitor.folder / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        visitor.results.append(folder)
        while len(visitor.results) > RESULTS_KEPT:
            shutil.rmtree(visitor.results.pop(0), ignore_errors=True)
        return folder

    def drop(self, session: str, folder: Path) -> None:
        """Delete the folder of a run that gave nothing, so that it pushes no good result out."""
        visitor = self.of(session)
        visitor.results = [other for other in visitor.results if other != folder]
        shutil.rmtree(folder, ignore_errors=True)

    def leave(self, session: str) -> None:
        """Stop a visitor's run and delete the visitor's files.

        Gradio names an upload by its content, so two visitors may share one: it stays for the other.
        """
        with self._lock:
            visitor = self._open.pop(session, None)
            shared = {path for other in self._open.values() for path in other.uploads}
        if visitor is None:
            return
        visitor.run = None
        for path in visitor.uploads - shared:
            path.unlink(missing_ok=True)
        shutil.rmtree(visitor.folder, ignore_errors=True)


def _forgotten(visitor: Visitor) -> bool:
    return time.monotonic() - visitor.seen > FILES_AGE


MODELS = Models()
VISITORS = Visitors()
