"""The stored reports: bundled ones, those of evaluations started here, and a visitor's own upload."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app.services.datasets import DataSet
from app.services.evaluation_data import data_title
from app.services.evaluations import evaluations_root, queue
from app.services.process import ROOT
from app.services.runs import runs_root
from app.services.wording import plural
from avseg.data.avsbench.dataset import find_tasks
from avseg.data.samples import FOLDER
from avseg.errors import ReportError
from avseg.evaluation.report import REPORT, Evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.files import visible

BUNDLED = ROOT / "assets" / "results"
SEARCHED = ("*", "*/*", "*/*/*")  # folders below a root that may hold a report
BUNDLED_PREFIX, UPLOADED = "bundled:", "uploaded"

Origin = Literal["bundled", "evaluated", "uploaded"]


@dataclass(frozen=True, eq=False)
class StoredReport:
    """A report that the page can show."""

    key: str
    evaluation: Evaluation
    origin: Origin
    written: float = 0.0  # seconds since 1970; 0 if unknown
    model: str = ""  # the name of its model on the page

    @property
    def data(self) -> str:
        """Title of the data and split."""
        return data_title(self.evaluation.report)

    @property
    def name(self) -> str:
        """The model, as the page calls it."""
        name = self.model or self.evaluation.report.model
        return f"{name}, muted" if self.evaluation.report.muted and "mute" not in name else name

    @property
    def label(self) -> str:
        """Its line in a list of choices."""
        return f"{self.name}: {self.data}, {plural(self.evaluation.report.clips, 'clip')}"

    @property
    def date(self) -> str:
        """When it was written: "today 14:02", "3 Nov"; "" if unknown."""
        if not self.written:
            return ""
        then, now = time.localtime(self.written), time.localtime()
        if then[:3] == now[:3]:
            return time.strftime("today %H:%M", then)
        return f"{then.tm_mday} {time.strftime('%b', then)}"


def list_reports() -> dict[str, StoredReport]:
    """Return the reports by key: those evaluated here, newest first, then the bundled ones."""
    root, folders = evaluations_root(), visible(path.parent for path in BUNDLED.glob(f"*/{REPORT}"))
    reports = [
        _read(root / item.key, "evaluated", item.key, item.request.model) for item in reversed(queue())
    ]
    reports += [_read(folder, "bundled", BUNDLED_PREFIX + folder.name) for folder in folders]
    return {report.key: report for report in reports if report is not None}


def get_report(key: object, uploaded: StoredReport | None = None) -> StoredReport:
    """Return a report by its key; `uploaded` is the visitor's own. Raises ReportError without one."""
    if key == UPLOADED and uploaded is not None:
        return uploaded
    report = list_reports().get(key) if isinstance(key, str) else None
    if report is None:
        raise ReportError("This report no longer exists. Select another one.")
    return report


def default_report() -> StoredReport | None:
    """Return the report to open with: a bundled one, of MS3 if there is one."""
    return min(
        list_reports().values(),
        key=lambda item: (item.origin != "bundled", item.evaluation.report.task != "ms3"),
        default=None,
    )


def reports_about(dataset: DataSet) -> list[StoredReport]:
    """Return every report about a data set below the folders of evaluations and runs, oldest first."""
    names = {item.key: item.request.model for item in queue()}
    roots = (evaluations_root(), runs_root(), ROOT / "reports")
    files = (path for root in roots for pattern in SEARCHED for path in root.glob(f"{pattern}/{REPORT}"))
    reports = []
    for folder in {path.parent for path in files}:
        stored = _read(folder, "evaluated", folder.name, names.get(folder.name, ""))
        if stored is None:
            continue
        data = stored.evaluation.report.data
        if (data.kind, data.task) != (FOLDER, dataset.task):
            continue
        with suppress(OSError):  # a root that this machine does not allow
            if find_tasks(data.root).get(data.task) == dataset.folder:
                reports.append(replace(stored, model=stored.model or stored.evaluation.report.model))
    return sorted(reports, key=lambda stored: stored.written)


def _read(folder: Path, origin: Origin, key: str, model: str = "") -> StoredReport | None:
    try:
        written = (folder / REPORT).stat().st_mtime_ns
        evaluation = _cached(folder, written)
    except (OSError, ReportError):
        return None
    return StoredReport(key, evaluation, origin, written / 1e9 if origin == "evaluated" else 0.0, model)


@lru_cache(maxsize=64)
def _cached(path: Path, _written: int) -> Evaluation:
    return read_evaluation(path)
