"""The reports there are: bundled ones, those made here, and the one that a visitor opened."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.services import evaluations as runner
from app.services.evaluation_data import words
from app.services.process import ROOT
from app.services.wording import plural
from avseg.errors import ReportError
from avseg.evaluation.report import REPORT, Evaluation
from avseg.evaluation.report_files import read_evaluation

BUNDLED = ROOT / "assets" / "results"
BUNDLED_PREFIX, OPENED = "bundled:", "opened"


@dataclass(frozen=True, eq=False)
class Shelved:
    """A report that can be looked at."""

    key: str
    evaluation: Evaluation
    origin: str  # bundled, made or opened
    written: float = 0.0  # seconds since 1970; 0 where nobody knows
    model: str = ""  # the name under which the page offers its model

    @property
    def data(self) -> str:
        """What it was measured on, in words."""
        return words(self.evaluation.report)

    @property
    def label(self) -> str:
        """Its line in a list."""
        report = self.evaluation.report
        return f"{self.name}: {self.data}, {plural(report.clips, 'clip')}"

    @property
    def name(self) -> str:
        """The model, as the page calls it."""
        name = self.model or self.evaluation.report.model
        return f"{name}, heard in silence" if self.evaluation.report.muted and "silence" not in name else name


def shelf() -> dict[str, Shelved]:
    """Return the reports by key: those made here, newest first, then the bundled ones."""
    found: dict[str, Shelved] = {}
    for job in reversed(runner.jobs()):
        path = runner.evaluations_root() / job.key
        one = _read(path, job.key, "made", job.request.model)
        if one:
            found[job.key] = one
    for path in sorted(BUNDLED.glob(f"*/{REPORT}")):
        one = _read(path.parent, BUNDLED_PREFIX + path.parent.name, "bundled", "")
        if one:
            found[one.key] = one
    return found


def taken(key: object, opened: Shelved | None = None) -> Shelved:
    """Return a report by its key; `opened` is the visitor's own. Raises ReportError when it is not there."""
    if key == OPENED and opened is not None:
        return opened
    one = shelf().get(key) if isinstance(key, str) else None
    if one is None:
        raise ReportError("This report is not there any more. Choose another one.")
    return one


def first() -> Shelved | None:
    """Return the report that the tab shows before anybody chose one: a bundled one, of MS3 if there is."""
    found = shelf().values()
    return min(
        found, key=lambda one: (one.origin != "bundled", one.evaluation.report.task != "ms3"), default=None
    )


def day(written: float) -> str:
    """Return when a report was written: "today 14:02", "3 Nov"."""
    if not written:
        return ""
    then, now = time.localtime(written), time.localtime()
    if then[:3] == now[:3]:
        return time.strftime("today %H:%M", then)
    return f"{then.tm_mday} {time.strftime('%b', then)}"


def _read(path: Path, key: str, origin: str, model: str) -> Shelved | None:
    try:
        written = (path / REPORT).stat().st_mtime_ns
    except OSError:
        return None
    try:
        evaluation = _cached(path, written)
    except ReportError:
        return None
    return Shelved(key, evaluation, origin, written / 1e9 if origin == "made" else 0.0, model)


@lru_cache(maxsize=64)
def _cached(path: Path, _written: int) -> Evaluation:
    return read_evaluation(path)
