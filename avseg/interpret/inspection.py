"""One frame followed through the model: `inspect` records a forward pass, `Inspection` is what passed where.

Numpy comes out. Whatever a picture of the frame may need is kept, reduced as it is stored, so that looking
at another layer, head, query or channel costs no further pass. `avseg.interpret.maps` turns it into maps.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from avseg.config import ModelConfig
from avseg.data.transforms import normalise
from avseg.errors import ConfigError
from avseg.interpret.sites import SITE, Recording, record
from avseg.media.audio import patches_for
from avseg.media.clip import Clip
from avseg.models.avsegformer import AVSegFormer, MaskGeneration
from avseg.models.masks import foreground_logit, foreground_probability, label_maps
from avseg.predict import Predictor

QUERIES_KEPT = 32  # whose attention is kept per head: those that move the mask most
WORK = 5e10  # multiply-adds spent on contributions; about two seconds of two CPU cores
WORK_CUDA = 3e12
LEAST_SIDE = 14  # cells; contributions of large models are measured on a map pooled down to this
NUMBERS_AT_ONCE = 2**25  # 128 MB


@dataclass(frozen=True, eq=False)
class MaskMap:
    """What logits say about every pixel."""

    probability: np.ndarray  # float32 [s, s], of foreground
    labels: np.ndarray  # uint8 [s, s], class indices; 0 and 1 for the binary tasks


@dataclass(frozen=True, eq=False)
class Contributions:
    """How much the mask loses without each query; see `contributions`."""

    drop: np.ndarray  # float32 [Q], logits; NaN where it was not measured
    order: np.ndarray  # int64 [K], measured queries, those that change the mask most first
    side: int  # cells per side of the map on which it was measured
    inside: bool  # averaged over the mask; over the whole picture where the mask is empty


@dataclass(frozen=True, eq=False)
class Terms:
    """Eq. (3) taken apart: the mask of each term through the same last layers."""

    feature: MaskMap  # Linear(F_hat)
    queries: MaskMap  # Linear(MLP(F_hat . Q_output))
    both: MaskMap  # Linear(F_hat + MLP(F_hat . Q_output)), the mask of the model


@dataclass(frozen=True, eq=False)
class Inspection:
    """Everything that the views of one frame need. D channels, Q queries, N tokens, s image size, h = s/4."""

    config: ModelConfig
    model: str
    weights: str  # toy, released, trained or random
    index: int  # of the frame in its clip
    moment: float  # seconds
    threshold: float  # of the probability, for the masks of the binary tasks
    frame: np.ndarray  # uint8 [H, W, 3], at source size
    log_mel: np.ndarray  # float32 [96, 64], the sound that goes with the frame
    stages: tuple[np.ndarray, ...]  # F_1..F_4, float32 [C_i, s/2^(i+1), s/2^(i+1)]
    audio: np.ndarray  # float32 [D], F_audio
    queries: np.ndarray  # float32 [Q, D], Q_audio + Q_learn
    levels: tuple[np.ndarray, ...]  # encoder output at strides 8, 16, 32, float32 [D, s/stride, s/stride]
    points: np.ndarray  # float16 [layers, N, heads, 3, points, 2], (x, y) in 0..1; [0] without an encoder
    point_weights: np.ndarray  # float16 [layers, N, heads, 3, points]
    mask_feature: np.ndarray  # float32 [D, h, h], F_mask
    mixed: np.ndarray  # float32 [D, h, h], F_hat
    mixer_attention: np.ndarray | None  # float32 [heads, h, h]; None without a mixer
    mixer_weights: np.ndarray | None  # float32 [D], omega, or the gate; None for cross and none
    kept: np.ndarray  # int64 [K], the queries in `attention` and `product`, most important first
    attention: np.ndarray  # float16 [layers, heads, K, N]
    attention_mean: np.ndarray  # float32 [layers, heads, N], over all queries
    product: np.ndarray  # float32 [K, h, h], F_hat . Q_output
    layers: tuple[MaskMap, ...]  # intermediate masks; empty without a reformer
    terms: Terms
    contributions: Contributions
    sites: int  # places where the pass was recorded
    seconds: float  # that recording and measuring took

    @property
    def size(self) -> int:
        """Height and width of the squashed frame that the model saw."""
        return self.config.image_size

    @property
    def added(self) -> np.ndarray:
        """What the cross mixer adds to every pixel, float32 [D]: the mean of F_hat - F_mask."""
        return (self.mixed - self.mask_feature).mean((1, 2))


def inspect(predictor: Predictor, clip: Clip, frame: int, threshold: float = 0.5) -> Inspection:
    """Follow one frame of a clip, with the sound that the clip holds, through the predictor's model.

    threshold: what the binary tasks' masks are cut at, as in `Predictor.predict`; contributions are measured
    on the mask at 0.5 whatever it is. Raises ConfigError for a frame that is not there and for a model
    that is no AVSegFormer.
    """
    model = predictor.model
    if not isinstance(model, AVSegFormer):
        raise ConfigError(f"{type(model).__name__} is not AVSegFormer: there is no map of its parts.")
    if not 0 <= frame < len(clip.frames):
        raise ConfigError(f"There is no frame {frame + 1}: the clip has {len(clip.frames)}.")
    began = time.perf_counter()
    picture = torch.from_numpy(clip.frames[frame : frame + 1]).to(predictor.device)
    patch = patches_for(clip.waveform, clip.times, clip.fps)[frame : frame + 1]
    with torch.inference_mode(), record(model, keep=_KEEP) as seen:
        output = model(
            normalise(picture, model.config.image_size), patch.to(predictor.device), intermediate=True
        )
    terms = _terms(model.mask_generation, seen, output.logits, threshold)
    effects = contributions(model.mask_generation, output.mixed_feature, _product(seen, predictor.device))
    return Inspection(
        config=model.config,
        model=model.card.name,
        weights=model.card.weights,
        index=frame,
        moment=float(clip.times[frame]),
        threshold=threshold,
        frame=clip.frames[frame],
        log_mel=patch[0, 0].numpy(),
        stages=_arrays(seen["backbone.stage"]),
        audio=seen["audio"][0].numpy(),
        queries=seen["queries"][0].numpy(),
        levels=_levels(seen["encoder.output"][0].numpy(), model.config.image_size),
        points=_stacked(seen, "encoder.points"),
        point_weights=_stacked(seen, "encoder.weights"),
        mask_feature=seen["mask_feature"][0].numpy(),
        mixed=seen["mask_feature.mixed"][0].numpy(),
        **_mixer(seen),
        **_decoder(seen, effects),
        layers=tuple(_mask_map(logits[None], threshold) for logits in seen.get("intermediate", ())),
        terms=terms,
        contributions=effects,
        sites=sum(map(len, seen.values())),
        seconds=time.perf_counter() - began,
    )


@torch.inference_mode()
def contributions(
    head: MaskGeneration, mixed: torch.Tensor, product: torch.Tensor, work: float | None = None
) -> Contributions:
    """Measure what each query gives to the mask: Eq. (3) is run again with its channel of the product zeroed.

    mixed [1, D, h, w], product [1, Q, h, w]. The contribution is the drop of the foreground logit, averaged
    over the mask (over the picture where the mask is empty); AVSS takes the log-odds of any class against
    background. Below zero: the query works against the mask. Where Q passes would cost more than `work`
    multiply-adds, both maps are averaged 2x down, to 14 cells at least, and if that is not enough only the
    queries with the largest product, weighed by the MLP's first layer, are measured.
    """
    work = work or (WORK_CUDA if mixed.is_cuda else WORK)
    count = product.shape[1]
    while _work_of(head, mixed) * count > work and min(mixed.shape[-2:]) >= 2 * LEAST_SIDE:
        mixed, product = F.avg_pool2d(mixed, 2), F.avg_pool2d(product, 2)
    strength = product.abs().mean((0, 2, 3)) * head.mlp[0].weight.flatten(1).norm(dim=0)
    most = min(count, max(8, int(work / _work_of(head, mixed))))
    measured = strength.argsort(descending=True)[:most].sort().values
    whole = foreground_logit(head.linear(mixed + head.mlp(product)))  # [1, 4h, 4w]
    weight = (whole > 0) if (whole > 0).any() else torch.ones_like(whole, dtype=torch.bool)
    drop = torch.full((count,), float("nan"), device=mixed.device)
    for chosen in _portions(measured, head, mixed):
        without = product.repeat(len(chosen), 1, 1, 1)
        without[torch.arange(len(chosen)), chosen] = 0
        lost = whole - foreground_logit(head.linear(mixed + head.mlp(without)))  # [n, 4h, 4w]
        drop[chosen] = (lost * weight).sum((1, 2)) / weight.sum()
    drops = drop.cpu().numpy()
    order = measured.cpu().numpy()
    order = order[np.argsort(-np.abs(drops[order]), kind="stable")]
    return Contributions(drops, order, mixed.shape[-1], bool((whole > 0).any()))


def _portions(queries: torch.Tensor, head: MaskGeneration, mixed: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the queries in groups whose passes fit into memory."""
    cells = mixed.shape[-2] * mixed.shape[-1]
    wide, _, narrow, _, last = head.linear
    widest = max(
        head.mlp[0].out_channels, 16 * wide.out_channels, 16 * max(narrow.out_channels, last.out_channels)
    )
    return iter(queries.split(max(1, NUMBERS_AT_ONCE // (cells * widest))))


def _work_of(head: MaskGeneration, mixed: torch.Tensor) -> int:
    """Return the multiply-adds of one pass of Eq. (3) without the product itself."""
    cells = mixed.shape[-2] * mixed.shape[-1]
    mlp = sum(layer.weight.numel() for layer in head.mlp if hasattr(layer, "weight"))
    wide, _, *late = head.linear
    return cells * (
        mlp + wide.weight.numel() + 16 * sum(x.weight.numel() for x in late if hasattr(x, "weight"))
    )


def _first(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[0].float()


def _first_half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[0].half()


_HALVES = ("encoder.points", "encoder.weights", "decoder.attention")
_KEEP = dict.fromkeys(SITE, _first) | dict.fromkeys(_HALVES, _first_half)


def _terms(head: MaskGeneration, seen: Recording, logits: torch.Tensor, threshold: float) -> Terms:
    with torch.inference_mode():
        feature, queries = (
            head.linear(seen[site][0][None].to(logits)) for site in ("mask_feature.mixed", "mask.mlp")
        )
    return Terms(*(_mask_map(found, threshold) for found in (feature, queries, logits)))


def _mask_map(logits: torch.Tensor, threshold: float) -> MaskMap:
    """Return what logits [1, classes, s, s] say; binary tasks are cut at the threshold."""
    logits = logits.float()
    probability, labels = foreground_probability(logits)[0], label_maps(logits, threshold)[0]
    return MaskMap(probability.cpu().numpy(), labels.cpu().numpy())


def _product(seen: Recording, device: torch.device) -> torch.Tensor:
    return seen["mask.product"][0][None].to(device)


def _levels(tokens: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Return the maps [D, side, side] of tokens [N, D] of strides 8, 16 and 32."""
    sides = [size // stride for stride in (8, 16, 32)]
    parts = np.split(tokens, np.cumsum([side * side for side in sides])[:-1])
    return tuple(part.T.reshape(-1, side, side) for part, side in zip(parts, sides))


def _mixer(seen: Recording) -> dict[str, np.ndarray | None]:
    attention, weights = seen.get("mixer.attention"), seen.get("mixer.weights")
    side = seen["mask_feature"][0].shape[-1]
    return {
        "mixer_attention": attention and attention[0].numpy().reshape(-1, side, side),
        "mixer_weights": weights and weights[0].numpy(),
    }


def _decoder(seen: Recording, effects: Contributions) -> dict[str, np.ndarray]:
    """Return the decoder's part: every head of the queries that matter, the mean over all of them."""
    kept = effects.order[:QUERIES_KEPT]
    layers = seen["decoder.attention"]  # [heads, Q, N] each
    return {
        "kept": kept,
        "attention": np.stack([layer[:, kept].numpy() for layer in layers]),
        "attention_mean": np.stack([layer.float().mean(1).numpy() for layer in layers]),
        "product": seen["mask.product"][0].numpy()[kept],
    }


def _stacked(seen: Recording, site: str) -> np.ndarray:
    return np.stack(_arrays(seen[site])) if site in seen else np.zeros(0, np.float16)


def _arrays(tensors: tuple[torch.Tensor, ...]) -> tuple[np.ndarray, ...]:
    return tuple(tensor.numpy() for tensor in tensors)
