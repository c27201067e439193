"""A damaged run folder: the tab still works for all others, says what is damaged, and can delete it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.services import runs
from app.train import handlers
from app.train.state import TrainState
from avseg.errors import RunError
from avseg.training.command import resume_arguments
from avseg.training.run_folder import RunFolder
from tests.support.training_runs import a_run, own_runs  # noqa: F401 (a fixture)

NESTED = "[" * 100_000
LAUNCH = {"pid": 1, "process_started": 1.0, "time": 1e12}
STEP = {"kind": "step", "loss": 1, "mask": 1, "learning_rate": 1, "time": 1, "step": 1}
HUGE = ({"step": 10**400}, {"step": float("nan")}, {"loss": 10**400}, {"time": float("inf")})


def put(name: str, content: str | bytes) -> Callable[[RunFolder], None]:
    """Return a damage: a file with other content."""
    data = content.encode() if isinstance(content, str) else content

    def damage(run: RunFolder) -> None:
        (run.path / name).write_bytes(data)

    return damage


def change(name: str, **values: object) -> Callable[[RunFolder], None]:
    """Return a damage: other values in a JSON file."""

    def damage(run: RunFolder) -> None:
        path = run.path / name
        content = (
            json.loads(path.read_text())
            if path.exists()
            else {"pid": 1, "process_started": 1.0, "time": 1e12}
        )
        path.write_text(json.dumps(content | values))

    return damage


def pipe(name: str) -> Callable[[RunFolder], None]:
    def damage(run: RunFolder) -> None:
        (run.path / name).unlink(missing_ok=True)
        os.mkfifo(run.path / name)

    return damage


def folder(name: str) -> Callable[[RunFolder], None]:
    def damage(run: RunFolder) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).mkdir()

    return damage


SAID = {  # damages that the head of the run names, and the file
    "status nested": (put("status.json", NESTED), "status.json"),
    "status empty": (put("status.json", ""), "status.json"),
    "status a list": (put("status.json", "[1, 2]"), "status.json"),
    "status binary": (put("status.json", b"\xff\xfe\x00"), "status.json"),
    "status of an unknown state": (change("status.json", state="dreaming"), "status.json"),
    "status with text for a step": (change("status.json", step="six"), "status.json"),
    "status with None": (change("status.json", epochs=None), "status.json"),
    "status with NaN": (change("status.json", seconds_left=float("nan"), state="running"), "status.json"),
    "status with Infinity": (put("status.json", '{"state": "running", "started": 1e999}'), "status.json"),
    "status with a huge number": (change("status.json", steps=10**400), "status.json"),
    "status with a list for a message": (change("status.json", message=["a"]), "status.json"),
    "launch nested": (put("launch.json", NESTED), "launch.json"),
    "launch with wrong types": (change("launch.json", pid="x", time=[]), "launch.json"),
    "launch with a huge time": (change("launch.json", time=10**400), "launch.json"),
    "config nested": (put("config.json", NESTED), "config.json"),
    "config with wrong types": (put("config.json", '{"model": 3}'), "config.json"),
    "config not UTF-8": (put("config.json", b'{"model": "\xff"}'), "config.json"),
}
QUIET = {
    "log not UTF-8": put("log.txt", b"\xff\xfe broken"),
    "log a folder": folder("log.txt"),
    "events nested": put("events.jsonl", f'{{"kind": "step", "step": {NESTED}\n{NESTED}\n'),
    "events with huge numbers": put("events.jsonl", "".join(json.dumps(STEP | e) + "\n" for e in HUGE)),
    "events a pipe": pipe("events.jsonl"),
    "status a pipe": pipe("status.json"),
    "console a folder": folder("console.txt"),
    "sample of no number": put("samples/²².jpg", b"no picture"),
    "message of half characters": put("status.json", '{"state": "failed", "message": "\\ud800"}'),
}


@pytest.mark.parametrize("name", [*SAID, *QUIET])
def test_each_run_stands_alone(name: str):
    sound, broken = a_run("sound"), a_run("broken")
    broken.samples.mkdir(exist_ok=True)
    damage, file = SAID.get(name) or (QUIET[name], "")
    damage(broken)
    state = TrainState()
    state.run = sound.path.name
    updates = handlers.refresh(state, acted=True).changes()
    assert "sound reaches a validation mIoU" in updates["head"] and "broken" in updates["runs"]
    chosen = handlers.choose(state, "broken").changes()
    head = str(chosen["head"])
    json.dumps([str(page) for page in chosen.values()]).encode()
    head.encode()
    assert ("is damaged" in head) == bool(file) and file in head
    handlers.compare(state, "sound")
    handlers.delete(state, True)
    assert [run.path.name for run in runs.all_runs()] == ["sound"]


def test_a_run_whose_data_are_not_known_is_not_resumed_on_others():
    run = a_run("broken", 3, "stopped")
    put("status.json", NESTED)(run)
    with pytest.raises(RunError, match=r"status.json is damaged.*--data"):
        resume_arguments(run, Path())
