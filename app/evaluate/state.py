"""What a visitor has open in Evaluate."""

from dataclasses import dataclass, replace

from app.components.events import Action, integer
from app.services.reports import StoredReport, default_report, get_report

PAGE = 12  # clips
BINS = 10  # of the IoU histogram
ORDERS = ("worst", "best")


@dataclass(frozen=True)
class ClipsView:
    """Which clips of a report are in view; None means all."""

    page: int = 0
    order: str = "worst"
    bin: int | None = None  # tenth of the IoU
    label: str | None = None  # class

    def after(self, action: Action) -> "ClipsView":
        """Return the view after an action of the page; invalid ones change nothing."""
        value = action.value
        if action.name == "all":
            return ClipsView(order=self.order)
        if action.name == "order" and value in ORDERS:
            return replace(self, page=0, order=str(value))
        if action.name == "bin" and integer(value, 0, BINS) is not None:
            return ClipsView(order=self.order, bin=integer(value, 0, BINS))
        if action.name == "label" and isinstance(value, str) and len(value) < 100:
            return ClipsView(order=self.order, label=value)
        page = integer(value, 0, 10**9) if action.name == "page" else None
        return self if page is None else replace(self, page=page)


@dataclass
class EvaluateState:
    """The reports and clips in view, and the evaluations whose end is awaited."""

    report_key: str = ""  # "": the default report
    compared_key: str = ""
    uploaded: StoredReport | None = None
    view: ClipsView = ClipsView()
    watched: tuple[str, ...] = ()
    revision: int = 0  # counts what is drawn, so that pictures are made for the latest only

    def report(self) -> StoredReport | None:
        """Return the report in view; raises ReportError if it no longer exists."""
        return get_report(self.report_key, self.uploaded) if self.report_key else default_report()

    def compared(self) -> StoredReport | None:
        """Return the report it is compared with; raises ReportError if it no longer exists."""
        return get_report(self.compared_key, self.uploaded) if self.compared_key else None
