"""The API of Evaluate for other programs."""

from dataclasses import asdict

import gradio as gr

from app.services import evaluations
from app.services.evaluations import command_line, parse_requests, public_command
from app.services.reports import get_report
from app.services.session import address_of, session_of
from avseg.errors import AvsegError, ReportError


def evaluate(
    model: str,
    data: str = "synth-ms3",
    split: str = "test",
    clips: int = 40,
    robustness: bool = True,
    caller: gr.Request = None,
) -> dict:
    """Start the evaluation of a model on clips of a data set, in the background.

    Returns the evaluation's key, with which `evaluation` returns progress and report, and its command.

    Args:
        model: Name of a model.
        data: Key of a data set: synth-ms3, synth-s4 or synth-avss.
        split: train, val or test.
        clips: Number of clips.
        robustness: Also evaluate with silence, noise and the sounds of other clips.
    """
    try:
        (request,) = parse_requests([model], data, split, clips, robustness)
        key = evaluations.submit(request, session_of(caller), address_of(caller))
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return {"key": key, "command": command_line(request, f"outputs/evaluations/{key}")}


def evaluation(key: str) -> dict:
    """Return the progress of an evaluation, and its report once it has finished.

    Args:
        key: The key that `evaluate` returned.
    """
    try:
        evaluations.evaluation_folder(key)
        evaluations.advance()
        item = next((item for item in evaluations.queue() if item.key == key), None)
        if item is None:
            raise ReportError("This evaluation no longer exists.")
        status = item.status
        report = asdict(get_report(key).evaluation.report) if status.state == "finished" else None
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    if report:
        report |= {"command": public_command(report["command"])}
    return {
        "state": status.state,
        "message": status.message,
        "done": status.done,
        "total": status.total,
        "seconds_left": status.seconds_left,
        "report": report,
    }
