"""Model interventions: hooks that replace the activation at a tap, one function per row of the table.

A hook is registered for the duration of one `intervene` block and acts in the thread that opened it. Every
function raises ConfigError for a model without the part that it changes; the `no_...` functions return the
reason from the config alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.late import F, nn, torch


@dataclass(frozen=True, eq=False)
class Hook:
    """A hook on a module: `act(inputs, output)` returns the replacement of the output.

    early: `act(inputs, None)` is called before the module instead, and only reads the inputs.
    """

    module: nn.Module
    act: Callable[[tuple, object], object]
    early: bool = False


def mixer_off(model: nn.Module) -> list[Hook]:
    """Pass the mask feature unchanged, as with mixer="none" (Table 2 (c))."""
    _config(model, no_mixer)
    return _bypass(model.mixer, model.mixed_tap, lambda feature, _audio: feature)


def strongest_channels(model: nn.Module, count: int) -> list[Hook]:
    """Zero the `count` channels of F_hat with the largest weight, separately in every frame.

    Ranked by |omega| of Eq. (2); for a gated mixer, whose weight is sigmoid(omega), by its distance from 1/2.
    """
    kind = _config(model, no_omega).mixer
    weights: list[torch.Tensor] = []

    def read(_inputs: tuple, omega: torch.Tensor) -> torch.Tensor:
        weights[:] = [(omega - 0.5 if kind == "gated" else omega).abs()]
        return omega

    def zero(_inputs: tuple, feature: torch.Tensor) -> torch.Tensor:
        strongest = weights[0].topk(count, dim=1).indices  # [B*T, count]
        keep = torch.ones_like(weights[0]).scatter(1, strongest, 0.0)  # [B*T, D]
        return feature * keep[..., None, None]

    return [Hook(model.mixer.weights_tap, read), Hook(model.mixed_tap, zero)]


def named_channels(model: nn.Module, channels: str) -> list[Hook]:
    """Zero some channels of F_hat; `channels` are numbers from 1, such as "3, 17, 40-47"."""
    indices = numbers(channels, _config(model).embed_dim, "channel")

    def zero(_inputs: tuple, feature: torch.Tensor) -> torch.Tensor:
        keep = torch.ones(feature.shape[1], dtype=feature.dtype, device=feature.device)
        keep[indices] = 0.0
        return feature * keep[:, None, None]

    return [Hook(model.mixed_tap, zero)]


def numbers(text: str, count: int, noun: str) -> list[int]:
    """Return the indices, from 0, of numbers from 1 to `count` such as "3, 17, 40-47"; ConfigError otherwise.

    noun: what the numbers name, for messages.
    """
    found: set[int] = set()
    span = f"give numbers from 1 to {count}"
    for part in filter(None, text.replace(";", ",").replace(" ", ",").split(",")):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"{part!r} is not a {noun}: {span}, as in 3, 17, 40-47.")
        found.update(range(int(first), min(int(last or first), count + 1) + 1))
    if not found or min(found) < 1 or max(found) > count:
        raise ConfigError(f"{noun.capitalize()} {text!r} does not exist: {span}.")
    return sorted(number - 1 for number in found)


def mixer_head(model: nn.Module, head: int) -> list[Hook]:
    """Zero the attention of one head of the mixer."""
    kind = _config(model, no_mixer).mixer
    tap = model.mixer.attention.weights_tap if kind == "cross" else model.mixer.attention_tap
    return [Hook(tap, _without_head(head))]


def learnable_off(model: nn.Module) -> list[Hook]:
    """Decode with the audio queries only, as with learnable_queries=False (Table 2 (b))."""
    _config(model, no_learnable)
    queries = model.audio_queries
    if not len(queries.generator):
        return _bypass(queries, queries.tap, lambda audio: audio.expand(-1, queries.count, -1))
    generated: list[torch.Tensor] = []

    def read(_inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        generated[:] = [output]
        return output

    return [Hook(queries.generator[-1], read), Hook(queries.tap, lambda _inputs, _output: generated[0])]


def audio_off(model: nn.Module) -> list[Hook]:
    """Decode with the learnable queries only: the sound acts through the mixer alone."""
    _config(model, only_audio)
    queries = model.audio_queries
    return _bypass(queries, queries.tap, lambda audio: queries.learnable.weight.expand(len(audio), -1, -1))


def decoder_cut(model: nn.Module, layers: int) -> list[Hook]:
    """Stop the decoder after the first `layers` layers, as with decoder_layers=layers."""
    _config(model)
    skipped = model.decoder[layers:]
    return [hook for layer in skipped for hook in _bypass(layer, layer.tap, lambda queries, _tokens: queries)]


def decoder_head(model: nn.Module, head: int, layer: int) -> list[Hook]:
    """Zero one head of the cross-attention in one decoder layer, counted from 1, or in all (0)."""
    _config(model)
    layers = model.decoder if layer == 0 else model.decoder[layer - 1 : layer]
    return [Hook(decoder.cross_attention.weights_tap, _without_head(head)) for decoder in layers]


def keep_queries(model: nn.Module, count: int, which: str) -> list[Hook]:
    """Keep `count` queries and zero the maps F_hat . Q_output of Eq. (3) of the others.

    which: "strongest" keeps, separately in every frame, those with the largest mean absolute map times the
    norm of the MLP's weights for it; "first" keeps those with the lowest index.
    """
    _config(model)
    generation = model.mask_generation

    def zero(_inputs: tuple, product: torch.Tensor) -> torch.Tensor:
        norm = generation.mlp[0].weight.flatten(2).norm(dim=(0, 2))  # [Q]
        strength = product.abs().mean((2, 3)) * norm  # [B*T, Q]
        if which == "first":
            strength = -torch.arange(product.shape[1], device=product.device).expand(len(product), -1)
        indices = strength.topk(count, dim=1).indices
        keep = torch.zeros(product.shape[:2], dtype=product.dtype, device=product.device)
        return product * keep.scatter(1, indices, 1.0)[..., None, None]

    return [Hook(generation.product_tap, zero)]


def drop_queries(model: nn.Module, queries: str) -> list[Hook]:
    """Zero the maps F_hat . Q_output of Eq. (3) of some queries, numbers from 1 such as "5" or "3, 17"."""
    indices = numbers(queries, _config(model).queries, "query")

    def zero(_inputs: tuple, product: torch.Tensor) -> torch.Tensor:
        keep = torch.ones(product.shape[1], dtype=product.dtype, device=product.device)
        keep[indices] = 0.0
        return product * keep[:, None, None]

    return [Hook(model.mask_generation.product_tap, zero)]


def encoder_off(model: nn.Module) -> list[Hook]:
    """Use the projected features of strides 8, 16 and 32 as tokens, as with encoder_layers=0."""
    _config(model, no_encoder)

    def flat(features: list[torch.Tensor], _shapes: list[tuple[int, int]]) -> torch.Tensor:
        return torch.cat([feature.flatten(2).transpose(1, 2) for feature in features], dim=1)  # [B*T, N, D]

    return _bypass(model.encoder, model.encoder.tap, flat)


def tpavi_off(model: nn.Module, stage: int) -> list[Hook]:
    """Pass a stage of TPAVI, counted from 1, or all (0), without the sound: its weights are zero."""
    return [
        Hook(block.attention_tap, lambda _inputs, weights: weights * 0) for block in _blocks(model, stage)
    ]


def tpavi_own(model: nn.Module, stage: int) -> list[Hook]:
    """Zero the weights of all frames but the own one in a stage of TPAVI, counted from 1, or in all (0).

    The rows of a forward pass are whole windows of one clip, from its start.
    """

    def own(_inputs: tuple, weights: torch.Tensor) -> torch.Tensor:
        rows, frames = weights.shape[:2]
        index = torch.arange(rows, device=weights.device) % frames
        return weights * F.one_hot(index, frames).to(weights)[..., None, None]

    return [Hook(block.attention_tap, own) for block in _blocks(model, stage)]


def _blocks(model: nn.Module, stage: int) -> list[nn.Module]:
    if reason := no_tpavi(model.config):
        raise ConfigError(reason)
    return list(model.tpavi if stage == 0 else model.tpavi[stage - 1 : stage])


def no_tpavi(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs TPAVI, AVSBench's baseline."""
    return "" if config.architecture == "tpavi" else "This model has no TPAVI: AVSBench's baseline has."


def only_avsegformer(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs parts that TPAVI does not have."""
    return "TPAVI has no queries, decoder layers or mask feature." if config.architecture == "tpavi" else ""


def no_mixer(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs a mixer."""
    return "This model has no mixer." if config.mixer == "none" else ""


def no_omega(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs a mixer that weights channels."""
    if config.mixer in ("channel", "gated"):
        return ""
    return "This model weights no channels: only the mixers channel and gated have an omega."


def no_learnable(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs learnable queries."""
    return "" if config.learnable_queries else "This model has no learnable queries."


def only_audio(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs queries besides the audio queries."""
    reason = "This model has audio queries only: without them there are no queries to decode."
    return "" if config.learnable_queries else reason


def no_encoder(config: ModelConfig) -> str:
    """Return why the row is unavailable, or an empty string: it needs an encoder layer."""
    return "" if config.encoder_layers else "This model has no encoder layer to skip."


def _config(model: nn.Module, lacks: Callable[[ModelConfig], str] = lambda _: "") -> ModelConfig:
    """Return the model's config; ConfigError if it lacks the part or is not AVSegFormer."""
    if not hasattr(model, "mask_generation"):
        raise ConfigError("Only AVSegFormer can be changed inside; with this model, change the sound.")
    if reason := lacks(model.config):
        raise ConfigError(reason)
    return model.config


def _bypass(module: nn.Module, tap: nn.Module, passed: Callable[..., torch.Tensor]) -> list[Hook]:
    """Return the hooks that replace the output of `tap` by `passed(*inputs of module)`."""
    recorded: list[tuple] = []

    def read(inputs: tuple, _output: None) -> None:
        recorded[:] = [inputs]

    return [Hook(module, read, early=True), Hook(tap, lambda _inputs, _output: passed(*recorded.pop()))]


def _without_head(head: int) -> Callable[[tuple, torch.Tensor], torch.Tensor]:
    """Return a function that zeroes the weights of a head, counted from 1, in [B, heads, Q, N]."""

    def zero(_inputs: tuple, weights: torch.Tensor) -> torch.Tensor:
        weights = weights.clone()
        weights[:, head - 1] = 0.0
        return weights

    return zero
