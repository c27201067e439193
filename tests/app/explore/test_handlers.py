"""Handlers of the Explore tab without a server: view, flags, export, folders, requests, jobs."""

import csv
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from app.explore import clip_handlers, collection, handlers, html, predictions
from app.explore.filters import Filter
from app.explore.handlers import ExploreUpdates
from app.explore.saved_views import SavedView
from app.explore.state import ExploreState, View, clicked, state_of
from app.services.background import Progress
from app.services.datasets import LIBRARY
from app.services.handoff import ExploreRequest
from app.services.jobs import Cancelled
from tests.support.avsbench_folders import write_avss_table


def act(action: str, value: object = "", request: object = None) -> ExploreUpdates:
    return handlers.act(SimpleNamespace(_data={"action": action, "value": value}), request)


def test_pages_and_neighbours_keep_the_filter(table_clips):
    state = ExploreState(View(table_clips.dataset.key))

    def click(action: str, value: object = "") -> View:
        state.view = clicked(state.view, action, value, table_clips, state.rows(table_clips))
        return state.view

    click("split", "test")
    assert click("page", 1).page == 1 and click("page", 99).page == 6 and click("page", -99).page == 0
    rows = state.rows(table_clips)
    assert click("open", int(rows[11])).row == rows[11]
    assert click("step", 1).row == rows[12] and state.view.page == 1
    assert click("step", -1).row == rows[11] and state.view.page == 0
    assert state.view.filter == Filter(split=frozenset({"test"}))
    for value in (-1, 400, "3", True, None, 1.0):
        assert click("open", value).row == rows[11]
    assert click("close").row is None


def test_two_visitors_have_their_own_view(drawn, monkeypatch):
    monkeypatch.setenv("AVSEG_DATA", str(drawn))
    ann, bob = (SimpleNamespace(session_hash=name) for name in ("ann", "bob"))
    act("split", "test", ann)
    assert state_of(ann).view.filter.split == {"test"} and state_of(bob).view.filter == Filter()


def test_marks_of_visitors_on_a_public_host_are_their_own(drawn_clips, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    ann, bob = ExploreState(), ExploreState()
    ann.marks(drawn_clips).tags.add(("test", "te07_000000"), "mine")
    ann.marks(drawn_clips).views.save("mine", SavedView())
    assert bob.marks(drawn_clips).empty and drawn_clips.marks.empty and not ann.marks(drawn_clips).empty


def test_no_folder_is_added_on_a_public_host(drawn, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    updates = handlers.add_folder(str(drawn))
    assert set(updates.changes()) == {"folder_summary"} and "off on this host" in updates.folder_summary


def test_an_added_folder_is_opened(drawn):
    updates = handlers.add_folder(str(drawn))
    assert "drawn by SynthAVS" in updates.folder_summary and "7 of 7 clips" in updates.summary
    assert state_of(None).view.data == updates.data["value"]


def test_a_large_folder_is_checked_where_that_is_asked(drawn, monkeypatch):
    monkeypatch.setattr(handlers, "CHECKED_UNASKED", 3)
    assert "Check 7 clips" in handlers.add_folder(str(drawn)).report
    updates = handlers.check_folder(str(drawn))
    assert "drawn by SynthAVS" in updates.folder_summary and "Reading every file" in updates.report
    _, opened = state_of(None).open_collection()
    while opened.report is None:
        time.sleep(0.01)
    assert "missing mask" in handlers.draw().report
    assert "is not a folder" in handlers.check_folder(str(drawn / "nowhere")).folder_summary
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert set(handlers.check_folder(str(drawn)).changes()) == {"folder_summary"}


def test_the_model_follows_the_task_of_the_data(drawn, table, monkeypatch):
    monkeypatch.setenv("AVSEG_DATA", f"{drawn}:{table}")
    keys = {dataset.task: key for key, dataset in handlers.LIBRARY.all().items() if "env" in dataset.origin}
    handlers.choose_model("small-real")
    assert handlers.choose_data(keys["avss"]).model == "tiny-avss"
    assert handlers.choose_data(keys["ms3"]).model == "tiny-ms3"
    handlers.choose_model("small-real")
    assert handlers.choose_data(keys["ms3"]).model == "small-real"  # it fits, so it stays


def test_another_tab_opens_a_clip(drawn_clips):
    key = drawn_clips.dataset.key

    def arrive(data: str, clip: str, split: str = "") -> ExploreUpdates:
        handlers.VISITORS.of("local").hand_over(ExploreRequest(data, clip, split))
        return handlers.arrive()

    assert "te07_000002" in arrive(key, "te07_000002", "test").clip_head
    view = state_of(None).view
    assert (view.data, view.row) == (key, drawn_clips.facts.row_of("te07_000002"))
    assert "has no clip gone" in arrive(key, "gone").notice["value"]
    assert "no longer exists" in arrive("/etc", "passwd").notice["value"]


def test_a_full_disk_is_reported(drawn, drawn_clips, monkeypatch):
    def full(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    state_of(None).view = View(drawn_clips.dataset.key, row=0)
    monkeypatch.setattr(Path, "write_text", full)
    assert "tag could not be saved (No space left on device)" in act("tag_add", "odd").notice["value"]
    assert "could not be saved (No space left" in handlers.add_folder(str(drawn)).folder_summary
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(gr.Error, match="csv could not be written"):
        handlers.export()


def test_the_export_is_what_matches(drawn_clips):
    act("split", "test")
    with Path(handlers.export().file["value"]).open(newline="") as file:
        assert [row["clip"] for row in csv.DictReader(file)] == [f"te07_00000{k}" for k in range(3)]


def test_all_of_avsbench_opens_and_filters_a_page_at_a_time(tmp_path_factory, monkeypatch):
    """A table of 11,356 clips; tests/browser/explore_size.py measures how long it takes."""
    folder = tmp_path_factory.mktemp("whole") / "AVSS"
    folder.mkdir()
    write_avss_table(folder / "metadata.csv")
    monkeypatch.setattr(collection.Collection, "read_masks", lambda self: Progress(1, 1, running=False))
    drawn: list[int] = []
    monkeypatch.setattr(html, "thumbnails", lambda clips, rows: drawn.append(len(rows)) or [""] * len(rows))
    monkeypatch.setenv("AVSEG_DATA", str(folder.parent))
    assert "11,356 of 11,356 clips" in handlers.draw().summary
    state = state_of(None)
    masks = collection.COLLECTIONS.of(LIBRARY.get(state.view.data)).masks
    masks.share[:] = np.random.default_rng(0).random(masks.share.shape)
    masks.done[:] = True
    clicks = (("split", "test"), ("label", "guitar"), ("area", 4), ("search", "v00"), ("clear", ""))
    for action, value in clicks:
        act(action, value)
    assert state.view.filter == Filter() and set(drawn) <= set(range(13))  # never more than a page


def test_scoring_is_stopped_by_its_own_button_alone(drawn_clips, monkeypatch):
    visitor, state = handlers.VISITORS.of("local"), state_of(None)
    act("split", "test")
    assert clip_handlers.begin_scoring().stop["visible"] and not handlers.draw().score["visible"]
    visitor.jobs.start("segment")  # a run in another tab
    visitor.jobs.cancel("segment")
    state.scoring.check()

    def predict(model: str, clip, on_frame=None):
        clip_handlers.stop()
        return SimpleNamespace(mask=lambda frame, size: np.ones(size, np.uint8))

    monkeypatch.setattr(predictions.MODELS, "predict", predict)
    updates = clip_handlers.score()
    assert "Stopped" in updates.notice["value"] and not updates.stop["visible"] and state.scoring is None
    scored = drawn_clips.scores.of(state.view.model)
    assert list(scored) in ([("test", "te07_000000")], [])  # the clip that was finished, if it has a mask
    assert updates.score["value"] == f"Run on {3 - len(scored)} unscored clips"


def test_a_second_prediction_cancels_the_first(drawn_clips, monkeypatch):
    visitor, state = handlers.VISITORS.of("local"), state_of(None)
    state.view = View(drawn_clips.dataset.key, row=0, model="tiny-ms3")
    token = visitor.jobs.start(clip_handlers.PREDICT)
    visitor.jobs.start(clip_handlers.PREDICT)
    opened = SimpleNamespace(belongs_to=lambda view: True, content=SimpleNamespace(clip=None))
    state.opened = opened
    monkeypatch.setattr(predictions.MODELS, "predict", lambda model, clip, on_frame: on_frame(1, 5))
    with pytest.raises(Cancelled):
        predictions.predict_clip(visitor, token, lambda done, total: None)


@pytest.mark.parametrize("tab", ["inside", "whatif"])
def test_a_clip_is_sent_to_another_tab(drawn_clips, tab):
    visitor = handlers.VISITORS.of("local")
    act("open", drawn_clips.facts.row_of("te07_000000"))
    updates = clip_handlers.send(tab)
    assert updates.tabs.selected == tab and "te07_000000" in updates.header
    assert visitor.result.title == "te07_000000" and len(visitor.result.truth) == 5
    assert updates.player.shows == "both" or updates.player.video == visitor.result.prediction.clip.path


def test_a_clip_of_a_table_written_anew_is_closed(drawn_clips):
    state = ExploreState(View(drawn_clips.dataset.key, row=99))
    state.open_collection()
    assert state.view.row is None and state.marks(drawn_clips).empty


def test_a_table_without_clips_opens(tmp_path, open_folder):
    (tmp_path / "AVSBench" / "AVSS").mkdir(parents=True)
    (tmp_path / "AVSBench/AVSS/metadata.csv").write_text("vid,uid,s_min,s_sec,a_obj,split,label\n")
    clips = open_folder(tmp_path / "AVSBench", "avss")
    assert len(clips) == len(clips.table) == len(clips.sounding) == 0 and clips.facts.splits == ()


def test_a_table_without_classes_opens(tmp_path, open_folder):
    (tmp_path / "AVSBench" / "Multi-sources").mkdir(parents=True)
    (tmp_path / "AVSBench/Multi-sources/ms3_meta_data.csv").write_text("video_id,split\nabc_1,train\n")
    clips = open_folder(tmp_path / "AVSBench")
    assert clips.table["sounding_objects"].isna().all() and not len(clips.sounding.columns)


def test_the_player_shows_the_ground_truth_of_an_opened_clip(drawn_clips):
    act("open", drawn_clips.facts.row_of("te07_000000"))
    player = clip_handlers.show_clip().player
    opened = state_of(None).opened
    assert player.shows == "truth" and len(player.times) == 5 and player.video == opened.content.clip.path
