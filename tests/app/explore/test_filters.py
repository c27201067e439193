"""Filters and orders against the same in plain Python, and what a browser may send."""

from dataclasses import replace

import numpy as np
import pytest

from app.explore.collection import Collection
from app.explore.filters import AREAS, Filter, changed, chips, matching_rows
from app.explore.tags import Tags
from avseg.evaluation.frame_mistakes import Mistakes


def matches(current: Filter, clips: Collection, row: int) -> bool:
    """Apply a filter to one clip."""
    entry, share, labels = clips.facts.entries[row], clips.masks.share[row], clips.facts.labels[row]
    labelled = share[~np.isnan(share)]
    read = bool(clips.masks.done[row]) and len(labelled) > 0
    area = labelled[labelled > 0].mean() if read and (labelled > 0).any() else 0.0
    bar = max(k for k, edge in enumerate(AREAS) if edge <= area) if read else None
    empty = int((labelled == 0).sum()) if read else None
    return all(
        (
            not current.split or entry.split in current.split,
            not current.label or bool(current.label & set(labels)),
            not current.objects or ("3+" if len(labels) > 2 else str(len(labels))) in current.objects,
            not current.area or bar in current.area,
            not current.empty or empty in current.empty,
            not current.silent or bool(empty),
            all(
                word in f"{entry.name} {entry.annotation} {entry.split}".lower()
                for word in current.search.lower().split()
            ),
        )
    )


@pytest.mark.parametrize(
    "clicks",
    [
        [("split", "test"), ("split", "val")],
        [("label", "guitar"), ("label", "dog"), ("split", "train")],
        [("objects", "2"), ("objects", "3+")],
        [("area", 6), ("area", 7), ("area", 0)],
        [("empty", 3), ("empty", 0)],
        [("silent", ""), ("split", "test")],
        [("search", "  piano TEST ")],
    ],
)
def test_clicks_filter_as_plain_python_does(clicks, table_clips):
    current = Filter()
    for field, value in clicks:
        current = changed(current, field, value, table_clips)
    rows = matching_rows(current, table_clips, Tags(), "m").tolist()
    assert rows == [row for row in range(len(table_clips)) if matches(current, table_clips, row)]
    assert 0 < len(rows) < len(table_clips) and chips(current, "m")
    for chip in chips(current, "m"):
        current = changed(current, chip.field, chip.value, table_clips)
    assert current == Filter()


def test_iou_flags_notes_and_order(table_clips):
    clips, flags = table_clips, Tags()
    names = [(entry.split, entry.name) for entry in clips.facts.entries]

    def rows(current: Filter, model: str = "m") -> list[int]:
        return matching_rows(current, clips, flags, model).tolist()

    clips.scores.add("m", {names[5]: 0.31, names[7]: 0.62, names[9]: None})
    below = changed(Filter(), "below", "0.5", clips)
    assert rows(below) == [5] and rows(below, "other") == []
    flags.set_note(names[3], "odd label")
    assert rows(Filter(flagged=True)) == [3] and rows(Filter(search="odd")) == [3]
    assert rows(Filter(sort="iou"))[:2] == [5, 7] and rows(Filter(sort="iou-high"))[:2] == [7, 5]
    flags.add(names[8], "Blurred")
    assert rows(changed(Filter(), "tags", "Blurred", clips)) == [8] and rows(Filter(flagged=True)) == [3, 8]
    assert rows(Filter(tags=frozenset({"Blurred", "flagged"}))) == [3, 8]
    clips.scores.add("m", {}, {names[2]: Mistakes(missed=1), names[6]: Mistakes(false_alarm=2, wrong_time=1)})
    assert rows(changed(Filter(), "mistakes", "missed", clips)) == [2]
    assert rows(Filter(mistakes=frozenset({"wrong_time", "missed"}))) == [2, 6]
    assert rows(Filter(mistakes=frozenset({"missed"})), "other") == []
    area = clips.masks.area[rows(Filter(sort="area-large"))]
    known = area[~np.isnan(area)]
    assert (np.diff(known) <= 0).all() and np.isnan(area[len(known) :]).all()
    empty = clips.masks.empty_frames[rows(Filter(sort="empty"))]
    assert (np.diff(empty) <= 0).all()
    named = [clips.facts.entries[row].name for row in rows(Filter(sort="name"))]
    assert named == sorted(named)
    assert changed(replace(below, sort="name"), "clear", "", clips) == Filter(sort="name")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("split", "secret"), ("split", ["test"]), ("label", "<b>"), ("objects", "7"), ("area", 99)),
        *(("area", True), ("finding", "x"), ("sort", "rm"), ("below", "x"), ("below", "nan")),
        *(("data", "/etc"), ("splits", "test"), ("__class__", "x"), ("empty", 1e9), ("label", None)),
        *(
            ("mistakes", "x"),
            ("tags", ""),
            ("tags", "x" * 41),
            ("tags", ["a"]),
            ("region", "mask-pca-clips-1.1"),
        ),
    ],
)
def test_impossible_values_change_nothing(field, value, table_clips):
    assert changed(Filter(), field, value, table_clips) == Filter()
