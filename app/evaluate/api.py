"""What other programs may ask of the Evaluate tab."""

from dataclasses import asdict

import gradio as gr

from app.services import evaluations as runner
from app.services import reports as shelf
from app.services.evaluation_requests import command_of, plain, requests_of
from avseg.errors import AvsegError, ReportError


def evaluate(
    model: str, data: str = "synth-ms3", split: str = "test", clips: int = 40, robustness: bool = True
) -> dict:
    """Measure a model on clips of a data set; returns the evaluation's key, and the command that runs.

    data is a key such as synth-ms3, synth-s4 or synth-avss. Ask `/evaluation` how far it is.
    """
    try:
        (wanted,) = requests_of([model], data, split, clips, robustness)
        key = runner.submit(wanted)
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return {"key": key, "command": command_of(wanted, f"outputs/evaluations/{key}")}


def evaluation(key: str) -> dict:
    """Return how far an evaluation is, and its report when it is finished."""
    try:
        runner.folder_of(key)
        runner.advance()
        job = next((job for job in runner.jobs() if job.key == key), None)
        if job is None:
            raise ReportError("This evaluation is not there any more.")
        report = asdict(shelf.taken(key).evaluation.report) if job.status.state == "finished" else None
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    if report:
        report |= {"command": plain(report["command"])}
    status = job.status
    return {
        "state": status.state,
        "message": status.message,
        "done": status.done,
        "total": status.total,
        "seconds_left": status.seconds_left,
        "report": report,
    }
