"""The panel that adds models: what it offers, starts, follows and selects; without a process of its own."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from app.components.add_model import handlers
from app.components.add_model.handlers import PanelUpdates, act, add_file, add_from_hub, poll
from app.components.add_model.panel import Added
from app.segment import html as segment_html
from app.segment.input_handlers import choose_model, take_added
from app.services import additions, process
from app.services.models import ADD_MODEL
from app.services.session import VISITORS
from avseg.additions import AdditionFolder, AdditionStatus
from avseg.checkpoints import Card, save_model
from avseg.jobs.folder import Launch
from avseg.models.avsegformer import AVSegFormer
from avseg.models.zoo import LICENCE, RELEASED
from tests.support.small_model import SMALL

NAME = "s4-pvt-aug2023"
ME = SimpleNamespace(session_hash="adds-models")


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """An empty folder of imported models, on a private host, and a visitor who has opened nothing."""
    for name in ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path))
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    VISITORS.leave(ME.session_hash)
    return tmp_path


@pytest.fixture
def launched(monkeypatch) -> list[list[str]]:
    """The commands that would have been started; this process plays their child."""
    commands: list[list[str]] = []

    def launch(arguments: list[str], job: AdditionFolder) -> None:
        commands.append([*arguments])
        me = psutil.Process()
        job.write_launch(Launch(me.pid, me.create_time(), time.time(), booted=psutil.boot_time()))

    monkeypatch.setattr(process, "launch", launch)
    return commands


def click(name: str, value: object = None) -> PanelUpdates:
    return act(SimpleNamespace(_data={"action": name, "value": value}), ME)


def folder(models: Path, key: str = NAME) -> AdditionFolder:
    return AdditionFolder(models / "jobs" / key)


def end(models: Path, state: str, message: str = "", model: str = "", key: str = NAME) -> None:
    job = folder(models, key)
    if model:
        (job.path / "model.txt").write_text(model)
    job.write_status(AdditionStatus(state, message, done=5, total=9))


def test_the_panel_lists_every_released_model_with_the_authors_numbers():
    updates = click("open", "explore")
    assert (
        updates.panel["visible"] and VISITORS.of("adds-models").state(handlers.AddModelState).tab == "explore"
    )
    first = str(updates.released)
    assert (
        LICENCE.split(":")[0].replace("'", "&#39;") in first
        and "83.1 <small>/ 90.5" in first
        and "744 MB" in first
    )
    assert f"python -m avseg weights get {NAME}" in first and "apr2023" not in first
    older = str(click("older").released)
    assert all(name in older for name in RELEASED)
    click("half", True)
    other = str(click("show", "ms3-pvt-aug2023").released)
    assert "weights get ms3-pvt-aug2023 --storage bfloat16" in other and f"weights get {NAME}" not in other


def test_a_model_is_fetched_followed_and_selected(models, launched):
    click("open", "segment")
    updates = click("get", NAME)
    assert launched == [["-m", "avseg", "weights", "get", NAME, "--status", str(folder(models).path)]]
    assert updates.timer.active and "Starting…" in str(updates.released)
    assert click("get", NAME) and len(launched) == 1  # it runs already
    folder(models).write_status(AdditionStatus("running", done=186_000_000, total=744_000_000))
    assert "186 MB of 744 MB" in str(poll(ME).released)
    assert "25 %" in str(click("close").strip)
    click("cancel", NAME)
    assert folder(models).stop_requested and additions.offers()[0].addition.state == "stopping"
    folder(models).clear_stop()
    torch.manual_seed(0)
    save_model(models / f"{NAME}.safetensors", AVSegFormer(SMALL), Card(NAME, "released", "By its authors."))
    end(models, "finished", model=NAME)
    updates = poll(ME)
    assert updates.added.model == f"{NAME} · imported" and updates.added.tab == "segment"
    assert "is ready and selected" in str(updates.strip) and not updates.timer.active
    chosen = take_added(updates.added, "dog-guitar", 1, ME)
    assert "Trained by the authors" in str(chosen.card)
    assert take_added(Added("explore", updates.added.model), "dog-guitar", 1, ME).changes() == {}
    assert "is ready" not in str(click("hide", NAME).strip)
    assert click("use", updates.added.model).added.number == 2


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "What has arrived is kept: run the same command again, and it continues from there.",
            "press Resume",
        ),
        ("Open it and run `python -m avseg weights get a-b --file FILE.pth`;", "under “I have the file”"),
        ("The drive has reached its quota for this file.", "has reached its quota"),
    ],
)
def test_failures_are_shown_in_words_that_the_page_can_follow(models, launched, said, shown):
    click("open")
    click("get", NAME)
    end(models, "failed", said)
    updates = poll(ME)
    assert shown in str(updates.released) and "python -m avseg weights get a-b" not in str(updates.released)
    assert "Get</button>" in str(updates.released)
    assert "was not added" in str(click("close").strip)


def test_a_full_disk_is_named_although_nothing_could_be_written(models, launched, monkeypatch):
    click("get", NAME)
    record = AdditionStatus("running")
    folder(models).write_status(record)
    status = json.loads(folder(models).status_file.read_text()) | {"pid": 2**22 + 1}
    folder(models).status_file.write_text(json.dumps(status))
    launch = asdict(folder(models).read_launch()) | {"pid": 2**22 + 1}
    folder(models).launch_file.write_text(json.dumps(launch))
    assert "ended without a message" in additions.offers()[0].addition.message
    monkeypatch.setattr(additions, "LEAST_FREE", 2**62)
    assert additions.offers()[0].addition.message == additions.FULL_DISK


def test_a_pth_file_beside_the_models_waits_for_a_click(models, launched):
    torch.save({"a": torch.zeros(2)}, models / "AVSegFormer_r50_ms3.pth")
    assert "not imported yet" in str(click("open").others)
    card = str(segment_html.model_card("tiny-ms3", 1))
    assert "AVSegFormer_r50_ms3.pth is not imported yet" in card and "data-add-model" in card
    click("import", "../../etc/passwd")
    assert launched == []
    updates = click("import", "AVSegFormer_r50_ms3.pth")
    assert launched[0][3:5] == ["add", str(models / "AVSegFormer_r50_ms3.pth")]
    assert "not imported yet" not in str(updates.others) and "Cancel" in str(updates.others)
    end(
        models,
        "failed",
        "Models for S4 and MS3 look the same: add --task s4 or --task ms3.",
        key="AVSegFormer_r50_ms3",
    )
    assert "select the task below" in str(poll(ME).others)
    assert "not imported yet" in str(click("dismiss", "AVSegFormer_r50_ms3").others)


def test_paths_and_repositories_are_checked_before_anything_starts(models, launched):
    for updates, said in (
        (add_file("", "", ME), "Enter the path"),
        (add_file(str(models / "none.pth"), "", ME), "does not exist"),
        (add_from_hub("no repository", ME), "use owner/name"),
        (click("get", "gpt-5"), "does not name a released model"),
    ):
        assert said in str(updates.notice["value"])
    (models / "page.pth").write_text("<html>Sign in</html>")
    assert "is a web page" in str(add_file(str(models / "page.pth"), "", ME).notice["value"])
    assert launched == []
    torch.save({"a": torch.zeros(2)}, models / "net.pth")
    assert add_file(f'"{models / "net.pth"}"', "ms3", ME).path == ""
    assert add_from_hub("https://huggingface.co/owner/name", ME).repo == ""
    assert [command[4:] for command in launched] == [
        [str(models / "net.pth"), "--task", "ms3", "--status", str(models / "jobs" / "net")],
        ["hub:owner/name", "--status", str(models / "jobs" / "owner-name")],
    ]


def test_a_public_host_shows_only_the_command(models, launched, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    torch.save({"a": torch.zeros(2)}, models / "net.pth")
    updates = click("open")
    text = str(updates.released) + str(updates.others)
    assert f"python -m avseg weights get {NAME}" in text and "Copy" in text
    assert "am-get" not in text and "net.pth" not in text and str(models) not in text
    assert additions.NOT_HERE in str(click("get", NAME).notice["value"])
    assert additions.NOT_HERE in str(add_file(str(models / "net.pth"), "", ME).notice["value"])
    assert launched == []


def test_the_last_entry_of_a_list_selects_nothing():
    assert choose_model("dog-guitar", ADD_MODEL, 1, ME).changes() == {}
