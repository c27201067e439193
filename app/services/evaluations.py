"""Evaluations from the page: child processes that run the command a person would type, one after the other.

The folder of an evaluation is the only thing between the two, so a reload of the page or a restart of the app
loses nothing: what waits is started by whoever looks next.
"""

import json
import os
import re
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from app.services.evaluation_requests import Request, Rules, arguments_of, checked, rules
from app.services.host import public_host
from app.services.process import ROOT, kill, launch, startup, withdraw
from avseg.errors import AvsegError, ReportError
from avseg.evaluation.folder import UNDER_WAY, EvaluationFolder, EvaluationStatus
from avseg.files import atomic_write

REQUEST = "request.json"
KEY = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9.-]{1,60}")
PATIENCE = 60  # seconds between asking an evaluation to end and ending it


@dataclass(frozen=True)
class Job:
    """An evaluation that waits, runs or has ended."""

    key: str
    request: Request
    status: EvaluationStatus
    ahead: int = 0  # evaluations that come first


def evaluations_root() -> Path:
    """Return the folder of all evaluations: AVSEG_EVALUATIONS, or `outputs/evaluations` beside app.py."""
    return Path(os.environ.get("AVSEG_EVALUATIONS", ROOT / "outputs" / "evaluations")).expanduser()


def folder_of(key: str | None) -> Path:
    """Return the folder of an evaluation; raises ReportError for a key that is none."""
    if not isinstance(key, str) or not KEY.fullmatch(key) or not (evaluations_root() / key).is_dir():
        raise ReportError("This evaluation is not there any more. Choose another one.")
    return evaluations_root() / key


def submit(request: Request, session: str = "") -> str:
    """Put an evaluation into the queue and return its key; raises AvsegError when it is not possible here.

    session: who may cancel it on a public host.
    """
    checked(request)
    limits, known = rules(), jobs()
    if sum(job.status.state in UNDER_WAY for job in known) >= limits.waiting:
        raise ReportError(f"{limits.waiting} evaluations wait already. Try again in a few minutes.")
    _forget(known, limits)
    name = re.sub(r"[^a-z0-9.]+", "-", f"{request.model}-{request.data}".lower()).strip("-.")[:50]
    with _LOCK:
        moment = time.time()
        while (key := f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(moment))}-{name}") in _taken(moment):
            moment += 1
        folder = evaluations_root() / key
        try:
            folder.mkdir(parents=True)
            with atomic_write(folder / REQUEST) as file:
                file.write_text(json.dumps(asdict(request)), encoding="utf-8")
        except OSError as error:
            raise ReportError(f"No evaluation can be kept here: {error.strerror or error}.") from error
        _OWNERS[key] = session
    advance()
    return key


_LOCK = threading.RLock()
_OWNERS: dict[str, str] = {}  # who asked for what; after a restart nobody did


def _taken(moment: float) -> set[str]:
    """Return the keys there are, each with the name that the same second would give it."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment))
    return {path.name for path in evaluations_root().glob(f"{stamp}-*")}


def jobs() -> list[Job]:
    """Return the evaluations that were asked for from the page, oldest first."""
    found, ahead = [], 0
    for path in sorted(evaluations_root().glob(f"*/{REQUEST}")):
        if not KEY.fullmatch(path.parent.name):
            continue
        try:
            request = Request(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        folder = EvaluationFolder(path.parent)
        with _LOCK:  # not between the start of a process and its record
            status = folder.read_status() or _before_status(folder)
        under_way = status.state in UNDER_WAY
        found.append(Job(path.parent.name, request, status, ahead if under_way else 0))
        ahead += under_way
    return found


def _before_status(folder: EvaluationFolder) -> EvaluationStatus:
    """Return the status of an evaluation that wrote none yet: it waits, starts, or failed to start."""
    child = startup(folder)
    if child is None:
        return EvaluationStatus("waiting")
    if child.state == "starting":
        return EvaluationStatus("running", "Starting.")
    return EvaluationStatus(child.state, folder.console_tail(4) or child.message)


def advance() -> None:
    """Start the oldest evaluation that waits when none runs; end one that takes longer than allowed."""
    with _LOCK:
        known = jobs()
        running = [job for job in known if job.status.state == "running"]
        for job in running if rules().seconds else []:
            over = time.time() - job.status.process_started - rules().seconds
            if job.status.pid and over > 0:
                EvaluationFolder(folder_of(job.key)).request_stop()
            if job.status.pid and over > PATIENCE:
                kill(job.status.pid)
        waiting = [job for job in known if job.status.state == "waiting"]
        if waiting and not running:
            _start(waiting[0])


def _start(job: Job) -> None:
    folder = EvaluationFolder(folder_of(job.key))
    try:
        path, data = checked(job.request)
        launch(arguments_of(job.request, path, data, folder.path), folder, on_exit=advance)
    except (AvsegError, OSError) as error:
        folder.write_status(EvaluationStatus("failed", str(error)))


def may_cancel(key: str, session: str) -> bool:
    """Say whether a visitor may end an evaluation: on a public host only who asked for it."""
    return not public_host() or (bool(session) and _OWNERS.get(key) == session)


def cancel(key: str, session: str = "") -> EvaluationStatus:
    """End an evaluation at its next clips, or at once when it was asked before; returns its status.

    Raises ReportError for one that is not there, and on a public host for another visitor's.
    """
    folder = EvaluationFolder(folder_of(key))
    if not may_cancel(key, session):
        raise ReportError("Only who asked for this evaluation can end it.")
    with _LOCK:
        status = folder.read_status() or _before_status(folder)
        if status.state == "waiting":
            folder.write_status(EvaluationStatus("stopped", "Taken out of the queue."))
        elif status.state == "running" and folder.stop_requested:
            kill(status.pid) if status.pid else withdraw(folder)
        elif status.state == "running":
            folder.request_stop()
    return folder.read_status() or status


def delete(key: str) -> None:
    """Delete an evaluation; raises ReportError while it runs, and where deleting is off."""
    if not rules().may_delete:
        raise ReportError("Deleting is off on this host.")
    folder = folder_of(key)
    status = EvaluationFolder(folder).read_status()
    if status is not None and status.state == "running":
        raise ReportError("This evaluation runs; stop it first.")
    shutil.rmtree(folder)


def _forget(known: list[Job], limits: Rules) -> None:
    """Delete the oldest evaluations that have ended where only some are kept."""
    ended = [job for job in known if job.status.state not in UNDER_WAY]
    for job in ended[: max(0, len(ended) - limits.kept + 1)] if limits.kept else []:
        shutil.rmtree(evaluations_root() / job.key, ignore_errors=True)
