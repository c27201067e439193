"""A training in a browser: started, found after a reload and a restart, stopped, resumed, finished, used."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import QUICK, WAIT
from tests.support.serving import running_app

# What makes `tiny` small enough for seconds, by group of the form.
SMALL = {
    "Length and data": {"train-epochs": 400, "train-batch_size": 2, "train-synth_clips": 6},
    "Model": {"model-image_size": 64, "model-queries": 4},
    "Backbones": {"train-audio_pretrain_steps": 0, "train-visual_pretrain_steps": 0},
    "Validation and checkpoints": {"train-validation_clips": 2, "train-validate_every": 2},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app's runs."""
    return tmp_path_factory.mktemp("training") / "runs"


class App:
    """An app whose runs lie in a folder of their own; it can be ended and started anew."""

    def __init__(self, runs: Path):
        self._runs, self._open = runs, ExitStack()
        self.restart()

    def restart(self) -> None:
        self._open.close()
        app = running_app(self._runs.with_name("app.log"), AVSEG_RUNS=str(self._runs), AVSEG_PUBLIC="")
        self.address = self._open.enter_context(app)

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def app(runs: Path) -> Iterator[App]:
    app = App(runs)
    yield app
    app.close()


@pytest.fixture
def page(app: App, browser) -> Iterator:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, broken = context.new_page(), []
    page.set_default_timeout(QUICK)
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app.address)
    open_tab(page)
    yield page
    context.close()
    assert not broken


def open_tab(page) -> None:
    page.wait_for_selector("#go")
    page.click("button[role=tab]:has-text('Train')")
    page.wait_for_selector("#tr-command pre")


def fill(page, fields: dict[str, int]) -> None:
    for name, value in fields.items():
        page.fill(f"#tr-{name} input", str(value))
        page.press(f"#tr-{name} input", "Tab")


def wait_for_head(page, words: str) -> str:
    """Wait until the head of the run matches; returns it."""
    page.wait_for_function(
        "words => new RegExp(words).test(document.querySelector('#tr-head')?.innerText)",
        arg=words,
        timeout=WAIT,
    )
    return page.inner_text("#tr-head")


def step_of(head: str) -> int:
    return int(re.search(r"step ([\d,]+) of", head)[1].replace(",", ""))


def test_a_training_is_started_found_again_stopped_resumed_finished_and_used(page, app, runs):
    for group, fields in SMALL.items():
        page.click(f".tr-group button:has-text('{group}')")
        fill(page, fields)
    page.fill("#tr-name :is(input, textarea)", "first")
    page.press("#tr-name :is(input, textarea)", "Tab")
    page.wait_for_selector("#tr-command pre:has-text('--out'):has-text('/first')")
    page.wait_for_selector("#tr-command pre:has-text('--train.validate-every 2')")
    assert "1,200 steps in 400 epochs" in page.inner_text("#tr-checks")
    page.click("#tr-start")
    page.wait_for_function("scrollY === 0")  # the run is in view
    wait_for_head(page, r"first[^]*(starting|running)")
    wait_for_head(page, r"step [1-9][\d,]* of 1,200")

    page.reload()
    open_tab(page)
    seen = step_of(wait_for_head(page, r"first[^]*running[^]*step [1-9]"))
    wait_for_head(page, r"mIoU of 0\.")  # it continues: the next validation came
    page.wait_for_selector("#tr-samples .tr-sheet")
    assert page.locator("#tr-loss polyline").count() >= 4

    app.restart()  # the training is a process of its own
    page.goto(app.address)
    open_tab(page)
    assert step_of(wait_for_head(page, r"first[^]*running[^]*step [1-9]")) >= seen

    page.click("#tr-stop")
    stopped = wait_for_head(page, "stopped[^]*Resume continues from the last checkpoint")
    assert seen <= step_of(stopped) < 1200
    done = int(re.search(r"Epoch (\d+) of", stopped)[1])
    page.fill("#tr-epochs input", str(done + 1))
    page.press("#tr-epochs input", "Tab")
    page.click("#tr-resume")
    finished = wait_for_head(page, "finished[^]*All steps done")
    assert step_of(finished) == 3 * (done + 1) and "stretch its one-cycle schedule" in finished
    page.wait_for_selector("#tr-context:has-text('Run first'):visible")
    assert not page.is_visible("#context")
    # One slider over all validations of the fixed clips, and a click that makes them larger.
    slider = page.locator("#tr-validation input[type=range]")
    last = int(slider.get_attribute("max"))
    page.wait_for_selector(f"#tr-samples header:has-text('Validation {last} of {last}')")
    slider.fill("1")
    page.wait_for_selector(f"#tr-samples header:has-text('Validation 1 of {last}')")
    width = page.locator(".tr-sheet i").first.bounding_box()["width"]
    page.click(".tr-sheet")
    assert page.locator(".tr-sheet i").first.bounding_box()["width"] > 1.5 * width

    shutil.copytree(runs / "first", runs / "other")  # as if the command line had trained it
    page.click("button[role=tab]:has-text('Segment')")
    page.click("button[role=tab]:has-text('Train')")
    page.click("#tr-runs [data-action=compare][data-value*=other]")
    page.wait_for_selector("#tr-metric .chart-label:has-text('other')")
    page.click("#tr-runs [data-action=choose][data-value*=other]")
    wait_for_head(page, "^other")
    page.click("#tr-runs [data-action=choose][data-value*=first]")
    wait_for_head(page, "^first")
    page.click("#tr-use")
    page.wait_for_function("document.querySelector('#model input')?.value === 'first · trained'")
    before = page.inner_text("#finding .prose")
    page.click("#go")
    page.wait_for_function(
        "before => document.querySelector('#finding .prose').innerText !== before", arg=before, timeout=WAIT
    )
    assert "Model first" in page.inner_text("#finding .prose")

    page.click("button[role=tab]:has-text('Train')")
    page.click("#tr-manage")
    page.fill("#tr-new-name :is(input, textarea)", "second")
    page.click("#tr-rename")
    wait_for_head(page, "^second")
    page.click("#tr-manage")
    expect(page.locator("#tr-delete")).to_be_disabled()
    page.check("#tr-confirm input")
    page.click("#tr-delete:not([disabled])")
    wait_for_head(page, "^other")
    assert not (runs / "second").exists()


def test_the_form_says_what_is_wrong_and_a_phone_has_no_sideways_scroll(page):
    page.click(".tr-group button:has-text('Length and data')")
    fill(page, {"train-batch_size": 0})
    page.wait_for_selector("#tr-checks .bad:has-text('batch_size is 0')")
    expect(page.locator("#tr-start")).to_be_disabled()
    page.click("#tr-preset input")
    page.click("[role=option]:has-text('ms3-r50-paper')")
    page.wait_for_selector("#tr-command pre:has-text('train ms3-r50-paper')")
    expect(page.locator("#tr-train-epochs input")).to_have_value("60")
    expect(page.locator("#tr-start")).to_be_enabled()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
