"""What visitors' results hold, and arrays that lie on disk."""

import errno
import tempfile
from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.services import memory
from app.services.memory import array_bytes, budget, on_disk, spilled
from avseg.errors import ConfigError
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


@pytest.fixture
def prediction(tmp_path):
    return Predictor(BrightAndLoud("ms3"), "cpu").predict(read_clip(counting(tmp_path / "a.mp4", seconds=2)))


def test_every_buffer_is_counted_once(prediction):
    frames = prediction.clip.frames
    arrays = ("frames", "waveform", "times", "source_frames", "source_times")
    clip = sum(getattr(prediction.clip, name).nbytes for name in arrays)
    assert array_bytes(prediction.clip) == clip
    masks = prediction.probability.nbytes + prediction.labels.nbytes
    assert array_bytes(prediction, prediction.clip, [frames[:1]]) == clip + masks
    softer = prediction.at_threshold(0.25)
    assert array_bytes({"a": prediction, "b": (softer,)}) == clip + masks + softer.labels.nbytes
    assert array_bytes(None, "text", 3, memory) == 0


def test_big_arrays_go_to_disk_and_stay_equal(prediction, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SPILLED", 1)
    folder = tmp_path / "cache"
    on = spilled(prediction, folder)
    for name in ("probability", "labels"):
        assert np.array_equal(getattr(on, name), getattr(prediction, name))
        assert type(getattr(on, name)) is np.ndarray
    assert np.array_equal(on.clip.frames, prediction.clip.frames)
    assert not list(folder.iterdir()) and array_bytes(on) == array_bytes(prediction)
    assert on_disk(on.clip, folder).frames is on.clip.frames  # there already
    on.clip.frames[0] = 0  # a private copy of the page, never an error
    assert np.array_equal(replace(on, threshold=0.25).masks[0], on.masks[0])


def test_a_full_disk_leaves_arrays_in_memory(prediction, tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(memory, "SPILLED", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert spilled(prediction, tmp_path).probability is prediction.probability


@pytest.mark.parametrize(("value", "size"), [("", 2e9), ("800MB", 8e8), ("1.5 gb", 1.5e9), ("64kb", 64e3)])
def test_the_budget_is_a_setting(value, size, monkeypatch):
    monkeypatch.setenv("AVSEG_MEMORY", value)
    assert budget() == size


@pytest.mark.parametrize("value", ["lots", "-1GB", "0MB", "GB", "12", "nanGB"])
def test_other_budgets_are_refused(value, monkeypatch):
    monkeypatch.setenv("AVSEG_MEMORY", value)
    with pytest.raises(ConfigError, match="a size such as 800MB or 4GB"):
        budget()


@dataclass
class Cyclic:
    other: object = None


def test_only_our_own_classes_are_looked_into(monkeypatch):
    own = Cyclic()
    own.other = [own, np.zeros(5)]
    assert array_bytes(own) == 0  # a class of this test
    monkeypatch.setattr(memory, "OURS", (__name__,))
    assert array_bytes(own) == 40
