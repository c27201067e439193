"""The Evaluate tab in a browser, and its API."""

import time
from pathlib import Path

import pytest

from app.services.reports import BUNDLED
from avseg.evaluation.report import CLASSES, CLIPS, REPORT
from avseg.jobs.folder import UNDER_WAY
from tests.browser.test_page import QUICK, WAIT, page  # noqa: F401 (a fixture)
from tests.support.evaluations import LIMIT


def test_an_evaluation_in_the_browser(page, tmp_path: Path):  # noqa: F811
    here = page
    here.click("button[role=tab]:has-text('Evaluate')")
    here.wait_for_selector("#ev-go", timeout=QUICK)
    here.wait_for_selector("#ev-head h1:has-text('Masks are')", timeout=QUICK)
    here.fill("#ev-clips input", "2")
    here.press("#ev-clips input", "Tab")
    here.wait_for_selector("#ev-go:has-text('Evaluate 2 clips')", timeout=QUICK)
    assert "--clips 2 --out" in here.inner_text("#ev-command pre")
    here.click("#ev-go")
    here.wait_for_selector("#ev-jobs .ev-job:has-text('tiny-ms3')", timeout=QUICK)
    # After a reload it is found again, and its report comes into view.
    here.reload()
    here.wait_for_selector("#go", timeout=QUICK)
    here.click("button[role=tab]:has-text('Evaluate')")
    here.wait_for_selector("#ev-head :text('2 clips, 10 labelled frames')", timeout=WAIT)
    assert here.locator(".ev-tiles .tile b").count() == 5
    scores = here.locator(".ev-tile b").all_inner_texts()
    known = [float(score) for score in scores if "%" not in score]
    assert len(scores) == 2 and known == sorted(known)
    here.wait_for_selector(".ev-tile img", timeout=WAIT)
    here.click(".ev-tile >> nth=0")
    here.wait_for_selector("#ev-player .player .pl-thumbs canvas", timeout=WAIT)
    assert f"mean IoU {known[0]:.2f}" in here.inner_text("#ev-about h2")
    # Compared with the bundled report: the seed is the same, so both have these clips.
    here.click("#ev-compare input")
    here.click("ul[role=listbox] li:has-text('tiny-ms3: SynthAVS, MS3 test') >> nth=-1")
    here.wait_for_selector(".ev-comparison", timeout=QUICK)
    assert "clips in both reports" in here.inner_text(".ev-summary")
    files = [str(BUNDLED / "tiny-ms3" / name) for name in (REPORT, CLIPS, CLASSES)]
    bad = tmp_path / REPORT
    bad.write_text("no json")
    here.set_input_files("input[type=file][accept*='.csv']", [str(bad)])
    here.wait_for_selector("#ev-notice [role=alert]:has-text('is not JSON')", timeout=QUICK)
    here.set_input_files("input[type=file][accept*='.csv']", files)
    here.wait_for_selector("#ev-reports button[data-value*='uploaded'][aria-pressed='true']", timeout=QUICK)
    here.wait_for_selector(".ev-tile >> nth=11", timeout=QUICK)
    # The bars are one stop of the Tab key, and keys do what a click does.
    here.focus("#ev-body .chart-bars [data-value='0']")
    here.keyboard.press("ArrowRight")
    here.keyboard.press("Enter")
    here.wait_for_selector(".ev-clips h2:has-text('IoU 0.1 to 0.2')", timeout=QUICK)
    # A long one is cancelled from the page, and nothing that was there is lost.
    here.fill("#ev-clips input", "400")
    here.press("#ev-clips input", "Tab")
    here.click("#ev-go:has-text('Evaluate 400 clips')", timeout=QUICK)
    here.click("#ev-jobs .ev-job [data-action='cancel']", timeout=QUICK)
    here.wait_for_selector("#ev-jobs .ev-job:has-text('Cancelled'):not(.failed)", timeout=WAIT)
    assert here.is_visible(".ev-clips h2:has-text('IoU 0.1 to 0.2')")
    here.click("#ev-jobs [data-action='dismiss']")
    here.wait_for_selector("#ev-jobs .ev-job", state="detached", timeout=QUICK)
    # The opened clip is the result of the other tabs.
    here.click(".ev-clips [data-action='all']")
    here.click(".ev-tile >> nth=0")
    here.click("#ev-about [data-action='segment']", timeout=WAIT)
    here.wait_for_selector("#player .pl-thumbs canvas", timeout=WAIT)
    here.click("button[role=tab]:has-text('Evaluate')")
    here.set_viewport_size({"width": 390, "height": 844})
    assert here.evaluate("document.documentElement.scrollWidth") <= 390


def test_other_programs_can_ask(app_server):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(app_server, verbose=False)
    with pytest.raises(AppError, match="no longer exists"):
        client.predict("tiny-ms3", "/etc", "test", 2, True, api_name="/evaluate")
    with pytest.raises(AppError, match="no longer exists"):
        client.predict("../../etc", api_name="/evaluation")
    answer = client.predict("tiny-ms3", "synth-ms3", "test", 1, False, api_name="/evaluate")
    assert answer["command"].startswith("python -m avseg evaluate --model tiny-ms3")
    end = time.monotonic() + LIMIT
    while (progress := client.predict(answer["key"], api_name="/evaluation"))["state"] in UNDER_WAY:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert progress["state"] == "finished" and progress["report"]["clips"] == 1
    assert progress["report"]["command"].startswith("python -m avseg evaluate")
