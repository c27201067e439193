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
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import psutil

from app.services import gpu
from app.services.cache import LRUCache
from app.services.handoff import Request
from app.services.jobs import Jobs
from app.services.memory import array_bytes, budget, on_disk, spilled
from app.services.model_thread import ModelThread
from app.services.models import model_file, model_version
from avseg.checkpoints import read_card
from avseg.config import ModelConfig
from avseg.cost import Cost, frames_at_once, is_large, known_cost, measure_cost
from avseg.devices import check_precision, choose_device
from avseg.errors import AvsegError, ConfigError
from avseg.files import make_folder
from avseg.media.clip import Clip
from avseg.predict import OnMasks, Prediction, Predictor, Progress

MODEL_QUEUE = "model"  # the concurrency id of every event that calls a model
MODELS_KEPT = 3
MODELS_SHARE = 0.25  # of the machine's memory, for all kept models together; the newest one always stays
RESULTS_KEPT = 2  # of each visitor: the one on screen may still be playing while the next is written
RESULTS = "results"  # folder of the cache that is served; uploads beside it are not
FILES_AGE = 7200  # seconds after which a visitor's files go, whether or not the page was closed
GRACE = 900  # seconds between a lost connection and the end of a visit: a phone may only be asleep
SWEPT_EVERY = 20  # seconds
VISITORS_KEPT = 2000  # further ones push out those who asked for nothing the longest
RELEASED = (
    "Your last result was removed to make room for other visitors. The player still works; to go on from the "
    "result, segment the clip again."
)

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


ModelVersion = tuple[Path, int]  # file, and when it was written


def _weight_bytes(version: ModelVersion) -> int:
    """Return about how much memory a model's weights take: the bytes of its file, 0 once that is gone."""
    try:
        return version[0].stat().st_size
    except OSError:
        return 0


class Models:
    """The models in memory; every call of one is made by a single thread."""

    def __init__(self) -> None:
        self._thread = ModelThread()
        self._last: dict[str, float] = {}  # by model: seconds per frame of its last run
        self._costs: dict[ModelVersion, Cost] = {}
        memory = MODELS_SHARE * psutil.virtual_memory().total
        self._loaded: LRUCache[ModelVersion, Predictor] = LRUCache(MODELS_KEPT, _weight_bytes, memory)

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
        precision: str = "auto",
    ) -> Prediction:
        """Return a model's prediction of a clip; raises CheckpointError when the model does not exist."""
        clip = on_disk(clip, private_cache())
        options: dict[str, Any] = {"on_frame": on_frame, "on_masks": on_masks, "precision": precision}
        options |= {"threshold": threshold, "measure_mute": measure_mute}
        result = self.run(name, Predictor.predict, clip, **options)
        self._last[name] = result.seconds.model / len(result.labels)
        return result

    def run(
        self,
        name: str,
        work: Callable[..., T],
        *args: object,
        on_frame: Progress | None = None,
        on_masks: OnMasks | None = None,
        precision: str = "auto",
        **named: object,
    ) -> T:
        """Return work(predictor, *args, ...), done by one caller at a time; work's AvsegErrors come through.

        Before the call, results of visitors are removed until all fit into the budget; the big arrays of a
        prediction come back on disk. On a lent GPU (app/services/gpu.py) `work` must be a function of a
        module, what it takes and gives is pickled, and no progress is reported. Raises CheckpointError when
        the model does not exist.
        """
        check_precision(precision)
        callbacks = {"on_frame": on_frame, "on_masks": on_masks}
        if not gpu.LENT:
            named |= {name: callback for name, callback in callbacks.items() if callback is not None}

        def call() -> object:
            VISITORS.make_room()
            return gpu.on_gpu(self._work, name, precision, work, args, named)

        result = self._thread.run(call)
        kept = spilled(result, private_cache()) if isinstance(result, Prediction) else result
        return cast(T, kept)

    def warm(self, names: Sequence[str]) -> None:
        """Load models before anyone asks for them, each with one pass of an empty frame; errors wait."""
        for name in names:
            with suppress(AvsegError):
                self.run(name, Predictor.warm)

    def _work(
        self,
        name: str,
        precision: str,
        work: Callable[..., T],
        args: tuple[object, ...],
        named: dict[str, object],
    ) -> T:
        predictor = self._predictor(name)
        return work(predictor if precision == "auto" else predictor.at(precision), *args, **named)

    def _predictor(self, name: str) -> Predictor:
        path, written = model_version(name)
        key = (path, written)  # a file that was written anew is loaded anew
        batch = frames_at_once(path, choose_device("auto"))
        return self._loaded.get_or_make(key, lambda: Predictor(path, batch=batch))

    def seconds_per_frame(self, name: str) -> float | None:
        """Return the time per frame of a model's last run, or else of its measurement; None if unknown."""
        if name in self._last:
            return self._last[name]
        cost = self.cost(name)
        return cost.seconds_per_frame if cost else None

    def cost(self, name: str) -> Cost | None:
        """Return what a model was measured to cost; None if unknown."""
        return self._costs.get(model_version(name)) or known_cost(model_file(name))

    def lacks_cost(self, name: str) -> bool:
        """Whether a model is large and was never run here, so that `measure` should come before its run."""
        return not gpu.LENT and is_large(model_file(name)) and self.cost(name) is None

    def measure(self, name: str) -> None:
        """Measure what a large model costs, unless that is known; it stays loaded. Raises AvsegError."""

        def call() -> None:
            if self.lacks_cost(name):
                VISITORS.make_room()
                path, version = model_file(name), model_version(name)
                self._costs[version] = measure_cost(path, load=lambda: self._predictor(name))

        self._thread.run(call)

    def __reduce__(self) -> str:
        """Travel as a name: the process of a lent GPU has its own copy."""
        return "MODELS"


@dataclass(frozen=True)
class DatasetSource:
    """Where a clip of a data set comes from."""

    data: str  # key in app.services.datasets
    split: str
    name: str


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
    shared: bool = False  # with all visitors, so that its memory is nobody's
    source: DatasetSource | None = None  # of a clip of a data set
    precision: str = "auto"  # as chosen; the prediction has what that came to


class Holder(Protocol):
    """A tab's state that holds large arrays.

    A state with SURVIVES_RELOAD is kept when the page is reloaded; others describe components that are gone.
    """

    def release(self) -> None:
        """Forget them."""


Numbered = tuple[int, *tuple[Any, ...]]
"""What a `gr.State` holds of a request: its number, then what was asked for."""


@dataclass(eq=False)
class Visitor:
    """One open page."""

    folder: Path
    key: str = ""  # chosen at random by the page; a reload of it presents the same one
    result: ClipResult | None = None  # what Inside, What if and Learn show
    released: bool = False  # the last result was removed to make room
    jobs: Jobs = field(default_factory=Jobs)
    displayed: Prediction | None = None  # what Segment's player shows
    uploads: set[Path] = field(default_factory=set)
    files: dict[str, list[Path]] = field(default_factory=dict)  # folders by kind, newest last
    last_request: float = field(default_factory=time.monotonic)
    _states: dict[type, object] = field(default_factory=dict)
    _requests: dict[type, object] = field(default_factory=dict)
    _answered: dict[str, int] = field(default_factory=dict)  # the newest number of each event

    def is_new(self, event: str, request: Numbered | None) -> bool:
        """Return whether a state holds a request that this event was not called for; its number is first.

        Gradio compares a state before and after every event. What one event changes while another runs is
        therefore a change by both, and the state's `change` event comes twice, or before any request.
        """
        if request is None or request[0] <= self._answered.get(event, 0):
            return False
        self._answered[event] = request[0]
        return True

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
            self.result = replace(result, prediction=self.displayed, shared=False)

    def why_missing(self) -> str:
        """Return, once, that the last result was removed to make room; empty where it was not."""
        was, self.released = self.released and self.result is None, False
        return RELEASED if was else ""

    @property
    def held(self) -> int:
        """Bytes of everything that the tabs hold for this visitor."""
        if self.result is not None and self.result.shared:
            return array_bytes(self._states)
        return array_bytes(self.result, self.displayed, self._states)

    def release(self) -> None:
        """Forget the result and what the tabs hold; files, selections and answers stay."""
        self.released = True
        self.result = self.displayed = None
        for state in list(self._states.values()):
            if hasattr(state, "release"):
                cast(Holder, state).release()

    def follow_reload(self) -> None:
        """Forget what the components showed: those of a reloaded page are as they were built."""
        self.displayed = None
        states = list(self._states.items())
        self._states = {kind: state for kind, state in states if getattr(kind, "SURVIVES_RELOAD", False)}
        self._answered.clear()

    def hand_over(self, request: Request) -> None:
        """Ask another tab to show something when it is opened next (app.services.handoff)."""
        self._requests[type(request)] = request

    def awaited(self, kind: type[R]) -> R | None:
        """Return what another tab asked for, None without a request of this kind; it is still to be taken."""
        return cast(R | None, self._requests.get(kind))

    def take(self, kind: type[R]) -> R | None:
        """Return and forget what another tab asked for, None without a request of this kind."""
        return cast(R | None, self._requests.pop(kind, None))


def session_of(request: object | None) -> str:
    """Return the session of a request; calls from Python, without one, are all of one visitor."""
    return getattr(request, "session_hash", None) or "local"


def address_of(request: object | None) -> str:
    """Return the address that a request comes from, empty for calls from Python."""
    return getattr(getattr(request, "client", None), "host", None) or ""


class Visitors:
    """The open pages by Gradio's session hash, which is only ever a key: clients choose it.

    A page that loses its connection, or is reloaded, comes back within GRACE to everything it had.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open: OrderedDict[str, Visitor] = OrderedDict()
        self._away: dict[str, float] = {}  # when the connection of a session was lost
        self._sweeping = False

    def of(self, session: str) -> Visitor:
        """Return the visitor of a session, a new one at its first call."""
        with self._lock:
            known = session in self._open
            if not known:
                self._open[session] = Visitor(private_cache() / RESULTS / uuid.uuid4().hex)
            visitor = self._open[session]
            visitor.last_request = time.monotonic()
            self._open.move_to_end(session)
            self.present(session)
        if not known:
            self.make_room()
        return visitor

    def attach(self, session: str, key: str) -> Visitor:
        """Return the visitor whose page presents `key`: the one it had before it was reloaded, or a new one.

        Keys shorter than 32 characters could be guessed and are ignored.
        """
        with self._lock:
            visitor = self.of(session)
            if not 32 <= len(key) <= 64 or visitor.key == key:
                return visitor
            earlier = next((other for other in self._open.values() if other.key == key), None)
            if earlier is None:
                visitor.key = key
                return visitor
            self._open[session] = earlier
            earlier.follow_reload()
            return self.of(session)

    def set_result(self, session: str, result: ClipResult) -> None:
        """Put a finished prediction of any source before the visitor; every tab opened next speaks of it."""
        self.of(session).result = result

    def new_result(self, session: str) -> Path:
        """Return an empty folder for a result; the visitor's oldest ones and inactive visitors go."""
        self.sweep()
        return self.new_files(session)

    def new_files(self, session: str, kind: str = "results") -> Path:
        """Return an empty folder for files of a kind; of each, the oldest folders of the visitor go.

        A name is never used twice, since a player may still stream an earlier file.
        """
        visitor = self.of(session)
        folder = make_folder(visitor.folder / uuid.uuid4().hex[:12])
        kept = visitor.files.setdefault(kind, [])
        kept.append(folder)
        while len(kept) > RESULTS_KEPT:
            shutil.rmtree(kept.pop(0), ignore_errors=True)
        return folder

    def drop(self, session: str, folder: Path) -> None:
        """Delete the folder of a run that gave nothing, so that it pushes no good result out."""
        visitor = self.of(session)
        visitor.files = {kind: [f for f in kept if f != folder] for kind, kept in visitor.files.items()}
        shutil.rmtree(folder, ignore_errors=True)

    def make_room(self) -> None:
        """Release results, oldest request first, until all fit into the budget; the newest always stays."""
        with self._lock:
            for session in list(self._open)[: max(0, len(self._open) - VISITORS_KEPT)]:
                self.leave(session)
            visitors = sorted(set(self._open.values()), key=lambda visitor: visitor.last_request)
        held, limit = {visitor: visitor.held for visitor in visitors}, budget()
        total = sum(held.values())
        for visitor in visitors[:-1]:
            if total <= limit:
                return
            if held[visitor]:
                visitor.release()
                total -= held[visitor]

    def away(self, session: str) -> None:
        """Note that a page lost its connection; it is forgotten after GRACE unless it comes back."""
        with self._lock:
            if session in self._open:
                self._away[session] = time.monotonic()
            starts, self._sweeping = not self._sweeping, True
        if starts:
            threading.Thread(target=self._sweep_forever, name="visitors", daemon=True).start()

    def present(self, session: str) -> None:
        """Note that a page has its connection."""
        with self._lock:
            self._away.pop(session, None)

    def sweep(self) -> None:
        """Forget who stayed away for too long, or asked for nothing in FILES_AGE."""
        now = time.monotonic()
        with self._lock:
            gone = [session for session, since in self._away.items() if now - since > GRACE]
            gone += [name for name, other in self._open.items() if now - other.last_request > FILES_AGE]
        for session in gone:
            self.leave(session)

    def leave(self, session: str) -> None:
        """End a session; with the last one of a visitor, stop the runs and delete the files.

        Gradio names an upload by its content, so two visitors may share one: it stays for the other.
        """
        with self._lock:
            self._away.pop(session, None)
            visitor = self._open.pop(session, None)
            others = set(self._open.values())
        if visitor is None or visitor in others:
            return
        visitor.jobs.cancel_all()
        visitor.release()
        for path in visitor.uploads - {path for other in others for path in other.uploads}:
            path.unlink(missing_ok=True)
        shutil.rmtree(visitor.folder, ignore_errors=True)

    def _sweep_forever(self) -> None:
        while True:
            time.sleep(SWEPT_EVERY)
            self.sweep()


MODELS = Models()
VISITORS = Visitors()
