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

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from avseg.media.video import write_wav
from tests.support.avsbench_folders import write_avss_table

OPENS_WITHIN, FILTERS_WITHIN = 3.0, 0.3  # seconds; the promise


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
        write_avss_table(folder / "metadata.csv")
    link_clips(folder)

    from app.explore import handlers
    from app.explore.collection import COLLECTIONS, Collection, Collections
    from app.explore.state import clicked, state_of
    from app.services.background import Progress
    from avseg.data.avsbench.mask_index import foreground_shares

    Collection.read_masks = lambda self: Progress(len(self), len(self), running=False)
    timed("open, nothing cached: index, facts, statistics, first 12 clips", handlers.draw)
    COLLECTIONS._open = Collections()._open
    timed("open, index cached", handlers.draw)
    state = state_of(None)
    _, clips = state.open_collection()
    entries, folder = clips.facts.entries, clips.dataset.folder
    timed(
        "read the masks of 200 clips", lambda: [foreground_shares(folder, entry) for entry in entries[:200]]
    )
    rng, shape = np.random.default_rng(0), clips.masks.share.shape
    clips.masks.share[:] = rng.random(shape, np.float32) * (rng.random(shape) < 0.7) * 0.4
    clips.masks.done[:] = True
    clips.scores.add(state.view.model, {(one.split, one.name): float(rng.random()) for one in entries})
    for action, value in (
        *(("split", "test"), ("label", clips.sounding.columns[0]), ("objects", "2"), ("clear", "")),
        *(("area", 4), ("clear", ""), ("below", "0.6"), ("search", "guitar"), ("clear", "")),
        *(("sort", "iou"), ("clear", ""), ("empty", 2), ("page", 1)),
    ):
        state.view = clicked(state.view, action, value, clips, state.rows(clips))
        rows = timed(f"{action} {value}: find the clips", lambda: state.rows(clips))
        timed(f"    and draw the page of {len(rows):,}", handlers.draw)
    print(f"promised: open within {OPENS_WITHIN} s, filter within {FILTERS_WITHIN} s")
    home.cleanup()


if __name__ == "__main__":
    main()
