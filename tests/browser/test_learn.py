"""The Learn tab in a browser: a visitor answers, sees the measurement, and continues in another tab."""

import pytest

from app.learn.steps import STEPS
from tests.browser.test_page import QUICK, WAIT
from tests.browser.test_page import opened as opened_app
from tests.browser.test_page import page as app_page  # noqa: F401 (a fixture)


def open_step(page, step: str) -> None:
    page.click(f"#learn-steps [data-value={step}]")
    page.wait_for_selector(f"#learn-steps li[aria-current=step] [data-value={step}]", timeout=WAIT)
    page.wait_for_selector(f"#learn-head h1:text-is('{STEPS[step].heading}')", timeout=WAIT)


def answer(page, option: int) -> str:
    """Choose an option; returns what the page says to it."""
    page.click(f".ln-options button >> nth={option}")
    page.wait_for_selector(".ln-options button[aria-pressed=true]", timeout=WAIT)
    return page.inner_text(".ln-answer")


@pytest.fixture
def learn(app_page):  # noqa: F811
    """The Learn tab with its first step open."""
    app_page.click("button[role=tab]:has-text('Learn')")
    app_page.wait_for_selector("#learn-figures .ln-pictures", timeout=WAIT)
    return app_page


@pytest.fixture(scope="module")
def tour(app_server, browser):
    """A page of several tests, none of which answers."""
    with opened_app(app_server, browser) as page:
        yield page


@pytest.fixture
def unanswered(tour):
    """The Learn tab at its first step."""
    tour.set_viewport_size({"width": 1440, "height": 900})
    tour.click("button[role=tab]:has-text('Learn')")
    tour.wait_for_selector("#learn-steps li[aria-current=step]", timeout=WAIT)
    open_step(tour, next(iter(STEPS)))
    return tour


def test_a_visitor_answers_and_continues_in_inside(learn):
    learn.wait_for_function("document.querySelector('#learn-figures video').readyState >= 1", timeout=QUICK)
    assert "Correct." in answer(learn, 2)
    assert "1 of 8 answered" in learn.inner_text("#learn-steps")
    learn.locator("button:text-is('Next')").locator("visible=true").click()
    learn.wait_for_selector(f"#learn-head h1:text-is('{STEPS['audio'].heading}')", timeout=WAIT)
    learn.wait_for_function("document.querySelector('#learn-head').getBoundingClientRect().top > -5")
    assert "Not quite." in answer(learn, 0)
    open_step(learn, "mixer")
    learn.wait_for_selector("#learn-text .katex-display", timeout=QUICK)
    assert learn.locator("#learn-text .katex-error").count() == 0
    assert learn.locator(".ln-pictures figure").count() == 8
    learn.click("button[role=tab]:has-text('Segment')")
    learn.click("button[role=tab]:has-text('Learn')")
    learn.wait_for_selector("#learn-steps li[aria-current=step] [data-value*=mixer]", timeout=QUICK)
    assert "2 of 8 answered" in learn.inner_text("#learn-steps")


def test_a_prediction_is_measured_by_running_the_model_again(learn):
    open_step(learn, "robustness")
    pictures = learn.locator(".ln-pictures figure")
    before = pictures.count()
    assert "Foreground in no frame" in answer(learn, 0)
    assert pictures.count() == before + 6  # five frames and a spectrogram
    learn.click(".segmented button:text-is('Shift by 1 s')")
    learn.wait_for_selector("#learn-ask:has-text('one second later')", timeout=WAIT)
    assert learn.locator(".ln-answer").count() == 0


def test_a_change_of_the_sound_is_made_in_what_if(learn):
    open_step(learn, "robustness")
    learn.click("text=Open in What if")
    learn.wait_for_selector("#wi-finding h1:has-text('Without sound')", timeout=WAIT)
    assert learn.locator("#wi-mute input[type=checkbox]").is_checked()
    assert "Dog and guitar" in learn.inner_text("#wi-finding .caption")
    learn.click("button[role=tab]:has-text('Learn')")
    learn.click('.segmented button:text-is("Another clip\'s sound")')
    learn.wait_for_selector("#learn-head:has-text('Engine, not siren')", timeout=WAIT)
    learn.click("text=Open in What if")
    learn.wait_for_selector("#wi-finding .caption:has-text('Engine, not siren')", timeout=WAIT)
    assert learn.locator("#wi-swap input[type=checkbox]").first.is_checked()
    assert not learn.locator("#wi-mute input[type=checkbox]").is_checked()
    assert learn.input_value("#wi-swap-clip input") == "Street siren"


def test_a_phone_has_no_sideways_scroll(unanswered):
    learn = unanswered
    learn.set_viewport_size({"width": 390, "height": 844})
    for step in STEPS:
        open_step(learn, step)
        assert learn.evaluate("document.documentElement.scrollWidth") <= 390, step
        assert learn.locator(".ln-options button").count() == 3


def test_segment_and_evaluate_open_on_the_clip_and_the_model(unanswered):
    learn = unanswered
    learn.click("text=Open in Segment")
    learn.wait_for_selector("#finding .prose:has-text('Dog and guitar')", timeout=WAIT)
    learn.click("button[role=tab]:has-text('Learn')")
    open_step(learn, "metrics")
    learn.click("text=Open in Evaluate")
    learn.wait_for_selector("#ev-models input", timeout=WAIT)
    learn.wait_for_selector("#ev-models:has-text('tiny-ms3')", timeout=WAIT)


def test_inside_opens_at_the_view_and_the_frame_of_the_step(unanswered):
    learn = unanswered
    for step, title in (("attention", "Decoder"), ("mixer", "Mixer")):
        open_step(learn, step)
        learn.click("text=Open in Inside")
        learn.wait_for_selector(f"#inside-view h2:has-text('{title}')", timeout=WAIT)
        assert "Dog and guitar" in learn.inner_text("#inside-head")
        assert "Frame 4 of 5" in learn.inner_text("#inside-head")  # the one with the largest mask
        learn.click("button[role=tab]:has-text('Learn')")
