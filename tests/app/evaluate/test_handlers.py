"""The handlers of Evaluate: form, queue, reports, clips, requests to and from other tabs."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from app.evaluate import clips, handlers, html, report_handlers, text
from app.evaluate.state import ClipsView, EvaluateState
from app.services import evaluation_data, evaluations, reports
from app.services.cache import LRUCache
from app.services.evaluations import EvaluationRequest
from app.services.handoff import EvaluateRequest, ExploreRequest, ReportRequest
from app.services.reports import BUNDLED, BUNDLED_PREFIX, UPLOADED, get_report
from app.services.session import VISITORS
from avseg.data.samples import FOLDER, DataReference
from avseg.errors import AvsegError, ReportError
from avseg.evaluation.report import CLASSES, CLIPS, REPORT, ClipRow, Evaluation
from avseg.loaders import on_disk
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from tests.support.evaluations import SMALL_MODEL, add, stored, wait_for

pytestmark = pytest.mark.usefixtures("evaluations_root")


def click(action: str, value: object = None) -> SimpleNamespace:
    return SimpleNamespace(_data={"action": action, "value": value})


@pytest.fixture(autouse=True)
def state() -> EvaluateState:
    """The state of a visitor who has just come."""
    VISITORS.leave("local")
    return VISITORS.of("local").state(EvaluateState)


def test_the_form_offers_what_the_data_has(monkeypatch):
    updates = handlers.fit_form(["tiny-ms3", "tiny-avss"], "synth-ms3", "val", 12, True)
    assert updates.go["value"] == "Evaluate 12 clips, 2 models" and updates.split["value"] == "val"
    assert updates.command.count("--clips 12") == 2
    assert handlers.fit_form([], "synth-ms3", "test-leakfree", None, True).split["value"] == "test"
    assert handlers.fit_form(["tiny-ms3"], "no-such-data", "test", 1, True).changes() == {}
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert handlers.fit_form(["tiny-ms3"], "synth-ms3", "test", None, True).clips["value"] == 40


def test_a_link_names_the_reports_in_view(state: EvaluateState):
    tiny, muted = BUNDLED_PREFIX + "tiny-ms3", BUNDLED_PREFIX + "tiny-ms3-mute"
    VISITORS.of("local").hand_over(ReportRequest(muted, tiny))
    updates = handlers.arrive("synth-ms3", "test", 40, True)
    assert (state.report_key, state.compared_key) == (muted, tiny) and updates.body
    assert f'data-address="report={muted}&amp;compared={tiny}"' in updates.report_header
    VISITORS.of("local").hand_over(ReportRequest("gone"))
    assert "no longer exists" in handlers.arrive("synth-ms3", "test", 40, True).notice["value"]
    assert state.report_key == muted


def test_a_finished_evaluation_comes_into_view(state: EvaluateState):
    started = handlers.start([SMALL_MODEL], "synth-ms3", "test", 2, False)
    (key,) = state.watched
    assert SMALL_MODEL in started.jobs and 'data-action="cancel"' in started.jobs
    assert wait_for(key, "finished", "failed").state == "finished"
    updates = handlers.poll()
    assert state.report_key == key and state.watched == () and "ev-job" not in updates.jobs
    assert f'data-value="&#34;{key}&#34;" aria-pressed="true"' in updates.reports
    assert updates.revision == state.revision and "2 clips, 10 labelled frames" in updates.head
    # Its clips are evaluated again as they were measured.
    report = get_report(key)
    row = report.evaluation.clips[0]
    assert clips.model_name(report) == SMALL_MODEL
    assert clips.measure(report, row.name).mean_iou == pytest.approx(row.iou, abs=1e-4)
    assert list(report_handlers.pictures()) and clips.grid(report, ClipsView()).count("data:image/jpeg") == 2
    asked = report_handlers.act(click("clip", row.name)).opening  # the click itself runs no model
    opened = report_handlers.open_asked(asked)
    assert f"{row.name}" in opened.about and VISITORS.of("local").result.title == row.name
    assert report_handlers.act(click("segment")).tabs.selected == "segment"


def test_of_two_models_started_together_the_second_is_compared(
    state: EvaluateState, evaluations_root: Path, bundled_report: Evaluation, monkeypatch
):
    first = add(evaluations_root, "20260101-000000-a", "finished", bundled_report)
    other = EvaluationRequest("tiny-avss", "synth-ms3", clips=2)
    second = add(evaluations_root, "20260101-000001-b", "finished", bundled_report)
    file = evaluations_root / second / evaluations.REQUEST_FILE
    file.write_text(file.read_text().replace("tiny-ms3", other.model))
    state.watched = (first, second)
    assert "ev-comparison" in handlers.poll().body
    assert (state.report_key, state.compared_key) == (first, second)
    state.report_key, state.compared_key, state.watched = first, "", (second,)
    handlers.poll()
    assert (state.report_key, state.compared_key) == (first, second)


def test_a_cancelled_evaluation_is_not_an_error(state: EvaluateState, evaluations_root: Path, monkeypatch):
    monkeypatch.setattr(evaluations, "_start", lambda item: None)
    handlers.start(["tiny-ms3"], "synth-ms3", "test", 40, True)
    (key,) = state.watched
    updates = handlers.act(click("cancel", key))
    assert "Cancelled." in updates.jobs and "failed" not in updates.jobs and "notice" in updates.changes()
    assert "Dismiss" in updates.jobs and handlers.act(click("dismiss", key)).jobs.strip() == ""


def test_evaluations_that_were_cancelled_are_one_line(state: EvaluateState, evaluations_root, monkeypatch):
    monkeypatch.setattr(evaluations, "_start", lambda item: None)
    handlers.start(["tiny-ms3", "tiny-avss"], "synth-ms3", "test", 40, True)
    for key in state.watched:
        updates = handlers.act(click("cancel", key))
    assert "<b>tiny-avss, tiny-ms3</b><span>Cancelled.</span>" in updates.jobs
    assert updates.jobs.count("Dismiss") == 1
    assert handlers.act(click("dismiss", state.watched[0])).jobs.strip() == "" and not state.watched


def test_deleting_is_refused_on_a_public_host(evaluations_root: Path, monkeypatch):
    key = add(evaluations_root, "20260101-000000-a", "finished")
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert "disabled on this host" in handlers.act(click("delete", key)).notice["value"]
    assert evaluations.evaluation_folder(key).path.is_dir()
    monkeypatch.delenv("AVSEG_PUBLIC")
    handlers.act(click("delete", key))
    assert not (evaluations_root / key).exists()


def test_a_report_that_no_longer_exists_is_reported(state: EvaluateState):
    assert "no longer exists" in handlers.act(click("open", "20260101-000000-gone")).notice["value"]
    for invalid in (SimpleNamespace(_data=None), click("open", 7), click("explode", "x")):
        assert "error" not in str(handlers.act(invalid).changes().get("notice"))


def test_another_tab_selects_the_model(state: EvaluateState):
    VISITORS.of("local").hand_over(EvaluateRequest("tiny-avss"))
    updates = handlers.arrive("synth-ms3", "test", 8, False)
    assert updates.models["value"] == ["tiny-avss"] and "--model tiny-avss" in updates.command
    again = handlers.arrive("synth-ms3", "test", 8, False)
    assert "value" not in again.models and "command" not in again.changes()


def test_clips_of_a_folder_open_in_explore(
    tmp_path: Path, monkeypatch, bundled_report: Evaluation, state: EvaluateState
):
    write(SynthAVS("ms3", "test", 5, 2), tmp_path / "mine", videos=False)
    monkeypatch.setenv("AVSEG_DATA", str(tmp_path / "mine"))
    data = next(item for item in evaluation_data.list_data().values() if item.folder is not None)
    assert data.clips("test") == 2 and data.clips("val") == 0
    name = on_disk(data.argument, "ms3", "test").name(0)
    report = replace(bundled_report.report, data=DataReference(FOLDER, "ms3", "test", data.argument))
    rows = (ClipRow(name, "", 5, 5, 0.1, None, 0.1),)
    in_folder = stored(replace(bundled_report, report=report, clips=rows))
    assert evaluation_data.data_of_report(report) == data and str(tmp_path) not in text.caption(in_folder)
    assert clips.locate(in_folder, name, (64, 64))[1] == 0
    # From the report to the same clip in Explore; a generated one stays here.
    monkeypatch.setattr(
        reports, "list_reports", lambda: {"one": in_folder, "generated": stored(bundled_report)}
    )
    state.report_key = "one"
    assert report_handlers.act(click("explore", name)).tabs.selected == "explore"
    assert VISITORS.of("local").take(ExploreRequest) == ExploreRequest(data.key, name, "test")
    state.report_key = "generated"
    assert "are generated" in report_handlers.act(click("explore", name)).notice["value"]
    elsewhere = replace(report, data=replace(report.data, root=str(tmp_path)))
    with pytest.raises(AvsegError, match="are not on this machine"):
        clips.locate(
            replace(in_folder, evaluation=replace(in_folder.evaluation, report=elsewhere)), name, (64, 64)
        )
    with pytest.raises(ReportError, match="not in the report"):
        clips.locate(in_folder, "../../etc/passwd", (64, 64))


def test_a_report_of_the_command_line_is_opened_or_refused(
    tmp_path: Path, bundled_report: Evaluation, state: EvaluateState
):
    files = [shutil.copy(BUNDLED / "tiny-ms3" / name, tmp_path / name) for name in (REPORT, CLIPS, CLASSES)]
    updates = handlers.upload(files)
    assert state.uploaded.evaluation == bundled_report and state.report_key == UPLOADED
    assert 'data-value="&#34;uploaded&#34;" aria-pressed="true"' in updates.reports
    assert text.finding(bundled_report.report) in updates.head
    assert "opened without its clips.csv" in handlers.upload(files[:1]).clip_grid["value"]
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad" / REPORT
    bad.write_text("{}")
    other = tmp_path / "thesis.csv"
    other.write_text("x")
    for paths, message in (
        ([str(bad)], "not a report"),
        ([files[1]], "report.json is missing"),
        ([str(other)], "is not one of"),
    ):
        updates = handlers.upload(paths)
        assert message in updates.notice["value"] and set(updates.changes()) == {"notice"}


def test_pictures_of_a_report_that_is_no_longer_in_view_are_not_shown(state: EvaluateState, monkeypatch):
    monkeypatch.setattr(clips, "_PICTURES", LRUCache(600))
    monkeypatch.setattr(clips, "_picture", lambda report, name: "data:,")
    key = BUNDLED_PREFIX + "tiny-ms3"
    handlers.act(click("open", key))
    drawing = report_handlers.pictures()
    assert 'class="ev-grid"' in next(drawing)
    handlers.act(click("open", key))
    assert next(drawing) == gr.skip() and next(drawing, "end") == "end"
    drawing = report_handlers.pictures()
    assert 'src="data:,"' in next(drawing)
    report_handlers.stop_pictures()  # by any click, so that it need not wait
    assert next(drawing) == gr.skip() and next(drawing, "end") == "end"
    *_, last, end = report_handlers.pictures()
    assert last.count('src="data:,"') == 12 and end == gr.skip()


def test_the_empty_page_says_what_will_appear():
    assert html.EMPTY in html.head(None) and "Robustness tests" in html.body(None)
