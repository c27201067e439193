"""The comparison card: two reports clip by clip."""

from dataclasses import replace

import pytest

from app.evaluate import html
from app.evaluate.charts import CHANGED
from avseg.data.samples import FOLDER, SYNTHAVS, DataReference
from avseg.evaluation.pairs import clip_pairs
from avseg.evaluation.report import Evaluation
from tests.support.evaluations import stored


def test_two_models_clip_by_clip(bundled_report: Evaluation):
    better = tuple(
        replace(row, iou=None if row.iou is None else row.iou + (0.1 if number < 5 else 0))
        for number, row in enumerate(bundled_report.clips)
    )
    new = stored(replace(bundled_report, clips=better), "a", "new")
    old = stored(bundled_report, "b", "old")
    pairs = clip_pairs(new.evaluation, old.evaluation)
    assert len(pairs) == sum(row.iou is not None for row in bundled_report.clips)
    assert sum(pair.change >= CHANGED for pair in pairs) == 5
    page = html.body(new, old)
    assert "Change of the mean IoU: +0.00 (95\N{NO-BREAK SPACE}% +0.00 to +0.00)" in page
    assert "new is better on 5 and worse on 0" in page and page.count('data-action="clip"') == 5
    same = html.body(stored(bundled_report, "a"), stored(bundled_report, "b"))
    assert "tiny-ms3, a compared with tiny-ms3, b" in same


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (DataReference(SYNTHAVS, "s4", "test", seed=2026), "SynthAVS, MS3 test and SynthAVS, S4 test"),
        (DataReference(SYNTHAVS, "ms3", "test", seed=7), " and 7."),
        (DataReference(FOLDER, "ms3", "test", "/data/AVSBench"), "AVSBench, MS3 test"),
    ],
)
def test_different_data_are_refused(bundled_report: Evaluation, reference: DataReference, message: str):
    other = stored(replace(bundled_report, report=replace(bundled_report.report, data=reference)), "b")
    page = html.body(stored(bundled_report), other)
    assert "are of different data" in page and message in page and "ev-comparison" not in page
    assert "/data" not in page
