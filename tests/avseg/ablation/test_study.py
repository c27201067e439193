"""A study runs its rows and seeds, goes on where it stood, and compares the rows with intervals."""

import json
from dataclasses import replace

import pytest

from avseg.__main__ import main
from avseg.ablation.study import Study, rows, run
from avseg.ablation.table import markdown, numbers
from avseg.ablation.variants import choose, variants
from avseg.errors import ConfigError
from avseg.evaluation.report import ClipRow
from avseg.evaluation.report_files import read_evaluation
from avseg.training.run_folder import RunFolder
from tests.support.small_model import small_config

CONFIG = small_config(epochs=1, batch_size=2, synth_clips=2, validation_clips=1)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    chosen = choose(variants(CONFIG), ["no-sound"])
    study = Study(chosen, tmp_path_factory.mktemp("study"), seeds=2, clips=2, device="cpu", workers=0)
    told = []
    run(study, "the command", told.append)
    assert told[0] == "1 of 4: default, seed 0" and told[-1] == "4 of 4: no sound, seed 1"
    return study


def test_every_row_and_seed_is_a_run_with_a_report(study):
    for variant, number in study.runs:
        folder = study.folder(variant, number)
        config = RunFolder(folder).config()
        assert config.train.seed == CONFIG.train.seed + number
        assert config.model == variant.config.model
        report = read_evaluation(folder / "report").report
        assert report.clips == 2 and report.muted == (variant.name == "no-sound")
        assert report.command == "the command"


def test_a_finished_study_trains_nothing_again_and_takes_more_rows(study):
    told = []
    run(study, "", told.append)
    assert told == []
    more = replace(study, variants=choose(variants(CONFIG), ["mixer-none", "no-sound"]), seeds=1)
    run(more, "", told.append)
    assert told == ["2 of 3: no mixer, seed 0"]
    default, without_mixer, _ = numbers(list(rows(more)))
    assert without_mixer.parameters < default.parameters and without_mixer.gflop < default.gflop
    with pytest.raises(ConfigError, match="holds another ablation study"):
        run(replace(study, clips=3))


def test_the_table_names_all_rows_and_their_differences(study):
    run(study)
    text = (study.out / "table.md").read_text()
    values = json.loads((study.out / "table.json").read_text())
    assert [row["title"] for row in values] == ["default", "no sound"]
    assert values[0]["change"] is None and values[1]["seeds"] == 2
    assert all(row["title"] in text for row in values)
    assert "no sound: Trained and evaluated in silence." in text


def with_iou(row, by_seed):
    """Return a row whose clips have these IoUs, one list per seed, all with five frames."""
    clips = [
        tuple(ClipRow(f"c{number}", "", 5, 5, iou, None, 0.1) for number, iou in enumerate(of_seed))
        for of_seed in by_seed
    ]
    return replace(row, evaluations=tuple(replace(row.evaluations[0], clips=rows) for rows in clips))


def test_a_change_needs_an_interval_without_zero_and_more_than_the_spread_of_the_seeds(study):
    default, other = rows(study)
    steady = [0.4 + 0.01 * i for i in range(20)]
    higher = [[v + 0.1 + 0.001 * (i % 3) for i, v in enumerate(steady)]]
    base = with_iou(default, [steady, steady])
    first, second = numbers([base, with_iou(other, [*higher, [v + 0.12 for v in steady]])])
    assert first.verdict == "" and first.miou == pytest.approx(0.495) and first.miou_spread == 0
    assert second.change == pytest.approx(0.11, abs=0.001) and second.verdict == "yes"
    low, high = second.change_interval
    assert 0.1 < low <= second.change <= high < 0.12
    swinging = [[v + 0.3 for v in steady], [v - 0.2 for v in steady]]
    assert numbers([base, with_iou(other, swinging)])[1].verdict == "no"
    single = numbers([with_iou(default, [steady]), with_iou(other, higher)])
    assert single[1].verdict == "unknown: one seed" and "unknown: one seed" in markdown(single, "data")


def test_dry_run_lists_the_rows(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(CONFIG.to_json())
    assert main(["ablate", str(path), "--out", str(tmp_path / "o"), "--rows", "mixer", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "mixer-none" in out and "model.mixer = none" in out and "4 runs, 4 training steps in all" in out
    assert not (tmp_path / "o").exists()
    assert main(["ablate", "--out", str(tmp_path / "o"), str(path)]) == 1
    assert "Put the preset first" in capsys.readouterr().err
