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
    assert snapshot.finding(new) == "new: pretraining the backbones"
    assert "pretrained for 60 steps first" in snapshot.progress(new)


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
