"""Scores, flags and the csv of the Explore tab."""

import csv
from types import SimpleNamespace

import pytest

from app.explore import scores
from app.explore.export import write_csv
from app.explore.marks import Marks
from app.explore.saved_views import SavedView
from app.services.session import MODELS
from avseg.checkpoints import load_model
from avseg.data.avsbench.clip import read_dataset_clip
from avseg.data.avsbench.dataset import AVSBench
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.evaluation.evaluate import EvaluationOptions, evaluate
from avseg.evaluation.frame_mistakes import Mistakes
from avseg.evaluation.report import write_evaluation
from tests.app.explore.conftest import read_masks

EXPORTED = (
    *("split", "clip", "classes", "sounding_objects", "video", "subset", "frames", "labelled_frames"),
    *("frames_with_mask", "mask_share", "iou", "iou_model", "false_alarm", "missed", "wrong_time"),
    *("flagged", "tags", "note", "flagged_at", "saved_views"),
)


def test_the_iou_of_a_clip_is_that_of_the_evaluation(drawn, drawn_clips, tmp_path):
    clips = drawn_clips
    entry = clips.facts.entries[clips.facts.row_of("te07_000000", "test")]
    content = read_dataset_clip(clips.dataset.folder, entry)
    ious = frame_ious(MODELS.predict("tiny-ms3", content.clip), content.truth)
    model, split = load_model("tiny-ms3"), AVSBench(drawn, "ms3", "test")
    report = evaluate(model, split, [0], EvaluationOptions(robustness=False, workers=0))
    assert clip_iou(ious, content.truth) == pytest.approx(report.clips[0].iou, abs=0.02)
    assert not clips.scores.models()
    write_evaluation(report, tmp_path / "evaluations" / "one")
    clips.scores.refresh()
    assert clips.scores.of("tiny-ms3") == {("test", "te07_000000"): pytest.approx(report.clips[0].iou)}


def test_the_csv_has_the_given_rows_and_no_formula(drawn_clips, tmp_path):
    clips, marks = drawn_clips, Marks()
    read_masks(clips)
    marks.tags.set_note(("test", "te07_000001"), '=HYPERLINK("http://x")')
    rows = [clips.facts.row_of(name, "test") for name in ("te07_000001", "te07_000000")]
    clips.scores.add("m", {("test", "te07_000000"): 0.5}, {("test", "te07_000000"): Mistakes(missed=2)})
    marks.tags.add(("test", "te07_000001"), "odd")
    marks.views.save("one", SavedView((("search", "te07_000001"),)))
    marks.views.save("all", SavedView())
    with write_csv(tmp_path / "c.csv", clips, rows, marks, "m").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == EXPORTED and [line["clip"] for line in lines] == ["te07_000001", "te07_000000"]
    assert lines[0]["note"] == '\'=HYPERLINK("http://x")' and lines[0]["flagged"] == "yes"
    assert (lines[1]["iou"], lines[1]["iou_model"], lines[0]["iou"]) == ("0.500000", "m", "")
    assert (lines[1]["missed"], lines[1]["false_alarm"], lines[0]["missed"]) == ("2", "0", "")
    assert lines[0]["tags"] == "flagged; odd" and [line["saved_views"] for line in lines] == [
        "one; all",
        "all",
    ]
    share = clips.masks.share[rows[1]]
    assert lines[1]["frames_with_mask"] == str((share > 0).sum()) and lines[1]["labelled_frames"] == "5"
    assert lines[1]["mask_share"] == f"{clips.masks.area[rows[1]]:.6f}"


def test_unknown_values_are_empty_in_the_csv(table, open_folder, tmp_path):
    clips = open_folder(table, "avss")
    with write_csv(tmp_path / "c.csv", clips, [0], Marks(), "m").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert [line[name] for name in ("frames_with_mask", "mask_share", "iou", "flagged")] == [""] * 4
    assert line["sounding_objects"] == str(len(clips.facts.labels[0])) and line["frames"] == "10"


def test_scores_and_mistakes_are_saved_and_older_files_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "reports_about", lambda dataset: [])
    path = tmp_path / "scores.json"
    path.write_text('{"m": [["test", "a", 0.5]]}')
    saved = scores.Scores(None, path)
    saved.add("m", {("test", "b"): None}, {("test", "b"): Mistakes(1, 2, 1)})
    again = scores.Scores(None, path)
    assert again.of("m") == {("test", "a"): 0.5}
    assert again.mistakes_of("m") == {("test", "b"): Mistakes(1, 2, 1)}


def test_scores_stay_while_reports_are_read_again(monkeypatch):
    read = [
        SimpleNamespace(
            model="m",
            evaluation=SimpleNamespace(
                report=SimpleNamespace(split="test"), clips=[SimpleNamespace(name="a", iou=0.5)]
            ),
        )
    ]
    monkeypatch.setattr(scores, "reports_about", lambda dataset: read)
    found = scores.Scores(None)

    def slowly(dataset: object):
        assert found.of("m") == {("test", "a"): 0.5}  # as before, until all are read
        yield from read
        assert found.of("m") == {("test", "a"): 0.5}

    monkeypatch.setattr(scores, "reports_about", slowly)
    found.refresh()
    assert found.models() == ["m"]
