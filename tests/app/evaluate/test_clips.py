"""The clips of a report: by page, tenth of the IoU and class."""

from app.components.events import Action
from app.evaluate.charts import bin_counts
from app.evaluate.clips import on_page, selected
from app.evaluate.state import PAGE, ClipsView
from avseg.evaluation.report import Evaluation
from tests.support.evaluations import stored


def test_clips_by_page_bin_and_class(bundled_report: Evaluation):
    report, rows = stored(bundled_report), bundled_report.clips
    counts = bin_counts(rows)
    assert sum(counts) == sum(row.iou is not None for row in rows)
    view = ClipsView().after(Action("page", 1))
    assert on_page(report, view) == list(rows[12:24])
    last = (len(rows) - 1) // PAGE * PAGE
    assert on_page(report, ClipsView(page=999)) == list(rows[last:])
    fullest = max(range(10), key=counts.__getitem__)
    some = selected(report, view.after(Action("bin", fullest)))
    assert len(some) == counts[fullest] > 0
    assert all(fullest / 10 <= row.iou <= (fullest + 1) / 10 for row in some)
    dogs = selected(report, view.after(Action("label", "dog")))
    assert dogs and all("dog" in row.labels.split() for row in dogs)
    assert selected(report, view.after(Action("order", "best"))) == list(rows[::-1])
    assert view.after(Action("bin", 3)).after(Action("all")) == ClipsView()


def test_invalid_actions_change_nothing():
    view = ClipsView(page=1)
    for action in (
        Action("page", -1),
        Action("page", "1"),
        Action("bin", 10),
        Action("bin", True),
        Action("order", "x"),
        Action("order", ["worst"]),
        Action("label", 3),
        Action("explode", 1),
    ):
        assert view.after(action) == view
