"""What Evaluate says and draws: sentences, published and measured numbers, matrix, queue."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.evaluate import html, text
from app.evaluate.charts import confusion_card
from app.evaluate.clips import grid
from app.evaluate.state import ClipsView
from app.services import evaluations
from app.services.evaluations import EvaluationRequest, QueuedEvaluation
from avseg.data.samples import FOLDER, DataReference
from avseg.evaluation.folder import EvaluationStatus
from avseg.evaluation.published import TABLE_1
from avseg.evaluation.report import ClassRow, ClipRow, Confusion, Evaluation, Floor
from tests.support.evaluations import add, stored

EVIL = '<img src=x onerror="alert(1)">'


def test_the_finding_follows_the_numbers(bundled_report: Evaluation):
    robustness = replace(
        bundled_report.report.robustness, swap_sensitivity=0.9, silence=0.0, noise=0.001, offscreen=0.001
    )
    report = replace(bundled_report.report, miou_with_ground_truth=0.74, robustness=robustness)

    def finding(miou: float = 0.74, **changes: float | None) -> str:
        changed = replace(robustness, **changes)
        return text.finding(replace(report, miou_with_ground_truth=miou, robustness=changed))

    assert finding() == "Masks are accurate (IoU 0.74) and follow the sound."
    assert finding(swap_sensitivity=0.1) == "Masks are accurate (IoU 0.74) but barely react to the sound."
    assert finding(0.1, swap_sensitivity=0.1) == (
        "Misses most sounding objects (IoU 0.10) and barely reacts to the sound."
    )
    assert "an off-screen sound still produces a mask of 8.0\N{NO-BREAK SPACE}% of the frame" in finding(
        offscreen=0.08
    )
    assert finding(0.1) == "Misses most sounding objects (IoU 0.10) but follows the sound."
    assert finding(swap_sensitivity=None) == "Masks are accurate (IoU 0.74)."
    by_class = replace(report, measured_as="classes", miou_present_classes=0.6, present_classes=7)
    assert text.finding(by_class) == (
        "Mostly tells the 7 sounding classes apart (IoU 0.60) and follows the sound."
    )


class Rows(HTMLParser):
    """The classes of every lane of a page."""

    def __init__(self):
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag, attributes):
        kinds = (dict(attributes).get("class") or "").split()
        if "lane" in kinds:
            self.rows.append(kinds)


def test_published_and_measured_never_share_a_row(bundled_report: Evaluation):
    rows = Rows()
    page = html.body(stored(bundled_report))
    rows.feed(page)
    printed = [kinds for kinds in rows.rows if "reference" in kinds]
    measured = [kinds for kinds in rows.rows if "measured" in kinds]
    assert len(printed) == len(TABLE_1.scores("ms3")) == 10 and len(measured) == 1
    assert not any({"reference", "measured"} <= set(kinds) for kinds in rows.rows)
    assert page.index("<b>Published</b>") < page.index("58.36") < page.index("<b>Measured</b>")
    assert page.index("<b>Measured</b>") < page.index("Measured by <code>python -m avseg evaluate")
    assert "arXiv:2307.01146v1, Table 1" in page and "a different data set, not comparable" in page


def test_intervals_and_floors_are_beside_the_numbers(bundled_report: Evaluation):
    old = stored(bundled_report)
    assert "95\N{NO-BREAK SPACE}%" not in html.body(old) and "Trivial rules" not in html.head(old)
    intervals = {
        "miou": (0.87, 0.9),
        "false_positive_without_ground_truth": (0.0, 0.01),
        "noise": (0.004, 0.02),
    }
    floors = {"everything": Floor(0.14, 1.0), "largest_object": Floor(0.52, 0.2)}
    report = replace(bundled_report.report, intervals=intervals, floors=floors)
    new = stored(replace(bundled_report, report=report))
    page = html.body(new)
    assert "95\N{NO-BREAK SPACE}% 0.87 to 0.90; empty frames score the background" in page
    assert "0.0\N{NO-BREAK SPACE}% to 1.0\N{NO-BREAK SPACE}%; mean of 577 frames" in page
    assert page.count('class="lane-whisker"') == 2  # of mIoU and of white noise
    assert "everything 0.14, largest object 0.52" in html.head(new)


def test_names_from_files_are_escaped(bundled_report: Evaluation):
    report = replace(
        bundled_report.report,
        model=EVIL,
        data=DataReference(FOLDER, "ms3", "test", EVIL),
        command=EVIL,
        notes=(EVIL,),
    )
    rows = (ClipRow(EVIL, EVIL, 5, 5, 0.3, None, 0.1), ClipRow("b", "dog", 5, 5, 0.9, None, 0.1))
    evil = Evaluation(report, rows, (ClassRow(EVIL, 1, 1, 0.5, 0.5, 0.5),))
    one, other = stored(evil, EVIL), stored(replace(evil, clips=rows[::-1]), "b", EVIL)
    page = html.head(one) + html.body(one, other) + html.report_list([one], None, True)
    page += grid(one, ClipsView()) + grid(one, ClipsView(label=EVIL)) + html.command([EVIL])
    request = EvaluationRequest(EVIL, "synth-ms3")
    item = QueuedEvaluation("20260101-000000-a", request, EvaluationStatus("failed", EVIL))
    page += html.queue([item], {item.key})
    assert "<img src=x" not in page and page.count("&lt;img src=x") > 12


def test_confusion_in_a_table_and_in_a_sentence(bundled_report: Evaluation):
    confusion = Confusion(("background", "car", "dog"), ((900, 10, 0), (50, 100, 50), (0, 0, 80)))
    classes = replace(bundled_report.report, measured_as="classes")
    report = stored(replace(bundled_report, report=classes, confusion=confusion))
    page = confusion_card(report)
    assert page.count("<td style") == 9 and "car, predicted as dog: 25.0 %" in page
    assert "Most frequent confusions: car predicted as dog, 25 %." in page
    assert "There is no confusion.csv" in confusion_card(stored(replace(report.evaluation, confusion=None)))
    assert confusion_card(stored(bundled_report)) == ""


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (EvaluationStatus("waiting"), "Next in line"),
        (EvaluationStatus("running"), "Loading model and data"),
        (EvaluationStatus("running", done=10, total=40, seconds=20), "10 of 40 clips, 1 min left"),
        (EvaluationStatus("stopped", done=6, total=40), "Cancelled after 6 of 40 clips."),
        (EvaluationStatus("stopped", "Cancelled."), "Cancelled."),
        (EvaluationStatus("failed", "Out of memory."), "Failed. Out of memory."),
        (EvaluationStatus("killed", "The process ended."), "Crashed. The process ended."),
    ],
)
def test_the_queue_says_what_happens(status: EvaluationStatus, message: str):
    item = QueuedEvaluation("20260101-000000-a", EvaluationRequest("tiny-ms3", "synth-ms3"), status)
    page = html.queue([item], ())
    assert f"<span>{message}</span>" in page
    assert ("Dismiss" in page) == (status.state in html.ENDED)
    assert ("failed" in page) == (status.state in ("failed", "killed"))
    assert "Waiting for 2 evaluations" in html.queue(
        [replace(item, status=EvaluationStatus("waiting"), ahead=2)], ()
    )


@pytest.mark.usefixtures("evaluations_root")
def test_a_crashed_evaluation_says_so(evaluations_root: Path):
    key = add(evaluations_root, "20260101-000000-a", "running")
    status = evaluations_root / key / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"process_started": 1.0}))
    page = html.queue(evaluations.queue(), ())
    assert "Crashed" in page and "without a message" in page
