"""The study in view as one web page that opens from disk."""

from collections.abc import Callable
from pathlib import Path

from app.components.saving import file_name
from app.evaluate.ablations.state import AblationState
from app.services.evaluations import public_command
from app.services.session import Visitor
from avseg.errors import ReportError
from avseg.share.study import write_study_page


def write(visitor: Visitor, folder: Path, _report: Callable[[float, str], None]) -> Path | None:
    """Write the study in view into `folder`, None without one; raises AvsegError."""
    study = visitor.state(AblationState).study()
    if study is None:
        return None
    if study.problem:
        raise ReportError(study.problem)
    evaluation = study.evaluation(study.rows[0].name)
    command = public_command(evaluation.report.command) if evaluation else ""
    return write_study_page(study.folder, folder / f"{file_name(study.name)}.html", command)
