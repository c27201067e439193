"""Measure how smoothly the player plays a long clip: python -m tests.browser.smoothness

A 60 s video of 30 pictures per second is segmented at 8 frames per second on the page, then played there for
some seconds in each style, in the browser of the tests. Printed are the pictures that the player drew on per
second, those that the video went on by without it, and the browser's own count of dropped ones.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.chromium import LAUNCH_ARGS, find_browser
from tests.support.media import ffmpeg
from tests.support.serving import ROOT, running_app

SOURCE = ROOT / "assets" / "clips" / "stage-duo.mp4"
PATIENCE = 600_000  # ms; the clip has 480 frames
STYLES = ("mask off", "mask", "outline", "cutout", "heat")
WATCH = """async seconds => {
    const video = document.querySelector("#player video");
    const drawn = [], tasks = [];
    const observer = new PerformanceObserver(list => tasks.push(...list.getEntries().map(e => e.duration)));
    observer.observe({ entryTypes: ["longtask"] });
    const look = (now, about) => {
        drawn.push([now, about.presentedFrames, about.mediaTime]);
        if (!video.paused) video.requestVideoFrameCallback(look);
    };
    video.muted = true;
    await video.play();
    await new Promise(done => setTimeout(done, 500));
    const before = video.getVideoPlaybackQuality();
    video.requestVideoFrameCallback(look);
    await new Promise(done => setTimeout(done, 1000 * seconds));
    const after = video.getVideoPlaybackQuality();
    video.pause();
    observer.disconnect();
    const [first, last] = [drawn[0], drawn.at(-1)], took = (last[0] - first[0]) / 1000;
    const gaps = drawn.slice(1).map((one, i) => one[0] - drawn[i][0]);
    return {
        took, played: last[2] - first[2], drawn: drawn.length - 1, presented: last[1] - first[1],
        dropped: after.droppedVideoFrames - before.droppedVideoFrames,
        longest: Math.max(...gaps), tasks: tasks.length, busy: Math.max(0, ...tasks),
    };
}"""


def main() -> None:
    """Print one line for each style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8, help="that each style is watched")
    parser.add_argument("--page", nargs=2, type=int, default=(1440, 900), metavar=("W", "H"), help="pixels")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        page = browser.new_page(viewport=dict(zip(("width", "height"), given.page)))
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        _segment(page, _long_clip(Path(folder) / "minute.mp4"))
        print("style      drawn/s  clip s/s  missed  dropped  longest gap  long tasks")
        for style in STYLES:
            print(_line(style, _watch(page, style, given.seconds)), flush=True)
        browser.close()


def _long_clip(path: Path) -> Path:
    ffmpeg("-stream_loop", "11", "-i", SOURCE, "-r", "30", "-t", "60", "-preset", "veryfast", path)
    return path


def _segment(page: Page, path: Path) -> None:
    page.set_input_files("#upload input[type=file]", str(path))
    page.wait_for_selector(f".about:text('{path.name}')")
    page.click("#rate label:has-text('8')")
    page.wait_for_selector("#go:has-text('480')")
    before = page.inner_text("#finding")
    page.click("#go")
    page.wait_for_function("before => document.querySelector('#finding').innerText !== before", arg=before)
    page.wait_for_selector("#files button:has-text('Download all')")  # nothing else runs now


def _watch(page: Page, style: str, seconds: float) -> dict[str, float]:
    page.evaluate("document.querySelector('#player video').currentTime = 0")
    if style == "mask off":
        page.locator("#player .pl-sound").press("m")
    else:
        page.click(f"#player [data-style={style}]")
        if page.get_attribute("#player .player", "data-mask") == "false":
            page.locator("#player .pl-sound").press("m")
    page.wait_for_timeout(1000)
    return page.evaluate(WATCH, seconds)


def _line(style: str, seen: dict[str, float]) -> str:
    return (
        f"{style:9s}  {seen['drawn'] / seen['took']:7.1f}  {seen['played'] / seen['took']:8.2f}"
        f"  {seen['presented'] - seen['drawn']:6.0f}  {seen['dropped']:7.0f}  {seen['longest']:8.0f} ms"
        f"  {seen['tasks']:5.0f}, {seen['busy']:.0f} ms"
    )


if __name__ == "__main__":
    main()
