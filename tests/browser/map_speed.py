"""How fluid the map of Explore is with as many clips as AVSBench has; prints milliseconds.

    python -m tests.browser.map_speed [CLIPS]

Embeddings are made up, so that no model runs: 70 groups in 256 dimensions. Times are those of the browser.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from app.services.datasets import LIBRARY
from avseg.checkpoints import find_model
from avseg.data.avsbench.facts import read_facts
from avseg.data.avsbench.index import cache_file, table_state
from avseg.data.avsbench.mask_index import MaskIndex
from avseg.evaluation.frame_mistakes import Mistakes
from avseg.interpret import embedding_store
from avseg.interpret.embedding_store import EmbeddingStore
from avseg.interpret.embeddings import ClipEmbedding
from tests.browser.explore_size import link_clips
from tests.support.avsbench_folders import FULL_SIZE, write_avss_table
from tests.support.chromium import LAUNCH_ARGS, find_browser
from tests.support.serving import running_app

MODEL = "tiny-avss"
FRAMES = 120  # of panning
# Moves the map by a real pointer's events, one per frame of the browser; returns the time of each frame.
PAN = """(frames) => new Promise((done) => {
  const canvas = document.querySelector("#ex-map canvas"), box = canvas.getBoundingClientRect();
  const times = [], drawn = [], mouse = { bubbles: true, pointerId: 1, pointerType: "mouse", button: 0 };
  const send = (name, x, y) =>
    canvas.dispatchEvent(new PointerEvent(name, { ...mouse, clientX: box.left + x, clientY: box.top + y }));
  let k = 0, last = performance.now();
  send("pointerdown", 200, 200);
  const step = (now) => {
    if (k) { times.push(now - last); drawn.push(Number(document.querySelector(".map-place").dataset.draw)); }
    last = now;
    if (k++ > frames) { send("pointerup", 300, 300); return done({ times, drawn }); }
    send("pointermove", 200 + 60 * Math.sin(k / 9), 200 + 60 * Math.cos(k / 9));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def write_embeddings(folder: Path, model: str, clips: int) -> None:
    """Save made-up embeddings of all clips in the cache."""
    entries = read_facts(folder, "avss").entries
    store = EmbeddingStore.load(folder, "avss", clips, find_model(model))
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(70, 256)) * np.linspace(3, 0.1, 256)
    embedding_store.SAVED_EVERY = 512
    embedding_store.read_dataset_clip = lambda folder, entry: entry

    def made(entry: object) -> ClipEmbedding:
        values = (groups[rng.integers(70)] + rng.normal(size=(10, 256)) * 0.5).astype(np.float16)
        return ClipEmbedding(values, values, values, float(rng.random()), Mistakes())

    store.fill(folder, entries, made, lambda done, total: None)
    masks = MaskIndex.empty(entries)  # read before, as on any but the first visit
    masks.share[:], masks.done[:] = 0.1, True
    index = cache_file(folder, "avss")
    masks.save(index.with_name(f"{index.stem}-masks.npz"), table_state(folder, "avss"))


def measure(page: Page, clips: int) -> None:
    """Open the map, pan it, and select a part of it."""
    page.wait_for_selector("#ex-grid .ex-clip", timeout=120_000)
    began = time.perf_counter()
    page.click("#ex-mode button:text-is('Map')")
    there = f"document.querySelector('.map-place')?.dataset.points == {clips}"
    page.wait_for_function(
        f"{there} && document.querySelector('.map-place').dataset.matching", timeout=120_000
    )
    print(f"{1000 * (time.perf_counter() - began):8.0f} ms  from the click on Map to its first drawing")
    page.wait_for_timeout(4000)  # near duplicates are compared meanwhile
    found = page.evaluate(PAN, FRAMES)
    for name, key in (("between two frames while panning", "times"), ("of which drawing takes", "drawn")):
        middle, high, worst = np.percentile(found[key], [50, 95, 100])
        print(f"{middle:8.1f} ms  {name}, median; {high:.1f} ms 95th percentile, {worst:.1f} ms at most")
    page.click("#ex-map [data-map=lasso]")
    box = page.locator("#ex-map canvas").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for k in range(41):
        angle = 2 * np.pi * k / 40
        page.mouse.move(middle[0] + 110 * np.cos(angle), middle[1] + 110 * np.sin(angle))
        if k == 0:
            page.mouse.down()
    began = time.perf_counter()
    page.mouse.up()
    page.wait_for_selector("#ex-line .ex-chip:has-text('selected on the map')", timeout=60_000)
    print(f"{1000 * (time.perf_counter() - began):8.0f} ms  from the end of the lasso to the filtered clips")
    print(page.inner_text("#ex-line b"))


def main() -> None:
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else sum(FULL_SIZE.values())
    share = clips / sum(FULL_SIZE.values())
    sizes = {split: round(count * share) for split, count in FULL_SIZE.items()}
    with tempfile.TemporaryDirectory(prefix="map-speed-") as home:
        places = {"AVSEG_DATA": "data", "AVSEG_CACHE": "cache", "GRADIO_TEMP_DIR": "gradio"}
        here = {name: f"{home}/{place}" for name, place in places.items()}
        os.environ.update(here)
        folder = Path(home, "data", "AVSS").resolve()
        folder.mkdir(parents=True)
        write_avss_table(folder / "metadata.csv", sizes)
        link_clips(folder)
        write_embeddings(folder, MODEL, sum(sizes.values()))
        with running_app(Path(home, "app.log"), **here) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}?tab=explore&data={LIBRARY.first()}&model={MODEL}")
            measure(page, sum(sizes.values()))
            browser.close()


if __name__ == "__main__":
    main()
