"""Evaluations started from the page: what a host allows, the command, and the queue of child processes.

Evaluations run one after the other, each as the command that a person would type. The folder of an evaluation
is the only link to its process, so a reload of the page or a restart of the app loses nothing: whoever opens
the page next starts what is waiting.
"""

import json
import os
import re
import shlex
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from app.services.evaluation_data import EvaluationData, get_data
from app.services.host import public_host
from app.services.line import Caller
from app.services.models import available_models
from app.services.process import ROOT, age, kill, launch, startup, withdraw
from avseg.checkpoints import bundled_models
from avseg.config import read_record
from avseg.errors import AvsegError, CheckpointError, ConfigError, ReportError, WriteError
from avseg.evaluation.folder import UNDER_WAY, EvaluationFolder, EvaluationStatus
from avseg.files import write_texts
from avseg.training import command as training_command
from avseg.training.command import display_path

MAX_MODELS = 2  # evaluated by one click
MAX_CLIPS = 100_000
REQUEST_FILE = "request.json"
KEY = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9.-]{1,60}")
OWN_OUT = "outputs/evaluations/mine"  # in the commands that the page shows
GRACE = 60  # seconds between the request to stop an overdue evaluation and the end of its process


@dataclass(frozen=True)
class HostRules:
    """What visitors may evaluate on this host; 0 means no limit."""

    clips: int = 0  # per evaluation
    bundled_only: bool = False
    waiting: int = 20  # in the queue
    own: int = 0  # of those, of one visitor
    address: int = 0  # of those, from one address, since visitors choose their session
    stored: int = 0  # finished evaluations; the oldest are deleted
    seconds: int = 0  # per evaluation
    may_delete: bool = True


OWN_HOST = HostRules()
PUBLIC_HOST = HostRules(
    clips=40, bundled_only=True, waiting=6, own=2, address=4, stored=24, seconds=900, may_delete=False
)


def host_rules() -> HostRules:
    """Return the rules of this host."""
    return PUBLIC_HOST if public_host() else OWN_HOST


@dataclass(frozen=True)
class EvaluationRequest:
    """What a visitor wants to evaluate; stored in the evaluation's folder."""

    model: str  # its name on the page
    data: str  # key of app.services.evaluation_data
    split: str = "test"
    clips: int = 0  # 0: all
    robustness: bool = True


def parse_requests(
    models: list[str], data: str, split: str, clips: float | None, robustness: bool
) -> list[EvaluationRequest]:
    """Return a request per selected model; raises AvsegError for what this host cannot run."""
    if not isinstance(models, list) or not 1 <= len(models) <= MAX_MODELS:
        raise ConfigError("Select one or two models.")
    whole = isinstance(clips, float) and clips.is_integer()
    count = int(clips or 0) if whole else cast(int, clips or 0)  # `validate` refuses what is not whole
    requests = [
        EvaluationRequest(str(model), str(data), str(split), count, bool(robustness)) for model in models
    ]
    for request in requests:
        validate(request)
    return requests


def validate(request: EvaluationRequest) -> tuple[Path, EvaluationData]:
    """Return the model's file and the data of a request; raises AvsegError if this host cannot run it."""
    rules, data, models = host_rules(), get_data(request.data), available_models()
    if request.model not in models:
        raise CheckpointError(f"The model {request.model[:60]!r} no longer exists. Select another one.")
    if rules.bundled_only and request.model not in bundled_models():
        raise ConfigError(
            "This host evaluates only the bundled models. Copy the command and run it yourself."
        )
    available = data.clips(request.split)
    if type(request.clips) is not int or not 0 <= request.clips <= MAX_CLIPS:
        raise ConfigError("Clips must be a whole number from 1; leave the field empty for all clips.")
    count = request.clips or available
    if rules.clips and count > rules.clips:
        raise ConfigError(
            f"This host evaluates at most {rules.clips} clips at a time, not {count}. Lower the number, or "
            "copy the command and run it yourself."
        )
    return models[request.model], data


def arguments(request: EvaluationRequest, model: Path, data: EvaluationData, out: Path) -> list[str]:
    """Return the arguments after `python`."""
    bundled = bundled_models().get(request.model) == model
    name = request.model if bundled else str(display_path(model, ROOT))
    args = ["-m", "avseg", "evaluate", "--model", name]
    args += ["--data", data.argument, "--task", data.task, "--split", request.split]
    args += ["--clips", str(request.clips)] if request.clips else []
    args += [] if request.robustness else ["--no-robustness"]
    return [*args, "--out", str(display_path(out, ROOT)), "--status"]


def command_line(request: EvaluationRequest, out: str = OWN_OUT) -> str:
    """Return the command of a request as a person would type it, "" for a model that no longer exists."""
    model = available_models().get(request.model)
    if model is None:
        return ""
    args = arguments(request, model, get_data(request.data), Path(out))[:-1]  # without --status
    return public_command(training_command.command_line(args))


def public_command(command: str) -> str:
    """Return the command of a report as a person would type it, without what only the page needs.

    On a public host, also without the folders of absolute paths.
    """
    try:
        args = shlex.split(command)
    except ValueError:
        return "" if public_host() else command
    args = [OWN_OUT if KEY.fullmatch(Path(arg).name) else arg for arg in args if arg != "--status"]
    if public_host():
        args = [Path(arg).name if arg.startswith("/") else arg for arg in args]
    return shlex.join(args)


@dataclass(frozen=True)
class QueuedEvaluation:
    """An evaluation that waits, runs or has ended."""

    key: str
    request: EvaluationRequest
    status: EvaluationStatus
    ahead: int = 0  # evaluations that run before it
    stopping: bool = False  # it was asked to stop

    @property
    def under_way(self) -> bool:
        """Whether it waits or runs."""
        return self.status.state in UNDER_WAY


_LOCK = threading.RLock()
_OWNERS: dict[str, Caller] = {}  # by key; forgotten when the app restarts


def evaluations_root() -> Path:
    """Return the folder of all evaluations: AVSEG_EVALUATIONS, or `outputs/evaluations` beside app.py."""
    return Path(os.environ.get("AVSEG_EVALUATIONS", ROOT / "outputs" / "evaluations")).expanduser()


def evaluation_folder(key: str | None) -> EvaluationFolder:
    """Return the folder of an evaluation; raises ReportError for an unknown key."""
    if not isinstance(key, str) or not KEY.fullmatch(key) or not (evaluations_root() / key).is_dir():
        raise ReportError("This evaluation no longer exists. Select another one.")
    return EvaluationFolder(evaluations_root() / key)


def submit(request: EvaluationRequest, session: str = "", address: str = "") -> str:
    """Queue an evaluation and return its key; see `submit_all`."""
    return submit_all([request], session, address)[0]


def submit_all(requests: Sequence[EvaluationRequest], session: str = "", address: str = "") -> list[str]:
    """Queue evaluations, all or none, and return their keys; raises AvsegError if this host cannot run them.

    session: on a public host, only this visitor may cancel them. session and address: whose limits they count
    against; none where empty.
    """
    for request in requests:
        validate(request)
    with _LOCK:
        known = queue()
        _require_places(len(requests), [item for item in known if item.under_way], Caller(session, address))
        rules, ended = host_rules(), [item for item in known if not item.under_way]
        for item in ended[: max(0, len(ended) - rules.stored + len(requests))] if rules.stored else []:
            shutil.rmtree(evaluations_root() / item.key, ignore_errors=True)
        keys: list[str] = []
        try:
            for request in requests:
                keys.append(_store(request))
        except OSError as error:
            for key in keys:
                shutil.rmtree(evaluations_root() / key, ignore_errors=True)
            raise ReportError(f"Evaluations cannot be stored here: {error.strerror or error}.") from error
        _OWNERS.update(dict.fromkeys(keys, Caller(session, address)))
    advance()
    return keys


def _require_places(count: int, under_way: Sequence[QueuedEvaluation], caller: Caller) -> None:
    """Raise ReportError unless so many more evaluations of a caller may wait; says that none of them does."""
    rules, owners = host_rules(), [_OWNERS.get(item.key, Caller("", "")) for item in under_way]
    none = "" if count == 1 else " None of the two was started."
    if len(under_way) + count > rules.waiting:
        busy = f"{len(under_way)} of {rules.waiting} places for evaluations are taken."
        raise ReportError(f"{busy}{none} Try again in a few minutes.")
    own = sum(bool(caller.session) and owner.session == caller.session for owner in owners)
    if rules.own and own + count > rules.own:
        raise ReportError(
            f"{own} of your evaluations are waiting or running, of at most {rules.own}.{none} Wait for "
            "the end of one, or stop it."
        )
    near = sum(bool(caller.address) and owner.address == caller.address for owner in owners)
    if rules.address and near + count > rules.address:
        raise ReportError(
            f"{near} evaluations from your address are waiting or running.{none} Try again later."
        )


def _store(request: EvaluationRequest) -> str:
    """Write the folder of a waiting evaluation and return its key; raises OSError."""
    name = re.sub(r"[^a-z0-9.]+", "-", f"{request.model}-{request.data}".lower()).strip("-.")[:50]
    moment = time.time()
    while (
        evaluations_root() / (key := time.strftime(f"%Y%m%d-%H%M%S-{name}", time.gmtime(moment)))
    ).exists():
        moment += 1
    folder = evaluations_root() / key
    try:
        write_texts(folder, {REQUEST_FILE: json.dumps(asdict(request))})
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return key


def queue() -> list[QueuedEvaluation]:
    """Return the evaluations that were started from the page, oldest first."""
    items: list[QueuedEvaluation] = []
    ahead = 0
    for path in sorted(evaluations_root().glob(f"*/{REQUEST_FILE}")):
        if not KEY.fullmatch(path.parent.name):
            continue
        try:
            request = read_record(EvaluationRequest, path)
        except ConfigError:
            continue
        if request is None:
            continue
        folder = EvaluationFolder(path.parent)
        item = QueuedEvaluation(path.parent.name, request, _status(folder), ahead, folder.stop_requested)
        items.append(item)
        ahead += item.under_way
    return items


def _status(folder: EvaluationFolder) -> EvaluationStatus:
    with _LOCK:  # not between the start of a process and its record
        if (status := folder.read_status()) is not None:
            return status
        child = startup(folder)
    if child is None or child.state == "starting":
        return EvaluationStatus("running" if child else "waiting")
    return EvaluationStatus(child.state, folder.console_tail(4) or child.message)


def advance() -> None:
    """Start the oldest waiting evaluation if none runs; stop one that has run for too long."""
    with _LOCK:
        known = queue()
        running = [item for item in known if item.status.state == "running"]
        for item in running if host_rules().seconds else []:
            overdue = age(item.status.pid) - host_rules().seconds
            if item.status.pid and overdue > 0:
                evaluation_folder(item.key).request_stop()
            if item.status.pid and overdue > GRACE:
                kill(item.status.pid)
        waiting = [item for item in known if item.status.state == "waiting"]
        if waiting and not running:
            _start(waiting[0])


def _start(item: QueuedEvaluation) -> None:
    folder = evaluation_folder(item.key)
    try:
        model, data = validate(item.request)
        launch(arguments(item.request, model, data, folder.path), folder, on_exit=advance)
    except (AvsegError, OSError) as error:
        with suppress(WriteError):  # on a full disk it waits until there is space
            folder.write_status(EvaluationStatus("failed", str(error)))


def may_cancel(key: str, session: str) -> bool:
    """Return whether a visitor may stop an evaluation: on a public host, only the one who started it."""
    return not public_host() or (bool(session) and key in _OWNERS and _OWNERS[key].session == session)


def cancel(key: str, session: str = "") -> EvaluationStatus:
    """Stop an evaluation after its current clips, or at once on the second call and while it starts.

    Returns its status. Raises ReportError for an unknown key, and on a public host for another visitor's
    evaluation.
    """
    folder = evaluation_folder(key)
    if not may_cancel(key, session):
        raise ReportError("Only the visitor who started this evaluation can stop it.")
    with _LOCK:
        status = _status(folder)
        if status.state == "waiting":
            folder.write_status(EvaluationStatus("stopped", "Cancelled."))
        elif status.state == "running" and not status.pid:  # still starting: there is nothing to keep
            withdraw(folder)
        elif status.state == "running" and folder.stop_requested:
            kill(status.pid)
        elif status.state == "running":
            folder.request_stop()
        return _status(folder)


def delete(key: str) -> None:
    """Delete an evaluation; raises ReportError while it runs, and where deleting is off."""
    if not host_rules().may_delete:
        raise ReportError("Deleting is disabled on this host.")
    folder = evaluation_folder(key)
    status = folder.read_status()
    if status is not None and status.state == "running":
        raise ReportError("This evaluation is still running; stop it first.")
    try:
        shutil.rmtree(folder.path)
    except OSError as error:
        raise ReportError(f"This evaluation cannot be deleted: {error.strerror or error}.") from error
