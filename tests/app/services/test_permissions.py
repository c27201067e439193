"""Runs and reports that this user may not read or change: each stands alone and says why."""

import shutil
from pathlib import Path

import pytest

from app.services import evaluations, runs
from app.services.reports import BUNDLED, get_report, list_reports
from app.train import handlers
from app.train.state import TrainState
from avseg.errors import ReportError, RunError, WriteError
from avseg.training.run_folder import RunFolder
from tests.support.evaluations import add
from tests.support.ordinary_user import ordinary_user, users_folder  # noqa: F401 (a fixture)
from tests.support.small_model import small_config
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)


@pytest.fixture
def root_of_runs(users_folder: Path, own_runs: None, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.setenv("AVSEG_RUNS", str(users_folder / "runs"))
    return users_folder / "runs"


def test_a_run_that_may_not_be_read_leaves_the_others_alone(root_of_runs: Path):
    a_run("good")
    handlers.refresh(TrainState("good"))  # imports what it needs
    for name in ("locked", "sealed"):
        a_run(name)
    for path in RunFolder(root_of_runs / "sealed").path.iterdir():
        path.chmod(0)
    (root_of_runs / "locked").chmod(0)
    with ordinary_user(root_of_runs.parent):
        for name, state in (("good", "finished"), ("sealed", "stopped")):
            drawn = handlers.refresh(TrainState(name))
            assert name in drawn.head and "good" in drawn.runs
            assert runs.run_state(runs.run_folder(name)).state == state
        assert "good" in handlers.refresh(TrainState("locked")).runs
        with pytest.raises(RunError, match="may not be opened"):
            RunFolder(root_of_runs / "locked").config()


def test_a_run_that_may_not_be_changed_says_so_and_stays(root_of_runs: Path):
    run, alive = a_run("fixed"), a_run("alive", 3, "running")
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    for folder in (run.path, alive.path):
        folder.chmod(0o500)
    with ordinary_user(root_of_runs.parent):
        with pytest.raises(RunError, match="fixed cannot be deleted: Permission denied"):
            runs.delete(run)
        with pytest.raises(WriteError, match="Permission denied"):
            runs.stop(alive)
        with pytest.raises(RunError, match="cannot be created: Permission denied"):
            RunFolder(alive.path / "new").create(small_config())
        root_of_runs.chmod(0o500)
        with pytest.raises(RunError, match="fixed cannot be renamed: Permission denied"):
            runs.rename(run, "other")
        with pytest.raises(RunError, match="cannot be written: Permission denied"):
            runs.start(["-c", ""], runs.run_folder("new"))
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_a_report_that_may_not_be_read_leaves_the_others_alone(
    users_folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    root = users_folder / "evaluations"
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(root))
    list_reports()  # imports what it needs
    keys = [add(root, f"20260101-00000{number}-one", "finished") for number in range(3)]
    for key in keys:
        for path in filter(Path.is_file, (BUNDLED / "tiny-ms3").iterdir()):
            shutil.copyfile(path, root / key / path.name)
    (root / keys[1]).chmod(0)
    (root / keys[2] / "report.json").chmod(0)
    root.chmod(0o500)
    with ordinary_user(users_folder):
        assert [key for key in list_reports() if key in keys] == keys[:1]
        for key in keys[1:]:
            with pytest.raises(ReportError, match="no longer exists"):
                get_report(key)
        with pytest.raises(ReportError, match="cannot be deleted: Permission denied"):
            evaluations.delete(keys[0])
