"""Watching runs in the Train tab: course, curves, words and pictures, the buttons, and who may use it."""

import json
import os
import time
import urllib.error
import urllib.request

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.components.updates import UNCHANGED
from app.segment import handlers as segment
from app.services import runs
from app.services.host import may_train
from app.services.models import available_models
from app.services.wording import duration
from app.train import curves, watched
from app.train import form_handlers as train_form
from app.train import html as page
from app.train import run_handlers as tab
from app.train import tab as train
from app.train.events import POINTS, Course, Courses, line_of
from app.train.layout import Stage
from avseg.checkpoints import Card, save_model
from avseg.config import Config, TrainConfig
from avseg.errors import AvsegError
from avseg.models.avsegformer import AVSegFormer
from avseg.presets import PRESETS
from avseg.training.run_folder import Status
from tests.support.small_model import SMALL, small_config
from tests.support.training_runs import a_run, own_runs, values  # noqa: F401 (a fixture)

NAMES = tuple(Stage.__dataclass_fields__)


def drawn(update: tuple) -> dict[str, object]:
    """Return a handler's updates by the part of the stage."""
    return dict(zip(NAMES, update[1:], strict=True))


def notice(update: tuple) -> str:
    return drawn(update)["notice"]["value"]


def test_a_log_is_read_once_and_forgotten_when_it_is_written_anew():
    run, courses = a_run(steps=3), Courses()
    course = courses.of(run)
    assert len(course) == 3 and course.of_checks("miou").tolist() == [0.15]
    with run.events_file.open("a") as file:
        file.write('{"kind": "step", "step": 4')  # half a line
    assert len(courses.of(run)) == 3
    with run.events_file.open("a") as file:
        rest = {"loss": 1, "mask": 1, "time": 1.0, "learning_rate": 0.1}
        file.write(", " + json.dumps(rest)[1:] + '\nno json\n{"kind": "step", "step": 5}\n')
    assert courses.of(run) is course and course.of_steps("step").tolist() == [1, 2, 3, 4]
    run.truncate_events(2)
    assert len(courses.of(run)) == 2
    runs.delete(run)
    assert len(courses.of(run)) == 0


def test_a_hundred_thousand_steps_are_read_once_and_drawn_thinned(monkeypatch):
    run = runs.run_folder("long")
    run.create(small_config())
    event = {"kind": "step", "epoch": 0, "loss": 1.0, "mask": 1.0, "auxiliary": 0.5, "bce": 0.1}
    event |= {"learning_rate": 1e-3, "seconds": 0.1}
    text = "".join(json.dumps({"time": float(k), "step": k} | event) + "\n" for k in range(1, 100_001))
    run.events_file.write_text(text)
    courses = Courses()
    courses.of(run)
    lines = []
    monkeypatch.setattr("json.loads", lambda line, loads=json.loads: lines.append(line) or loads(line))
    for step in range(3):
        run.write_event(**event, step=100_001 + step)
        course = courses.of(run)
        page = curves.loss_plot([curves.Followed("long", course, small_config(), 200_000)], 0.02, True)
    assert len(course) == 100_003 and len(lines) == 3
    assert len(page) < 100_000
    steps, line = line_of(np.arange(1e5), np.append(np.nan, np.ones(99_999)), 0.1)
    assert len(line) == POINTS and steps[0] == 1 and steps[-1] == 99_999 and (line == 1).all()


def test_curves_name_the_parts_of_the_loss_and_compare_runs():
    run, other = a_run(), a_run("<b>other")
    followed = [curves.Followed(run.path.name, Courses().of(run), run.config(), 6)]
    parts = curves.loss_plot(followed, 0.5, True)
    for name in ("total", "Dice", "intermediate ×0.1", "cross-entropy ×1"):
        assert f"{name} <b>" in parts.replace("</i>", "")
    both = [*followed, curves.Followed(other.path.name, Courses().of(other), other.config(), 6)]
    for html in (curves.loss_plot(both, 0, False), curves.metric_plot(both, "mIoU", 0)):
        assert html.count("<polyline") == 2 and "<b>other" not in html and "&lt;b&gt;other" in html
    assert "0.3" in curves.metric_plot(both, "mIoU", 0)
    for metric in curves.METRICS:
        assert curves.metric_plot(followed, metric, 0.1).count("tr-label") == 1
    empty = [curves.Followed("none", Course(), None, 6)]
    assert "still to come" in curves.loss_plot(empty, 0.1, True)
    without = Config(PRESETS["avss-pvt-aug2023"].model, TrainConfig(loss="cross_entropy", auxiliary="none"))
    assert curves.part_name("mask", without) == "cross-entropy" and not curves.part_name("auxiliary", without)


def test_what_a_run_says_of_itself():
    one = watched.watched(a_run().path.name)
    assert watched.finding(one) == (
        "one reaches a validation mIoU of 0.30 after epoch 2 of 2, and marks 1.0 % of the frame in silence."
    )
    assert "No process is at work" in watched.progress(one)
    run = a_run("alive", 3, "running")  # by the pid of this very process
    alive = watched.watched("alive")
    assert alive.seen.state == "running" and "Closing this page" in watched.progress(alive)
    assert "No step for 10 min" in watched.progress(alive, time.time() + 600)
    run.request_stop()
    assert runs.run_state(run).state == "stopping"
    assert [duration(s) for s in (40, 130, 3600, 11_100, 90_000)] == [
        "40 s", "2 min 10 s", "1 h", "3 h 5 min", "1 day 1 h",
    ]  # fmt: skip


def test_runs_that_never_began_were_killed_or_failed_say_so():
    run = a_run("gone", 3, "running")
    told = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(told | {"pid": 2**22 + 1}))
    gone = page.head(watched.watched("gone"), False)
    assert "process gone" in gone and "ended without a message" in gone
    run.write_status(Status("failed", "The memory is not enough. <i>"))
    assert "The memory is not enough. &lt;i&gt;" in page.head(watched.watched("gone"), False)
    broken = runs.run_folder("broken")
    runs.start(["-c", "raise SystemExit('avseg: The disk is away.')"], broken)
    end = time.monotonic() + 60
    while runs.run_state(broken).alive and time.monotonic() < end:
        time.sleep(0.1)
    state = runs.run_state(broken)
    assert state.state == "failed" and state.message.endswith("The disk is away.")
    assert "The disk is away" in drawn(tab.refresh(tab.View("broken")))["head"]
    assert broken.path.name in {other.path.name for other in runs.all_runs()}


def test_only_what_changed_is_sent_and_names_are_escaped():
    a_run("one"), a_run("<img src=x>")
    first = tab.refresh(tab.View("one"))
    page = drawn(first)
    assert "<img" not in page["runs"] and "&lt;img src=x&gt;" in page["runs"]
    assert "total" in page["loss"] and "one" in page["metric"] and "Run <b>one</b>" in page["context"]
    again = drawn(tab.refresh(first[0]))
    kept = ("context", "head", "loss", "metric", "number", "sample", "runs", "log")
    assert all(again[name] == gr.skip() for name in kept)
    assert "<polyline" in drawn(tab.compare(first[0], "<img src=x>", True))["metric"]
    evil = drawn(tab.choose(first[0], "<img src=x>"))
    assert not any("<img src=x" in str(part) for part in evil.values())
    assert tab.choose(first[0], "../..")[0].run in ("one", "<img src=x>")
    assert tab.compare(first[0], None, 1)[0].compared == ()
    assert tab.restyle(first[0], "10 %", "linear", "in silence")[0].metric == "in silence"
    assert tab.restyle(first[0], "rm", None, ["x"])[0].metric == "mIoU"


def test_one_slider_shows_the_clips_of_every_evaluation():
    run = a_run()
    run.samples.mkdir()
    view = tab.View("one")
    assert "appear here after every evaluation" in drawn(tab.refresh(view))["sample"]
    for step in (3, 6):
        Image.fromarray(np.zeros((4 * 8, 5 * 8, 3), np.uint8)).save(run.samples / f"{step:06d}.jpg")
    last = tab.refresh(view, acted=True)
    number, sheet = drawn(last)["number"], drawn(last)["sample"]
    assert number["visible"] and (number["maximum"], number["value"]) == (2, 2)
    assert "Evaluation 2 of 2, after step 6, epoch 2: mIoU 0.30" in sheet and sheet.count("<i style") == 4
    assert "aspect-ratio:160/32" in sheet  # a strip of five pictures for each of the four clips
    first = tab.show_number(last[0], 1)
    assert "Evaluation 1 of 2, after step 3" in drawn(first)["sample"]
    Image.fromarray(np.zeros((32, 40, 3), np.uint8)).save(run.samples / "000009.jpg")
    later = drawn(tab.refresh(first[0]))  # the chosen one stays, the slider grows
    assert "Evaluation 1 of 3" in later["sample"] and later["number"]["maximum"] == 3
    assert "Evaluation 3 of 3" in drawn(tab.show_number(first[0], 3))["sample"]
    for wrong in (-5, "x", None, float("nan"), float("inf")):
        assert "Evaluation" in drawn(tab.show_number(last[0], wrong))["sample"]


def test_a_picture_is_only_sent_when_it_is_one():
    run = a_run()
    run.samples.mkdir()
    (run.samples / "000006.jpg").symlink_to("/etc/hostname")
    page = drawn(tab.refresh(tab.View("one")))
    assert "000006.jpg cannot be read" in page["sample"] and "base64" not in page["sample"]
    assert "reaches a validation mIoU" in page["head"]  # the rest is there


def test_a_run_that_can_be_extended_says_what_that_does():
    a_run("one")
    page = drawn(tab.refresh(tab.View("one"), acted=True))
    assert "More epochs stretch its one-cycle schedule" in page["head"]
    assert page["resume"]["value"] == "Extend" and page["epochs"]["value"] == 2
    flat = runs.run_folder("flat")
    flat.create(small_config(schedule="constant"))
    assert "one-cycle" not in drawn(tab.refresh(tab.View("flat")))["head"]
    (flat.path / "config.json").write_text("{")
    assert not drawn(tab.refresh(tab.View("flat")))["resume"]["visible"]


def test_a_finished_model_is_handed_to_segment():
    run = a_run("one")
    with pytest.raises(gr.Error, match="not there any more"):
        tab.use(tab.View("one"))
    save_model(run.last_model, AVSegFormer(SMALL), Card("one", "trained", "6 steps."))
    tab.use(tab.View("one"))
    arrival = segment.arrive("dog-and-guitar", 1)
    assert arrival.model["value"] == "one · trained" and arrival.model["value"] in arrival.model["choices"]
    assert "6 steps." in arrival.card
    assert segment.arrive("dog-and-guitar", 1).model is UNCHANGED  # once
    assert "one · trained" in available_models()


def test_rename_and_delete_ask_first_and_stay_inside():
    a_run("one"), a_run("two")
    view = tab.View("one")
    assert "Tick the box" in notice(tab.delete(view, False))
    assert "Tick the box" in notice(tab.delete(view, "yes"))
    assert "A run named two already exists" in notice(tab.rename(view, "two"))
    assert "not a valid run name" in notice(tab.rename(view, "../up"))
    renamed = tab.rename(view, "three")
    assert renamed[0].run == "three" and not drawn(renamed)["box"]["visible"]
    assert "no run named one" in notice(tab.delete(view, True))
    assert "not a valid run name" in notice(tab.delete(tab.View("../.."), True))
    tab.delete(tab.View("three"), True)
    assert [run.path.name for run in runs.all_runs()] == ["two"]


def test_a_public_host_shows_the_command_and_refuses_the_rest(monkeypatch):
    a_run("one")
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    command, checks, _ = train_form.preview(values())
    assert (
        "avseg train tiny" in command
        and "runs/new" in command
        and str(runs.runs_root()) not in command + checks
    )
    view = tab.View("one")
    for refused in (
        tab.start(values(), view)[4:],
        tab.stop(view),
        tab.end(view),
        tab.resume(view, 9),
        tab.rename(view, "x"),
        tab.delete(view, True),
        tab.refresh(view),
        tab.choose(view, "one"),
        tab.show_number(view, 1),
        tab.restyle(view, "none", "log", "mIoU"),
    ):
        assert "off on this host" in notice(refused)
        assert all(part == gr.skip() for name, part in drawn(refused).items() if name != "notice")
    with pytest.raises(gr.Error, match="off on this host"):
        tab.use(view)
    for act in (runs.stop, runs.stop_now, runs.delete, lambda run: runs.rename(run, "x")):
        with pytest.raises(AvsegError, match="off on this host"):
            act(runs.run_folder("one"))
    assert [path.name for path in runs.runs_root().iterdir()] == ["one"]


def test_a_public_host_refuses_direct_calls_too(monkeypatch):
    """Whoever calls the endpoints behind the page's back starts nothing and learns nothing."""
    a_run("secret-run")
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    with gr.Blocks() as demo, gr.Tabs(), gr.Tab("Train"):
        train.add(gr.HTML())
    _, address, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        config = json.loads(_get(f"{address}config"))
        assert "secret-run" not in json.dumps(config)
        by_id = {part["id"]: part for part in config["components"]}
        called = set()
        for event in config["dependencies"]:
            name = event["api_name"]
            if not name or not event["backend_fn"] or name.startswith(("train_preview", "train_arrive")):
                continue
            data = [_value(by_id[part]) for part in event["inputs"]]
            said = _call(address, name, data)
            assert "secret-run" not in said, name
            called |= {name} if "off on this host" in said else set()
        refused = "start stop end resume rename delete use tick number style choose compare"
        assert called >= {f"train_{name}" for name in refused.split()}
        assert [path.name for path in runs.runs_root().iterdir()] == ["secret-run"]
    finally:
        demo.close()


def _value(part: dict) -> object:
    if part["props"].get("elem_id") == "tr-new-name":
        return "stolen"
    return True if part["props"].get("elem_id") == "tr-sure" else part["props"].get("value")


def _call(address: str, name: str, data: list) -> str:
    body, kind = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    try:
        event = json.loads(_get(urllib.request.Request(f"{address}gradio_api/call/{name}", body, kind)))
        return _get(f"{address}gradio_api/call/{name}/{event['event_id']}")
    except urllib.error.HTTPError as error:  # not callable at all
        return str(error)


def _get(request: object) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as reply:
        return reply.read().decode()


def test_the_allowed_public_host_trains(monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    monkeypatch.setenv("AVSEG_ALLOW_TRAINING", "1")
    assert may_train() and "AVSEG_ALLOW_TRAINING" in os.environ
    a_run("one")
    assert "reaches a validation mIoU" in drawn(tab.refresh(tab.View("one")))["head"]
