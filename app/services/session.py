"""What the server keeps while it runs: loaded models behind one lock, and a private folder per visitor.

Any tab may put a finished prediction before the visitor:

    VISITORS.set_result(session, ClipResult(prediction, title, model, truth=truth))

Inside and What if then speak of it, and Segment shows it when it is opened next.
"""

import atexit
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from app.services import gpu
from app.services.cache import LRUCache
from app.services.handoff import Request
from app.services.jobs import Jobs
from app.services.models import model_file
from avseg.checkpoints import read_card
from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.files import make_folder
from avseg.media.clip import Clip
from avseg.predict import OnMasks, Prediction, Predictor, Progress

MODEL_QUEUE = "model"  # the concurrency id of every event that calls a model
MODELS_KEPT = 3
RESULTS_KEPT = 2  # of each visitor: the one on screen may still be playing while the next is written
RESULTS = "results"  # folder of the cache that is served; uploads beside it are not
FILES_AGE = 7200  # seconds after which a visitor's files go, whether or not the page was closed

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R", bound=Request)


def private_cache() -> Path:
    """Return the folder for everything visitors send and get: one of our own, below GRADIO_TEMP_DIR if given.

    Gradio's default folder is shared by all apps and users of a machine. Ours goes when the server ends.
    Raises ConfigError where no folder can be written.
    """
    named = os.environ.get("GRADIO_TEMP_DIR")
    if not named or named not in _OWN_CACHES:
        try:
            if named:
                Path(named).mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="avseg-explorer-", dir=named or None)
        except OSError as error:
            raise ConfigError(
                f"No folder for visitors' files can be written ({error}). Name another one in "
                "GRADIO_TEMP_DIR, or mount a file system on /tmp."
            ) from error
        _OWN_CACHES.add(folder)
        os.environ["GRADIO_TEMP_DIR"] = named = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(named).resolve()


_OWN_CACHES: set[str] = set()


class Models:
    """The models in memory; every call of one goes through a single lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: LRUCache[tuple[Path, int], Predictor] = LRUCache(MODELS_KEPT)

    def config(self, name: object) -> ModelConfig:
        """Return a model's config without loading its weights, so that arguments are checked before any work.

        Raises CheckpointError when the model does not exist.
        """
        return read_card(model_file(name))[0]

    def predict(
        self,
        name: str,
        clip: Clip,
        on_frame: Progress | None = None,
        on_masks: OnMasks | None = None,
        threshold: float = 0.5,
        measure_mute: bool = False,
    ) -> Prediction:
        """Return a model's prediction of a clip; raises CheckpointError when the model does not exist."""
        options = {"threshold": threshold, "measure_mute": measure_mute}
        return self.run(name, Predictor.predict, clip, on_frame=on_frame, on_masks=on_masks, **options)

    def run(
        self,
        name: str,
        work: Callable[..., T],
        *args: object,
        on_frame: Progress | None = None,
        on_masks: OnMasks | None = None,
        **named: object,
    ) -> T:
        """Return work(predictor, *args, ...), done by one caller at a time; work's AvsegErrors come through.

        On a lent GPU (app/services/gpu.py) `work` must be a function of a module, what it takes and gives is
        pickled, and no progress is reported. Raises CheckpointError when the model does not exist.
        """
        callbacks = {"on_frame": on_frame, "on_masks": on_masks}
        if not gpu.LENT:
            named |= {name: callback for name, callback in callbacks.items() if callback is not None}
        with self._lock:
            return gpu.on_gpu(self._work, name, work, args, named)

    def _work(self, name: str, work: Callable[..., T], args: tuple, named: dict[str, object]) -> T:
        return work(self._predictor(name), *args, **named)

    def _predictor(self, name: str) -> Predictor:
        path = model_file(name)
        key = (path, path.stat().st_mtime_ns)  # a file that was written anew is loaded anew
        return self._loaded.get_or_make(key, lambda: Predictor(path))

    def __reduce__(self) -> str:
        """Travel as a name: the process of a lent GPU has its own copy."""
        return "MODELS"


@dataclass(frozen=True, eq=False)
class ClipResult:
    """The result that a visitor looks at; every tab speaks of it."""

    prediction: Prediction
    title: str
    model: str  # its name in app.services.models; the card inside the file may say another one
    clip: str | None = None  # name of the bundled clip, None for any other
    frame: int = 0  # selected frame of the prediction
    truth: tuple[np.ndarray | None, ...] | None = None
    """Classes uint8 [h, w] of every frame, None for one without a label; a bundled clip's is known anyway."""


@dataclass
class Visitor:
    """One open page."""

    folder: Path
    result: ClipResult | None = None  # what Inside, What if and Learn show
    jobs: Jobs = field(default_factory=Jobs)
    displayed: Prediction | None = None  # what Segment's player shows
    uploads: set[Path] = field(default_factory=set)
    results: list[Path] = field(default_factory=list)  # newest last
    last_request: float = field(default_factory=time.monotonic)
    _states: dict[type, object] = field(default_factory=dict)
    _requests: dict[type, object] = field(default_factory=dict)

    def state(self, kind: type[S]) -> S:
        """Return what this visitor has open in the tab whose state class is `kind`; at first, `kind()`."""
        return cast(S, self._states.setdefault(kind, kind()))

    def apply_threshold(self, threshold: object) -> None:
        """Take over the threshold at which Segment's player is, so that the other tabs use the same one.

        Nothing happens when the player shows another prediction, or when the threshold is not one of its own:
        AVSS takes the largest class.
        """
        result = self.result
        if result is None or result.prediction is not self.displayed or result.prediction.task == "avss":
            return
        current = result.prediction.threshold
        if isinstance(threshold, int | float) and 0 <= threshold <= 1 and abs(threshold - current) >= 1e-6:
            self.displayed = result.prediction.at_threshold(float(threshold))
            self.result = replace(result, prediction=self.displayed)

    def hand_over(self, request: Request) -> None:
        """Ask another tab to show something when it is opened next (app.services.handoff)."""
        self._requests[type(request)] = request

    def take(self, kind: type[R]) -> R | None:
        """Return and forget what another tab asked for, None without a request of this kind."""
        return cast(R | None, self._requests.pop(kind, None))


def session_of(request: object | None) -> str:
    """Return the session of a request; calls from Python, without one, are all of one visitor."""
    return getattr(request, "session_hash", None) or "local"


class Visitors:
    """The open pages by Gradio's session hash, which is only ever a key: clients choose it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open: dict[str, Visitor] = {}

    def of(self, session: str) -> Visitor:
        """Return the visitor of a session, a new one at its first call."""
        with self._lock:
            if session not in self._open:
                self._open[session] = Visitor(private_cache() / RESULTS / uuid.uuid4().hex)
            self._open[session].last_request = time.monotonic()
            return self._open[session]

    def set_result(self, session: str, result: ClipResult) -> None:
        """Put a finished prediction of any source before the visitor; every tab opened next speaks of it."""
        self.of(session).result = result

    def new_result(self, session: str) -> Path:
        """Return an empty folder for a result; the visitor's oldest ones and inactive visitors go."""
        visitor, now = self.of(session), time.monotonic()
        for name, other in self._open.copy().items():
            if now - other.last_request > FILES_AGE:
                self.leave(name)
        folder = make_folder(visitor.folder / uuid.uuid4().hex[:12])
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
        visitor.jobs.cancel_all()
        for path in visitor.uploads - shared:
            path.unlink(missing_ok=True)
        shutil.rmtree(visitor.folder, ignore_errors=True)


MODELS = Models()
VISITORS = Visitors()
