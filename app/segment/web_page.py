"""The result as one web page that opens from disk."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.components.saving import file_name
from app.segment import run, text
from app.services.clips import bundled
from app.services.models import model_info
from app.services.session import ClipResult, Visitor
from avseg.share.result import SharedResult, shared_file, write_result


def write(visitor: Visitor, folder: Path, report: Callable[[float, str], None]) -> Path | None:
    """Write the visitor's result into `folder`, None without one; raises AvsegError."""
    result = visitor.result
    if result is None:
        return None
    path = folder / f"{file_name(result.title, result.model)}.html"
    return write_result(shared(result), path, on_progress=run.part(report, 0, 1, "Writing the video"))


def shared(result: ClipResult) -> SharedResult:
    """Return a result with what is known about it."""
    card, config = model_info(result.model)
    config = config or run.MODELS.config(result.model)
    if result.clip in bundled() and result.truth is None:
        known = shared_file(result.prediction, card, config, text.command(result))
        return replace(known, title=result.title)
    return SharedResult(result.prediction, result.title, card, config, text.command(result), result.truth)
