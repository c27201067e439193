"""The bundled ablation study: the table is that of the reports, the models are those that were measured."""

import json

import pytest

from avseg.ablation.study import RECORD
from avseg.ablation.table import TABLE, TABLE_JSON, Row, markdown, numbers
from avseg.ablation.variants import variants
from avseg.checkpoints import bundled_rows, load_model
from avseg.config import Config, from_dict
from avseg.evaluation.evaluate import EvaluationOptions, evaluate
from avseg.evaluation.report_files import read_evaluation
from avseg.files import ASSETS, read_json
from avseg.loaders import evaluation_clips
from avseg.presets import PRESETS

STUDY = ASSETS / "results" / "ablation"
TABLE_ROWS = read_json(STUDY / TABLE_JSON)
NAMES = [row["name"] for row in TABLE_ROWS]


def folders(row: str) -> list:
    return sorted((STUDY / row).glob("seed-*/report"))


def test_it_is_of_the_preset_and_has_all_parts_of_table_2_and_the_baseline():
    assert from_dict(Config, read_json(STUDY / RECORD)["default"][0]) == PRESETS["ablation"]
    groups = {row.group for row in variants(PRESETS["ablation"]) if row.name in NAMES}
    assert {"queries", "learnable-queries", "mixer", "reformer", "sound", "architecture"} <= groups


def test_the_table_is_that_of_the_reports():
    known = {row.name: row for row in variants(PRESETS["ablation"])}
    rows = [
        Row(known[r["name"]], r["parameters"], r["gflop"], tuple(map(read_evaluation, folders(r["name"]))))
        for r in TABLE_ROWS
    ]
    values = numbers(rows)
    assert [row.seeds for row in values] == [row["seeds"] for row in TABLE_ROWS]
    assert [row.miou for row in values] == pytest.approx([row["miou"] for row in TABLE_ROWS])
    again = [row | {"published": {}} for row in TABLE_ROWS]
    assert [row["change_interval"] for row in again] == json.loads(
        json.dumps([row.change_interval for row in values])
    )
    description = rows[0].evaluations[0].report.data.description
    assert markdown(values, description) == (STUDY / TABLE).read_text(encoding="utf-8")


@pytest.mark.parametrize("row", NAMES)
def test_every_row_has_its_model(row):
    model = load_model(bundled_rows()[f"ablation-{row}"])
    expected = next(variant for variant in variants(PRESETS["ablation"]) if variant.name == row).config
    assert model.config == expected.model
    assert bundled_rows()[f"ablation-{row}"].stat().st_size < 4e6


@pytest.mark.parametrize("row", ["default", "tpavi"])
def test_a_bundled_model_scores_what_its_report_says(row):
    report = read_evaluation(folders(row)[0])
    model = load_model(bundled_rows()[f"ablation-{row}"])
    clips = evaluation_clips("synth", "ms3", "test", model.config.image_size, 0, report.report.data.seed)
    measured = evaluate(model, clips, range(2), EvaluationOptions(robustness=False))
    expected = {clip.name: clip.iou for clip in report.clips}
    for clip in measured.clips:
        assert clip.iou == pytest.approx(expected[clip.name], abs=0.02)
