"""Tags, notes and saved views: what is kept, what is refused, and what travels as a file."""

import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from app.explore import collection, handlers, marks, tags
from app.explore.export import write_csv
from app.explore.filters import Filter
from app.explore.marks import Marks
from app.explore.saved_views import SavedView, SavedViews
from app.explore.state import View, state_of
from app.explore.tags import Mark, Tags
from avseg.errors import DatasetError

A, B = ("test", "te07_000000"), ("test", "te07_000001")
OLD = (  # a file from before there were tags, with a line that a person added
    '{"split": "test", "clip": "te07_000000", "note": "wrong label", "when": "2026-01-02T03:04:05+00:00"}\n'
    "# looked at until here\n"
)


def act(action: str, value: object = "", request: object = None) -> handlers.ExploreUpdates:
    return handlers.act(SimpleNamespace(_data={"action": action, "value": value}), request)


def test_nothing_of_an_old_file_of_flags_is_lost(tmp_path):
    path = tmp_path / "flags.jsonl"
    path.write_text(OLD)
    found = Tags(path)
    assert found.get(A) == Mark(("flagged",), "wrong label", "2026-01-02T03:04:05+00:00")
    found.add(B, "  blurred,\n dark ")
    again = Tags(path)
    assert again.get(A) == found.get(A) and again.get(B).tags == ("blurred dark",)
    assert "# looked at until here" in path.read_text().splitlines()
    first = json.loads(path.read_text().splitlines()[0])
    assert {name: first[name] for name in ("clip", "note", "when")} == {
        name: json.loads(OLD.splitlines()[0])[name] for name in ("clip", "note", "when")
    }


def test_tags_are_added_found_again_and_removed():
    found = Tags()
    found.add(A, "Blurred")
    found.add(B, "blurred")  # is the same tag
    found.add(B, "night")
    found.set_note(B, " wrong \n label ")
    assert found.names() == {"Blurred": 2, "night": 1}
    assert found.get(B).tags == ("Blurred", "night") and found.get(B).note == "wrong label"
    for tag in ("Blurred", "night"):
        found.remove(B, tag)
    assert found.get(B).note == "wrong label"  # a note outlives its tags
    found.set_note(B, "")
    found.remove(A, "Blurred")
    assert found.all() == {}


def test_limits_hold_and_what_was_there_stays(monkeypatch):
    found = Tags()
    monkeypatch.setattr(tags, "MAX_CLIPS", 2)
    for number in range(2):
        found.add(("test", str(number)), "x")
    with pytest.raises(DatasetError, match="2 clips have tags or notes already"):
        found.add(A, "x")
    with pytest.raises(DatasetError, match="more than 12 tags"):
        found.merge({("test", "0"): Mark(tuple(map(str, range(12))))})
    monkeypatch.setattr(tags, "MAX_NAMES", 1)
    with pytest.raises(DatasetError, match="1 different tags"):
        found.add(("test", "0"), "y")
    assert found.names() == {"x": 2}
    views = SavedViews()
    for number in range(50):
        views.save(str(number), SavedView())
    with pytest.raises(DatasetError, match="50 saved views already"):
        views.save("one more", SavedView())
    with pytest.raises(DatasetError, match="a name"):
        views.save("  ", SavedView())


def test_marks_travel_as_json_and_as_csv(drawn_clips, tmp_path):
    known = drawn_clips.facts.rows
    ours = Marks()
    ours.tags.add(A, "=odd")
    ours.tags.set_note(A, "-1+1")
    ours.tags.add(B, "night")
    ours.views.save(
        "few", SavedView((("split", "test"), ("sort", "iou")), "audio-umap-clips-iou", "tiny-ms3")
    )
    theirs = Marks()
    theirs.tags.set_note(A, "seen")
    said = theirs.take(ours.text(), known)
    assert said == "Imported tags and notes of 2 clips and 1 saved view."
    assert theirs.tags.get(A).tags == ("flagged", "=odd") and theirs.tags.get(A).note == "seen / -1+1"
    assert theirs.views.all() == ours.views.all()
    path = write_csv(tmp_path / "c.csv", drawn_clips, list(known.values()), ours, "m")
    other = Marks()
    assert other.take(path.read_text(), known).startswith("Imported tags and notes of 2 clips.")
    assert {clip: (mark.tags, mark.note) for clip, mark in other.tags.all().items()} == {
        A: (("=odd",), "-1+1"),
        B: (("night",), ""),
    }
    old = "split,clip,flagged,note,flagged_at\ntest,te07_000000,yes,why,2026\ntest,gone,yes,,\n"
    assert "Not in this data set: 1 clip." in other.take(old, known)
    assert "flagged" in other.tags.get(A).tags


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "a,b\n1,2\n",
        "{}",
        "[]",
        '{"tags": 3}',
        '{"tags": [{"split": "x"}]}',
        '{"tags": [], "views": 1}',
    ],
)
def test_a_file_that_is_none_says_so_and_changes_nothing(text, drawn_clips, tmp_path):
    path = tmp_path / "tags.json"
    path.write_text(text)
    act("open", 0)
    told = handlers.import_marks(str(path)).notice["value"]
    assert "cannot be imported" in told and drawn_clips.marks.empty


def test_clicks_tag_the_opened_clip_and_all_that_match(drawn_clips):
    act("open", drawn_clips.facts.row_of("te07_000000"))
    updates = act("tag_add", "odd")
    assert (
        "odd ×" in updates.clip_facts and 'data-action="tags" data-value="&#34;odd&#34;"' in updates.filters
    )
    act("split", "test")
    assert "Tagged 3 clips: night." in act("tag_shown", "night").notice["value"]
    assert drawn_clips.marks.tags.names() == {"night": 3, "odd": 1}
    assert "1 of 7 clips" in act("tags", "odd").summary
    act("tag_remove", "odd")
    assert drawn_clips.marks.tags.names() == {"night": 3}
    assert "Open a clip first" in (act("close"), act("tag_add", "x"))[1].notice["value"]


def test_a_saved_view_brings_back_filter_order_map_and_model(drawn_clips):
    for action, value in (("split", "test"), ("sort", "name"), ("map_shown", 1), ("map_colouring", "iou")):
        act(action, value)
    before = state_of(None).view
    act("view_save", "my view")
    again = SavedViews(collection._beside_index(drawn_clips.dataset, "-views.json"))
    assert again.all()["my view"].map == "mask-pca-clips-iou"
    act("clear"), act("sort", "table"), act("map_shown", 0)
    assert state_of(None).view.filter == Filter()
    updates = act("view_open", "my view")
    assert state_of(None).view == before and updates.sort == "name"
    assert "my view" in updates.marks and "my view" not in act("view_delete", "my view").marks


def test_export_has_something_to_export(drawn_clips):
    act("open", 0)
    with pytest.raises(gr.Error, match="no tags, notes or saved views"):
        handlers.export_marks()
    act("tag_add", "odd")
    saved = json.loads(Path(handlers.export_marks().file["value"]).read_text())
    assert saved["tags"][0]["tags"] == ["odd"]


def test_a_browser_hands_back_the_tags_of_a_visit_that_ended(drawn_clips, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    ann, bob = (SimpleNamespace(session_hash=name) for name in ("ann", "bob"))
    for visitor in (ann, bob):
        handlers.draw(visitor)
        state_of(visitor).view = View(drawn_clips.dataset.key, row=0)
    kept = act("tag_add", "odd", ann).marks
    assert "data-own=" in kept and state_of(bob).marks(drawn_clips).empty
    text = state_of(ann).marks(drawn_clips).text()
    handlers.VISITORS.of("ann").follow_reload()  # a reload alone loses nothing
    assert state_of(ann).marks(drawn_clips).tags.names() == {"odd": 1}
    assert "last visit are back" in act("marks_restore", text, bob).notice["value"]
    assert state_of(bob).marks(drawn_clips).tags.names() == {"odd": 1} and drawn_clips.marks.empty
    eve = SimpleNamespace(session_hash="eve")
    state_of(eve).view = View(drawn_clips.dataset.key)
    act("marks_restore", text + " " * marks.MAX_KEPT, eve)  # more than a browser keeps
    assert state_of(eve).marks(drawn_clips).empty
