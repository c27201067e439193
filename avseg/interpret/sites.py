"""Seeing inside a forward pass: a table of named sites and one context manager that listens to them.

The model never knows that it is watched: the sites are `nn.Identity` members that change nothing, and the
hooks are gone when the block ends, whatever happened in it.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn

from avseg.errors import ConfigError

Keep = Callable[[torch.Tensor], torch.Tensor]
"""What to keep of a tensor, for example `lambda a: a[:1].mean(1)`; applied before it is stored."""


@dataclass(frozen=True)
class Site:
    """One place in the model: a name, the modules it means, and what passes there."""

    name: str
    modules: str  # regular expression over module names; several modules are layers or stages, in order
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
        "where every token looks, (x, y) in 0..1 of the map, Sec. 3.3",
        "[B*T, N, heads, 3, points, 2]",
    ),
    Site(
        "encoder.weights",
        r"encoder\.layers\.\d+\.attention\.weights_tap",
        "how much each of these places counts, sum 1 over levels and points",
        "[B*T, N, heads, 3, points]",
    ),
    Site("encoder.output", r"encoder\.tap", "tokens of strides 8, 16, 32 after the encoder", "[B*T, N, D]"),
    Site("mask_feature", r"mask_feature\.tap", "F_mask, before the mixer", "[B*T, D, h, w]"),
    Site(
        "mixer.attention",
        r"mixer\.(attention_tap|attention\.weights_tap)",
        "the sound's attention over positions (CHA), or each position's over the sound (CRA)",
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
        "mask logits of every decoder layer; only when the forward pass is asked for them",
        "[B*T, classes, H, W]",
    ),
)
SITE = {site.name: site for site in SITES}


@dataclass(frozen=True)
class Recording(Mapping[str, tuple[torch.Tensor, ...]]):
    """Site name to what passed there, CPU tensors, one per layer or stage in order of the forward pass."""

    _values: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> tuple[torch.Tensor, ...]:
        return tuple(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def sites_of(model: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the modules of every site that this model has: without a reformer, no `intermediate`."""
    named = dict(model.named_modules())
    found = {site.name: [m for n, m in named.items() if re.fullmatch(site.modules, n)] for site in SITES}
    return {name: modules for name, modules in found.items() if modules}


@contextmanager
def record(
    model: nn.Module, sites: Iterable[str] | None = None, keep: Mapping[str, Keep] | None = None
) -> Iterator[Recording]:
    """Listen to the named sites (default: all) during the block: `with record(model) as seen: model(...)`.

    keep: per site, what to store of a tensor; a whole 512 px decoder is over a gigabyte, so record one frame
    and reduce. Only forward passes of the thread that opened the block are heard. A site that the model lacks
    is absent from the recording; a name that is no site is a ConfigError.
    """
    wanted, keep = list(SITE) if sites is None else list(sites), keep or {}
    unknown = sorted({*wanted, *keep} - set(SITE))
    if unknown:
        raise ConfigError(f"No site is called {', '.join(unknown)}. Sites: {', '.join(SITE)}.")
    recording, thread = Recording(), threading.get_ident()
    handles = []
    try:
        for name, modules in sites_of(model).items():
            if name in wanted:
                listener = _listener(name, recording, keep.get(name), thread)
                handles += [module.register_forward_hook(listener) for module in modules]
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def _listener(name: str, recording: Recording, keep: Keep | None, thread: int) -> Callable[..., None]:
    def listen(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        if threading.get_ident() != thread:
            return
        kept = output.detach() if keep is None else keep(output.detach())
        # A copy: what follows in the model may write into the same memory.
        recording._values.setdefault(name, []).append(kept.to("cpu", copy=True))

    return listen
