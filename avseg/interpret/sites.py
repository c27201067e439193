"""Records activations of a forward pass: a table of named sites and one context manager.

The model does not know that it is recorded: sites are mostly `nn.Identity` members that change nothing, and
the hooks are removed when the block ends, also after an error.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from avseg.errors import ConfigError
from avseg.late import nn, torch

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

Keep = Callable[["torch.Tensor"], "torch.Tensor"]
"""Reduces a tensor before it is stored, for example `lambda a: a[:1].mean(1)`."""


@dataclass(frozen=True)
class Site:
    """A named place in the model where activations can be recorded."""

    name: str
    modules: str  # regular expression on module names; several matches are layers or stages, in order
    what: str
    shape: str


SITES: tuple[Site, ...] = (
    Site(
        "backbone.stage",
        r"visual_backbone\.taps\.\d+",
        "F_1..F_4, Eq. (1)",
        "[B*T, C_i, H/2^(i+1), W/2^(i+1)]",
    ),
    Site("audio", r"audio_projection", "F_audio, the sound of the frame in D channels, Sec. 3.2", "[B*T, D]"),
    Site(
        "encoder.points",
        r"encoder\.layers\.\d+\.attention\.points_tap",
        "sampling points of every token, (x, y) in 0..1 of the map, Sec. 3.3",
        "[B*T, N, heads, 3, points, 2]",
    ),
    Site(
        "encoder.weights",
        r"encoder\.layers\.\d+\.attention\.weights_tap",
        "weights of the sampling points, sum 1 over levels and points",
        "[B*T, N, heads, 3, points]",
    ),
    Site("encoder.output", r"encoder\.tap", "tokens of strides 8, 16, 32 after the encoder", "[B*T, N, D]"),
    Site("mask_feature", r"mask_feature\.tap", "F_mask, before the mixer", "[B*T, D, h, w]"),
    Site(
        "mixer.attention",
        r"mixer\.(attention_tap|attention\.weights_tap)",
        "attention of the sound over positions (CHA), or of each position over the sound (CRA)",
        "[B*T, heads, 1, h*w] (CRA: [B*T, heads, h*w, 1])",
    ),
    Site(
        "mixer.weights", r"mixer\.weights_tap", "omega of Eq. (2); after the sigmoid when gated", "[B*T, D]"
    ),
    Site("mask_feature.mixed", r"mixed_tap", "F_hat_mask, after the mixer", "[B*T, D, h, w]"),
    Site("queries", r"audio_queries\.tap", "Q_audio + Q_learn, the decoder's input", "[B*T, Q, D]"),
    Site(
        "decoder.attention",
        r"decoder\.\d+\.cross_attention\.weights_tap",
        "attention of every query over all tokens, per head and layer",
        "[B*T, heads, Q, N]",
    ),
    Site("decoder.queries", r"decoder\.\d+\.tap", "output queries of every layer", "[B*T, Q, D]"),
    Site("mask.product", r"mask_generation\.product_tap", "F_hat . Q_output of Eq. (3)", "[B*T, Q, h, w]"),
    Site("mask.mlp", r"mask_generation\.mlp_tap", "MLP(F_hat . Q_output) of Eq. (3)", "[B*T, D, h, w]"),
    Site(
        "intermediate",
        r"reformer\.tap",
        "mask logits of every decoder layer, if the forward pass computes them (intermediate=True)",
        "[B*T, classes, H, W]",
    ),
    Site("tpavi.context", r"context\.\d+", "tpavi: the stages before the sound", "[B*T, D, h, w]"),
    Site(
        "tpavi.attention",
        r"tpavi\.\d+\.attention_tap",
        "tpavi: weight of every pixel for each of the n frames of its window, theta . phi / n",
        "[B*T, n, h, w]",
    ),
    Site("tpavi.stage", r"tpavi\.\d+\.tap", "tpavi: the stages with the sound", "[B*T, D, h, w]"),
)
SITE = {site.name: site for site in SITES}


@dataclass(frozen=True)
class Recording(Mapping[str, tuple["torch.Tensor", ...]]):
    """Activations by site name: CPU tensors, one per layer or stage, in the order of the forward pass."""

    _values: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> tuple[torch.Tensor, ...]:
        return tuple(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def sites_of(model: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the modules of every site that the model has; `intermediate` needs a reformer."""
    named = dict(model.named_modules())
    modules = {site.name: [m for n, m in named.items() if re.fullmatch(site.modules, n)] for site in SITES}
    return {name: matches for name, matches in modules.items() if matches}


def check_sites(names: Iterable[str]) -> None:
    """Raise ConfigError for a name that is not a site."""
    if unknown := sorted(set(names) - set(SITE)):
        raise ConfigError(f"Unknown site {', '.join(unknown)}. Sites: {', '.join(SITE)}.")


@contextmanager
def record(
    model: nn.Module, sites: Iterable[str] | None = None, keep: Mapping[str, Keep] | None = None
) -> Iterator[Recording]:
    """Record the named sites (default: all) during the block: `with record(model) as recording: model(...)`.

    keep: per site, a function that reduces a tensor before it is stored; all activations of a 512 px decoder
    take over a gigabyte. Only forward passes of the thread that opened the block are recorded. A site that
    the model lacks is absent from the recording; an unknown name raises ConfigError.
    """
    names, keep = list(SITE) if sites is None else list(sites), keep or {}
    check_sites([*names, *keep])
    recording, thread = Recording(), threading.get_ident()
    handles: list[RemovableHandle] = []
    try:
        for name, modules in sites_of(model).items():
            if name in names:
                hook = _recording_hook(name, recording, keep.get(name), thread)
                handles += [module.register_forward_hook(hook) for module in modules]
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def _recording_hook(name: str, recording: Recording, keep: Keep | None, thread: int) -> Callable[..., None]:
    def hook(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        if threading.get_ident() != thread:
            return
        value = output.detach() if keep is None else keep(output.detach())
        # A copy: later layers may write into the same memory.
        recording._values.setdefault(name, []).append(value.to("cpu", copy=True))

    return hook
