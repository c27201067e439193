"""Visitors: their files, results and connections, and the memory that they share."""

import os
import subprocess
import sys
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pytest

from app.services import session
from app.services.session import GRACE, ClipResult
from avseg.errors import ConfigError
from avseg.media.clip import read_clip
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import SMALL, small_predictor
from tests.support.stand_in_model import BrightAndLoud


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_leaving_deletes_files_unless_another_visitor_has_the_same_upload(tmp_path):
    visitors = session.Visitors()
    mine, shared = tmp_path / "mine.mp4", tmp_path / "shared.mp4"
    for path in (mine, shared):
        path.write_bytes(b"x")
    visitors.of("a").uploads.update({mine, shared})
    visitors.of("b").uploads.add(shared)
    results = [visitors.new_result("a") for _ in range(4)]
    assert [folder.exists() for folder in results] == [False, False, True, True]
    job = visitors.of("a").jobs.start("segment")
    visitors.leave("a")
    assert not mine.exists() and shared.exists() and not any(folder.exists() for folder in results)
    assert job.cancelled
    visitors.leave("b")
    visitors.leave("b")
    assert not shared.exists()


def test_session_names_never_become_paths(cache):
    folder = session.Visitors().new_result("../../../etc")
    assert folder.is_relative_to(cache)


def test_the_cache_is_a_private_folder_that_goes_when_the_process_ends(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from app.services.session import private_cache\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "assert private_cache() == private_cache()\n"
        "(private_cache() / 'upload.mp4').write_bytes(b'mine')\n"
        "print(private_cache(), oct(private_cache().stat().st_mode)[-3:], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    (tmp_path / "others.txt").write_text("not ours")
    env = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=env, capture_output=True, text=True
    )
    folder, mode = done.stdout.split()
    assert Path(folder).parent == tmp_path and mode == "700"
    assert [path.name for path in tmp_path.iterdir()] == ["others.txt"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="GRADIO_TEMP_DIR"):
        session.private_cache()


def test_names_of_files_are_never_used_twice():
    visitors = session.Visitors()
    folders = [visitors.new_files("a", "what-if") for _ in range(4)]
    result = visitors.new_result("a")
    assert len({*folders, result}) == 5 and result.exists()
    assert [folder.exists() for folder in folders] == [False, False, True, True]


def test_a_lost_connection_costs_nothing_for_a_while(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: clock[0])
    visitors = session.Visitors()
    folder, job = visitors.new_result("a"), visitors.of("a").jobs.start("segment")
    visitors.away("a")
    clock[0] += GRACE - 1
    visitors.sweep()
    assert folder.exists() and not job.cancelled
    visitors.present("a")  # the page was open all the time
    clock[0] += GRACE
    visitors.sweep()
    assert folder.exists()
    visitors.away("a")
    clock[0] += GRACE + 1
    visitors.sweep()
    assert not folder.exists() and job.cancelled


@dataclass
class Drawn:
    """What components show."""

    page: int = 0


@dataclass
class Kept(Drawn):
    """What a tab is drawn from."""

    SURVIVES_RELOAD: ClassVar[bool] = True


def test_a_reloaded_page_goes_on_as_the_visitor_it_was():
    visitors, key = session.Visitors(), "0123456789abcdef" * 2
    before = visitors.attach("old", key)
    before.state(Drawn).page = before.state(Kept).page = 3
    assert visitors.attach("old", key) is before and before.state(Drawn).page == 3
    folder = visitors.new_result("old")
    visitors.away("old")
    assert visitors.attach("new", key) is before and visitors.of("new") is before
    visitors.leave("old")
    assert folder.exists() and visitors.of("new") is before
    assert (before.state(Drawn).page, before.state(Kept).page) == (
        0,
        3,
    )  # its components are as they were built
    visitors.leave("new")
    assert not folder.exists() and visitors.attach("later", key) is not before
    assert visitors.attach("guess", "short") is not visitors.attach("other", "short")


def a_result(path: Path, seconds: int = 2) -> ClipResult:
    clip = read_clip(counting(path, seconds=seconds))
    return ClipResult(Predictor(BrightAndLoud("ms3"), "cpu").predict(clip), path.name, "stand-in")


def test_the_oldest_results_make_room_and_the_newest_stays(tmp_path, monkeypatch):
    visitors = session.Visitors()
    for name in "abc":
        visitors.set_result(name, a_result(tmp_path / f"{name}.mp4"))
    a, b, c = (visitors.of(name) for name in "abc")
    visitors.of("a")  # asked for something, so b is the oldest
    assert b.held >= b.result.prediction.clip.frames.nbytes
    monkeypatch.setenv("AVSEG_MEMORY", f"{2.5 * b.held / 1000:.0f}kb")
    visitors.make_room()
    assert b.result is None and b.held == 0 and a.result is not None and c.result is not None
    assert "Your last result was removed" in b.why_missing() and b.why_missing() == "" == a.why_missing()
    monkeypatch.setenv("AVSEG_MEMORY", "1kb")
    visitors.make_room()
    assert a.result is not None and c.result is None


def test_a_flood_of_sessions_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(session, "VISITORS_KEPT", 5)
    visitors = session.Visitors()
    for number in range(20):
        visitors.of(f"flood {number}")
    assert len(visitors._open) <= 6


def test_room_is_made_before_every_call_of_a_model(tmp_path, monkeypatch):
    visitors = session.Visitors()
    monkeypatch.setattr(session, "VISITORS", visitors)
    calls = session.Models()
    monkeypatch.setattr(calls, "_predictor", lambda name: Predictor(BrightAndLoud("ms3"), "cpu"))
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1))
    monkeypatch.setenv("AVSEG_MEMORY", "1kb")
    for name in "abcd":
        visitors.set_result(name, ClipResult(calls.predict("stand-in", clip), name, "stand-in"))
    assert sum(visitors.of(name).result is not None for name in "abcd") <= 2


def test_visitors_at_once_get_their_own_masks(tmp_path, monkeypatch):
    """Two models and four clips from eight threads: every mask equals that of a visitor alone."""
    predictors = {name: Predictor(BrightAndLoud("ms3", size), "cpu") for name, size in (("s", 32), ("l", 64))}
    clips = [read_clip(counting(tmp_path / f"{n}.mp4", seconds=n)) for n in range(1, 5)]
    alone = {(m, n): predictors[m].predict(clips[n]).probability for m in predictors for n in range(4)}
    calls, found = session.Models(), {}
    monkeypatch.setattr(calls, "_predictor", predictors.__getitem__)
    jobs = [(model, number) for model in predictors for number in range(4)]
    start = threading.Barrier(len(jobs))

    def visit(job):
        start.wait()
        found[job] = [calls.predict(job[0], clips[job[1]]).probability for _ in range(3)]

    threads = [threading.Thread(target=visit, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(masks, alone[job]) for job in jobs for masks in found[job])


def test_two_visitors_with_two_models_load_each_once(tmp_path, monkeypatch):
    loaded, clip = [], read_clip(counting(tmp_path / "a.mp4", seconds=1))

    def load(path, batch):
        assert batch is None  # small files
        loaded.append(path.name)
        return Predictor(BrightAndLoud("ms3"), "cpu")

    for name in "abcd":
        (tmp_path / name).touch()
    monkeypatch.setattr(session, "Predictor", load)
    monkeypatch.setattr(session, "model_version", lambda name: (tmp_path / name, 0))
    monkeypatch.setattr(load, "predict", Predictor.predict, raising=False)
    calls = session.Models()
    for name in "ababab":
        calls.predict(name, clip)
    assert loaded == ["a", "b"]
    for name in "cdb":
        calls.predict(name, clip)
    assert loaded == ["a", "b", "c", "d"] and len(calls._loaded) == session.MODELS_KEPT


def test_a_model_that_has_to_go_is_released_before_the_next_is_loaded(tmp_path, monkeypatch):
    alive: list[int] = []  # models in memory when another one is loaded
    models: list[weakref.ref] = []

    def load(path, batch):
        alive.append(sum(model() is not None for model in models))
        model = AVSegFormer(SMALL)
        models.append(weakref.ref(model))
        return Predictor(model, "cpu")

    for name, size in (("a", 600), ("b", 600), ("c", 300), ("d", 100)):
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(session, "Predictor", load)
    monkeypatch.setattr(session, "model_version", lambda name: (tmp_path / name, 0))
    monkeypatch.setattr(session, "MODELS_SHARE", 1000 / psutil.virtual_memory().total)
    calls = session.Models()
    for name in "abacd":
        calls.run(name, Predictor.warm)
    assert alive == [0, 0, 0, 1, 2]  # two of 600 bytes do not fit into 1000; 600, 300 and 100 do


def test_a_model_computes_at_the_precision_that_is_asked_for(tmp_path, monkeypatch):
    calls, predictor, asked = session.Models(), small_predictor(), []
    monkeypatch.setattr(calls, "_predictor", lambda name: predictor)
    monkeypatch.setattr(predictor, "at", lambda precision: asked.append(precision) or predictor)
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=1))
    for precision in ("auto", "exact", "fast"):
        calls.predict("small", clip, precision=precision)
    assert asked == ["exact", "fast"]
    with pytest.raises(ConfigError, match="choose auto, exact, fast"):
        calls.predict("small", clip, precision="half")


def test_models_are_warm_before_the_first_click(monkeypatch):
    calls, loaded = session.Models(), []
    predictor = small_predictor()
    monkeypatch.setattr(calls, "_predictor", lambda name: loaded.append(name) or predictor)
    calls.warm(["small"])
    assert loaded == ["small"] and predictor._runner._made is not None
    calls = session.Models()
    calls.warm(["not a model"])  # no error: whoever asks for it sees one


def test_a_change_that_comes_twice_is_new_once_until_the_page_is_reloaded():
    visitor = session.Visitors().of("me")
    assert [visitor.is_new("run", (number,)) for number in (1, 1, 2, 1, 2)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert not visitor.is_new("begin", None) and visitor.is_new("begin", (1, "mute"))  # each event by itself
    visitor.follow_reload()
    assert visitor.is_new("run", (1,))
