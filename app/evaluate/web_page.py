"""The report in view as one web page that opens from disk."""

from collections.abc import Callable
from pathlib import Path

from app.components.saving import file_name
from app.evaluate.clips import drawn_pictures, model_name
from app.evaluate.state import EvaluateState
from app.services.evaluations import public_command
from app.services.models import model_info
from app.services.session import Visitor
from avseg.share.evaluation import write_evaluation_page


def write_report(visitor: Visitor, folder: Path, _report: Callable[[float, str], None]) -> Path | None:
    """Write the report in view into `folder`, None without one; raises AvsegError."""
    stored = visitor.state(EvaluateState).report()
    if stored is None:
        return None
    name = model_name(stored)
    card, config = model_info(name) if name else (None, None)
    return write_evaluation_page(
        stored.evaluation,
        folder / f"{file_name(stored.name, stored.data)}.html",
        (card, config) if card is not None and config is not None else None,
        drawn_pictures(stored),
        public_command(stored.evaluation.report.command),
    )
