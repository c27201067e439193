"""The Train tab without a browser: its form, what it says of an order, curves, words, and who may use it."""

import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from app import runner
from app.tabs import train as tab
from app.training import curves, form, order, probe, screen
from app.training.course import POINTS, Course, Courses, line_of
from avseg.__main__ import main
from avseg.config import PRESETS, Config, TrainConfig
from avseg.data.synth.dataset import SynthAVS, write
from avseg.errors import AvsegError, ConfigError, RunError
from avseg.runs import RunFolder, Status
from tests.small import small_config

LOOK = ("2 %", "log", "mIoU")
OWN = {"preset": "tiny", "data": "synth", "name": "new", "device": "cpu", "workers": 0, "start_from": ""}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING", "AVSEG_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    return tmp_path / "runs"


def values(config: Config | None = None, **own: object) -> dict[str, object]:
    return form.values_of(config or small_config()) | OWN | own


def a_run(name: str = "one", steps: int = 6, state: str = "finished") -> RunFolder:
    """A run folder as a training of `steps` steps leaves it, with an evaluation after every third."""
    run = runner.run_of(name)
    run.create(small_config())
    for step in range(1, steps + 1):
        parts = {"loss": 3 / step, "mask": 2 / step, "auxiliary": 0.5 / step, "bce": 0.5 / step}
        run.write_event("step", epoch=0, step=step, **parts, learning_rate=1e-3, seconds=0.1)
        if step % 3 == 0:
            run.write_event("validation", epoch=step // 3 - 1, step=step, miou=step / 20, silence=0.01)
    run.write_status(Status(state, step=steps, steps=6, epoch=2, epochs=2, best_miou=0.3))
    return run


def test_every_field_has_a_place_a_control_and_help():
    listed = [field.key for _, group in form.groups() for field in group]
    assert sorted(listed) == sorted(form.form_fields()) and len(set(listed)) == len(listed)
    assert all(field.help for field in form.form_fields().values())
    help_of = form.form_fields()["train.bce_weight"].help
    assert help_of.startswith("Weight of a cross-entropy beside the loss; Dice has no gradient")
    assert form.form_fields()["model.mixer"].choices == ("none", "cross", "channel", "gated")


@pytest.mark.parametrize("name", PRESETS)
def test_the_form_gives_back_every_preset(name):
    assert form.config_of(form.values_of(PRESETS[name])) == PRESETS[name]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("train.epochs", 0, "epochs is 0"),
        ("train.epochs", 2.5, "whole number"),
        ("train.epochs", None, "epochs needs a number"),
        ("train.epochs", True, "epochs needs a number"),
        ("train.learning_rate", float("nan"), "learning_rate needs a number"),
        ("model.mixer", "best", "mixer is 'best'"),
        ("model.mixer", ["none"], "mixer is ''"),
        ("model.image_size", 100, "multiple of 32"),
        ("model.backbone_channels", "1 x", "whole numbers"),
        ("train.backbone_weights", "/etc/passwd", "give a name here"),
        ("train.backbone_weights", "--out=/tmp", "give a name here"),
        ("preset", "huge", "There is no preset"),
        ("preset", None, "There is no preset"),
        ("data", "/etc", "not there any more"),
        ("data", None, "not there any more"),
        ("name", "../x", "cannot name a run"),
        ("name", "a b", "cannot name a run"),
        ("name", "", "cannot name a run"),
        ("device", "tpu", "device is 'tpu'"),
        ("workers", 1e9, "workers must be"),
        ("workers", "1", "workers must be"),
        ("start_from", "/etc/passwd", "no model"),
    ],
)
def test_what_comes_from_outside_is_refused_in_words(key, value, said):
    found, lines = order.checks(values() | {key: value})
    assert found is None and [line.kind for line in lines] == ["bad"] and said in lines[0].words
    command, checks, button = tab.preview(values() | {key: value})
    assert command == "" and said.split("'")[0] in checks.replace("&#x27;", "'") and not button["interactive"]


@pytest.mark.parametrize("widths", [(), (32, 32, 32, 64)])
def test_the_command_says_all_of_it_to_the_command_line(widths, monkeypatch, capsys):
    config = small_config({"backbone_channels": widths, "heads": 4}, restless=False, learning_rate=3e-4)
    asked = order.read_order(values(config, start_from="tiny-ms3"))
    taken = []
    monkeypatch.setattr("avseg.train.train", lambda *given: taken.extend(given) or "there")
    assert main(asked.command()[2:]) == 0 and "there" in capsys.readouterr().out
    told, out, data, device, workers, resume, start_from, *_ = taken
    assert (told, out, data, device, workers) == (config, asked.run.path, "synth", "cpu", 0)
    assert resume is False and start_from == Path("tiny-ms3")


def test_an_order_is_checked_before_it_is_started(tmp_path, monkeypatch):
    a_run("new")
    write(SynthAVS("ms3", "train", 1, 3, (64, 64)), tmp_path / "data", videos=False)
    write(SynthAVS("ms3", "val", 1, 2, (64, 64)), tmp_path / "data", videos=False)
    monkeypatch.setenv("AVSEG_DATA", str(tmp_path / "data"))
    key = next(key for _, key in order.data_choices() if key.startswith("environment"))
    words = " / ".join(line.words for line in order.checks(values(data=key))[1])
    assert "3 clips to train on; 2 to check on" in words and "There is a run called new already" in words
    other = small_config({"task": "s4"})
    assert "set Task to ms3" in order.checks(values(other, data=key, name="other"))[1][0].words
    many = small_config(batch_size=4)
    assert "lower train.batch_size" in order.checks(values(many, data=key, name="other"))[1][0].words
    before = set(runner.all_runs()[0].path.parent.iterdir())
    view, notice, *_ = tab.start(values(), tab.View(), LOOK)[4:]
    assert "There is a run called new already" in notice["value"] and view == tab.View()
    assert set(runner.runs_root().iterdir()) == before


def test_time_and_memory_are_measured_or_said_to_be_unknown():
    asked = order.read_order(values())
    assert "not known yet" in screen.cost(None, 6, 10**9, 10**10)[0].words
    run = a_run("earlier")
    run.write_status(Status("finished", command="python -m avseg train tiny --device cpu --workers 0"))
    assert probe.known(asked).source == "in earlier" and probe.known(asked).memory is None
    assert probe.known(order.read_order(values(workers=1))) is None
    lines = screen.cost(probe.Measured(2.0, 3 * 10**9, 10**6, "now"), 90, 2 * 10**9, 10**10)
    assert "About 3 min" in lines[0].words
    assert [line.kind for line in lines] == ["ok", "bad", "ok"] and "too little" in lines[1].words


def test_a_log_is_read_once_and_forgotten_when_it_is_written_anew(root):
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
    run.forget_events_after(2)
    assert len(courses.of(run)) == 2
    runner.delete(run)
    assert len(courses.of(run)) == 0


def test_a_hundred_thousand_steps_are_followed_at_once(root):
    run = runner.run_of("long")
    run.create(small_config())
    event = {"kind": "step", "epoch": 0, "loss": 1.0, "mask": 1.0, "auxiliary": 0.5, "bce": 0.1}
    event |= {"learning_rate": 1e-3, "seconds": 0.1}
    text = "".join(json.dumps({"time": float(k), "step": k} | event) + "\n" for k in range(1, 100_001))
    run.events_file.write_text(text)
    courses = Courses()
    courses.of(run)
    spent = time.process_time()
    for step in range(3):
        run.write_event(**event, step=100_001 + step)
        course = courses.of(run)
        page = curves.loss_plot([curves.Followed("long", course, small_config(), 200_000)], 0.02, True)
    assert len(course) == 100_003 and (time.process_time() - spent) / 3 < 0.3
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
    for page in (curves.loss_plot(both, 0, False), curves.metric_plot(both, "mIoU", 0)):
        assert page.count("<polyline") == 2 and "<b>other" not in page and "&lt;b&gt;other" in page
    assert "0.3" in curves.metric_plot(both, "mIoU", 0)
    for metric in curves.METRICS:
        assert curves.metric_plot(followed, metric, 0.1).count("tr-label") == 1
    empty = [curves.Followed("none", Course(), None, 6)]
    assert "still to come" in curves.loss_plot(empty, 0.1, True)
    without = Config(PRESETS["avss-pvt-aug2023"].model, TrainConfig(loss="cross_entropy", auxiliary="none"))
    assert curves.part_name("mask", without) == "cross-entropy" and not curves.part_name("auxiliary", without)


def test_what_a_run_says_of_itself():
    one = screen.watched(a_run(), Courses().of(runner.run_of("one")))
    assert screen.finding(one) == (
        "one reaches a validation mIoU of 0.30 after epoch 2 of 2, and marks 1.0 % of the frame in silence."
    )
    assert "No process is at work" in screen.progress(one)
    run = a_run("alive", 3, "running")  # by the pid of this very process
    alive = screen.watched(run, Courses().of(run))
    assert alive.seen.state == "running" and "Closing this page" in screen.progress(alive)
    assert "No step for 10 min" in screen.progress(alive, time.time() + 600)
    run.ask_to_stop()
    assert runner.look(run).state == "stopping"
    assert [screen.duration(s) for s in (40, 130, 3600, 11_100, 90_000)] == [
        "40 s", "2 min 10 s", "1 h", "3 h 5 min", "1 day 1 h",
    ]  # fmt: skip


def test_runs_that_never_began_were_killed_or_failed_say_so(root):
    run = a_run("gone", 3, "running")
    told = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(told | {"pid": 2**22 + 1}))
    gone = screen.head(screen.watched(run, Courses().of(run)), False)
    assert "process gone" in gone and "ended without a word" in gone
    run.write_status(Status("failed", "The memory is not enough. <i>"))
    assert "The memory is not enough. &lt;i&gt;" in screen.head(screen.watched(run, Courses().of(run)), False)
    broken = runner.run_of("broken")
    runner.start(["-c", "raise SystemExit('avseg: The disk is away.')"], broken)
    end = time.monotonic() + 60
    while runner.look(broken).alive and time.monotonic() < end:
        time.sleep(0.1)
    assert runner.look(broken).state == "failed" and runner.look(broken).message.endswith("The disk is away.")
    assert "The disk is away" in tab.refresh(tab.View("broken"), LOOK)[2]
    assert broken.path.name in {other.path.name for other in runner.all_runs()}


def test_only_what_changed_is_sent_and_names_are_escaped():
    a_run("one"), a_run("<img src=x>")
    view, *_, loss, metric, _, _, runs, _ = tab.refresh(tab.View("one"), LOOK)
    assert "<img" not in runs and "&lt;img src=x&gt;" in runs and "total" in loss and "one" in metric
    again = tab.refresh(view, LOOK)
    assert all(part == gr.skip() for part in (again[2], again[9], again[10], again[12], again[13], again[14]))
    assert "<polyline" in tab.compare(view, "<img src=x>", True, LOOK)[9]
    assert tab.choose(view, "../..", LOOK)[0].run in ("one", "<img src=x>")
    assert tab._guarded(tab.compare, view, None, 1, LOOK)[0].compared == ()


def test_a_picture_is_only_sent_when_it_is_one():
    from PIL import Image

    run = a_run()
    run.samples.mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(run.samples / "000003.jpg")
    one = screen.watched(run, Courses().of(run))
    assert "Evaluation 1 of 1, after step 3, epoch 1: mIoU 0.15" in screen.sample(one, 99)
    (run.samples / "000006.jpg").symlink_to("/etc/hostname")
    with pytest.raises(RunError, match="cannot be read"):
        screen.sample(one, 2)


def test_rename_and_delete_ask_first_and_stay_inside():
    a_run("one"), a_run("two")
    view = tab.View("one")
    assert "Tick the box" in tab.delete(view, False, LOOK)[1]["value"]
    assert "Tick the box" in tab.delete(view, "yes", LOOK)[1]["value"]
    assert "There is a run called two" in tab.rename(view, "two", LOOK)[1]["value"]
    assert "cannot name" in tab.rename(view, "../up", LOOK)[1]["value"]
    assert tab.rename(view, "three", LOOK)[0].run == "three"
    assert "no run called one" in tab.delete(view, True, LOOK)[1]["value"]
    assert "cannot name" in tab.delete(tab.View("../.."), True, LOOK)[1]["value"]
    tab.delete(tab.View("three"), True, LOOK)
    assert [run.path.name for run in runner.all_runs()] == ["two"]


def test_a_run_goes_on_with_its_own_settings_for_more_epochs():
    run = a_run("one")
    run.write_status(Status("stopped", epoch=2, command="python x --device cpu --workers 3", data="synth"))
    words = runner.resume_command(run, 5)
    assert words[3] == "tiny" and words[words.index("--train.epochs") + 1] == "5" and "--resume" in words
    assert words[words.index("--workers") + 1] == "3" and words[words.index("--device") + 1] == "cpu"
    with pytest.raises(ConfigError, match="has done 2 epochs"):
        runner.resume_command(run, 1)


def test_a_public_host_shows_the_command_and_refuses_the_rest(root, monkeypatch):
    a_run("one")
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    command, checks, _ = tab.preview(values())
    assert "avseg train tiny" in command and "runs/new" in command and str(root) not in command + checks
    view = tab.View("one")
    for refused in (
        tab.start(values(), view, LOOK)[4:],
        tab.stop(view, LOOK),
        tab.end(view, LOOK),
        tab.resume(view, 9, LOOK),
        tab.rename(view, "x", LOOK),
        tab.delete(view, True, LOOK),
        tab._guarded(tab.refresh, view, LOOK),
        tab._guarded(tab.choose, view, "one", LOOK),
        tab._guarded(tab.show_number, view, 1, LOOK),
    ):
        assert "off on this host" in refused[1]["value"] and not any("<" in str(p) for p in refused[2:])
    assert "off on this host" in next(tab.take_measure(values()))[0]
    for act in (runner.stop, runner.end_at_once, runner.delete, lambda run: runner.rename(run, "x")):
        with pytest.raises(AvsegError, match="off on this host"):
            act(runner.run_of("one"))
    assert [path.name for path in root.iterdir()] == ["one"]


def test_a_public_host_refuses_direct_calls_too(root, monkeypatch):
    """Whoever calls the endpoints behind the page's back starts nothing and learns nothing."""
    a_run("secret-run")
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    with gr.Blocks() as demo, gr.Tabs(), gr.Tab("Train"):
        tab.add(gr.HTML())
    _, address, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        page = json.loads(_get(f"{address}config"))
        assert "secret-run" not in json.dumps(page)
        by_id = {part["id"]: part for part in page["components"]}
        called = 0
        for index, event in enumerate(page["dependencies"]):
            name = event["api_name"]
            if not name or not event["backend_fn"] or name.startswith(("train_preview", "train_arrive")):
                continue
            data = [_value(by_id[part]) for part in event["inputs"]]
            said = _call(address, name, data)
            assert "secret-run" not in said, name
            called += "off on this host" in said
            assert index >= 0
        assert called >= 8  # start, measure, stop, end, resume, rename, delete, tick
        assert [path.name for path in root.iterdir()] == ["secret-run"]
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
    assert runner.may_train() and "AVSEG_ALLOW_TRAINING" in os.environ
    a_run("one")
    assert "reaches a validation mIoU" in tab.refresh(tab.View("one"), LOOK)[2]
