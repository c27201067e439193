"""Evaluations from the page: what a host allows, the command, the queue of child processes."""

import json
from pathlib import Path

import pytest

from app.services import evaluations
from app.services.evaluations import (
    PUBLIC_HOST,
    EvaluationRequest,
    arguments,
    command_line,
    public_command,
    validate,
)
from app.services.reports import get_report
from avseg.errors import AvsegError, ConfigError, ReportError
from avseg.evaluation.folder import EvaluationFolder
from avseg.jobs.folder import CONSOLE, Launch
from tests.support.evaluations import SMALL_MODEL, add, wait_for

pytestmark = pytest.mark.usefixtures("evaluations_root")


def test_the_command_is_what_a_person_would_type(small_model: Path, monkeypatch):
    request = EvaluationRequest("tiny-ms3", "synth-ms3", "val", 12, False)
    assert command_line(request) == (
        "python -m avseg evaluate --model tiny-ms3 --data synth --task ms3 --split val --clips 12 "
        "--no-robustness --out outputs/evaluations/mine"
    )
    request = EvaluationRequest(SMALL_MODEL, "synth-s4")
    path, data = validate(request)
    assert path == small_model and str(small_model) in arguments(request, path, data, Path("x"))
    ran = "python -m avseg evaluate --data synth --out outputs/evaluations/20260101-000000-tiny --status"
    assert public_command(ran) == "python -m avseg evaluate --data synth --out outputs/evaluations/mine"
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert public_command("python -m avseg evaluate --data '/home/me/my data' --out a/b") == (
        "python -m avseg evaluate --data 'my data' --out a/b"
    )


@pytest.mark.parametrize(
    "request_",
    [
        EvaluationRequest("no-such-model", "synth-ms3"),
        EvaluationRequest("/etc/passwd", "synth-ms3"),
        EvaluationRequest("tiny-ms3", "/etc"),
        EvaluationRequest("tiny-ms3", "synth-ms3", "../test"),
        EvaluationRequest("tiny-ms3", "synth-ms3", clips=-1),
        EvaluationRequest("tiny-ms3", "synth-ms3", clips=10**9),
        EvaluationRequest("tiny-ms3", "synth-ms3", clips="40"),
    ],
)
def test_what_does_not_exist_is_refused(request_: EvaluationRequest, evaluations_root: Path):
    with pytest.raises(AvsegError):
        evaluations.submit(request_)
    assert not list(evaluations_root.glob("*"))


def test_a_public_host_evaluates_bundled_models_on_a_few_clips(evaluations_root: Path, monkeypatch):
    monkeypatch.setattr(evaluations, "_start", lambda item: None)  # what waits stays waiting
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    for request, message in (
        (EvaluationRequest("tiny-ms3", "synth-ms3"), "at most 40 clips at a time, not 200"),
        (EvaluationRequest("tiny-ms3", "synth-ms3", clips=41), "copy the command"),
        (EvaluationRequest(SMALL_MODEL, "synth-ms3", clips=2), "only the bundled models"),
    ):
        with pytest.raises(ConfigError, match=message):
            evaluations.submit(request)
    few = EvaluationRequest("tiny-ms3", "synth-ms3", clips=2)
    keys = evaluations.submit_all([few, few], "me", "10.0.0.1")
    with pytest.raises(ReportError, match="2 of your evaluations are waiting or running, of at most 2"):
        evaluations.submit(few, "me", "10.0.0.2")
    keys += [evaluations.submit(few, f"of one address {n}", "10.0.0.1") for n in range(2)]
    with pytest.raises(ReportError, match="4 evaluations from your address"):
        evaluations.submit(few, "another session", "10.0.0.1")
    keys.append(evaluations.submit(few, "you", "10.0.0.2"))
    with pytest.raises(ReportError, match=r"5 of 6 places .* None of the two was started"):
        evaluations.submit_all([few, few], "third", "10.0.0.3")
    assert len(evaluations.queue()) == 5
    keys.append(evaluations.submit(few, "third", "10.0.0.3"))
    assert len(set(keys)) == PUBLIC_HOST.waiting == evaluations.queue()[-1].ahead + 1
    with pytest.raises(ReportError, match="6 of 6 places"):
        evaluations.submit(few)
    with pytest.raises(ReportError, match="Only the visitor who started"):
        evaluations.cancel(keys[0], "somebody else")
    assert evaluations.cancel(keys[0], "me").state == "stopped"
    with pytest.raises(ReportError, match="disabled on this host"):
        evaluations.delete(keys[0])
    assert evaluations.evaluation_folder(keys[0]).path.is_dir()


def test_reports_of_visitors_do_not_grow_without_end(evaluations_root: Path, monkeypatch):
    monkeypatch.setattr(evaluations, "_start", lambda item: None)
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    for number in range(PUBLIC_HOST.stored + 3):
        add(evaluations_root, f"20260101-0000{number:02d}-old", "finished")
    evaluations.submit(EvaluationRequest("tiny-ms3", "synth-ms3", clips=2))
    left = sorted(path.name for path in evaluations_root.iterdir())
    assert len(left) == PUBLIC_HOST.stored and left[0] == "20260101-000004-old"


@pytest.mark.parametrize(
    "key", ["", "..", "../x", "20260101-000000-../../etc", None, 7, "20260101-000000-gone"]
)
def test_keys_stay_inside_the_root(key):
    with pytest.raises(ReportError, match="no longer exists"):
        evaluations.evaluation_folder(key)
    with pytest.raises(ReportError, match="no longer exists"):
        get_report(key)


def test_evaluations_run_one_after_the_other():
    first = evaluations.submit(EvaluationRequest(SMALL_MODEL, "synth-ms3", clips=2, robustness=False))
    second = evaluations.submit(EvaluationRequest(SMALL_MODEL, "synth-ms3", clips=3))
    items = {item.key: item for item in evaluations.queue()}
    assert items[first].status.state == "running" and items[second].status.state == "waiting"
    assert (items[first].ahead, items[second].ahead) == (0, 1)
    assert evaluations.cancel(second).state == "stopped"
    assert wait_for(first, "finished", "failed").state == "finished"
    report = get_report(first)
    assert report.evaluation.report.clips == 2 and report.name == SMALL_MODEL
    assert report.origin == "evaluated" and "--status" in report.evaluation.report.command


def test_an_evaluation_that_is_starting_is_cancelled_at_once():
    key = evaluations.submit(EvaluationRequest(SMALL_MODEL, "synth-ms3", clips=400))
    status = evaluations.cancel(key)
    assert status.state == "stopped" and "Cancelled" in status.message


def test_what_waited_when_the_app_ended_is_started_next(evaluations_root: Path, monkeypatch):
    started = []
    monkeypatch.setattr(evaluations, "_start", lambda item: started.append(item.key))
    add(evaluations_root, "20260101-000001-b", "waiting")
    add(evaluations_root, "20260101-000000-a", "waiting")
    evaluations.advance()
    assert set(started) == {"20260101-000000-a"}  # a process of another test that ends now may advance too
    add(evaluations_root, "20260101-000000-a", "running")  # by this process, which lives
    started.clear()
    evaluations.advance()
    assert started == []


def test_a_process_that_ended_before_its_first_status_explains_itself(evaluations_root: Path, monkeypatch):
    # A process of another test that ends now may advance the queue.
    monkeypatch.setattr(evaluations, "_start", lambda _item: None)
    key = add(evaluations_root, "20260101-000000-a", "waiting")
    console = evaluations_root / key / CONSOLE
    console.write_text("avseg: No model is called 'x'\n")
    EvaluationFolder(evaluations_root / key).write_launch(Launch(2**22 + 1, 1.0, 1.0))
    status = evaluations.queue()[0].status
    assert (status.state, status.message) == ("failed", "avseg: No model is called 'x'")


def test_an_evaluation_whose_process_is_gone_crashed(evaluations_root: Path):
    key = add(evaluations_root, "20260101-000000-a", "running")
    file = evaluations_root / key / "status.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"process_started": 1.0}))
    assert evaluations.queue()[0].status.state == "killed"
