"""Run folders and orders for the tests of the Train tab."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.services.runs import run_folder
from app.train.form import values_of
from avseg.config import Config
from avseg.training.run_folder import RunFolder
from tests.support.small_model import small_config
from tests.support.small_run import write_run

OWN = {
    "preset": "tiny",
    "data": "synth",
    "more_data": [],
    "name": "new",
    "device": "cpu",
    "workers": 0,
    "start_from": "",
}


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own folder of runs, on a private host."""
    for name in ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING", "AVSEG_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))


def values(config: Config | None = None, **own: object) -> Mapping[str, object]:
    """Return the form's values for a run that takes seconds."""
    return values_of(config or small_config()) | OWN | own


def a_run(name: str = "one", steps: int = 6, state: str = "finished") -> RunFolder:
    """Create a run folder as training for `steps` steps leaves it, with a validation after every third."""
    return write_run(run_folder(name), steps, state)
