"""The Evaluate tab: what may be asked for, the queue of child processes, what is said and drawn; the page."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import torch

from app.evaluate import clips, compare, published
from app.evaluate import html as drawn
from app.evaluate import report_handlers as evaluate_report
from app.evaluate import sidebar_handlers as tab
from app.evaluate import text as words
from app.evaluate.clips import View, changed, on_page, selected
from app.evaluate.confusion import matrix, mistakes
from app.evaluate.distribution import binned
from app.evaluate.layout import Chosen
from app.services import evaluation_data as data
from app.services import evaluation_requests as asking
from app.services import evaluations as runner
from app.services import models as app_models
from app.services import reports as shelf
from app.services.evaluation_requests import Request, arguments_of, checked, command_of, plain
from app.services.handoff import ExploreRequest
from app.services.reports import BUNDLED, Shelved
from avseg.checkpoints import Card, save_model
from avseg.data.loaders import on_disk
from avseg.data.samples import FOLDER, SYNTHAVS, DataReference
from avseg.errors import AvsegError, ConfigError, ReportError
from avseg.evaluation.folder import UNDER_WAY, EvaluationFolder, EvaluationStatus
from avseg.evaluation.report import (
    CLASSES,
    CLIPS,
    REPORT,
    ClassRow,
    ClipRow,
    Confusion,
    Evaluation,
    write_evaluation,
)
from avseg.evaluation.report_files import read_evaluation
from avseg.jobs.folder import CONSOLE, Launch, lives
from avseg.models.avsegformer import AVSegFormer
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from tests.browser.test_page import QUICK, WAIT, page  # noqa: F401 (a fixture)
from tests.support.small_model import SMALL

LIMIT = 180  # seconds that anything here may take
EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    return save_model(path, AVSegFormer(SMALL), Card("small", "random", "No training."))


@pytest.fixture(autouse=True)
def root_of_evaluations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Path) -> Iterator[Path]:
    """Nothing is kept between tests; `small` is one more model, and none of the bundled ones."""
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(tmp_path / "evaluations"))
    monkeypatch.setenv("AVSEG_MODELS", str(small.parent))
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("AVSEG_PUBLIC", raising=False)
    yield tmp_path / "evaluations"
    for job in runner.jobs():  # what a failed test left behind
        launched = EvaluationFolder(tmp_path / "evaluations" / job.key).read_launch()
        if launched and lives(launched.pid, launched.process_started):
            runner.kill(launched.pid)


SMALL_ONE = f"small · {app_models.IMPORTED}"


@pytest.fixture
def bundled() -> Evaluation:
    return read_evaluation(BUNDLED / "tiny-ms3")


def shelved(evaluation: Evaluation, key: str = "one", model: str = "") -> Shelved:
    return Shelved(key, evaluation, "made", 1.0, model)


def wait_for(key: str, *states: str) -> EvaluationStatus:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        status = next(job.status for job in runner.jobs() if job.key == key)
        if status.state in states:
            return status
        time.sleep(0.2)
    raise AssertionError(
        f"{status} is none of {states}: {EvaluationFolder(runner.folder_of(key)).console_tail(4)}"
    )


def put(
    root: Path, key: str, state: str, evaluation: Evaluation | None = None, model: str = "tiny-ms3"
) -> str:
    """Put an evaluation into the folder as an earlier app would have left it."""
    folder = root / key
    if evaluation:
        write_evaluation(evaluation, folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / runner.REQUEST).write_text(json.dumps(vars(Request(model, "synth-ms3", clips=2))))
    if state != "waiting":
        EvaluationFolder(folder).write_status(EvaluationStatus(state))
    return key


# What may be asked for


def test_the_command_is_what_a_person_would_type(small: Path, monkeypatch):
    wanted = Request("tiny-ms3", "synth-ms3", "val", 12, False)
    assert command_of(wanted) == (
        "python -m avseg evaluate --model tiny-ms3 --data synth --task ms3 --split val --clips 12 "
        "--no-robustness --out outputs/evaluations/mine"
    )
    path, found = checked(Request(SMALL_ONE, "synth-s4"))
    assert path == small and str(small) in arguments_of(
        Request(SMALL_ONE, "synth-s4"), path, found, Path("x")
    )
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert plain("python -m avseg evaluate --data '/home/me/my data' --out a/b") == (
        "python -m avseg evaluate --data 'my data' --out a/b"
    )


@pytest.mark.parametrize(
    "wanted",
    [
        Request("no-such-model", "synth-ms3"),
        Request("/etc/passwd", "synth-ms3"),
        Request("tiny-ms3", "/etc"),
        Request("tiny-ms3", "synth-ms3", "../test"),
        Request("tiny-ms3", "synth-ms3", clips=-1),
        Request("tiny-ms3", "synth-ms3", clips=10**9),
        Request("tiny-ms3", "synth-ms3", clips="40"),
    ],
)
def test_what_is_not_there_is_refused(wanted: Request, root_of_evaluations: Path):
    with pytest.raises(AvsegError):
        runner.submit(wanted)
    assert not list(root_of_evaluations.glob("*"))


def test_a_public_host_measures_bundled_models_on_a_few_clips(root_of_evaluations: Path, monkeypatch):
    monkeypatch.setattr(runner, "_start", lambda job: None)  # what waits stays waiting
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    for wanted, said in (
        (Request("tiny-ms3", "synth-ms3"), "200 clips are more than the 40"),
        (Request("tiny-ms3", "synth-ms3", clips=41), "copy the command"),
        (Request(SMALL_ONE, "synth-ms3", clips=2), "only the bundled models"),
    ):
        with pytest.raises(ConfigError, match=said):
            runner.submit(wanted)
    few = Request("tiny-ms3", "synth-ms3", clips=2)
    keys = [runner.submit(few, "me") for _ in range(asking.PUBLIC.waiting)]
    assert len(set(keys)) == len(keys) and runner.jobs()[-1].ahead == len(keys) - 1
    with pytest.raises(ReportError, match="wait already"):
        runner.submit(few)
    with pytest.raises(ReportError, match="Only who asked"):
        runner.cancel(keys[0], "somebody else")
    assert runner.cancel(keys[0], "me").state == "stopped"
    with pytest.raises(ReportError, match="off on this host"):
        runner.delete(keys[0])
    said = tab.acted(SimpleNamespace(_data={"delete": keys[0]}), (), Chosen(), None)[0]
    assert "off on this host" in said["value"] and runner.folder_of(keys[0]).is_dir()


def test_reports_of_visitors_do_not_grow_without_end(root_of_evaluations: Path, monkeypatch):
    monkeypatch.setattr(runner, "_start", lambda job: None)
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    for number in range(asking.PUBLIC.kept + 3):
        put(root_of_evaluations, f"20260101-0000{number:02d}-old", "finished")
    runner.submit(Request("tiny-ms3", "synth-ms3", clips=2))
    left = sorted(path.name for path in root_of_evaluations.iterdir())
    assert len(left) == asking.PUBLIC.kept and left[0] == "20260101-000004-old"


@pytest.mark.parametrize(
    "key", ["", "..", "../x", "20260101-000000-../../etc", None, 7, "20260101-000000-gone"]
)
def test_keys_stay_inside_the_root(key):
    with pytest.raises(ReportError, match="not there any more"):
        runner.folder_of(key)
    with pytest.raises(ReportError):
        shelf.taken(key)


# The queue


def test_two_evaluations_run_one_after_the_other_to_their_reports():
    first = runner.submit(Request(SMALL_ONE, "synth-ms3", clips=2, robustness=False))
    second = runner.submit(Request(SMALL_ONE, "synth-ms3", clips=3))
    jobs = {job.key: job for job in runner.jobs()}
    assert jobs[first].status.state == "running" and jobs[second].status.state == "waiting"
    assert "Waits: 1 evaluation comes first." in drawn.under_way(list(jobs.values()), (), ())
    assert runner.cancel(second).state == "stopped"
    assert wait_for(first, "finished", "failed").state == "finished"
    one = shelf.taken(first)
    assert one.evaluation.report.clips == 2 and one.name == SMALL_ONE and one.origin == "made"
    assert "--status" in one.evaluation.report.command and clips.model_name(one) == SMALL_ONE
    # It comes into view, and its worst clip is drawn as it was measured.
    jobs_html, _, mine, seen, listed = tab.poll((first,), Chosen(), None)
    assert seen.key == first and mine == () and not jobs_html and f'data-open="{first}"' in listed
    row = one.evaluation.clips[0]
    assert clips.look(one, row.name).mean_iou == pytest.approx(row.iou, abs=1e-4)
    assert list(clips.fill(one, View())) and clips.grid(one, View()).count("data:image/jpeg") == 2


def test_what_waited_when_the_app_ended_is_started_by_the_next_look(root_of_evaluations: Path, monkeypatch):
    started = []
    monkeypatch.setattr(runner, "_start", lambda job: started.append(job.key))
    put(root_of_evaluations, "20260101-000001-b", "waiting")
    put(root_of_evaluations, "20260101-000000-a", "waiting")
    runner.advance()
    assert started == ["20260101-000000-a"]
    put(root_of_evaluations, "20260101-000000-a", "running")  # this process: it lives
    runner.advance()
    assert started == ["20260101-000000-a"]


def test_an_evaluation_that_died_is_said_to_have(root_of_evaluations: Path):
    key = put(root_of_evaluations, "20260101-000000-a", "running")
    status = root_of_evaluations / key / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"process_started": 1.0}))
    assert "Died" in drawn.under_way(runner.jobs(), (key,), ()) and "without a message" in tab._jobs(
        (key,), ""
    )
    (root_of_evaluations / key / CONSOLE).write_text("avseg: No model is called 'x'\n")
    status.unlink()
    EvaluationFolder(root_of_evaluations / key).write_launch(Launch(2**22 + 1, 1.0, 1.0))
    assert runner.jobs()[0].status.message == "avseg: No model is called 'x'"


# What is said and drawn


def test_the_finding_follows_the_numbers(bundled: Evaluation):
    heard = replace(
        bundled.report.robustness, swap_sensitivity=0.9, silence=0.0, noise=0.001, offscreen=0.001
    )
    report = replace(bundled.report, miou_with_ground_truth=0.74, robustness=heard)
    deaf = replace(report, robustness=replace(report.robustness, swap_sensitivity=0.1))
    noisy = replace(report, robustness=replace(report.robustness, offscreen=0.08))
    bad = replace(report, miou_with_ground_truth=0.1)
    untried = replace(report, robustness=replace(report.robustness, swap_sensitivity=None))
    assert words.finding(report) == "What sounds is marked well (IoU 0.74); the sound decides the mask."
    assert words.finding(deaf).endswith("hardly depends on the sound.")
    assert "an off-screen sound still gets a mask of 8.0\N{NO-BREAK SPACE}% of the frame" in words.finding(
        noisy
    )
    assert "is mostly missed (IoU 0.10)" in words.finding(bad) and ";" not in words.finding(untried)
    by_class = replace(report, measured_as="classes", miou_present_classes=0.6, present_classes=7)
    assert words.finding(by_class).startswith("The 7 classes that sound are mostly told apart (IoU 0.60)")


class Rows(HTMLParser):
    """The classes of every row of the table beside which measured numbers stand."""

    def __init__(self):
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag, attributes):
        kinds = (dict(attributes).get("class") or "").split()
        if "ev-row" in kinds:
            self.rows.append(kinds)


def test_published_and_measured_never_share_a_row(bundled: Evaluation):
    rows = Rows()
    html = drawn.body(shelved(bundled))
    rows.feed(html)
    printed = [kinds for kinds in rows.rows if "printed" in kinds]
    ours = [kinds for kinds in rows.rows if "ours" in kinds]
    assert len(printed) == len(published.published("ms3")[0].rows) == 10 and len(ours) == 1
    assert not any({"printed", "ours"} <= set(kinds) for kinds in rows.rows)
    assert html.index("<b>Published</b>") < html.index("58.36") < html.index("<b>Measured</b>")
    assert html.index("<b>Measured</b>") < html.index("Measured by <code>python -m avseg evaluate")
    assert "arXiv:2307.01146v1, Table 1" in html and "another data set, read this block by itself" in html


def test_published_numbers_are_the_papers(root: Path):
    table = {(row.method, row.backbone): row for row in published.published("avss")[0].rows}
    assert (table["AVSegFormer", "PVTv2"].miou, table["AVSegFormer", "PVTv2"].f) == (36.66, 42.0)
    assert ("LVS", "ResNet-50") not in table and len(table) == 6
    assert all(row.source for row in published.published("s4")[1].rows)


def test_names_from_files_are_escaped(bundled: Evaluation):
    report = replace(
        bundled.report,
        model=EVIL,
        data=DataReference(FOLDER, "ms3", "test", EVIL),
        command=EVIL,
        notes=(EVIL,),
    )
    rows = (ClipRow(EVIL, EVIL, 5, 5, 0.3, None, 0.1), ClipRow("b", "dog", 5, 5, 0.9, None, 0.1))
    evil = Evaluation(report, rows, (ClassRow(EVIL, 1, 1, 0.5, 0.5, 0.5),))
    one, other = shelved(evil, EVIL), shelved(replace(evil, clips=rows[::-1]), "b", EVIL)
    html = (
        drawn.head(one) + drawn.body(one, other) + drawn.listed([one], None, True) + clips.grid(one, View())
    )
    html += clips.grid(one, View(label=EVIL)) + drawn.command([EVIL])
    job = runner.Job("20260101-000000-a", Request(EVIL, "synth-ms3"), EvaluationStatus("failed", EVIL))
    html += drawn.under_way([job], (job.key,), (job.key,))
    assert "<img src=x" not in html and html.count("&lt;img src=x") > 12


def test_confusion_in_a_table_and_in_words(bundled: Evaluation):
    found = Confusion(("background", "car", "dog"), ((900, 10, 0), (50, 100, 50), (0, 0, 80)))
    one = shelved(replace(bundled, report=replace(bundled.report, measured_as="classes"), confusion=found))
    html = matrix(one)
    assert html.count("<td style") == 9 and "car, taken for dog: 25.0 %" in html
    assert mistakes(found) == "Most often mistaken: car for dog, 25 %."
    assert "is not there" in matrix(shelved(replace(one.evaluation, confusion=None)))
    assert matrix(shelved(bundled)) == ""


def test_clips_by_page_bin_and_class(bundled: Evaluation):
    one = shelved(bundled)
    assert sum(binned(bundled.clips)) == sum(row.iou is not None for row in bundled.clips)
    view = changed(View(), {"page": 1})
    assert on_page(one, view) == list(bundled.clips[12:24])
    last = (len(bundled.clips) - 1) // clips.PAGE * clips.PAGE
    assert on_page(one, View(page=999)) == list(bundled.clips[last:])
    counts = binned(bundled.clips)
    fullest = max(range(10), key=counts.__getitem__)
    some = selected(one, changed(view, {"bin": fullest}))
    assert len(some) == counts[fullest] > 0
    assert all(fullest / 10 <= row.iou <= (fullest + 1) / 10 for row in some)
    dogs = selected(one, changed(view, {"label": "dog"}))
    assert dogs and all("dog" in row.labels.split() for row in dogs)
    assert selected(one, changed(view, {"order": "best"})) == list(bundled.clips[::-1])
    for nothing in (
        None,
        {"page": -1},
        {"page": "1"},
        {"bin": 10},
        {"bin": True},
        {"order": "x"},
        {"label": 3},
    ):
        assert changed(view, nothing) == view


def test_two_models_clip_by_clip(bundled: Evaluation):
    turned = tuple(
        replace(row, iou=None if row.iou is None else row.iou + (0.1 if number < 5 else 0))
        for number, row in enumerate(bundled.clips)
    )
    one, other = shelved(replace(bundled, clips=turned), "a", "new"), shelved(bundled, "b", "old")
    found = compare.pairs(one, other)
    assert len(found) == sum(row.iou is not None for row in bundled.clips)
    assert sum(pair.change >= compare.CHANGED for pair in found) == 5
    html = drawn.body(one, other)
    assert "new is better on 5 and worse on 0" in html and html.count('class="ev-pair"') == 5
    same = drawn.body(shelved(bundled, "a"), shelved(bundled, "b"))
    assert "tiny-ms3, a beside tiny-ms3, b" in same


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (DataReference(SYNTHAVS, "s4", "test", seed=2026), "SynthAVS, MS3 test and SynthAVS, S4 test"),
        (DataReference(SYNTHAVS, "ms3", "test", seed=7), " and 7."),
        (DataReference(FOLDER, "ms3", "test", "/data/AVSBench"), "AVSBench, MS3 test"),
    ],
)
def test_different_data_are_refused_in_words(bundled: Evaluation, reference: DataReference, said: str):
    other = shelved(replace(bundled, report=replace(bundled.report, data=reference)), "b")
    html = drawn.body(shelved(bundled), other)
    assert "measured different data" in html and said in html and "ev-beside" not in html
    assert "/data" not in html


def test_clips_that_only_share_a_name_are_refused(bundled: Evaluation):
    rows = tuple(replace(row, frames_with_ground_truth=1) for row in bundled.clips)
    for clips_, said in ((rows, "another ground truth"), ((), "without its clips.csv")):
        with pytest.raises(ReportError, match=said):
            compare.pairs(shelved(bundled), shelved(replace(bundled, clips=clips_)))


def test_a_folder_is_found_again_by_its_report_alone(tmp_path: Path, monkeypatch, bundled: Evaluation):
    write(SynthAVS("ms3", "test", 5, 2), tmp_path / "mine", videos=False)
    monkeypatch.setenv("AVSEG_DATA", str(tmp_path / "mine"))
    one = next(d for d in data.all_data().values() if d.folder is not None)
    assert one.clips("test") == 2 and one.clips("val") == 0
    name = on_disk(one.word, "ms3", "test").name(0)
    report = replace(bundled.report, data=DataReference(FOLDER, "ms3", "test", one.word))
    seen = shelved(replace(bundled, report=report, clips=(ClipRow(name, "", 5, 5, 0.1, None, 0.1),)))
    assert data.known(report) == one and str(tmp_path) not in words.caption(seen)
    assert clips.place(seen, name, (64, 64))[1] == 0
    # From the report to the same clip in Explore; a drawn one stays where it is.
    monkeypatch.setattr(shelf, "shelf", lambda: {"one": seen, "drawn": shelved(bundled)})
    told = SimpleNamespace(_data={"clip": name})
    evaluate_report.explore(told, Chosen("one"), None)
    asked = tab.VISITORS.of("local").take(ExploreRequest)
    assert asked == ExploreRequest(one.key, name, "test")
    with pytest.raises(gr.Error, match="are drawn"):
        evaluate_report.explore(told, Chosen("drawn"), None)
    elsewhere = replace(report, data=replace(report.data, root=str(tmp_path)))
    with pytest.raises(AvsegError, match="are not here"):
        clips.place(replace(seen, evaluation=replace(seen.evaluation, report=elsewhere)), name, (64, 64))
    with pytest.raises(ReportError, match="not in the report"):
        clips.place(seen, "../../etc/passwd", (64, 64))


def test_a_report_of_the_command_line_is_opened_or_refused(tmp_path: Path, bundled: Evaluation):
    given = [shutil.copy(BUNDLED / "tiny-ms3" / name, tmp_path / name) for name in (REPORT, CLIPS, CLASSES)]
    _, own, chosen, listed = tab.upload(given)
    assert own.evaluation == bundled
    assert chosen.key == shelf.OPENED and 'data-open="opened"' in listed
    assert words.finding(bundled.report) in evaluate_report.show(chosen, own)[1]
    only = tab.upload(given[:1])[1]
    assert "came without its clips.csv" in evaluate_report.show(chosen, only)[4]["value"]
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad" / REPORT
    bad.write_text("{}")
    other = tmp_path / "thesis.csv"
    other.write_text("x")
    for files, said in (
        ([str(bad)], "not a report"),
        ([given[1]], "no report.json"),
        ([str(other)], "is none of"),
    ):
        notice, *rest = tab.upload(files)
        assert said in notice["value"] and all("value" not in update for update in rest)


def test_pictures_of_a_report_that_is_no_longer_looked_at_are_not_shown(bundled: Evaluation, monkeypatch):
    monkeypatch.setattr(clips, "_PICTURES", clips._Pictures())
    monkeypatch.setattr(clips, "_picture", lambda one, name: "data:,")
    key = shelf.BUNDLED_PREFIX + "tiny-ms3"
    drawing = evaluate_report.pictures(Chosen(key), None, View())
    evaluate_report.show(Chosen(key), None)
    assert 'class="ev-grid"' in next(drawing)
    evaluate_report.show(Chosen(key, version=1.0), None)
    assert next(drawing) == {"__type__": "update"} and next(drawing, "end") == "end"
    assert next(evaluate_report.pictures(Chosen(key), None, View())) == {"__type__": "update"}
    assert 'src="data:,"' in list(evaluate_report.pictures(Chosen(key, version=1.0), None, View()))[-1]


# In a browser


def test_an_evaluation_in_the_browser(page, tmp_path: Path):  # noqa: F811
    here = page
    here.click("button[role=tab]:has-text('Evaluate')")
    here.wait_for_selector("#ev-go", timeout=QUICK)
    here.wait_for_selector("#ev-head h1:has-text('What sounds')", timeout=QUICK)
    here.fill("#ev-clips input", "4")
    here.press("#ev-clips input", "Tab")
    here.wait_for_selector("#ev-go:has-text('Evaluate 4 clips')", timeout=QUICK)
    assert "--clips 4 --out" in here.inner_text("#ev-command pre")
    here.click("#ev-go")
    here.wait_for_selector("#ev-jobs .ev-job:has-text('tiny-ms3')", timeout=QUICK)
    # Reload: it goes on, is found again, and its report comes into view.
    here.reload()
    here.wait_for_selector("#go", timeout=QUICK)
    here.click("button[role=tab]:has-text('Evaluate')")
    here.wait_for_selector("#ev-head :text('4 clips, 20 labelled frames')", timeout=WAIT)
    assert here.locator(".ev-stats b").count() == 5
    scores = here.locator(".ev-tile b").all_inner_texts()
    known = [float(score) for score in scores if "%" not in score]
    assert len(scores) == 4 and known == sorted(known)
    here.wait_for_selector(".ev-tile img", timeout=WAIT)
    here.click(".ev-tile >> nth=0")
    here.wait_for_selector("#ev-player .player .pl-thumbs canvas", timeout=WAIT)
    assert f"mean IoU {known[0]:.2f}" in here.inner_text("#ev-about h2")
    # Beside the bundled report: the same seed, so the clips that both have are compared.
    here.click("#ev-beside input")
    here.click("ul[role=listbox] li:has-text('tiny-ms3: SynthAVS, MS3 test') >> nth=-1")
    here.wait_for_selector(".ev-beside", timeout=QUICK)
    assert "clips that both measured" in here.inner_text(".ev-said")
    given = [str(BUNDLED / "tiny-ms3" / name) for name in (REPORT, CLIPS, CLASSES)]
    bad = tmp_path / REPORT
    bad.write_text("no json")
    here.set_input_files("input[type=file][accept*='.csv']", [str(bad)])
    here.wait_for_selector("#ev-notice [role=alert]:has-text('is not JSON')", timeout=QUICK)
    here.set_input_files("input[type=file][accept*='.csv']", given)
    here.wait_for_selector("#ev-reports button[data-open='opened'][aria-pressed='true']", timeout=QUICK)
    here.wait_for_selector(".ev-tile >> nth=11", timeout=QUICK)
    here.click(".ev-bin[data-bin='1']", force=True)
    here.wait_for_selector(".ev-clips h2:has-text('IoU 0.1 to 0.2')", timeout=QUICK)
    # A long one is ended from the page; nothing that was there is lost.
    here.fill("#ev-clips input", "400")
    here.press("#ev-clips input", "Tab")
    here.click("#ev-go:has-text('Evaluate 400 clips')", timeout=QUICK)
    here.click("#ev-jobs .ev-job [data-cancel]", timeout=QUICK)
    here.wait_for_selector("#ev-jobs .ev-job:has-text('Cancelled')", timeout=WAIT)
    assert here.is_visible(".ev-clips h2:has-text('IoU 0.1 to 0.2')")
    here.set_viewport_size({"width": 390, "height": 844})
    assert here.evaluate("document.documentElement.scrollWidth") <= 390


def test_other_programs_can_ask(app_server):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(app_server, verbose=False)
    with pytest.raises(AppError, match="not there any more"):
        client.predict("tiny-ms3", "/etc", "test", 2, True, api_name="/evaluate")
    with pytest.raises(AppError, match="not there any more"):
        client.predict("../../etc", api_name="/evaluation")
    answer = client.predict("tiny-ms3", "synth-ms3", "test", 1, False, api_name="/evaluate")
    assert answer["command"].startswith("python -m avseg evaluate --model tiny-ms3")
    end = time.monotonic() + LIMIT
    while (found := client.predict(answer["key"], api_name="/evaluation"))["state"] in UNDER_WAY:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert found["state"] == "finished" and found["report"]["clips"] == 1
    assert found["report"]["command"].startswith("python -m avseg evaluate")
