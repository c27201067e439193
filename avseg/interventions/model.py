"""Model interventions: hooks that replace the activation at a tap, one function per row of the table.

A hook is registered for the length of one `intervene` block and acts in the thread that opened it. Every
function checks that the model has the part it speaks of, and raises ConfigError in words when it has not;
the `no_...` functions say so ahead, from the config alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from avseg.config import ModelConfig
from avseg.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Hook:
    """What happens where: `act(inputs, output)` returns what goes on in place of the output.

    early: `act(inputs, None)` is called before the module instead, and only looks.
    """

    module: nn.Module
    act: Callable[[tuple, object], object]
    early: bool = False


def mixer_off(model: nn.Module) -> list[Hook]:
    """Let the mask feature pass as it is, as with mixer="none" (Table 2 (c))."""
    _config(model, no_mixer)
    return _bypass(model.mixer, model.mixed_tap, lambda feature, _audio: feature)


def strongest_channels(model: nn.Module, count: int) -> list[Hook]:
    """Set the `count` channels of F_hat to 0 whose weight has moved most, in every frame its own.

    Ranked by |omega| of Eq. (2); a gated mixer's weight is sigmoid(omega), so by its distance from 1/2.
    """
    kind = _config(model, no_omega).mixer
    weights: list[torch.Tensor] = []

    def look(_inputs: tuple, omega: torch.Tensor) -> torch.Tensor:
        weights[:] = [(omega - 0.5 if kind == "gated" else omega).abs()]
        return omega

    def silence(_inputs: tuple, feature: torch.Tensor) -> torch.Tensor:
        chosen = weights[0].topk(count, dim=1).indices  # [B*T, count]
        keep = torch.ones_like(weights[0]).scatter(1, chosen, 0.0)  # [B*T, D]
        return feature * keep[..., None, None]

    return [Hook(model.mixer.weights_tap, look), Hook(model.mixed_tap, silence)]


def named_channels(model: nn.Module, channels: str) -> list[Hook]:
    """Set chosen channels of F_hat to 0; `channels` are numbers from 0 on, "3, 17, 40-47"."""
    chosen = numbers(channels, _config(model).embed_dim)

    def silence(_inputs: tuple, feature: torch.Tensor) -> torch.Tensor:
        keep = torch.ones(feature.shape[1], dtype=feature.dtype, device=feature.device)
        keep[chosen] = 0.0
        return feature * keep[:, None, None]

    return [Hook(model.mixed_tap, silence)]


def numbers(words: str, count: int) -> list[int]:
    """Return the numbers of words such as "3, 17, 40-47", each below `count`; ConfigError for others."""
    found: set[int] = set()
    for part in filter(None, words.replace(";", ",").replace(" ", ",").split(",")):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(
                f"{part!r} is no channel: give numbers from 0 to {count - 1}, as in 3, 17, 40-47."
            )
        found.update(range(int(first), min(int(last or first), count) + 1))
    if not found or max(found) >= count:
        raise ConfigError(f"The channels {words!r} are not there: give numbers from 0 to {count - 1}.")
    return sorted(found)


def mixer_head(model: nn.Module, head: int) -> list[Hook]:
    """Set one head's attention of the mixer to 0."""
    kind = _config(model, no_mixer).mixer
    tap = model.mixer.attention.weights_tap if kind == "cross" else model.mixer.attention_tap
    return [Hook(tap, _without_head(head))]


def learnable_off(model: nn.Module) -> list[Hook]:
    """Send the audio queries alone to the decoder, as with learnable_queries=False (Table 2 (b))."""
    _config(model, no_learnable)
    queries = model.audio_queries
    if not len(queries.generator):
        return _bypass(queries, queries.tap, lambda audio: audio.expand(-1, queries.count, -1))
    made: list[torch.Tensor] = []

    def look(_inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        made[:] = [output]
        return output

    return [Hook(queries.generator[-1], look), Hook(queries.tap, lambda _inputs, _output: made[0])]


def audio_off(model: nn.Module) -> list[Hook]:
    """Send the learnable queries alone to the decoder: the sound acts through the mixer only."""
    _config(model, only_audio)
    queries = model.audio_queries
    return _bypass(queries, queries.tap, lambda audio: queries.learnable.weight.expand(len(audio), -1, -1))


def decoder_cut(model: nn.Module, layers: int) -> list[Hook]:
    """Let the queries leave the decoder after the first `layers` layers, as with decoder_layers=layers."""
    _config(model)
    cut = model.decoder[layers:]
    return [hook for layer in cut for hook in _bypass(layer, layer.tap, lambda queries, _tokens: queries)]


def decoder_head(model: nn.Module, head: int, layer: int) -> list[Hook]:
    """Set one head's cross-attention to 0 in one decoder layer; layer 0 means every layer."""
    _config(model)
    chosen = model.decoder if layer == 0 else model.decoder[layer - 1 : layer]
    return [Hook(one.cross_attention.weights_tap, _without_head(head)) for one in chosen]


def keep_queries(model: nn.Module, count: int, which: str) -> list[Hook]:
    """Let `count` queries speak to the mask: the others' maps F_hat . Q_output of Eq. (3) become 0.

    which: "strongest" keeps, in every frame its own, those whose map is largest in the mean of its absolute
    value times the length of the MLP's weights for it; "first" keeps the first ones of the table.
    """
    _config(model)
    generation = model.mask_generation

    def silence(_inputs: tuple, product: torch.Tensor) -> torch.Tensor:
        length = generation.mlp[0].weight.flatten(2).norm(dim=(0, 2))  # [Q]
        strength = product.abs().mean((2, 3)) * length  # [B*T, Q]
        if which == "first":
            strength = -torch.arange(product.shape[1], device=product.device).expand(len(product), -1)
        chosen = strength.topk(count, dim=1).indices
        keep = torch.zeros(product.shape[:2], dtype=product.dtype, device=product.device)
        return product * keep.scatter(1, chosen, 1.0)[..., None, None]

    return [Hook(generation.product_tap, silence)]


def encoder_off(model: nn.Module) -> list[Hook]:
    """Let the projected features of strides 8, 16 and 32 go straight on, as with encoder_layers=0."""
    _config(model, no_encoder)

    def flat(features: list[torch.Tensor], _shapes: list[tuple[int, int]]) -> torch.Tensor:
        return torch.cat([feature.flatten(2).transpose(1, 2) for feature in features], dim=1)  # [B*T, N, D]

    return _bypass(model.encoder, model.encoder.tap, flat)


def no_mixer(config: ModelConfig) -> str:
    """Say that there is no mixer, "" where there is one."""
    return "This model has no mixer." if config.mixer == "none" else ""


def no_omega(config: ModelConfig) -> str:
    """Say that the mixer weighs no channels, "" where it does."""
    found = config.mixer in ("channel", "gated")
    return "" if found else "This model weighs no channels: only the mixers channel and gated have an omega."


def no_learnable(config: ModelConfig) -> str:
    """Say that there are no learnable queries, "" where there are some."""
    return "" if config.learnable_queries else "This model has no learnable queries."


def only_audio(config: ModelConfig) -> str:
    """Say that there are no queries but the audio ones, "" where there are others."""
    found = "This model has audio queries only: without them nothing is left to decode."
    return "" if config.learnable_queries else found


def no_encoder(config: ModelConfig) -> str:
    """Say that there is no encoder layer, "" where there is one."""
    return "" if config.encoder_layers else "This model has no encoder layer to skip."


def _config(model: nn.Module, lacks: Callable[[ModelConfig], str] = lambda _: "") -> ModelConfig:
    """Return the model's config; ConfigError for one that lacks the part, or is no AVSegFormer."""
    if not hasattr(model, "mask_generation"):
        raise ConfigError("Only an AVSegFormer can be changed inside; with this model change the sound.")
    if reason := lacks(model.config):
        raise ConfigError(reason)
    return model.config


def _bypass(module: nn.Module, tap: nn.Module, passed: Callable[..., torch.Tensor]) -> list[Hook]:
    """Return the hooks that let `passed(*inputs of module)` go on where `tap` would pass its result."""
    seen: list[tuple] = []

    def look(inputs: tuple, _output: None) -> None:
        seen[:] = [inputs]

    return [Hook(module, look, early=True), Hook(tap, lambda _inputs, _output: passed(*seen.pop()))]


def _without_head(head: int) -> Callable[[tuple, torch.Tensor], torch.Tensor]:
    """Return what sets the weights of a head, counted from 1, to 0 in [B, heads, Q, N]."""

    def silence(_inputs: tuple, weights: torch.Tensor) -> torch.Tensor:
        weights = weights.clone()
        weights[:, head - 1] = 0.0
        return weights

    return silence
