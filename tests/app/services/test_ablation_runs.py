"""Ablation studies as a child process: planned, started, watched, stopped and resumed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.services import ablation_runs, process, runs
from app.services.ablation_runs import StudyJob, StudyProgress, StudyRequest, read_request
from app.services.ablations import get_study
from avseg.config import Config
from avseg.errors import AvsegError, ConfigError, RunError
from avseg.evaluation.report import REPORT
from avseg.jobs.folder import Launch, lives
from avseg.presets import PRESETS
from avseg.training.run_folder import RunFolder, Status
from tests.support.small_model import small_config

LIMIT = 240  # seconds that anything here may take
ROWS = ("mixer-none", "no-sound")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("AVSEG_PUBLIC", raising=False)
    yield tmp_path / "runs"
    for file in (tmp_path / "runs").glob("*/job"):  # what a failed test left running
        record = StudyJob(file).read_launch()
        if record and lives(record):
            process.kill(record.pid)


def stored(root: Path, request: StudyRequest, launch: Launch | None = None) -> StudyProgress:
    """Store a study as `start` does, without a process; returns its progress."""
    folder = root / "one"
    ablation_runs.write_texts(
        folder / "job", {"request.json": ablation_runs.json.dumps(ablation_runs.asdict(request))}
    )
    if launch:
        StudyJob(folder / "job").write_launch(launch)
    return ablation_runs.started_studies()["one"]


REQUEST = StudyRequest("classroom", "synth", ROWS, 2, 40, "tiny-ms3")
GONE = Launch(2**22 + 1, 1.0, 1.0)  # no process has this number


def test_a_study_is_planned_and_has_its_command(root: Path):
    request = read_request("classroom", "synth", list(ROWS), 2, 40)
    assert request == REQUEST
    planned, train = ablation_runs.plan(request), PRESETS["classroom"].train
    assert planned.runs == 6 and planned.clips == 40
    assert planned.steps == 6 * (train.synth_clips // train.batch_size) * train.epochs
    # The bundled example of this preset was measured; the other rows count as it does.
    assert planned.seconds > 0 and "classroom" in planned.source
    assert ablation_runs.command(request, "mine") == (
        f"python -m avseg ablate classroom --out {root / 'mine'} --data synth --rows mixer-none no-sound "
        "--seeds 2 --clips 40 --start-from tiny-ms3"
    )
    assert ablation_runs.plan(replace(request, preset="ms3-r50-paper")).seconds is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("huge", "synth", ROWS, 1, None), "No ablation has the preset 'huge'"),
        (("tiny-tpavi", "synth", ROWS, 1, None), "No ablation has the preset 'tiny-tpavi'"),
        (("tiny", "synth", ("blurred",), 1, None), "no row blurred"),
        (("tiny", "synth", (), 1, None), "Tick at least one row"),
        (("tiny", "synth", ROWS, 1.5, None), "Seeds must be a whole number from 1 to 10"),
        (("tiny", "synth", ROWS, 1, -1), "Test clips must be"),
        (("tiny", "/etc", ROWS, 1, None), "no longer"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(values, message):
    with pytest.raises(AvsegError, match=message):
        read_request(*values)


def test_training_is_refused_on_a_public_host_that_shows_the_command(monkeypatch, root: Path):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    with pytest.raises(RunError, match="Training is off on this host"):
        ablation_runs.start(REQUEST, "mine")
    assert not root.exists() and ablation_runs.started_studies() == {}
    assert "--out runs/mine" in ablation_runs.command(REQUEST, "mine")


def test_progress_is_read_from_the_folders(root: Path):
    assert stored(root, REQUEST).state == "failed"
    progress = stored(root, REQUEST, replace(GONE, withdrawn=True))
    assert (progress.state, progress.done, progress.total) == ("stopped", 0, 6)
    assert progress.current == "default, seed 0"
    me = Launch(
        os.getpid(), process.psutil.Process().create_time(), time.time(), booted=process.psutil.boot_time()
    )
    assert stored(root, REQUEST, me).state == "starting"
    run = RunFolder(root / "one" / "default" / "seed-0")
    run.write_status(Status("running", step=3, steps=12, seconds_left=9.0))
    progress = stored(root, REQUEST)
    assert (progress.state, progress.step, progress.steps, progress.seconds_left) == ("running", 3, 12, 9.0)
    ablation_runs.stop("one")  # the first time, the run saves a checkpoint
    assert run.stop_requested and stored(root, REQUEST).state == "stopping"
    with pytest.raises(RunError, match="one is running"):
        ablation_runs.start(REQUEST, "two")
    for variant, seed in REQUEST.runs:
        report = root / "one" / variant.name / f"seed-{seed}" / "report" / REPORT
        report.parent.mkdir(parents=True)
        report.touch()
    assert stored(root, REQUEST, GONE).state == "finished"
    assert [run.path.name for run in runs.all_runs()] == []  # a study is none of Train's runs
    with pytest.raises(RunError, match="ablation study is named one"):
        runs.check_free("one")


def test_names_that_are_taken_or_no_study_are_refused(root: Path):
    (root / "taken").mkdir(parents=True)
    with pytest.raises(RunError, match="already exists"):
        ablation_runs.start(REQUEST, "taken")
    for name in ("taken", "../etc", ""):
        with pytest.raises((RunError, ConfigError)):
            ablation_runs.resume(name)
    assert ablation_runs.free_name("tiny") == "tiny-ablation-01"


@pytest.mark.slow
def test_a_study_is_trained_stopped_and_resumed(root: Path, monkeypatch, tmp_path: Path):
    config: Config = small_config(epochs=6, batch_size=2, synth_clips=4, validation_clips=1)
    file = tmp_path / "small.json"
    file.write_text(config.to_json())
    monkeypatch.setitem(PRESETS, str(file), config)  # the child reads the file
    request = StudyRequest(str(file), "synth", ("no-sound",), 1, 2)
    assert ablation_runs.start(request, "one") == "one"

    def wait(*states: str) -> StudyProgress:
        end = time.monotonic() + LIMIT
        while (progress := ablation_runs.started_studies()["one"]).state not in states:
            assert time.monotonic() < end, progress
            time.sleep(0.2)
        return progress

    while not ablation_runs.started_studies()["one"].step:
        wait("starting", "running")
        time.sleep(0.2)
    ablation_runs.stop("one")
    stopped = wait("stopped", "failed")
    assert stopped.state == "stopped" and stopped.done < 2
    ablation_runs.resume("one")
    finished = wait("finished", "failed")
    assert finished.state == "finished" and finished.done == 2, finished
    assert [row.model for row in get_study("one").rows] == ["one/default/seed-0", "one/no-sound/seed-0"]
