"""Reading, predicting and writing overlap, which the order of events proves."""

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from avseg.errors import ClipError
from avseg.media.clip import read_clip
from avseg.media.export import write_prediction
from avseg.pipeline import Outcome, predict_clips
from avseg.prediction import Arrivals
from tests.support.media import counting
from tests.support.small_model import small_predictor

SOON = 20  # seconds that an event may take before a test fails


class Stages:
    """Stand-ins of the three stages: each notes when it begins and ends, and waits for what a test names."""

    def __init__(self, waits: dict[str, str] | None = None, fails: tuple[str, ...] = ()):
        self.begun = {
            f"{stage} {k}": threading.Event() for stage in ("read", "model", "write") for k in range(6)
        }
        self.waits, self.fails, self.order = waits or {}, fails, []

    def _do(self, event: str) -> SimpleNamespace:
        self.order.append(event)
        self.begun[event].set()
        if (other := self.waits.get(event)) is not None:
            assert self.begun[other].wait(SOON), f"{event} and {other} do not overlap"
        if event in self.fails:
            raise ClipError(event)
        return SimpleNamespace(name=event)

    def read(self, path: Path) -> SimpleNamespace:
        return self._do(f"read {path}")

    def predict(self, path: Path, _clip: object, on_start) -> SimpleNamespace:
        on_start(SimpleNamespace(name=str(path)))
        return self._do(f"model {path}")

    def write(self, prediction: SimpleNamespace, _folder: Path) -> SimpleNamespace:
        return self._do(f"write {prediction.name}")

    def run(self, count: int) -> list[Outcome]:
        paths = [Path(str(k)) for k in range(count)]
        return list(predict_clips(paths, paths, self.read, self.predict, self.write))


def test_the_stages_of_several_clips_overlap():
    # The model works on a clip while the next is read and this one is written; it goes on before that ends.
    waits = {"model 0": "read 1", "write 0": "model 1", "model 2": "write 1", "write 3": "model 3"}
    outcomes = Stages(waits).run(4)
    assert [str(outcome.path) for outcome in outcomes] == ["0", "1", "2", "3"]
    assert [outcome.written.name for outcome in outcomes] == ["write 0", "write 1", "write 2", "write 3"]


def test_no_more_than_one_clip_is_ahead_or_behind():
    stages = Stages()
    stages.run(6)
    at = {event: k for k, event in enumerate(stages.order)}
    for clip in range(4):
        assert at[f"read {clip + 2}"] > at[f"model {clip}"]
        assert at[f"model {clip + 2}"] > at[f"write {clip}"]


def test_a_failed_clip_does_not_stop_the_others():
    outcomes = Stages(fails=("read 0", "model 1", "write 2")).run(4)
    assert [str(outcome.error or "") for outcome in outcomes] == ["read 0", "model 1", "write 2", ""]


def test_writing_begins_with_the_first_masks(tmp_path: Path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=4))
    predictor = small_predictor()
    predictor.batch = 1
    painted, writing = threading.Event(), []

    def write(growing) -> None:
        def run() -> None:
            assert growing.mask(0).shape == clip.size
            painted.set()
            write_prediction(growing, tmp_path / "out")

        writing.append(threading.Thread(target=run))
        writing[0].start()

    def on_frame(done: int, _total: int) -> None:
        if done == 3:  # the first frame is used before the fourth is computed
            assert painted.wait(SOON)

    prediction = predictor.predict(clip, on_frame=on_frame, on_start=write, measure_mute=True)
    writing[0].join()
    write_prediction(prediction, tmp_path / "after")
    for name in ("masks/0001.png", "masks/0004.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()
    records = [(tmp_path / name / "prediction.json").read_text() for name in ("out", "after")]
    said = [[line for line in text.splitlines() if '"write"' not in line] for text in records]
    assert said[0] == said[1]


def test_who_waits_for_a_mask_hears_of_the_error():
    arrivals = Arrivals()
    with pytest.raises(KeyboardInterrupt), arrivals:
        arrivals.add(2)
        arrivals.wait_for(1)
        raise KeyboardInterrupt
    arrivals.wait_for(1)
    for wait in (lambda: arrivals.wait_for(2), arrivals.wait_for_all):
        with pytest.raises(KeyboardInterrupt):
            wait()


def test_a_growing_prediction_becomes_the_whole_one(tmp_path: Path):
    clip = replace(read_clip(counting(tmp_path / "a.mp4", seconds=2)), path=None)
    started = []
    prediction = small_predictor().predict(clip, on_start=started.append)
    assert started[0].finished() is prediction
    assert np.array_equal(started[0].mask(1), prediction.mask(1))
    assert started[0].waited < 1 and prediction.waited == 0
