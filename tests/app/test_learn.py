"""The Learn tab: its steps without a server, and the page in a browser."""

import re
from copy import copy
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch

from app.learn import audio_step as hearing
from app.learn import html as page
from app.learn import mask_steps as deciding
from app.learn import measurements as measuring
from app.learn import metrics_step as scoring
from app.learn import robustness_step as listening
from app.learn import tab
from app.learn import task_step as tasks
from app.learn import text as words
from app.learn import training_step as training
from app.learn.measurements import Bench, Runs
from app.learn.state import TRIALS, Place, moved
from app.learn.steps import STEPS, beside, opening_at, question_at, runs_at
from app.services import session
from app.train.form_handlers import FIRST_PRESET
from avseg import checkpoints
from avseg.checkpoints import Card, save_model
from avseg.interpret.inspection import MaskMap
from avseg.models.avsegformer import AVSegFormer
from tests.browser.test_page import QUICK, WAIT
from tests.browser.test_page import page as app_page  # noqa: F401 (a fixture)
from tests.support.small_model import SMALL

PLACES = [Place(step) for step in STEPS if step != "listen"] + [Place("listen", trial=t) for t in TRIALS]
SKIP = {"__type__": "update"}


def bundle(folder, **changes) -> None:
    """Put a random model into the folder of bundled models."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    model = AVSegFormer(replace(SMALL, **changes))
    save_model(folder / "small.safetensors", model, Card("small", "random", ""))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundled")
    bundle(folder)
    return folder


@pytest.fixture(scope="module")
def bench() -> Bench:
    """What was measured once for the tests that only look."""
    return Bench()


@pytest.fixture
def lesson(folder, bench, monkeypatch) -> Bench:
    """The lesson with a small random model in place of the bundled one."""
    monkeypatch.setattr(checkpoints, "BUNDLED", folder)
    monkeypatch.setattr(measuring.BENCH, "_kept", bench._kept)
    monkeypatch.setattr(tab, "VISITORS", session.Visitors())
    return bench


def shown(place: Place) -> dict:
    """Return what `show` returns, by the name of the part."""
    return dict(zip([*tab.Stage.__annotations__, "context"], tab.show(place), strict=True))


def verdict_of(place: Place, answer: int) -> str:
    return tab.check(place, answer)[8]


def test_nothing_runs_before_a_step_is_opened(lesson, monkeypatch):
    monkeypatch.setattr(session.Models, "run", None)
    monkeypatch.setattr(Bench, "of", None)
    with gr.Blocks() as blocks, gr.Tab("Learn"):
        tab.add(gr.HTML())
    blocks = blocks.blocks.values()
    texts = [block.value for block in blocks if isinstance(getattr(block, "value", None), str)]
    assert any(words.TITLE in text for text in texts)
    assert page.rail(Place()).count('data-set="step"') == len(STEPS) == 8


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.question)
def test_a_step_is_measured_asked_and_answered_by_its_numbers(lesson, place):
    before = shown(place)
    step, question = STEPS[place.step], question_at(place)
    assert step.heading in before["head"] and "small, bundled" in before["head"]
    assert before["text"] == step.text and "ln-found" in before["live"]
    assert before["verdict"] == "" and before["options"]["value"] is None
    assert before["options"]["label"] == question.words and len(before["options"]["choices"]) == 3
    assert "0 of 8 answered" in before["rail"] and ">nan" not in before["live"]
    verdicts = [verdict_of(place, answer) for answer in range(3)]
    assert sum("ln-verdict right" in said for said in verdicts) == 1
    assert sum("Measured otherwise" in said for said in verdicts) == 2
    after = shown(place.answered(1))
    assert after["options"]["value"] == 1 and after["verdict"] == verdicts[1]
    assert ("1 of 8 answered" in after["rail"]) == (place.step != "listen")
    if place.step in ("task", "ask", "listen", "train"):  # what would give the answer away waits for it
        assert after["live"] != before["live"]


def test_progress_of_a_step_with_three_questions():
    place = Place("listen")
    for number, trial in enumerate(TRIALS, start=1):
        place = replace(place, trial=trial).answered(0)
        assert place.done("listen") == (number == len(TRIALS))
    assert "1 of 8 answered" in page.rail(place) and ", answered" in page.rail(place)


def test_without_an_answer_nothing_is_checked(lesson, monkeypatch):
    monkeypatch.setattr(session.Models, "run", None)
    for answer in (None, True, 3, -1, "0"):
        place, _, notice, *others = tab.check(Place("mix"), answer)
        assert "Choose one of the three" in notice["value"]
        assert place == SKIP and all(other == SKIP for other in others)


def test_a_model_that_is_missing_is_said_and_the_text_stays(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED", tmp_path)
    found = shown(Place("mix"))
    assert "No bundled model" in found["notice"]["value"] and 'role="alert"' in found["notice"]["value"]
    assert found["text"] == words.MIX and found["live"] == SKIP and found["place"].step == "mix"
    with pytest.raises(gr.Error, match="No bundled model"):
        tab.hand_over(Place("mix"))


def test_the_steps_stand_in_a_row():
    names = list(STEPS)
    assert [beside(Place(name), 1) for name in names] == [*names[1:], None]
    assert [beside(Place(name), -1) for name in names] == [None, *names[:-1]]


def test_what_is_no_choice_is_ignored():
    wrong = {"step": "../x", "trial": 3, "frame": 99, "layer": "2", "head": True, "view": "mixer", "x": None}
    assert moved(Place(), wrong, STEPS) == Place()
    assert moved(Place(), {"frame": True, "step": ["mix"]}, STEPS) == Place()
    right = moved(Place(), {"step": "ask", "layer": 2, "trial": "swap", "frame": 4}, STEPS)
    assert (right.step, right.choice.layer, right.trial, right.frame) == ("ask", 2, "swap", 4)


def test_choosing_changes_the_picture_without_a_further_pass(lesson, monkeypatch):
    for place in (Place("ask"), Place("mix")):
        runs = runs_at(place)
        runs.seen()
        with monkeypatch.context() as still:
            still.setattr(session.Models, "run", None)
            name = "layer" if place.step == "ask" else "channel"
            pictures = {tab.go(place, SimpleNamespace(_data={name: value}))[5] for value in (1, 2, 3)}
        assert len(pictures) == 3


def test_another_tab_gets_the_clip_and_the_view(lesson):
    mine, other = (SimpleNamespace(session_hash=name) for name in ("mine", "other"))
    place = moved(Place("ask"), {"layer": 2}, STEPS)
    tab.hand_over(place, mine)
    visitor = tab.VISITORS.of("mine")
    assert visitor.result.clip == "dog-and-guitar" and visitor.result.model == "small"
    assert (visitor.look.view, visitor.look.layer) == ("decoder", 2)
    assert tab.VISITORS.of("other").result is None
    tab.hand_over(Place("hear", frame=3), mine)
    assert (visitor.result.frame, visitor.look.view) == (3, "sound")
    tab.hand_over(Place("listen", trial="swap"), other)
    assert (
        tab.VISITORS.of("other").result.clip == "engine-not-siren" and tab.VISITORS.of("other").look is None
    )
    assert opening_at(Place("listen", trial="swap")).ticks == "swap"
    tab.hand_over(Place("train"), other)
    assert tab.VISITORS.of("other").result.clip == "engine-not-siren"


def test_names_are_escaped(lesson):
    for place in (Place("task"), Place("hear"), Place("listen"), Place("train")):
        runs = copy(runs_at(place))
        runs.about = replace(runs.about, title="<u>x</u>", shows="<u>y</u>")
        runs.shown = replace(runs.shown, title="<u>z</u>")
        for at in (place, place.answered(0)):
            html = page.head(at, runs) + page.live(STEPS[at.step].live(runs, at), opening_at(at))
            assert "<u>" not in html and "&lt;u&gt;" in html


def test_the_text_has_its_equations_and_says_toy():
    everything = "".join(step.text for step in STEPS.values())
    assert [f"\\tag{{{n}}}" in everything for n in (2, 3, 4)] == [True] * 3 and "toy" in words.TASK
    for name, step in STEPS.items():
        assert step.text.count("$$") % 2 == 0 and step.text.replace("$$", "").count("$") % 2 == 0
        assert "Sec." in step.text or "Eq." in step.text or name == "listen"
    assert "0.3" in words.SCORE and "16,000" in words.HEAR and "7500" in words.HEAR


# The answers follow the numbers


def test_the_silent_thing_is_counted(lesson):
    runs = runs_at(Place("task"))
    assert tasks._check_task(runs, Place()).right == 2
    guitar = tasks.CLASS_INDEX["guitar"]
    for frames, right in ((5, 0), (2, 1)):
        truth = tuple(np.full((4, 4), guitar if i < frames else 0, np.uint8) for i in range(5))
        fake = SimpleNamespace(truth=truth, shown=runs.shown)
        assert tasks._check_task(fake, Place()).right == right


def test_silence_is_the_logarithm_of_the_offset():
    found = hearing._check_hear(None, Place())
    assert found.right == 1 and "4.605" in found.because


@pytest.mark.parametrize(("share", "right"), [(0.9, 0), (0.25, 1), (0.05, 2)])
def test_attention_on_the_mask_is_compared_with_its_area(share, right):
    labels = np.zeros((64, 64), np.uint8)
    labels[:32, :32] = 1  # a quarter of the frame
    cells = [np.full((side, side), (1 - share) / (0.75 * side * side)) for side in (8, 4, 2)]
    for part in cells:
        half = len(part) // 2
        part[:half, :half] = share / half**2
    attention = np.concatenate([part.ravel() / 3 for part in cells])
    seen = SimpleNamespace(
        terms=SimpleNamespace(both=MaskMap(labels / 1.0, labels)),
        config=SimpleNamespace(decoder_layers=1),
        attention_mean=np.tile(attention, (1, 2, 1)),
    )
    found = deciding._check_ask(SimpleNamespace(seen=lambda: seen), Place())
    assert found.right == right and f"layer 1: {100 * share:.0f}" in found.because


def effect_of(iou, before, after) -> SimpleNamespace:
    arrays = (np.array(values, float) for values in (iou, before, after))
    return SimpleNamespace(comparison=SimpleNamespace(**dict(zip(("iou", "before", "after"), arrays))))


EFFECTS = {
    "same": effect_of([0.95, 0.97, 1], [0.1, 0.1, 0], [0.1, 0.1, 0]),
    "other": effect_of([0.3, 0, 1], [0.1, 0.1, 0], [0.1, 0.2, 0]),
    "later": effect_of([0, 0.95, 0], [0.1, 0.1, 0], [0, 0.1, 0.1]),
    "none": effect_of([0, 0, 1], [0.1, 0.1, 0], [0, 0, 0]),
}


def test_the_outcome_of_a_change_is_read_from_the_masks():
    said = {
        name: (
            deciding._outcome(effect),
            listening._read_mute(effect),
            listening._read_swap(effect),
            listening._read_shift(effect),
        )
        for name, effect in EFFECTS.items()
    }
    assert said == {"same": (1, 1, 0, 0), "other": (2, 2, 1, 0), "later": (2, 2, 1, 1), "none": (0, 0, 2, 2)}


@pytest.mark.parametrize(
    "mixer, queries", [("same", "other"), ("same", "same"), ("other", None), ("none", None)]
)
def test_the_audio_queries_are_dropped_only_where_the_mixer_explains_nothing(mixer, queries):
    asked = []

    def under(change):
        asked.append(change.name)
        return EFFECTS[mixer if change.name == "mixer-off" else queries]

    found = deciding._check_mix(SimpleNamespace(under=under), Place())
    assert asked == (["mixer-off", "audio-off"] if queries else ["mixer-off"])
    assert ("through the queries" in found.because) == (queries == "other")
    assert ("through neither alone" in found.because) == (queries == "same")


def test_the_closer_term_is_the_one_with_the_higher_iou():
    def term(columns: int) -> MaskMap:
        labels = np.zeros((10, 10), np.uint8)
        labels[:, :columns] = 1
        return MaskMap(labels / 1.0, labels)

    for feature, queries, right in ((9, 5, 0), (6, 10, 1), (1, 2, 2)):
        terms = SimpleNamespace(feature=term(feature), queries=term(queries), both=term(10))
        runs = SimpleNamespace(seen=lambda terms=terms: SimpleNamespace(terms=terms))
        assert deciding._check_mask(runs, Place()).right == right


def test_equation_2_holds_for_every_recorded_channel(folder, tmp_path, monkeypatch):
    for mixer in ("channel", "gated", "none"):
        bundle(tmp_path / mixer, mixer=mixer)
        monkeypatch.setattr(checkpoints, "BUNDLED", tmp_path / mixer)
        html = deciding._at_one_place(Bench().of("dog-and-guitar").seen(0), 3)
        assert (html == "") == (mixer == "none")
        if html:
            most = re.search(r"differ by (\S+) at most", html)
            assert float(most[1]) < 1e-5 if most else "agree to the last digit" in html


def test_a_clip_without_silence_gives_an_empty_model_no_points(lesson):
    runs = Runs("street-siren", "small")
    assert runs.scores.nothing == 0 and scoring._check_score(runs, Place()).right == 0
    silent = runs_at(Place("score"))
    share = float(silent.scores.empty.mean())
    found = scoring._check_score(silent, Place())
    assert found.right == 1 and f"{share:.2f}" in found.because and 0 < share < 1
    assert training._check_train(runs, Place()).because == "No frame of this clip is without ground truth."


def test_the_command_of_the_last_step_is_one_that_the_trainer_takes(lesson):
    from app.services.training_commands import command_of

    assert training.PRESET == FIRST_PRESET  # which the button promises
    command = command_of(*training._run("small"))
    assert command[:4] == ["-m", "avseg", "train", "tiny"] and "--train.synth-clips" in command
    live = training.train_live(runs_at(Place("train")), Place("train"))
    assert "--start-from small" in live.html and "asks for" in live.html


# In a browser


def opened(page, step: str) -> None:
    page.click(f"#learn-rail [data-to={step}]")
    page.wait_for_selector(f"#learn-rail li[aria-current=step] [data-to={step}]", timeout=WAIT)
    heading = STEPS[step].heading
    page.wait_for_selector(f"#learn-head h1:text-is('{heading}')", timeout=WAIT)


def answered(page, option: int) -> str:
    page.click(f"#learn-options label >> nth={option}")
    before = page.inner_text("#learn-verdict")
    page.click("#learn-check")
    page.wait_for_function(
        "before => document.querySelector('#learn-verdict').innerText !== before", arg=before, timeout=WAIT
    )
    return page.inner_text("#learn-verdict")


@pytest.fixture
def learn(app_page):  # noqa: F811
    """The Learn tab with its first step open."""
    app_page.click("button[role=tab]:has-text('Learn')")
    app_page.wait_for_selector("#learn-live .ln-tasks", timeout=WAIT)
    return app_page


def test_a_reader_answers_looks_closer_and_goes_on_elsewhere(learn):
    assert "So it was measured" in answered(learn, 2)
    assert "1 of 8 answered" in learn.inner_text("#learn-rail")
    learn.click("#learn-next")
    learn.wait_for_selector("#learn-live .ln-patches", timeout=WAIT)
    learn.click("#learn-live .ln-patches [data-to='2']")
    learn.wait_for_selector("#learn-live .ln-found:has-text('Frame 3')", timeout=WAIT)
    opened(learn, "mix")
    learn.wait_for_selector("#learn-text .katex-display", timeout=QUICK)
    assert learn.locator("#learn-text .katex-error").count() == 0
    first = learn.inner_text("#learn-live .tile.chosen .label").split()[0]
    learn.click("#learn-live .multiples [data-set=channel] >> nth=3")
    learn.wait_for_selector(f"#learn-live .tile.chosen:not(:has-text('{first}'))", timeout=WAIT)
    chosen = learn.inner_text("#learn-live .tile.chosen .label").split()[0]
    learn.click("#learn-live .tile.chosen .corner", force=True)
    learn.wait_for_selector("#learn-zoom dialog[open]", timeout=QUICK)
    learn.keyboard.press("Escape")
    learn.click("#learn-open")
    learn.wait_for_selector("#inside-view h2:text-is('Mixer')", timeout=WAIT)
    learn.wait_for_selector(f"#inside-view .tile.chosen:has-text('{chosen}')", timeout=WAIT)
    learn.click("button[role=tab]:has-text('Learn')")
    learn.wait_for_selector("#learn-rail li[aria-current=step] [data-to=mix]", timeout=QUICK)
    assert "1 of 8 answered" in learn.inner_text("#learn-rail")


def test_the_threshold_moves_numbers_and_masks_without_a_request(learn):
    opened(learn, "score")
    learn.wait_for_function(
        "document.querySelectorAll('.ln-canvas canvas').length === 5 "
        "&& [...document.querySelectorAll('.ln-canvas canvas')].every(one => one.probability)",
        timeout=QUICK,
    )
    asked = []
    learn.on("request", lambda request: asked.append(request.url))

    def at(index: int) -> tuple[list[str], int]:
        learn.locator(".ln-slide input").fill(str(index))
        painted = learn.evaluate(
            """() => [...document.querySelectorAll('.ln-canvas canvas')].reduce((sum, canvas) =>
            sum + canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
            .filter((value, i) => i % 4 === 3 && value).length, 0)"""
        )
        return learn.locator(".ln-scores [data-of]").all_inner_texts(), painted

    everything, middle, nothing = at(0), at(127), at(254)
    assert everything[1] > middle[1] > nothing[1] == 0
    assert everything[0] != middle[0] != nothing[0]
    empty = float(learn.inner_text(".ln-scores [data-frame='0']"))
    assert empty == 1 and at(0)[1] and float(learn.inner_text(".ln-scores [data-frame='0']")) < 0.05
    assert not [url for url in asked if not url.startswith(("blob:", "data:"))]


def test_a_prediction_is_measured_and_the_same_opens_in_what_if(learn):
    opened(learn, "listen")
    assert learn.locator("#learn-live .ln-frames").count() == 1
    said = answered(learn, 0)
    assert "Without sound" in said and learn.locator("#learn-live .ln-frames").count() == 2
    finding = learn.inner_text("#learn-live .ln-found").split(".")[0]
    learn.click("#learn-open")
    learn.wait_for_selector(f"#wi-finding h1:has-text('{finding}')", timeout=WAIT)
    assert learn.locator(".wi-tick input:checked").count() == 1


def test_a_phone_has_no_sideways_scroll(learn):
    learn.set_viewport_size({"width": 390, "height": 844})
    for step in STEPS:
        opened(learn, step)
        assert learn.evaluate("document.documentElement.scrollWidth") <= 390, step
        assert learn.locator("#learn-options label").count() == 3
