from functools import cache

import pytest
import torch

from avseg.checkpoints import import_released
from avseg.errors import CheckpointError
from avseg.models.released import Imported, recognise, rename
from avseg.presets import PRESETS
from tests.support.reference_fill import MODELS, empty_state

NAME = "apr2023_r50_s4"  # the smallest


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """A released state dict without storage, to be spoiled."""
    return empty_state(NAME)


def refused(state: dict[str, torch.Tensor], task: str | None = None) -> str:
    with pytest.raises(CheckpointError) as error:
        import_released(state, task)
    return str(error.value)


@cache
def imported(model: str) -> Imported:
    """A whole released model, read by its names and shapes."""
    return import_released(empty_state(model))


@pytest.mark.parametrize("model", MODELS)
def test_a_released_model_is_recognised_by_its_keys(model: str):
    edition, backbone, task = model.split("_")
    assert imported(model).config == PRESETS[f"{task}-{backbone}-{edition}"].model


@pytest.mark.parametrize("model", MODELS)
def test_only_what_no_output_depends_on_is_dropped(model: str):
    edition, backbone, _ = model.split("_")
    unused = ("backbone.layer3_2.", "backbone.layer4_2.") if backbone == "r50" else ()
    unused += ("head.fpn.", "head.attn_fc.") if edition == "aug2023" else ()
    state, read = empty_state(model), imported(model)
    assert read.dropped == tuple(name for name in state if unused and name.startswith(unused))
    assert {prefix for prefix in unused for name in read.dropped if name.startswith(prefix)} == set(unused)
    kept = sum(tensor.numel() for name, tensor in state.items() if name not in read.dropped)
    assert sum(tensor.numel() for tensor in read.weights.values()) == kept


@pytest.mark.parametrize(
    ("model", "keys", "millions"),
    [
        ("apr2023_r50_s4", 768, 144.5),
        ("apr2023_pvt_s4", 1328, 179.7),
        ("aug2023_r50_s4", 853, 150.9),
        ("aug2023_pvt_s4", 1413, 186.1),
    ],
)
def test_released_files_have_the_known_sizes(model: str, keys: int, millions: float):
    state = empty_state(model)
    # Running means, variances and counters are in a file and are no parameters.
    parameters = sum(v.numel() for k, v in state.items() if not k.endswith(("_mean", "_var", "_tracked")))
    assert len(state) == keys and round(parameters / 1e6, 1) == millions


def test_names_are_ours_and_split_where_ours_are():
    assert rename("vggish.features.0.weight") == ("audio_backbone.features.0.weight",)
    assert rename("backbone.block4.2.norm1.bias") == ("visual_backbone.pyramid.stages_3.blocks.2.norm1.bias",)
    assert rename("head.fusion_block.kv_proj.weight") == ("mixer.key.weight", "mixer.value.weight")
    assert rename("head.transformer.decoder.layers.5.self_attn.in_proj_bias") == tuple(
        f"decoder.5.self_attention.{part}.bias" for part in ("query", "key", "value")
    )
    assert rename("head.something_else.weight") is None


def test_a_split_tensor_keeps_its_order(state):
    name = "head.fusion_block.kv_proj.weight"
    values = torch.arange(512 * 256.0).view(512, 256)
    weights = import_released(state | {name: values}).weights
    assert torch.equal(weights["mixer.key.weight"], values[:256])
    assert torch.equal(weights["mixer.value.weight"], values[256:])


def test_a_prefix_of_data_parallel_is_taken_off(state):
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    plain, unwrapped = imported(NAME), import_released(wrapped)
    assert unwrapped.config == plain.config and unwrapped.dropped == plain.dropped
    assert list(unwrapped.weights) == list(plain.weights)


@pytest.mark.parametrize(("task", "expected"), [(None, "s4"), ("s4", "s4"), ("ms3", "ms3")])
def test_the_task_of_a_one_channel_model_is_told(state, task, expected):
    assert recognise(state, task) == PRESETS[f"{expected}-r50-apr2023"].model


def test_a_task_that_does_not_fit_is_refused(state):
    assert "'avss'" in refused(state, "avss")
    assert "'s5'" in refused(state, "s5")
    semantic = empty_state("aug2023_pvt_avss")
    assert "'ms3'" in refused(semantic, "ms3")
    assert recognise(semantic, "avss") == recognise(semantic)


def test_missing_parameters_are_named(state):
    for layer in range(6):
        del state[f"head.transformer.encoder.layers.{layer}.norm1.bias"]
    message = refused(state)
    assert "6 missing" in message and "encoder.layers.0.norm1.bias" in message and "and 2 more" in message


def test_extra_parameters_are_named(state):
    message = refused(state | {"head.new_layer.weight": empty(3), "vggish.pproc.matrix": empty(3)})
    assert "2 unexpected" in message and "head.new_layer.weight" in message and "pproc" in message
    more_layers = {"head.transformer.encoder.layers.6.norm1.bias": empty(256)}
    assert "1 unexpected: encoder.layers.6.norm1.bias" in refused(state | more_layers)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("audio_proj.weight", (128, 128)),
        ("head.learnable_query.weight", (100, 256)),
        ("head.fusion_block.kv_proj.weight", (256, 256)),
        ("head.fusion_block.kv_proj.weight", (1, 256)),
        ("head.transformer.decoder.layers.0.self_attn.in_proj_bias", (4,)),
        ("head.transformer.decoder.layers.0.self_attn.in_proj_bias", ()),
    ],
)
def test_shapes_that_do_not_fit_are_named(state, name: str, shape: tuple[int, ...]):
    message = refused(state | {name: empty(*shape)})
    assert "of another shape" in message and rename(name)[0] in message and "instead of" in message


def test_a_model_of_another_kind_is_refused(state):
    assert "no ResNet-50 or PVTv2" in refused({"conv.weight": empty(3)})
    without_last = {k: v for k, v in state.items() if k != "head.fc.4.weight"}
    assert "head.fc.4.weight" in refused(without_last)
    assert "head.fc.4.weight" in refused(without_last | {"head.fc.4.weight": empty()})
    assert "21 channels" in refused(state | {"head.fc.4.weight": empty(21, 32, 1, 1)})


@pytest.mark.parametrize(
    "state", [{}, {"epoch": 3}, {"model": {"a": torch.zeros(1)}}, {"a": None}, {1: torch.zeros(1)}]
)
def test_more_than_tensors_by_name_is_refused(state):
    assert "bare state dict" in refused(state)
