"""The selected run as one web page that opens from disk."""

from collections.abc import Callable
from pathlib import Path

from app.components.saving import file_name
from app.services.evaluations import public_command
from app.services.runs import shown_runs
from app.services.session import Visitor
from app.train.state import TrainState
from avseg.share.run import write_run_page


def write(visitor: Visitor, folder: Path, _report: Callable[[float, str], None]) -> Path | None:
    """Write the selected run into `folder`, None without one; raises AvsegError."""
    name = visitor.state(TrainState).run
    run = shown_runs().get(name)
    if run is None:
        return None
    status = run.read_status()
    return write_run_page(
        run.path, folder / f"{file_name(name)}.html", public_command(status.command) if status else ""
    )
