import json
import re
from dataclasses import fields, replace

import pytest

from avseg.config import Config, ModelConfig, TrainConfig, from_dict
from avseg.errors import ConfigError
from avseg.presets import PRESETS, load_config

NAMES = [
    f"{t}-{b}-{e}"
    for t in ("s4", "ms3", "avss")
    for b in ("r50", "pvt")
    for e in ("paper", "apr2023", "aug2023")
]
TPAVI = [f"{t}-{b}-avsbench" for t in ("s4", "ms3", "avss") for b in ("r50", "pvt")]
TINY = ("ablation", "classroom", "tiny", "tiny-224", "tiny-256", "tiny-avss", "tiny-tpavi", "small-real")


def test_there_is_a_preset_for_every_task_backbone_and_edition():
    assert sorted(PRESETS) == sorted([*NAMES, *TPAVI, *TINY])


@pytest.mark.parametrize("name", NAMES)
def test_presets_hold_the_values_of_table_3(name: str):
    task, backbone, edition = name.split("-")
    model, train = PRESETS[name].model, PRESETS[name].train
    assert (model.task, model.edition) == (task, edition)
    assert model.backbone == {"r50": "resnet50", "pvt": "pvt_v2_b5"}[backbone]
    assert model.audio_backbone == "vggish" and model.backbone_channels == ()
    assert model.frames == {"s4": 5, "ms3": 5, "avss": 10}[task]
    assert model.classes == (71 if task == "avss" else 1)
    assert (model.embed_dim, model.encoder_layers, model.decoder_layers) == (256, 6, 6)
    assert model.queries == 300 and model.learnable_queries
    released_r50 = backbone == "r50" and edition != "paper"  # whose ResNet has no drop path
    assert model.drop_path == (0.0 if released_r50 else 0.1)
    assert train.auxiliary_weight == 0.1 and train.learning_rate == 2e-5
    assert train.epochs == {"s4": 30, "ms3": 60, "avss": 30}[task]


@pytest.mark.parametrize("name", NAMES)
def test_editions_differ_as_the_released_code_differs_from_the_paper(name: str):
    task, _, edition = name.split("-")
    model, train = PRESETS[name].model, PRESETS[name].train
    second = edition == "aug2023"
    large = second and task != "avss"
    assert model.image_size == (512 if large else 224)
    assert train.batch_size == (2 if large else 4)
    assert model.mixer == ("channel" if edition == "paper" else "gated")
    assert model.query_generator_layers == (6 if second else 0)
    assert model.reformer == ("none" if second else "query")
    assert train.auxiliary == ("mixing" if second else "intermediate")
    assert train.loss == ("cross_entropy" if task == "avss" and edition != "paper" else "dice")
    frozen = {"s4": 5, "ms3": 10, "avss": 0}[task]
    assert train.freeze_backbone_epochs == frozen  # the paper is silent: as released
    assert train.best_by == ("miou" if edition == "paper" else "benchmark")


def test_the_defaults_are_those_of_table_3():
    named = PRESETS["ms3-pvt-paper"]
    unsaid = {"backbone_weights": "", "audio_weights": "", "freeze_backbone_epochs": 0}
    assert Config() == replace(named, train=replace(named.train, initialisation="torch", **unsaid))


def test_the_tiny_preset_trains_from_nothing_everything_it_has():
    tiny = PRESETS["tiny"]
    assert tiny.model.audio_backbone == "vggish-small" and tiny.train.train_audio
    assert tiny.train.backbone_weights == tiny.train.audio_weights == ""
    assert tiny.train.freeze_backbone_epochs < tiny.train.epochs and tiny.train.bce_weight > 0
    assert tiny.model.mixer == "channel" and tiny.model.reformer == "query"


@pytest.mark.parametrize("name", [*NAMES, *TINY])
def test_configs_travel_through_json(name: str):
    config = PRESETS[name]
    assert from_dict(Config, json.loads(config.to_json())) == config


def test_values_left_out_are_the_defaults():
    assert from_dict(Config, {}) == Config()
    assert from_dict(Config, {"model": {"queries": 7}}).model == replace(ModelConfig(), queries=7)


def test_whole_numbers_serve_as_floats_and_lists_as_tuples():
    train = from_dict(TrainConfig, {"weight_decay": 0, "learning_rate": 1})
    assert train.weight_decay == 0.0 and isinstance(train.weight_decay, float)
    assert from_dict(ModelConfig, {"head_channels": [64, 16]}).head_channels == (64, 16)


WRONG_MODEL = [
    *(("task", value) for value in ("", "avs", "S4")),
    ("audio_backbone", "vgg"),
    ("mixer", "channels"),
    ("reformer", "qr"),
    *(("image_size", value) for value in (0, -32, 31, 100, 225)),
    *(("embed_dim", value) for value in (0, -32, 48, 100)),
    *(("heads", value) for value in (0, -8, 3, 128)),
    *((name, 0) for name in ("queries", "decoder_layers", "points", "feedforward_dim", "mlp_dim")),
    *((name, -1) for name in ("queries", "encoder_layers", "query_generator_layers")),
    *(("backbone_channels", value) for value in ((8,), (8, 8, 8), (8, 8, 8, 0))),
    *(("head_channels", value) for value in ((), (8,), (8, 8, 8), (0, 8), (8, -1))),
    *((name, value) for name in ("dropout", "drop_path") for value in (-0.1, 1.0, float("nan"))),
]
RATES = (
    "learning_rate",
    "backbone_lr_scale",
    "auxiliary_weight",
    "bce_weight",
    "weight_decay",
    "jitter",
    "clip_gradient",
)
COUNTS = ("batch_size", "accumulate", "epochs", "validate_every", "checkpoint_steps", "synth_clips")
FROM_ZERO = (
    "validate_from",
    "validation_clips",
    "frames_per_clip",
    "audio_pretrain_steps",
    "visual_pretrain_steps",
)
WRONG_TRAIN = [
    ("loss", "bce"),
    ("auxiliary", "intermediates"),
    ("schedule", "cosine"),
    *((name, value) for name in COUNTS for value in (0, -1)),
    *((name, value) for name in RATES for value in (-1e-9, float("nan"), float("inf"))),
    ("jitter", 1.1),
    ("freeze_backbone_epochs", -1),
    *((name, -1) for name in FROM_ZERO),
    ("accumulate", 3),
    ("mixed_precision", "half"),
    ("seed", -1),
]


@pytest.mark.parametrize(("name", "value"), WRONG_MODEL)
def test_wrong_model_values_are_named(name: str, value: object):
    with pytest.raises(ConfigError, match=name):
        replace(ModelConfig(), **{name: value})
    with pytest.raises(ConfigError, match=name):
        from_dict(Config, {"model": {name: list(value) if isinstance(value, tuple) else value}})


@pytest.mark.parametrize(("name", "value"), WRONG_TRAIN)
def test_wrong_training_values_are_named(name: str, value: object):
    with pytest.raises(ConfigError, match=name):
        replace(TrainConfig(), **{name: value})
    with pytest.raises(ConfigError, match=name):
        from_dict(Config, {"train": {name: value}})


OTHER_TYPES = {
    str: (3, None, True, ["s4"], {}),
    int: ("3", 3.0, None, True, [3]),
    float: ("0.1", None, True, [0.1]),
    bool: (1, 0.0, "true", None),
    tuple: (3, "8,8", [8.0, 8.0], [True, True], None, {"0": 8}),
}


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_values_of_another_type_are_named(kind: type):
    for field in fields(kind):
        for value in OTHER_TYPES[type(getattr(kind(), field.name))]:
            with pytest.raises(ConfigError, match=rf"{kind.__name__}\.{field.name} is "):
                from_dict(kind, {field.name: value})


@pytest.mark.parametrize("kind", [Config, ModelConfig, TrainConfig])
def test_unknown_fields_are_named_beside_the_known_ones(kind: type):
    with pytest.raises(ConfigError, match=rf"{kind.__name__} has no field quieries.*{fields(kind)[0].name}"):
        from_dict(kind, {"quieries": 3})


@pytest.mark.parametrize("values", [[], "model", 3, None])
def test_a_config_is_an_object(values: object):
    with pytest.raises(ConfigError, match="Config must be a JSON object"):
        from_dict(Config, values)
    with pytest.raises(ConfigError, match="ModelConfig must be a JSON object"):
        from_dict(Config, {"model": values})


def test_choices_that_do_not_go_together_are_refused():
    with pytest.raises(ConfigError, match="reformer"):
        Config(ModelConfig(reformer="none"))
    with pytest.raises(ConfigError, match="intermediate, mixing or none"):
        Config(ModelConfig(), TrainConfig(auxiliary="matching"))
    with pytest.raises(ConfigError, match="bce_weight"):
        TrainConfig(negative_share=0.2)
    Config(ModelConfig(reformer="none"), TrainConfig(auxiliary="none"))
    Config(ModelConfig(task="s4"), TrainConfig(loss="cross_entropy"))


def test_configs_are_found_by_name_and_by_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(PRESETS["tiny"].to_json())
    assert load_config("tiny") == load_config(path) == load_config(str(path)) == PRESETS["tiny"]
    with pytest.raises(ConfigError, match=r"neither a preset nor a file.*s4-r50-paper"):
        load_config(tmp_path / "none.json")
    path.write_text("{")
    with pytest.raises(ConfigError, match="not JSON"):
        load_config(path)


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_every_field_is_read_somewhere(kind: type, root):
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (root / "avseg").rglob("*.py")
        if path != root / "avseg" / "config.py"
    )
    unread = [
        field.name
        for field in fields(kind)
        if not re.search(rf"\b(c|config|model|train)\.{field.name}\b", sources)
    ]
    assert not unread


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_every_field_says_what_it_is(kind: type, root):
    source = (root / "avseg" / "config.py").read_text(encoding="utf-8")
    for field in fields(kind):
        assert re.search(rf'^    {field.name}: .*\n    """', source, re.MULTILINE), field.name
