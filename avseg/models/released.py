"""Recognises edition, backbone and task of a released checkpoint, and renames its parameters.

Two code bases of AVSegFormer have released weights (apr2023, aug2023); both save a bare state dict with the
prefixes `backbone.`, `vggish.`, `head.` and `audio_proj.`. That of AVSBench (TPAVI) has the backbone under
`encoder_backbone.` or `resnet.`, and no audio backbone. Only the keys and shapes tell what a file contains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from avseg.config import ModelConfig
from avseg.errors import CheckpointError
from avseg.late import torch
from avseg.presets import PRESETS

# Parameters that the released models contain but never use.
UNUSED = {
    "aug2023": re.compile(r"head\.(fpn|attn_fc)\."),
    "apr2023": re.compile(r"(?!)"),
    "avsbench": re.compile(r"path4\.resConfUnit1\."),
}
UNUSED_BRANCHES = re.compile(r"(backbone|resnet)\.layer[34]_2\.")
TPAVI_BACKBONE = re.compile(r"^(?:encoder_backbone|resnet)\.")

# (released name, our name or names); several names split the tensor along its first axis; {n} becomes n - 1.
_IN = ("query", "key", "value")
RULES: tuple[tuple[str, str | tuple[str, ...]], ...] = (
    (r"vggish\.(.+)", r"audio_backbone.\1"),
    (r"audio_proj\.(.+)", r"audio_projection.\1"),
    # ResNet-50 (torchvision names; the used branches are called layer3_1 and layer4_1)
    (r"backbone\.layer([34])_1\.(.+)", r"visual_backbone.pyramid.layer\1.\2"),
    (r"backbone\.((?:conv1|bn1|layer[12])\..+)", r"visual_backbone.pyramid.\1"),
    # PVTv2: stages counted from 1 there, from 0 in timm
    (r"backbone\.patch_embed1\.(.+)", r"visual_backbone.pyramid.patch_embed.\1"),
    (r"backbone\.patch_embed([234])\.(.+)", r"visual_backbone.pyramid.stages_{\1}.downsample.\2"),
    (
        r"backbone\.block(\d)\.(\d+)\.mlp\.dwconv\.dwconv\.(.+)",
        r"visual_backbone.pyramid.stages_{\1}.blocks.\2.mlp.dwconv.\3",
    ),
    (r"backbone\.block(\d)\.(.+)", r"visual_backbone.pyramid.stages_{\1}.blocks.\2"),
    (r"backbone\.norm(\d)\.(.+)", r"visual_backbone.pyramid.stages_{\1}.norm.\2"),
    # Head, in paper order
    (r"head\.in_proj\.(.+)", r"visual_projection.\1"),
    (r"head\.level_embed", r"encoder.level_embedding"),
    (
        r"head\.transformer\.encoder\.layers\.(\d+)\.self_attn\.value_proj\.(.+)",
        r"encoder.layers.\1.attention.value.\2",
    ),
    (
        r"head\.transformer\.encoder\.layers\.(\d+)\.self_attn\.output_proj\.(.+)",
        r"encoder.layers.\1.attention.output.\2",
    ),
    (r"head\.transformer\.encoder\.layers\.(\d+)\.self_attn\.(.+)", r"encoder.layers.\1.attention.\2"),
    (r"head\.transformer\.encoder\.layers\.(\d+)\.linear1\.(.+)", r"encoder.layers.\1.feedforward.0.\2"),
    (r"head\.transformer\.encoder\.layers\.(\d+)\.linear2\.(.+)", r"encoder.layers.\1.feedforward.3.\2"),
    (r"head\.transformer\.encoder\.layers\.(\d+)\.(norm.+)", r"encoder.layers.\1.\2"),
    (r"head\.lateral_conv\.(.+)", r"mask_feature.lateral.\1"),
    (r"head\.out_conv\.(.+)", r"mask_feature.smooth.\1"),
    (r"head\.fusion_block\.q_proj\.(.+)", r"mixer.query.\1"),
    (r"head\.fusion_block\.kv_proj\.(.+)", (r"mixer.key.\1", r"mixer.value.\1")),
    (r"head\.fusion_block\.proj\.(.+)", r"mixer.output.\1"),
    (r"head\.query_generator\.query\.(.+)", r"audio_queries.seeds.\1"),
    (
        r"head\.query_generator\.layers\.(\d+)\.(self|cross)_attn\.in_proj_(weight|bias)",
        tuple(rf"audio_queries.generator.\1.\2_attention.{part}.\3" for part in _IN),
    ),
    (
        r"head\.query_generator\.layers\.(\d+)\.(self|cross)_attn\.out_proj\.(.+)",
        r"audio_queries.generator.\1.\2_attention.output.\3",
    ),
    (r"head\.query_generator\.layers\.(\d+)\.ffn\.0\.(.+)", r"audio_queries.generator.\1.feedforward.0.\2"),
    (r"head\.query_generator\.layers\.(\d+)\.ffn\.2\.(.+)", r"audio_queries.generator.\1.feedforward.3.\2"),
    (r"head\.query_generator\.layers\.(\d+)\.(norm.+)", r"audio_queries.generator.\1.\2"),
    (r"head\.learnable_query\.(.+)", r"audio_queries.learnable.\1"),
    (
        r"head\.transformer\.decoder\.layers\.(\d+)\.(self|cross)_attn\.in_proj_(weight|bias)",
        tuple(rf"decoder.\1.\2_attention.{part}.\3" for part in _IN),
    ),
    (
        r"head\.transformer\.decoder\.layers\.(\d+)\.(self|cross)_attn\.out_proj\.(.+)",
        r"decoder.\1.\2_attention.output.\3",
    ),
    (r"head\.transformer\.decoder\.layers\.(\d+)\.linear1\.(.+)", r"decoder.\1.feedforward.0.\2"),
    (r"head\.transformer\.decoder\.layers\.(\d+)\.linear2\.(.+)", r"decoder.\1.feedforward.3.\2"),
    (r"head\.transformer\.decoder\.layers\.(\d+)\.(norm.+)", r"decoder.\1.\2"),
    (r"head\.mlp\.layers\.0\.(.+)", r"mask_generation.mlp.0.\1"),
    (r"head\.mlp\.layers\.1\.(.+)", r"mask_generation.mlp.2.\1"),
    (r"head\.mlp\.layers\.2\.(.+)", r"mask_generation.mlp.4.\1"),
    (r"head\.fc\.(.+)", r"mask_generation.linear.\1"),
    (r"head\.fpn\.up1\.1\.(.+)", r"reformer.fpn.0.\1"),
    (r"head\.fpn\.up2\.1\.(.+)", r"reformer.fpn.1.\1"),
    (r"head\.fpn\.up3\.1\.(.+)", r"reformer.fpn.2.\1"),
    (r"head\.attn_fc\.(.+)", r"reformer.linear.\1"),
    # TPAVI
    (r"conv(\d)\.conv2d_list\.(.+)", r"context.{\1}.\2"),
    (r"tpavi_b(\d)\.align_channel\.(.+)", r"tpavi.{\1}.align.\2"),
    (r"tpavi_b(\d)\.norm_layer\.(.+)", r"tpavi.{\1}.norm.\2"),
    (r"tpavi_b(\d)\.W_z\.(.+)", r"tpavi.{\1}.output.\2"),
    (r"tpavi_b(\d)\.((?:theta|phi|g)\..+)", r"tpavi.{\1}.\2"),
    (r"path(\d)\.resConfUnit1\.(.+)", r"fusion.{\1}.skip.\2"),
    (r"path(\d)\.resConfUnit2\.(.+)", r"fusion.{\1}.unit.\2"),
    (r"output_conv\.(.+)", r"mask_layers.\1"),
)


@dataclass(frozen=True)
class Imported:
    """A released checkpoint under the names of this code base."""

    config: ModelConfig
    weights: dict[str, torch.Tensor]  # by parameter name of our model, float32; tpavi: without audio backbone
    dropped: tuple[str, ...]  # released names that no output depends on
    unknown: tuple[str, ...] = ()  # released names that no rule matches
    source: str = ""  # where in the file the state dict was, "" for a bare one


WRAPPED = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod)\.")  # by DataParallel and torch.compile
LAST_LAYER, LAST_OF_TPAVI = LAST_LAYERS = ("head.fc.4.weight", "output_conv.4.weight")
DEEPEST = 4  # levels of dictionaries that are searched


def find_state_dict(saved: object) -> tuple[dict[str, torch.Tensor], str]:
    """Return the released state dict inside whatever torch.save wrote, and where it was, in words.

    Training scripts wrap it (`{"model": ..., "optimizer": ...}`) and prefix its keys (`module.`, `model.`).
    What is not a tensor, and entries beside it, are left out. Raises CheckpointError without one.
    """
    if not isinstance(saved, dict):
        raise CheckpointError(f"The file contains a {type(saved).__name__}, not a state dict.")
    found = list(_state_dicts(saved, ()))
    if not found:
        # None looks like a release: the message is about the one with the most tensors.
        return max(_tensors(saved, ()), key=lambda pair: len(pair[0]), default=({}, ()))[0], ""
    state, path = found[0]
    last = next(name for name in state if name.endswith(LAST_LAYERS))
    prefix = last.removesuffix(LAST_LAYER).removesuffix(LAST_OF_TPAVI)
    words = [f"entry {'.'.join(path)}"] if path else []
    words += [f"prefix {prefix} removed"] if prefix else []
    words += [f"not used: entry {'.'.join(other)}" for _, other in found[1:]]
    return {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}, ", ".join(words)


Found = tuple[dict[str, "torch.Tensor"], tuple[str, ...]]


def _tensors(value: object, path: tuple[str, ...]) -> Iterator[Found]:
    """Yield the tensors of every dictionary in a value, with the keys that lead there."""
    if not isinstance(value, dict) or len(path) > DEEPEST:
        return
    names = {WRAPPED.sub("", key): v for key, v in value.items() if isinstance(key, str)}
    if tensors := {name: v for name, v in names.items() if isinstance(v, torch.Tensor)}:
        yield tensors, path
    for key, inner in value.items():
        yield from _tensors(inner, (*path, str(key)))


def _state_dicts(saved: dict, path: tuple[str, ...]) -> Iterator[Found]:
    for tensors, where in _tensors(saved, path):
        if any(name.endswith(LAST_LAYERS) for name in tensors):
            yield tensors, where


def rename_released(state: dict[str, torch.Tensor], task: str | None = None) -> Imported:
    """Recognise a released state dict and rename its parameters; shapes are not checked here.

    S4 and MS3 models look the same: `task` tells them apart
    (default s4). Raises CheckpointError for a state dict that is not a released AVSegFormer or TPAVI.
    """
    if not state or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise CheckpointError(
            "This file is not a bare state dict: expected only tensors by name, as released."
        )
    state = {WRAPPED.sub("", name): tensor for name, tensor in state.items()}
    config = recognise(state, task)
    weights: dict[str, torch.Tensor] = {}
    dropped: list[str] = []
    unknown: list[str] = []
    for name, tensor in state.items():
        if UNUSED[config.edition].match(name) or UNUSED_BRANCHES.match(name):
            dropped.append(name)
        elif (names := rename(name)) is None:
            unknown.append(name)
        else:
            tensor = tensor.flatten(3) if tensor.ndim == 5 else tensor  # a 1x1x1 convolution of TPAVI
            parts = tensor.tensor_split(len(names)) if tensor.ndim else (tensor,) * len(names)
            weights.update(zip(names, (part.contiguous() for part in parts), strict=True))
    return Imported(config, weights, tuple(dropped), tuple(unknown))


def rename(name: str) -> tuple[str, ...] | None:
    """Return our names of a released one (several if its tensor is split), None if unknown."""
    name = TPAVI_BACKBONE.sub("backbone.", name)
    for pattern, renamed in RULES:
        if match := re.fullmatch(pattern, name):
            templates = renamed if isinstance(renamed, tuple) else (renamed,)
            return tuple(_count_from_zero(match.expand(t)) for t in templates)
    return None


def recognise(state: dict[str, torch.Tensor], task: str | None = None) -> ModelConfig:
    """Return the config that a released state dict's keys and shapes imply."""
    names = {TPAVI_BACKBONE.sub("backbone.", name) for name in state}
    if "backbone.layer3_1.0.conv1.weight" in names:
        short = "r50"
    elif "backbone.patch_embed1.proj.weight" in names:
        short = "pvt"
    else:
        raise CheckpointError(_not_released(state, "no ResNet-50 or PVTv2 backbone under `backbone.`"))
    last = state.get(LAST_LAYER, state.get(LAST_OF_TPAVI))
    if last is None or not last.ndim:
        raise CheckpointError(_not_released(state, "`head.fc.4.weight`, the last layer, is missing"))
    classes = {1: task or "s4", 71: "avss"}
    if len(last) not in classes:
        raise CheckpointError(
            f"The model predicts {len(last)} channels; released models have 1 (S4, MS3) or 71 (AVSS)."
        )
    if task not in (None, "s4", "ms3", "avss") or (task and (task == "avss") != (len(last) == 71)):
        raise CheckpointError(f"Task {task!r} does not fit a model that predicts {len(last)} channels.")
    edition = "aug2023" if any(k.startswith("head.query_generator.") for k in state) else "apr2023"
    edition = edition if LAST_LAYER in state else "avsbench"
    return PRESETS[f"{classes[len(last)]}-{short}-{edition}"].model


def _not_released(state: dict[str, torch.Tensor], why: str) -> str:
    first = ", ".join(list(state)[:3])
    return (
        f"Not a released AVSegFormer checkpoint: {why}. It holds {len(state)} tensors, first {first}. "
        "Expected a .pth of the authors' model zoo: backbone., vggish., head. and audio_proj. parameters, or "
        "one of AVSBench (TPAVI)."
    )


def _count_from_zero(name: str) -> str:
    return re.sub(r"\{(\d)\}", lambda m: str(int(m[1]) - 1), name)
