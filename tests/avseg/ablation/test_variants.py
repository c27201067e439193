"""The rows of an ablation study: they cover Table 2, differ from the default in what they say, and fit."""

from dataclasses import replace

import pytest

from avseg.ablation.variants import DEFAULT, TABLE_2, changed_fields, choose, variants
from avseg.config import Config
from avseg.errors import ConfigError
from avseg.models.build import build_model
from avseg.presets import PRESETS
from tests.support.small_model import small_config


def test_the_presets_of_the_paper_cover_table_2_with_its_numbers():
    rows = {row.name: row for row in variants(PRESETS["s4-pvt-paper"])}
    default = {"mixer-channel", "reformer-query"}  # equal to the default row
    assert set(TABLE_2) - default <= set(rows)
    assert rows["queries-100"].published == {"s4": (81.4, 88.9), "ms3": (57.5, 68.2)}
    assert not rows["no-sound"].published and not default & set(rows)


@pytest.mark.parametrize(
    "preset", ["s4-pvt-paper", "ms3-r50-apr2023", "tiny", "small-real", "avss-pvt-aug2023"]
)
def test_every_row_differs_from_the_default_in_what_its_group_says(preset):
    config = PRESETS[preset]
    default, *others = variants(config)
    assert default.name == DEFAULT and default.config == config
    fields = {
        "queries": {"model.queries"},
        "learnable-queries": {"model.learnable_queries"},
        "mixer": {"model.mixer"},
        "reformer": {"model.reformer", "train.auxiliary"},
        "lambda": {"train.auxiliary_weight"},
        "layers": {"model.decoder_layers", "model.encoder_layers"},
        "backbone": {"model.backbone", "train.backbone_weights"},
        "sound": {"train.mute"},
    }
    assert len({row.name for row in others}) == len(others)
    for row in others:
        changes = changed_fields(row, config)
        if row.group == "architecture":
            assert changes["model.architecture"] == "tpavi"
            continue
        assert changes and set(changes) <= fields[row.group], row.name


def test_a_model_of_every_row_can_be_built():
    for row in variants(small_config()):
        assert build_model(row.config.model).config == row.config.model


def test_tpavi_is_trained_on_whole_clips_and_on_as_many_frames():
    config = PRESETS["ablation"]
    tpavi = next(row for row in variants(config) if row.name == "tpavi").config.train
    assert (tpavi.frames_per_clip, tpavi.loss, tpavi.auxiliary) == (0, "dice", "matching")
    assert 5 * tpavi.synth_clips == config.train.frames_per_clip * config.train.synth_clips
    paper = next(row for row in variants(PRESETS["ms3-pvt-apr2023"]) if row.name == "tpavi").config
    released = PRESETS["ms3-pvt-avsbench"]
    assert paper.train.auxiliary_weight == released.train.auxiliary_weight
    assert (paper.train.loss, paper.train.bce_weight) == ("cross_entropy", 0.0)
    assert replace(paper.model, drop_path=released.model.drop_path) == released.model


def test_published_numbers_stand_beside_the_architecture_that_they_measured_only():
    config = PRESETS["s4-pvt-paper"]
    other = Config(replace(config.model, backbone="resnet50"), config.train)
    assert not any(row.published for row in variants(other))


def test_rows_are_chosen_by_name_and_group_and_the_default_is_always_there():
    rows = variants(PRESETS["tiny"])
    assert [row.name for row in choose(rows, ["no-sound", "mixer"])] == [
        *(DEFAULT, "mixer-none", "mixer-cross", "mixer-gated", "no-sound"),
    ]
    assert choose(rows, []) == rows
    with pytest.raises(ConfigError, match=r"no row blurred\. Rows: default, queries-1"):
        choose(rows, ["blurred"])


def test_the_number_of_equal_queries_is_noted():
    config = PRESETS["tiny"]
    config = Config(replace(config.model, learnable_queries=False), config.train)
    notes = {row.name: row.note for row in variants(config)}
    assert "all queries are equal" in notes["queries-1"] and "learnable-queries-off" not in notes
