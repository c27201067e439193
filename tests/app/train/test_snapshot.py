"""How a run is described: its headline, its progress, and what to do when it failed."""

import json
import time

from app.services import runs
from app.train import handlers, html, snapshot
from app.train.state import TrainState
from avseg.training.run_folder import Status
from tests.support.small_model import small_config
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


def test_a_run_is_described_by_its_numbers():
    finished = snapshot.snapshot(a_run().path.name)
    assert snapshot.finding(finished) == (
        "one reaches a validation mIoU of 0.30 after epoch 2 of 2; false positives cover "
        "1.0\N{NO-BREAK SPACE}% of silent frames."
    )
    assert "step 6 of 6. All steps done." in snapshot.progress(finished)
    a_run("halted", 3, "stopped")
    assert "step 3 of 6. Resume continues from the last" in snapshot.progress(snapshot.snapshot("halted"))
    run = a_run("alive", 3, "running")  # by the pid of this very process
    alive = snapshot.snapshot("alive")
    assert alive.state.state == "running" and "You can close this page" in snapshot.progress(alive)
    assert "No step for 10 min" in snapshot.progress(alive, time.time() + 600)
    run.request_stop()
    assert runs.run_state(run).state == "stopping"
    assert "saves a checkpoint" in snapshot.progress(snapshot.snapshot("alive"))


def test_a_run_before_its_first_step_says_what_it_prepares():
    run = runs.run_folder("new")
    run.create(small_config(audio_pretrain_steps=40, visual_pretrain_steps=20))
    run.write_status(Status("running", epochs=2))
    new = snapshot.snapshot("new")
    assert snapshot.finding(new) == "new: pretraining the backbones (0 of 60)"
    assert "pretrained for 60 steps first" in snapshot.progress(new)
    for done in (1, 10):
        run.write_event("pretraining", backbone="audio", done=done, total=40, accuracy=0.5)
    new = snapshot.snapshot("new")
    assert snapshot.finding(new) == "new: pretraining the backbones (10 of 60)" and new.share == 10 / 60
    page = handlers.refresh(TrainState("new"))
    assert "<h2>Pretraining</h2>" in page.metric_chart and "<span>audio</span><b>0.5" in page.metric_chart
    run.write_status(Status("running", epochs=2, command="python -m avseg train tiny --start-from tiny-ms3"))
    assert snapshot.finding(snapshot.snapshot("new")) == "new: preparing the first step"


def test_a_run_that_was_too_short_says_so():
    run = runs.run_folder("short")
    run.create(small_config())
    parts = {"loss": 1.0, "mask": 1.0, "learning_rate": 1e-3}
    run.write_event("step", epoch=0, step=24, **parts)
    run.write_event("validation", epoch=0, step=24, miou=0.001, silence=0.0)
    assert snapshot.finding(snapshot.snapshot("short")) == (
        "short: 24 steps are too few to mark anything (validation mIoU 0.00)"
    )


def test_a_finished_run_comes_with_the_app():
    """It is there to be looked at: with a rising curve, predictions, and nothing to be done with it."""
    state = TrainState()
    page = handlers.refresh(state, acted=True)
    assert state.run == runs.EXAMPLE and "reaches a validation mIoU" in page.head
    assert "This run comes with the app" in page.head and "tr-sheet" in page.samples
    for name in ("stop", "stop_now", "resume", "epochs", "use", "evaluate", "manage"):
        assert getattr(page, name)["visible"] is False, name
    mious = snapshot.snapshot(runs.EXAMPLE).history.validation_values("miou")
    assert mious[-1] > mious[0] + 0.1
    before = sorted(runs.EXAMPLE_FOLDER.rglob("*"))
    for refused in (handlers.stop(state), handlers.resume(state, 20), handlers.delete(state, True)):
        assert "error" in refused.notice["value"]
    assert "error" in handlers.rename(state, "mine").notice["value"]
    assert sorted(runs.EXAMPLE_FOLDER.rglob("*")) == before


def test_a_resumed_run_says_so_until_its_next_step():
    run = a_run("one", 3, "stopped")
    run.write_status(Status("running", epochs=2, started=time.time()))
    assert "Resuming from the checkpoint at step 3." in snapshot.progress(snapshot.snapshot("one"))
    parts = {"loss": 1, "mask": 1, "auxiliary": 0, "bce": 0, "learning_rate": 1e-3, "seconds": 0.1}
    run.write_event("step", epoch=1, step=4, **parts)
    run.write_status(Status("running", step=4, steps=6, epoch=1, epochs=2, started=1.0))
    assert "Epoch 2 of 2, step 4 of 6." in snapshot.progress(snapshot.snapshot("one"))


def test_runs_that_crashed_or_failed_say_so():
    run = a_run("gone", 3, "running")
    status = json.loads(run.status_file.read_text())
    run.status_file.write_text(json.dumps(status | {"pid": 2**22 + 1}))
    gone = html.run_head(snapshot.snapshot("gone"), False)
    assert "crashed" in gone and "ended without a message" in gone
    run.write_status(Status("failed", "The memory is not enough. <i>"))
    assert "The memory is not enough. &lt;i&gt;" in html.run_head(snapshot.snapshot("gone"), False)
    broken = runs.run_folder("broken")
    runs.start(["-c", "raise SystemExit('avseg: The disk is away.')"], broken)
    end = time.monotonic() + 60
    while runs.run_state(broken).alive and time.monotonic() < end:
        time.sleep(0.1)
    state = runs.run_state(broken)
    assert state.state == "failed" and state.message.endswith("The disk is away.")
    assert "The disk is away" in handlers.refresh(TrainState("broken")).head
    assert broken.path.name in {other.path.name for other in runs.all_runs()}
