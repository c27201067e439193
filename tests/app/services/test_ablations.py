"""Ablation studies are found, read with every value checked, and lead to the models of their rows."""

import json
import shutil
from pathlib import Path

import pytest

from app.services import ablations
from app.services.ablations import RECORD, get_study, list_studies
from app.services.models import available_models, model_file
from app.services.permalink import read_link
from avseg.ablation.table import TABLE_JSON
from avseg.errors import CheckpointError, ReportError

pytestmark = pytest.mark.usefixtures("study_root")


def test_the_record_has_the_name_that_the_command_gives_it():
    from avseg.ablation import study

    assert study.RECORD == RECORD


def test_a_study_is_read_with_groups_verdicts_and_models(study_root: Path):
    study = get_study("first")
    assert [row.name for row in study.rows] == ["default", "mixer-none", "no-sound"]
    assert [row.group for row in study.rows] == ["Default", "Mixer, Table 2 (c)", "Sound"]
    assert [row.numbers.verdict for row in study.rows] == ["", "no", "yes"]
    assert study.rows[1].changes == "model.mixer = none" and study.rows[2].muted
    assert study.seeds == 2 and study.data == "synth" and not study.preset
    # The model of a row is found by its name, though no list of models has it.
    name = study.rows[2].model
    assert name == "first/no-sound/seed-0" and name not in available_models()
    assert model_file(name) == study_root / name / "last.safetensors"
    assert not read_link(f"?tab=segment&clip=dog-and-guitar&model={name}").problems
    for other in ("first/no-sound/seed-1", "first/../first/no-sound/seed-0", "first/no-sound"):
        with pytest.raises(CheckpointError, match="no longer exists"):
            model_file(other)


def test_a_row_without_weights_names_no_model(study_root: Path):
    (study_root / "first" / "mixer-none" / "seed-0" / "last.safetensors").unlink()
    assert [bool(row.model) for row in get_study("first").rows] == [True, False, True]


def test_a_bundled_study_has_bundled_models(study_root: Path, monkeypatch):
    monkeypatch.setattr(ablations, "BUNDLED", study_root)
    monkeypatch.setattr(ablations, "bundled_models", lambda: {"first-no-sound": study_root})
    study = get_study("bundled:first")
    assert [row.model for row in study.rows] == ["", "", "first-no-sound"]
    assert ablations.default_study() == study and "bundled" in study.label


def test_studies_of_the_runs_folder_are_hidden_where_training_is_off(monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert "first" not in list_studies()
    with pytest.raises(ReportError, match="no longer exists"):
        get_study("first")


def change(study: Path, row: int, **values: object) -> None:
    rows = json.loads((study / TABLE_JSON).read_text())
    rows[row] |= values
    (study / TABLE_JSON).write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"miou": "high"}, "miou in row 2 of table.json is 'high', which cannot be right"),
        ({"miou_interval": [0.1]}, "is not a pair of numbers"),
        ({"name": "../../etc"}, "is not a folder's name"),
        ({"name": "default"}, "two rows of one name"),
        ({"published": {"s4": [82, "x"]}}, "published in row 2"),
        ({"title": None}, "lacks title"),
    ],
)
def test_a_damaged_table_is_one_sentence(study_root: Path, values, message):
    change(study_root / "first", 1, **values)
    study = get_study("first")
    assert message in study.problem and study.problem.startswith("The study first is damaged: ")
    assert not study.rows and list_studies()


def test_a_study_of_other_files_or_of_none_says_so(study_root: Path):
    folder = study_root / "first"
    change(folder, 1, added_by_a_later_version=1)
    assert not get_study("first").problem
    (folder / TABLE_JSON).write_text("{")
    assert "table.json is not JSON" in get_study("first").problem
    (folder / TABLE_JSON).unlink()
    assert "has no table yet" in get_study("first").problem
    (folder / RECORD).write_text('{"default": [{"model": 1}, "synth"]}')
    assert "no valid default row" in get_study("first").problem
    shutil.rmtree(folder)
    with pytest.raises(ReportError, match="no longer exists"):
        get_study("first")
