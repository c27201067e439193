"""How long the Explore tab takes with a data set of AVSBench's full size; prints seconds.

    python tests/browser/explore_size.py [METADATA.csv]

METADATA.csv: AVSS's own table; without it one of the same size is made up. Pictures are small: every clip's
folders are links to one clip's.
"""

import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from avseg.data.labels import CLASSES
from avseg.media.video import write_wav

CLIPS = {"train": 8498, "val": 1304, "test": 1554}
COLUMNS = ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label")
OPENS_WITHIN, FILTERS_WITHIN = 3.0, 0.3  # seconds; the promise


def make_table(path: Path, clips: dict[str, int] = CLIPS, seed: int = 0) -> None:
    """Write a table of AVSS with made-up clips: up to three classes each, some videos in two splits."""
    rng = np.random.default_rng(seed)
    names = [name for name in CLASSES if name != "background"]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for split, count in clips.items():
            for number in range(count):
                video = f"v{int(rng.integers(10**9)) if number % 20 else number:010d}"
                heard = "_".join(rng.choice(names, rng.integers(1, 4), replace=False))
                rows.writerow((video, f"{video}_{number}_{split}", 0, number, heard, split, "v2"))


def link_clips(folder: Path) -> None:
    """Give every clip of the table the files of one small clip."""
    model = folder / "model"
    for kind, ending in (("frames", "jpg"), ("labels_semantic", "png")):
        (model / kind).mkdir(parents=True)
        for moment in range(10):
            mask = np.zeros((54, 96), np.uint8)
            mask[10 : 20 + moment, 20:50] = 17
            picture = mask if ending == "png" else np.repeat(mask[..., None], 3, axis=2) * 9 + 60
            Image.fromarray(picture.astype(np.uint8)).save(model / kind / f"{moment}.{ending}")
    write_wav(model / "audio.wav", np.zeros(160_000, np.float32))
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place = folder / row["label"]
            place.mkdir(exist_ok=True)
            if not (place / row["uid"]).exists():
                os.symlink(model, place / row["uid"])


def timed(words: str, work: Callable[[], object]) -> object:
    """Do something and print what it took, by the clock and of the processors."""
    began, busy = time.perf_counter(), time.process_time()
    found = work()
    clock, used = time.perf_counter() - began, time.process_time() - busy
    print(f"{clock:8.3f} s, {used:6.3f} s of processor  {words}", flush=True)
    return found


def main() -> None:
    home = tempfile.TemporaryDirectory(prefix="explore-size-")
    os.environ["AVSEG_CACHE"] = f"{home.name}/cache"
    os.environ["AVSEG_DATA"] = f"{home.name}/data"
    folder = Path(home.name) / "data" / "AVSS"
    folder.mkdir(parents=True)
    if len(sys.argv) > 1:
        (folder / "metadata.csv").write_bytes(Path(sys.argv[1]).read_bytes())
    else:
        make_table(folder / "metadata.csv")
    link_clips(folder)

    from app.explore import collection
    from app.explore import html as page
    from app.explore import mask_index as measured
    from app.explore import updates as explore_page
    from app.explore.state import acted, desk_of, select
    from app.services.session import Visitor

    collection.Collection.measuring = lambda self: SimpleNamespace(
        running=False, error="", done=len(self), total=len(self)
    )
    page.THUMBNAILS._kept.clear()
    desk = desk_of(Visitor(Path(home.name)))
    timed("open, nothing cached: index, facts, statistics, first 12 clips", lambda: explore_page.draw(desk))
    collection.COLLECTIONS._open.clear()
    timed("open, index cached", lambda: explore_page.draw(desk))
    _, there = explore_page.collection_of(desk)
    entries, blank = there.facts.entries, measured.nothing_yet(there.facts.entries)
    timed(
        "read the masks of 200 clips",
        lambda: [measured.of_clip(there.data.folder, entry) for entry in entries[:200]],
    )
    rng = np.random.default_rng(0)
    blank.share[:] = rng.random(blank.share.shape, np.float32) * (rng.random(blank.share.shape) < 0.7) * 0.4
    blank.where[:] = rng.integers(0, 255, blank.where.shape, np.uint8)
    blank.done[:] = True
    there.measured = blank
    there.scores.add(desk.view.model, {(one.split, one.name): float(rng.random()) for one in entries})
    pair = next(iter(there.facts.pairs))
    for act, value in (
        *(("split", "test"), ("class", there.facts.classes[0]), ("objects", "2"), ("clear", "")),
        *(("area", 4), ("clear", ""), ("place", 14), ("below", "0.6"), ("search", "guitar"), ("clear", "")),
        *(("pair", pair), ("sort", "iou"), ("clear", ""), ("empty", 2), ("page", 1)),
    ):
        found = select(desk, there)
        desk.view = acted(desk, there, act, value, found)
        found = timed(f"{act} {value}: find the clips", lambda: select(desk, there))
        timed(f"    and draw the page of {len(found.rows):,}", lambda: explore_page.draw(desk))
    print(f"promised: open within {OPENS_WITHIN} s, filter within {FILTERS_WITHIN} s")
    home.cleanup()


if __name__ == "__main__":
    main()
