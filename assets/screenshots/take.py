"""Takes the pictures of every tab that the README shows: python assets/screenshots/take.py

Starts the app on a free port, drives it in the browser that the tests use, and writes TAB.png (1440 x 900)
and TAB-phone.png (390 px wide) beside this file, and sounds.webp: the player that the page opens with, under
each of its sounds. The Train tab follows the record of a training of the bundled model.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from avseg.training.run_folder import RunFolder, Status  # noqa: E402
from tests.support.chromium import LAUNCH_ARGS, find_browser  # noqa: E402
from tests.support.serving import running_app  # noqa: E402

CLIP = "dog-and-guitar"
SIZES = {"": (1440, 900), "-phone": (390, 844)}
PATIENCE = 240_000  # ms
FRAMES, HELD = 5, (900, 550)  # of the opening clip; ms of a sound's first frame and of the others
WIDTH, QUALITY = 880, 60  # of the animation


def main() -> None:
    """Take all pictures."""
    (ROOT / "runs").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=ROOT / "runs") as runs,
        running_app(AVSEG_RUNS=runs) as address,
        sync_playwright() as playwright,
    ):
        _record(Path(runs, "tiny-256"))
        browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        for suffix, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            if not suffix:
                _animate(page)
            _take(page, suffix)
            page.close()


def _record(folder: Path) -> None:
    """Make a run folder of what is kept of the longest training at the bundled model's size."""
    shutil.copytree(ROOT / "assets/results/tiny-256", folder)
    run = RunFolder(folder)
    last = [event for event in run.events() if event["kind"] == "validation"][-1]
    step, epochs = last["step"], last["epoch"] + 1
    run.write_status(Status("finished", "All steps are done.", step, step, epochs, epochs, last["miou"]))


def _animate(page: Page) -> None:
    """Write the opening clip under each of its sounds, frame by frame, as an endless animation."""
    page.wait_for_selector("#player [data-sound='0']")
    page.wait_for_timeout(3000)
    top, bottom = (page.locator(f"#player {part}").bounding_box() for part in (".pl-sounds", ".pl-times"))
    area = {axis: top[axis] for axis in ("x", "y", "width")}
    area["height"] = bottom["y"] + bottom["height"] - top["y"]
    pictures, times = [], []
    for sound in range(page.locator("#player [data-sound]").count()):
        page.click(f"#player [data-sound='{sound}']")
        page.evaluate("document.querySelector('#player video').pause()")
        page.evaluate("document.querySelector('#player .player').focus({ preventScroll: true })")
        page.keyboard.press("Home")
        for frame in range(FRAMES):
            page.wait_for_function(f"document.querySelector('#player .player').dataset.frame === '{frame}'")
            page.wait_for_timeout(400)
            picture = Image.open(io.BytesIO(page.screenshot(clip=area))).convert("RGB")
            pictures.append(picture.resize((WIDTH, round(WIDTH * picture.height / picture.width))))
            times.append(HELD[frame > 0])
            page.keyboard.press("ArrowRight")
    options = {"append_images": pictures[1:], "duration": times, "quality": QUALITY, "method": 6, "loop": 0}
    pictures[0].save(Path(__file__).with_name("sounds.webp"), save_all=True, **options)


def _take(page: Page, suffix: str) -> None:
    page.locator("#clips label", has=page.locator(f"input[value='{CLIP}']")).click()
    page.wait_for_selector("#finding h1:text-is('Dog and guitar')")
    page.click("#go")
    page.wait_for_selector("#finding h1:has-text('The dog is marked')")
    page.wait_for_selector("#files button:has-text('Download all')")
    _save(page, "segment", suffix)
    _open(page, "inside")
    page.wait_for_selector("#inside-view .group")
    page.wait_for_timeout(2000)
    _save(page, "inside", suffix)
    _open(page, "whatif")
    page.wait_for_timeout(4000)
    if not page.locator("#wi-range .wi-column").count():  # a slow machine runs no sweep unasked
        page.click("#wi-run-sweep")
        page.wait_for_selector("#wi-range .wi-column")
    page.click("#wi-presets button:text-is('Silence')")
    page.wait_for_selector("#wi-finding h1:has-text('Without sound')")
    page.wait_for_timeout(3000)
    _save(page, "whatif", suffix)
    _open(page, "explore")
    page.click("#ex-grid .ex-clip >> nth=1")
    page.wait_for_selector("#ex-player .pl-thumbs canvas")
    page.click("#ex-predict")
    page.wait_for_selector("#ex-errors figure")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(2000)
    _save(page, "explore", suffix)
    for tab, wait in (("evaluate", 15_000), ("train", 10_000)):
        _open(page, tab)
        page.wait_for_timeout(wait)
        page.evaluate("scrollTo(0, 0)")
        _save(page, tab, suffix)
    _open(page, "learn")
    page.click("#learn-steps [data-value=attention]")
    page.wait_for_selector("#learn-head h1:text-is('The audio asks, the image answers')")
    page.click(".ln-options button >> nth=2")
    page.wait_for_selector(".ln-answer")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    _save(page, "learn", suffix)


def _open(page: Page, tab: str) -> None:
    page.evaluate(f"document.querySelector('#views [role=tab][data-tab-id={tab}]').click()")


def _save(page: Page, name: str, suffix: str) -> None:
    page.screenshot(path=Path(__file__).with_name(f"{name}{suffix}.png"))


if __name__ == "__main__":
    main()
