"""The folder of an evaluation while it is under way; see `avseg.jobs.folder`.

The report is written beside the status when all clips are evaluated, and not before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avseg.jobs.folder import UNDER_WAY
from avseg.jobs.progress import ProgressFolder, ProgressStatus, Stopped, track

__all__ = ["UNDER_WAY", "EvaluationFolder", "EvaluationStatus", "Stopped", "track_progress"]


@dataclass(frozen=True)
class EvaluationStatus(ProgressStatus):
    """State and progress of an evaluation, in clips."""


class EvaluationFolder(ProgressFolder[EvaluationStatus]):
    """Reads and writes the status of an evaluation."""

    status_class = EvaluationStatus


@contextmanager
def track_progress(path: Path | None) -> Iterator[Callable[[int, int], None] | None]:
    """Write the status of an evaluation while the block runs; see `avseg.jobs.progress.track`.

    Yields the `on_progress` of `evaluate`. None writes nothing.
    """
    if path is None:
        yield None
        return
    with track(
        EvaluationFolder(path),
        lambda done, total: f"Stopped after {done} of {total} clips; no report was written.",
        "Stopped at once; no report was written.",
    ) as on_progress:
        yield on_progress
