"""A shared result, opened from disk in a browser without a network."""

import json
import re

import pytest

from avseg.checkpoints import find_model, read_card
from avseg.media.clip import read_clip
from avseg.media.export import write_prediction
from avseg.predict import Predictor
from avseg.share.result import shared_file, write_result


def wait_until(page, expression: str) -> None:
    """Wait until an expression is true; Playwright's own waiting needs eval, which the file forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"It never became true: {expression}")


@pytest.fixture(scope="module")
def shared(root, tmp_path_factory):
    """The file, and the prediction.json that the same prediction writes."""
    folder = tmp_path_factory.mktemp("shared")
    prediction = Predictor("tiny-ms3", "cpu").predict(
        read_clip(root / "assets/clips/kitchen-switch.mp4", fps=1)
    )
    config, card = read_card(find_model("tiny-ms3"))
    path = write_result(shared_file(prediction, card, config, "python -m avseg share"), folder / "a b#1.html")
    record = json.loads(write_prediction(prediction, folder / "out").record.read_text(encoding="utf-8"))
    return path, record


def test_a_result_from_disk_shows_clip_masks_sound_and_numbers(browser, shared):
    path, record = shared
    context = browser.new_context(offline=True, accept_downloads=True)
    page, problems, requests = context.new_page(), [], []
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    wait_until(page, "document.querySelector('.pl-classes td:nth-child(2)')?.textContent.includes('%')")

    # Numbers: those of every frame, in the player's own table, are those of prediction.json.
    page.click(".pl-numbers summary")
    rows = page.eval_on_selector_all(
        ".pl-numbers tr", "rows => rows.slice(1).map(row => row.cells[2].textContent)"
    )
    assert rows == [f"{100 * frame['foreground']:.1f}\N{NO-BREAK SPACE}%" for frame in record["frames"]]
    with page.expect_download() as download:
        page.click("a[download='prediction.json']")
    saved = json.loads(download.value.path().read_text(encoding="utf-8"))
    shares = [[frame["foreground"] for frame in item["frames"]] for item in (saved, record)]
    assert shares[0] == shares[1] and saved["model"] == record["model"] == "tiny-ms3"

    # Masks: turning them off takes colour away from the picture.
    painted = (
        "document.querySelector('.pl-picture canvas').getContext('2d')"
        ".getImageData(0, 0, 640, 360).data.filter((x, i) => i % 4 === 3 && x).length"
    )
    page.click("label:has([data-set=truth])")
    page.wait_for_timeout(100)
    full = page.evaluate(painted)
    assert full > 0.5 * record["frames"][3]["foreground"] * 640 * 360
    page.focus(".player")
    page.keyboard.press("m")
    wait_until(page, f"({painted}) === 0")
    page.keyboard.press("m")

    # Clip and sound: the video plays on, and decodes audio; the masks follow.
    video = "document.querySelector('#player video')"
    assert re.match("blob:", page.evaluate(f"{video}.src"))
    page.click(".pl-play")
    wait_until(page, f"{video}.currentTime > 1.2 && {video}.webkitAudioDecodedByteCount > 1000")
    assert page.evaluate(f"{video}.webkitVideoDecodedByteCount") > 1000
    wait_until(page, "document.querySelector('.player').dataset.frame >= 1")
    assert page.evaluate(f"Math.abs({video}.duration - {record['duration']})") < 0.2

    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert (
        page.evaluate("fetch('https://example.org').then(() => 'went out').catch(() => 'refused')")
        == "refused"
    )
    assert any("Content Security Policy" in text for text in problems)  # not only the missing network
    context.close()
