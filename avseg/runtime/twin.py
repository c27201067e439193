"""A second copy of a module tree that computes the same with other kernels.

A twin shares parameters with its original, and also the dictionaries of hooks: whoever records or changes an
activation of the original does so in the twin too. Layers get another class, and their own weights only where
these are stored in another layout or precision.
"""

import copy
from collections.abc import Callable
from functools import cache

import torch
from torch import nn

Convert = Callable[[str, nn.Module], nn.Module]
FUSED = torch.ops.mkldnn  # linear layers and convolutions of oneDNN that apply an activation on the way


def twin(module: nn.Module, convert: Convert, name: str = "") -> nn.Module:
    """Return a twin of a module tree, each module passed through `convert` with its name, children first."""
    copied = copy.copy(module)
    copied._modules = {
        key: child if child is None else twin(child, convert, f"{name}.{key}" if name else key)
        for key, child in module._modules.items()
    }
    return convert(name, copied)


def recast(module: nn.Module, kind: type[nn.Module], **tensors: torch.Tensor | None) -> nn.Module:
    """Return a copied module as another class, with some of its parameters replaced."""
    module.__class__ = kind
    kept = {key: value for key, value in module._parameters.items() if key not in tensors}
    new = {
        key: value if value is None else nn.Parameter(value.detach(), False) for key, value in tensors.items()
    }
    module._parameters = {key: (kept | new)[key] for key in module._parameters}
    return module


def watched(*modules: nn.Module) -> bool:
    """Whether the output of any of these modules is recorded or changed by a hook."""
    return any(module._forward_hooks for module in modules)


class ReducedLinear(nn.Linear):
    """A linear layer in bfloat16 on a CPU: any float input, bfloat16 output."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.with_activation(features, "none")

    def with_activation(self, features: torch.Tensor, activation: str) -> torch.Tensor:
        """Return the activation (none, relu, gelu) of the layer's output, in one kernel."""
        features = features.to(self.weight.dtype)
        return FUSED._linear_pointwise(features, self.weight, self.bias, activation, [], "none")


class ChannelsLast:
    """Mixed into a convolution: weights and maps are channels last, maps in the precision of the weights."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = maps.to(self.weight.dtype, memory_format=torch.channels_last)
        return super().forward(maps)


@cache
def channels_last(kind: type[nn.Conv2d]) -> type[nn.Conv2d]:
    """Return the class of a convolution, timm's own among them, with `ChannelsLast` mixed in."""
    return type(f"ChannelsLast{kind.__name__}", (ChannelsLast, kind), {})


def converted(module: nn.Module, reduced: bool) -> nn.Module:
    """Return a copied layer as one of the classes above; modules of other kinds come back as they are."""
    if type(module) is nn.Linear and reduced:
        return recast(module, ReducedLinear, weight=_reduced(module.weight), bias=_reduced(module.bias))
    if isinstance(module, nn.Conv2d):
        weight, bias = module.weight.detach().contiguous(memory_format=torch.channels_last), module.bias
        if reduced:
            weight, bias = _reduced(weight), _reduced(bias)
        return recast(module, channels_last(type(module)), weight=weight, bias=bias)
    return module


def _reduced(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.detach().bfloat16()


@torch.inference_mode()
def fold_batchnorm(network: nn.Module, example: torch.Tensor) -> None:
    """Fold the BatchNorms of a copied network in eval mode into the convolutions before them.

    Which convolution feeds which BatchNorm is seen in one pass of `example`. Only layers of the copy are
    replaced: the originals keep their weights.
    """
    made: dict[int, nn.Conv2d] = {}
    pairs: list[tuple[str, nn.Conv2d]] = []
    alive: list[torch.Tensor] = []  # so that no id is used twice
    names = {id(module): name for name, module in network.named_modules()}

    def after_conv(module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        made[id(output)] = module
        alive.append(output)

    def before_norm(module: nn.Module, inputs: tuple) -> None:
        if (convolution := made.pop(id(inputs[0]), None)) is not None:
            pairs.append((names[id(module)], convolution))

    handles = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(after_conv))
        elif isinstance(module, nn.BatchNorm2d):
            handles.append(module.register_forward_pre_hook(before_norm))
    try:
        network(example)
    finally:
        for handle in handles:
            handle.remove()
    if len({id(convolution) for _, convolution in pairs}) < len(pairs):  # one convolution is used twice
        return
    for name, convolution in pairs:
        norm = network.get_submodule(name)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = 0.0 if convolution.bias is None else convolution.bias
        shifted = (bias - norm.running_mean) * scale + norm.bias
        recast(
            convolution,
            type(convolution),
            weight=convolution.weight * scale[:, None, None, None],
            bias=shifted,
        )
        rest = [part for key in ("drop", "act") if (part := getattr(norm, key, None)) is not None]
        parent, _, key = name.rpartition(".")
        network.get_submodule(parent)._modules[key] = nn.Sequential(*rest)
