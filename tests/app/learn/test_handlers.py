"""The Learn tab without a server: steps are measured, answered by their numbers, and open other tabs."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
import torch

from app import learn
from app.components.add_model import panel
from app.components.page_context import LinkParts, PageContext
from app.components.updates import UNCHANGED
from app.learn import handlers, html, measurements
from app.learn.state import LearnState
from app.learn.steps import STEPS
from app.services import session
from app.services.cache import LRUCache
from app.services.handoff import EvaluateRequest, InsideRequest, SegmentRequest, TrainRequest, WhatIfRequest
from avseg import checkpoints
from avseg.checkpoints import Card, save_model
from avseg.media import audio
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import SMALL

EXERCISES = [(name, exercise) for name, step in STEPS.items() for exercise in step.exercises]
every_exercise = pytest.mark.parametrize(
    ("step", "exercise"), EXERCISES, ids=[exercise.name for _, exercise in EXERCISES]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of bundled models with a small random one."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bundled")
    save_model(folder / "small.safetensors", AVSegFormer(SMALL), Card("small", "random", ""))
    return folder


@pytest.fixture(scope="module")
def cache() -> LRUCache:
    """What earlier tests measured."""
    return LRUCache(12)


@pytest.fixture(autouse=True)
def small_model(folder, cache, monkeypatch) -> None:
    """A small random model in place of the bundled one, and no visitors."""
    monkeypatch.setattr(checkpoints, "BUNDLED", folder)
    monkeypatch.setattr(measurements, "MEASURED", cache)
    monkeypatch.setattr(handlers, "VISITORS", session.Visitors())


def request(name: str = "visitor") -> SimpleNamespace:
    return SimpleNamespace(session_hash=name)


def state(name: str = "visitor") -> LearnState:
    return handlers.VISITORS.of(name).state(LearnState)


def act(action: str, value: object, name: str = "visitor") -> handlers.LearnUpdates:
    return handlers.choose(SimpleNamespace(_data={"action": action, "value": value}), request(name))


def test_nothing_runs_before_a_step_is_opened(monkeypatch):
    monkeypatch.setattr(session.Models, "run", None)
    monkeypatch.setattr(handlers, "measured_clip", None)
    with gr.Blocks() as blocks, gr.Tabs() as tabs, gr.Tab("Learn") as tab:
        link = LinkParts(gr.HTML(), gr.State())
        learn.add(PageContext(blocks, gr.HTML(), tabs, gr.HTML(), tab, panel.build(), link))
    values = [getattr(block, "value", None) for block in blocks.blocks.values()]
    assert any(html.TITLE in value for value in values if isinstance(value, str))
    assert html.sidebar(LearnState()).count('data-action="step"') == len(STEPS) == 8


@every_exercise
def test_a_step_is_measured_asked_and_answered_by_its_numbers(step, exercise):
    act("step", step)
    before = act("exercise", exercise.name)
    assert STEPS[step].heading in before.head and "small, bundled" in before.head
    assert before.text == STEPS[step].text and "ln-summary" in before.figures
    assert exercise.question in before.question.unescape() and "ln-answer" not in before.question
    assert before.question.count('data-action="answer"') == 3
    assert "0 of 8 answered" in before.sidebar and ">nan" not in before.figures + before.question
    answers = [act("answer", option) for option in range(3)]
    assert sum("Correct." in after.question for after in answers) == 1
    assert sum("Not quite. Measured:" in after.question.striptags() for after in answers) == 2
    assert all('class="tiles"' in after.question for after in answers)
    assert state().answer == 2 and ">nan" not in answers[2].figures + answers[2].question
    assert ("1 of 8 answered" in answers[2].sidebar) == (step != "robustness")
    if step in (
        "task",
        "attention",
        "mask",
        "robustness",
        "training",
    ):  # what would give the answer away waits for it
        assert answers[2].figures != before.figures


def test_a_step_with_three_exercises_is_complete_after_the_third():
    visitor = LearnState("robustness")
    for number, exercise in enumerate(STEPS["robustness"].exercises, start=1):
        visitor.answers[exercise.name] = 0
        assert visitor.completed("robustness") == (number == 3)
    assert "1 of 8 answered" in html.sidebar(visitor) and ", answered" in html.sidebar(visitor)


@pytest.mark.parametrize(
    ("action", "value"),
    [("answer", value) for value in (None, True, 3, -1, "0")]
    + [("step", value) for value in ("../x", 3, ["mixer"], None)]
    + [("exercise", value) for value in ("mute", ["guitar"], 0)]
    + [("close", 1), (3, 1), (None, None)],
)
def test_anything_but_a_step_an_exercise_or_an_option_changes_nothing(action, value, monkeypatch):
    monkeypatch.setattr(session.Models, "run", None)
    assert act(action, value).changes() == {} and state() == LearnState()
    assert handlers.choose(SimpleNamespace(_data="answer"), request()).changes() == {}


def test_without_a_model_the_text_and_the_reason_remain(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED", tmp_path)
    updates = act("step", "mixer")
    assert "No bundled model" in updates.notice["value"] and 'role="alert"' in updates.notice["value"]
    assert updates.text == STEPS["mixer"].text and updates.figures is UNCHANGED and state().name == "mixer"
    opened = act("open", "inside")
    assert "No bundled model" in opened.notice["value"] and opened.tabs is UNCHANGED


def test_a_step_that_is_opened_while_another_is_measured_is_shown_by_its_own_call(monkeypatch):
    act("step", "mixer")
    measure = handlers.MEASUREMENTS["mixer"]

    def slow(*args: object) -> object:
        state().name = "mask"
        return measure(*args)

    monkeypatch.setitem(handlers.MEASUREMENTS, "mixer", slow)
    assert handlers.show(request()).changes() == {}
    assert handlers.show(request()).head == act("step", "mask").head


def test_back_and_next_lead_through_all_steps():
    for before, name, after in zip([None, *STEPS], STEPS, [*list(STEPS)[1:], None]):
        page = act("step", name).question
        assert (f'data-value="&#34;{before}&#34;">Back' in page) == (before is not None)
        assert (f'data-value="&#34;{after}&#34;">Next' in page) == (after is not None)


def test_a_step_is_drawn_again_without_a_further_pass(monkeypatch):
    for name in ("attention", "mixer", "mask"):
        act("step", name)
        act("answer", 0)
        with monkeypatch.context() as context:
            context.setattr(session.Models, "run", None)
            assert "ln-pictures" in act("answer", 1).figures


@pytest.mark.parametrize(
    ("step", "exercise", "tab", "message"),
    [
        ("task", "guitar", "segment", SegmentRequest("small")),
        ("audio", "silence", "inside", InsideRequest("sound")),
        ("attention", "attention", "inside", InsideRequest("decoder")),
        ("mixer", "mixer-off", "inside", InsideRequest("mixer")),
        ("mask", "terms", "inside", InsideRequest("head")),
        ("metrics", "empty", "evaluate", EvaluateRequest("small")),
        ("robustness", "mute", "whatif", WhatIfRequest(("mute",))),
        ("robustness", "swap", "whatif", WhatIfRequest(("swap=street-siren",))),
        ("robustness", "shift", "whatif", WhatIfRequest(("shift=1",))),
    ],
)
def test_another_tab_opens_on_the_clip_and_the_settings_of_the_step(step, exercise, tab, message):
    act("step", step)
    act("exercise", exercise)
    updates = act("open", tab)
    assert updates.tabs.selected == tab and set(updates.changes()) == {"tabs"}
    visitor = handlers.VISITORS.of("visitor")
    assert visitor.result.clip == state().exercise.clip and visitor.result.model == "small"
    assert visitor.take(type(message)) == message
    assert handlers.VISITORS.of("other").result is None


def test_train_opens_without_touching_the_result():
    act("step", "training")
    assert act("open", "train").tabs.selected == "train"
    visitor = handlers.VISITORS.of("visitor")
    assert visitor.result is None and visitor.take(TrainRequest) == TrainRequest("classroom")


def test_names_are_escaped(monkeypatch):
    for step in ("task", "audio", "robustness", "training"):
        act("step", step)
        measured = handlers.measured_clip(state().exercise.clip)
        with monkeypatch.context() as context:
            context.setattr(measured, "about", replace(measured.about, title="<u>x</u>"))
            for page in (act("step", step), act("answer", 0)):
                everything = page.header + page.head + page.figures + page.question
                assert "<u>" not in everything and "&lt;u&gt;" in everything


def test_the_text_has_its_equations_and_the_numbers_of_the_code():
    texts = {name: step.text for name, step in STEPS.items()}
    everything = "".join(texts.values())
    assert [f"\\tag{{{n}}}" in everything for n in (2, 3, 4)] == [True] * 3 and "demo model" in texts["task"]
    for name, text in texts.items():
        assert text.count("$$") % 2 == 0 and text.replace("$$", "").count("$") % 2 == 0
        assert "Sec." in text or "Eq." in text or name == "robustness"
    hear = " ".join(texts["audio"].split())
    for number in (
        f"{audio.SAMPLE_RATE:,} samples",
        f"Windows of {1000 * audio.WINDOW // audio.SAMPLE_RATE} ms, one every",
        f"every {1000 * audio.HOP // audio.SAMPLE_RATE} ms",
        f"{audio.FFT}-point",
        f"{audio.MEL_BANDS} mel bands from {audio.MEL_LOW:g} to {audio.MEL_HIGH:g} Hz",
        f"+ {audio.LOG_OFFSET}",
        f"{audio.PATCH_SECONDS:g} s",
    ):
        assert number in hear
    assert "0.3" in texts["metrics"] and "255 thresholds" in texts["metrics"]
