"""Scores, flags and the csv of the Explore tab."""

import csv
import json
from types import SimpleNamespace

import pytest

from app.explore import scores
from app.explore.export import write_csv
from app.explore.flags import Flags
from app.services.session import MODELS
from avseg.checkpoints import load_model
from avseg.data.avsbench.clip import read_dataset_clip
from avseg.data.avsbench.dataset import AVSBench
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.evaluation.evaluate import EvaluationOptions, evaluate
from avseg.evaluation.report import write_evaluation
from tests.app.explore.conftest import read_masks

EXPORTED = (
    *("split", "clip", "classes", "sounding_objects", "video", "subset", "frames", "labelled_frames"),
    *("frames_with_mask", "mask_share", "iou", "iou_model", "flagged", "note", "flagged_at"),
)


def test_flags_are_saved_replaced_and_removed(tmp_path):
    path = tmp_path / "flags.jsonl"
    flags = Flags(path)
    flags.set(("test", "a"), " wrong \n label ")
    flags.set(("test", "b"), "")
    flags.set(("test", "a"), "still wrong")
    path.write_text(path.read_text() + "not json\n")
    assert Flags(path).get(("test", "a")).note == "still wrong"
    Flags(path).remove(("test", "a"))
    assert [json.loads(line)["clip"] for line in path.read_text().splitlines()] == ["b"]


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
    clips, flags = drawn_clips, Flags()
    read_masks(clips)
    flags.set(("test", "te07_000001"), '=HYPERLINK("http://x")')
    rows = [clips.facts.row_of(name, "test") for name in ("te07_000001", "te07_000000")]
    clips.scores.add("m", {("test", "te07_000000"): 0.5})
    with write_csv(tmp_path / "c.csv", clips, rows, flags, "m").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == EXPORTED and [line["clip"] for line in lines] == ["te07_000001", "te07_000000"]
    assert lines[0]["note"] == '\'=HYPERLINK("http://x")' and lines[0]["flagged"] == "yes"
    assert (lines[1]["iou"], lines[1]["iou_model"], lines[0]["iou"]) == ("0.500000", "m", "")
    share = clips.masks.share[rows[1]]
    assert lines[1]["frames_with_mask"] == str((share > 0).sum()) and lines[1]["labelled_frames"] == "5"
    assert lines[1]["mask_share"] == f"{clips.masks.area[rows[1]]:.6f}"


def test_unknown_values_are_empty_in_the_csv(table, open_folder, tmp_path):
    clips = open_folder(table, "avss")
    with write_csv(tmp_path / "c.csv", clips, [0], Flags(), "m").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert [line[name] for name in ("frames_with_mask", "mask_share", "iou", "flagged")] == [""] * 4
    assert line["sounding_objects"] == str(len(clips.facts.labels[0])) and line["frames"] == "10"


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
