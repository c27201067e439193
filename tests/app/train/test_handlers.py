"""The selected run in the Train tab: what is sent to the page, and what its buttons do."""

import os

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.components.updates import UNCHANGED
from app.evaluate import handlers as evaluate
from app.segment import handlers as segment
from app.services import runs
from app.services.host import may_train
from app.services.models import available_models
from app.services.session import VISITORS
from app.train import handlers
from app.train.state import TrainState
from avseg.checkpoints import Card, save_model
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import SMALL, small_config
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


def test_only_what_changed_is_sent_and_names_are_escaped():
    a_run("one"), a_run("<img src=x>")
    state = TrainState("one")
    first = handlers.refresh(state)
    assert "<img" not in first.runs and "&lt;img src=x&gt;" in first.runs
    assert "total" in first.loss_chart and "one" in first.metric_chart
    assert "Run <b>one</b>" in first.header
    html = {"header", "head", "loss_chart", "metric_chart", "validation", "samples", "runs", "log"}
    assert not html & set(handlers.refresh(state).changes())
    assert "<polyline" in handlers.compare(state, "<img src=x>").metric_chart
    evil = handlers.choose(state, "<img src=x>")
    assert not any("<img src=x" in str(value) for value in evil.changes().values())
    handlers.choose(state, "../..")
    assert state.run in ("one", "<img src=x>")


def test_only_known_options_change_the_charts():
    a_run("one"), a_run("two")
    state = TrainState("one")
    for run, compared in (("two", ("two",)), ("two", ()), (None, ()), (1, ())):
        handlers.compare(state, run)
        assert state.compared == compared
    handlers.set_style(state, "10 %", "linear", "false positives")
    assert (state.smoothing, state.loss_axis, state.metric) == ("10 %", "linear", "false positives")
    handlers.set_style(state, "rm", None, ["x"])
    assert (state.smoothing, state.loss_axis, state.metric) == ("10 %", "linear", "false positives")


def test_one_slider_shows_the_predictions_of_every_validation():
    run = a_run()
    run.samples.mkdir()
    state = TrainState("one")
    assert "appear here after every validation" in handlers.refresh(state).samples
    side = run.config().model.image_size
    for step in (3, 6):
        Image.fromarray(np.zeros((4 * side, 5 * side, 3), np.uint8)).save(run.samples / f"{step:06d}.jpg")
    last = handlers.refresh(state, acted=True)
    slider, sheet = last.validation, last.samples
    assert slider["visible"] and (slider["maximum"], slider["value"]) == (2, 2)
    assert "Validation 2 of 2, after step 6, epoch 2: mIoU 0.30" in sheet and sheet.count("<i style") == 4
    assert f"aspect-ratio:{20 * side}/{4 * side}" in sheet  # four strips
    assert "Validation 1 of 2, after step 3" in handlers.show_validation(state, 1).samples
    Image.fromarray(np.zeros((32, 40, 3), np.uint8)).save(run.samples / "000009.jpg")
    later = handlers.refresh(state)  # the selected one stays, the slider grows
    assert "Validation 1 of 3" in later.samples and later.validation["maximum"] == 3
    assert "Validation 3 of 3" in handlers.show_validation(state, 3).samples
    for wrong in (-5, "x", None, float("nan"), float("inf")):
        handlers.show_validation(state, wrong)
        assert state.validation == 0


def test_a_picture_is_only_sent_when_it_is_one():
    run = a_run()
    run.samples.mkdir()
    (run.samples / "000006.jpg").symlink_to("/etc/hostname")
    page = handlers.refresh(TrainState("one"))
    assert "000006.jpg cannot be read" in page.samples and "base64" not in page.samples
    assert "reaches a validation mIoU" in page.head  # the rest is drawn


def test_a_run_that_can_be_extended_says_what_that_does():
    a_run("one")
    page = handlers.refresh(TrainState("one"), acted=True)
    assert "More epochs stretch its one-cycle schedule" in page.head
    assert page.resume["value"] == "Extend" and page.epochs["value"] == 2
    flat = runs.run_folder("flat")
    flat.create(small_config(schedule="constant"))
    assert "one-cycle" not in handlers.refresh(TrainState("flat")).head
    flat.config_file.write_text("{")
    assert not handlers.refresh(TrainState("flat")).resume["visible"]


def test_a_finished_model_is_handed_to_segment():
    run, visitor = a_run("one"), VISITORS.of("local")
    visitor.state(TrainState).run = "one"
    with pytest.raises(gr.Error, match="does not exist"):
        handlers.use(visitor)
    save_model(run.last_model, AVSegFormer(SMALL), Card("one", "trained", "6 steps."))
    assert handlers.use(visitor).tabs.selected == "segment"
    arrival = segment.arrive("dog-and-guitar", 1)
    assert arrival.model["value"] == "one · trained" and arrival.model["value"] in arrival.model["choices"]
    assert "6 steps." in arrival.card
    assert segment.arrive("dog-and-guitar", 1).model is UNCHANGED  # once
    assert "one · trained" in available_models()
    assert handlers.evaluate(visitor).tabs.selected == "evaluate"
    arrival = evaluate.arrive("synth-ms3", "test", 40, True)
    assert arrival.models["value"] == ["one · trained"]


def test_rename_and_delete_ask_first_and_stay_inside():
    a_run("one"), a_run("two")
    state = TrainState("one")
    box = handlers.manage(state)
    assert box.new_name == "one" and box.delete == gr.update(value="Delete one", interactive=False)
    assert "Confirm with the checkbox" in handlers.delete(state, False).notice["value"]
    assert "Confirm with the checkbox" in handlers.delete(state, "yes").notice["value"]
    assert "A run named two already exists" in handlers.rename(state, "two").notice["value"]
    assert "not a valid run name" in handlers.rename(state, "../up").notice["value"]
    renamed = handlers.rename(state, "three")
    assert state.run == "three" and not renamed.manage_box["visible"]
    assert "run one does not exist" in handlers.delete(TrainState("one"), True).notice["value"]
    assert "not a valid run name" in handlers.delete(TrainState("../.."), True).notice["value"]
    handlers.delete(TrainState("three"), True)
    assert [run.path.name for run in runs.all_runs()] == ["two"]


def test_the_allowed_public_host_trains(monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    monkeypatch.setenv("AVSEG_ALLOW_TRAINING", "1")
    assert may_train() and "AVSEG_ALLOW_TRAINING" in os.environ
    a_run("one")
    assert "reaches a validation mIoU" in handlers.refresh(TrainState("one")).head


def test_a_link_names_the_run_on_the_page():
    a_run("one"), a_run("two")
    state = TrainState("one")
    assert handlers.arrive(state, "two").notice is UNCHANGED and state.run == "two"
    assert 'data-address="run=two"' in handlers.arrive(state).header
    assert "no-such" in handlers.arrive(state, "no-such").notice["value"] and state.run == "two"
