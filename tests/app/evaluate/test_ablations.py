"""The Ablations view: the study in view, the ticked rows, the wall, and from a cell to another tab."""

import re
import shutil
from types import SimpleNamespace

import pytest

from app.evaluate.ablations import handlers, html, text, training, wall
from app.evaluate.ablations.layout import ABLATIONS
from app.evaluate.ablations.state import AblationState, WallRequest
from app.evaluate.ablations.wall import TEST, check_request
from app.services import ablation_runs, ablations
from app.services.ablations import get_study
from app.services.cache import LRUCache
from app.services.handoff import AblationRequest
from app.services.permalink import read_link
from app.services.session import VISITORS
from avseg.errors import AvsegError
from avseg.jobs.folder import Launch

pytestmark = pytest.mark.usefixtures("study_root")


def click(action: str, value: object = None) -> SimpleNamespace:
    return SimpleNamespace(_data={"action": action, "value": value})


@pytest.fixture(autouse=True)
def state(monkeypatch) -> AblationState:
    """The state of a visitor who has just come to the study `first`; no cell is computed yet."""
    monkeypatch.setattr(wall, "_CELLS", LRUCache(600))
    VISITORS.leave("local")
    state = VISITORS.of("local").state(AblationState)
    state.key = "first"
    return state


def test_the_view_shows_the_study_and_says_what_is_within_the_spread():
    updates = handlers.choose_view(ABLATIONS)
    assert updates.page["visible"] and not updates.reports_page["visible"]
    assert "1 of 2 changes of the model exceeds the spread, most of all no sound" in updates.head
    assert "python -m avseg ablate small.json" in updates.head and "study=first" in updates.head
    assert updates.table.count('type="checkbox"') == 3 and "Trained and evaluated in silence" in updates.table
    study = get_study("first")
    below, within = text.sentences(study)
    assert "falls by more than the spread with no sound" in below and "Within the spread: no mixer" in within
    # The floor and the intervals are drawn: three rows and their two changes have a whisker each.
    assert updates.charts.count("lane-whisker") == 5 and "largest object in view" in updates.charts
    assert "exceed" not in handlers.choose_view("Reports").changes().get("head", "")


def test_published_numbers_have_columns_of_their_own(monkeypatch):
    study = get_study("first")
    assert "Paper, MS3" not in html.table(study, ())
    study.rows[1].numbers.published["ms3"] = (57.4, 67.9)
    assert "Paper, MS3" in html.table(study, ()) and "57.4 / 67.9" in html.table(study, ())


def test_a_study_without_a_table_is_said_and_others_stay(study_root, state):
    (study_root / "first" / "table.json").write_text("[]")
    updates = handlers.choose_view(ABLATIONS)
    assert "is damaged" in updates.head and updates.table == "" and not updates.wall_box["visible"]
    state.key = "gone"
    assert "no longer exists" in handlers.choose_view(ABLATIONS).notice["value"]


def test_rows_are_ticked_and_the_button_says_what_it_computes(state):
    handlers.choose_view(ABLATIONS)
    assert state.ticked(get_study("first")) == ("default", "mixer-none", "no-sound")
    assert "6 runs of a model" in handlers.choose_clips(["dog-and-guitar", "street-siren"]).hint
    assert "4 runs of a model" in handlers.tick(click("row", "default")).hint
    handlers.tick(click("row", "mixer-none"))
    refused = handlers.tick(click("row", "no-sound"))
    assert "Tick one to 12 rows" in refused.hint and not refused.go["interactive"]
    for invalid in (click("row", "../x"), click("row", 3), click("other"), SimpleNamespace(_data=None)):
        handlers.tick(invalid)
    assert state.ticked(get_study("first")) == ()
    assert "Choose one to 4 clips" in handlers.choose_clips([]).hint


def test_the_wall_is_computed_once_and_a_cell_opens_in_another_tab(state):
    study = get_study("first")
    name = study.evaluation("default").clips[-1].name
    test_clip = next(key for _, key in wall.clip_choices(study) if key.startswith(TEST))
    state.clips, state.rows = ("dog-and-guitar", test_clip), ("default", "no-sound")
    shown = handlers.show_wall()
    assert shown.wall.count('data-action="cell"') == 8 and shown.wall.count("<img") == 6
    assert "Computed already" in shown.hint and "not computed" not in shown.wall
    steps = []
    wall.compute(study, state.wall, lambda share, about: steps.append(about))
    assert steps == []
    # The click itself runs no model; the cell is then the result of the tab that it names.
    asked = handlers.click_cell(click("cell", ["dog-and-guitar", "no-sound", 3, "inside"])).asked
    opened = handlers.open_cell(asked)
    result = VISITORS.of("local").result
    assert opened.tabs.selected == "inside" and result.model == "first/no-sound/seed-0"
    assert result.frame == 3 and not result.prediction.clip.waveform.any()  # trained in silence
    handlers.open_cell(handlers.click_cell(click("cell", [test_clip, "default", 99, "whatif"])).asked)
    result = VISITORS.of("local").result
    assert result.model == "first/default/seed-0" and result.title == test_clip.removeprefix(TEST)
    assert result.frame == 4 and result.prediction.clip.waveform.any() and name


def test_stopping_keeps_the_finished_cells(state):
    study = get_study("first")
    asked = check_request(study, ("dog-and-guitar",), ("default", "no-sound"))

    def stop_at_the_second(share: float, about: str) -> None:
        if "no sound" in about:
            VISITORS.of("local").jobs.cancel(handlers.WALL)
            raise AvsegError("stopped")

    with pytest.raises(AvsegError):
        wall.compute(study, asked, stop_at_the_second)
    card = html.wall_card(study, asked)
    assert card.count("not computed") == 1 and wall.estimate(study, asked)[0] == 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        ["dog-and-guitar", "default", -1, "inside"],
        ["dog-and-guitar", "default", 0, "train"],
        [1, 2, 0, "inside"],
    ],
)
def test_clicks_that_name_no_cell_do_nothing(value):
    assert handlers.click_cell(click("cell", value)).changes() == {}


def test_a_cell_that_does_not_exist_is_a_sentence():
    assert "has no row" in handlers.open_cell((1, "dog-and-guitar", "gone", 0, "inside")).notice["value"]
    assert (
        "does not offer the clip" in handlers.open_cell((2, "/etc", "default", 0, "inside")).notice["value"]
    )


def test_a_link_opens_the_view():
    (request,) = read_link("?tab=evaluate&view=ablations&study=first").requests
    assert request == AblationRequest("first")
    VISITORS.of("local").hand_over(request)
    updates = handlers.arrive("Reports")
    assert updates.view == ABLATIONS and updates.page["visible"] and updates.study["value"] == "first"
    assert handlers.arrive("Reports").changes() == {}


def test_a_link_to_a_wall_computes_it_once(state):
    shown = html.wall_card(get_study("first"), WallRequest("first", ("dog-and-guitar",), ("default",)))
    where = re.search('data-address="([^"]*clips[^"]*)"', shown)[1].replace("&amp;", "&")
    (request,) = read_link(f"?tab=evaluate&view=ablations&study=first&{where}").requests
    assert request == AblationRequest("first", ("dog-and-guitar",), ("default",))
    VISITORS.of("local").hand_over(request)
    assert handlers.arrive("Reports").linked and state.ticked(get_study("first")) == ("default",)
    assert "data:image/jpeg" in handlers.show_linked().wall
    assert handlers.show_linked().changes() == {}
    VISITORS.of("local").hand_over(AblationRequest("first", ("/etc/passwd",), ("gone",)))
    handlers.arrive("Reports")
    assert "does not offer the clip" in handlers.show_linked().notice["value"]


def test_without_any_study_the_view_says_what_one_is(monkeypatch, tmp_path, state):
    monkeypatch.setattr(ablations, "BUNDLED", tmp_path)
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path))
    state.key = ""
    updates = handlers.choose_view(ABLATIONS)
    assert text.EMPTY in updates.head and updates.study["choices"] == []
    assert handlers.show_wall().changes() == {} and handlers.choose_clips([]).changes() == {}


FORM = ("classroom", "synth", ["no-sound"], 2, 40)


def test_the_form_says_what_a_study_takes_or_why_it_cannot_be_trained(monkeypatch):
    fitted = training.fit_form(*FORM, "mine")
    assert "4 runs (2 rows, 2 seeds)" in fitted.checks and "of training" in fitted.checks
    assert "--rows no-sound --seeds 2 --clips 40" in fitted.command and fitted.start["interactive"]
    for values, message in (
        (("classroom", "synth", [], 2, 40, "mine"), "Tick at least one row"),
        ((*FORM, "first"), "first already exists"),
    ):
        refused = training.fit_form(*values)
        assert message in refused.checks and not refused.start["interactive"]
    other = training.choose_preset("tiny", "synth", ["mixer-none", "backbone-resnet50"], 1, None, "mine")
    assert other.rows["value"] == ["mixer-none"] and other.name == "tiny-ablation-01"
    assert training.choose_preset("tiny-tpavi", "synth", [], 1, None, "mine").changes() == {}
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    fitted = training.fit_form(*FORM, "mine")
    assert "Training is off on this host" in fitted.checks and "--out runs/mine" in fitted.command
    assert "Training is off on this host" in training.start(*FORM, "mine").notice["value"]


def test_a_started_study_is_followed_and_comes_into_view_with_its_first_table(study_root, state, monkeypatch):
    launched = []
    monkeypatch.setattr(ablation_runs.process, "launch", lambda arguments, job: launched.append(arguments))
    assert training.start(*FORM, "mine").name == "classroom-ablation-01"
    assert launched[0][:4] == ["-m", "avseg", "ablate", "classroom"] and state.followed == "mine"
    job = ablation_runs.StudyJob(study_root / "mine" / "job")
    monkeypatch.setattr(ablation_runs, "lives", lambda record: not record.withdrawn)
    job.write_launch(Launch(2**22 + 1, 1.0, 1.0))
    assert "Starting" in training.poll(ABLATIONS).jobs and state.key == "first"
    assert "mine is running" in training.start(*FORM, "other").notice["value"]
    shutil.copytree(study_root / "first", study_root / "mine", dirs_exist_ok=True)
    for row in ("default", "no-sound"):
        shutil.rmtree(study_root / "mine" / row / "seed-1")
    updates = training.poll(ABLATIONS)
    assert state.key == "mine" and updates.study["value"] == "mine" and updates.timer.active
    assert "Run 3 of 4: default, seed 1" in updates.jobs
    stopped = training.act(click("stop", "mine"))  # between two runs: at once
    assert "Stopped after 2 of 4 runs" in stopped.jobs and 'data-action="resume"' in stopped.jobs
    training.act(click("resume", "mine"))
    assert launched[1] == launched[0]
    assert "mine" not in training.act(click("dismiss", "mine")).jobs
    assert "does not exist" in training.act(click("resume", "first")).notice["value"]
