"""Evaluation folders and reports for tests of the Evaluate tab and its services."""

import json
import time
from pathlib import Path

from app.services import evaluations
from app.services.evaluations import REQUEST_FILE, EvaluationRequest
from app.services.models import IMPORTED
from app.services.reports import StoredReport
from avseg.evaluation.folder import EvaluationFolder, EvaluationStatus
from avseg.evaluation.report import Evaluation, write_evaluation

LIMIT = 180  # seconds that anything may take
SMALL_MODEL = f"small · {IMPORTED}"  # of the fixture evaluations_root


def stored(evaluation: Evaluation, key: str = "one", model: str = "") -> StoredReport:
    return StoredReport(key, evaluation, "evaluated", 1.0, model)


def wait_for(key: str, *states: str) -> EvaluationStatus:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        status = next(item.status for item in evaluations.queue() if item.key == key)
        if status.state in states:
            return status
        time.sleep(0.2)
    console = evaluations.evaluation_folder(key).console_tail(4)
    raise AssertionError(f"{status} is none of {states}: {console}")


def add(root: Path, key: str, state: str, evaluation: Evaluation | None = None) -> str:
    """Add an evaluation as an earlier app would have left it."""
    folder = root / key
    if evaluation:
        write_evaluation(evaluation, folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REQUEST_FILE).write_text(json.dumps(vars(EvaluationRequest("tiny-ms3", "synth-ms3", clips=2))))
    if state != "waiting":
        EvaluationFolder(folder).write_status(EvaluationStatus(state))
    return key
