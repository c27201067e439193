"""One frame through the model: `inspect` records a forward pass and returns an `Inspection` of NumPy arrays.

It holds all that a view of the frame may need, reduced when stored, so that another layer, head, query or
channel needs no further forward pass. `avseg.interpret.maps` turns it into maps.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avseg.arguments import is_whole, printed
from avseg.config import ModelConfig
from avseg.data.transforms import model_input, pad_to_square
from avseg.errors import ConfigError
from avseg.files import atomic_write
from avseg.interpret.sites import SITE, Recording, record, sites_of
from avseg.late import F, torch
from avseg.media.audio import patches_for
from avseg.media.clip import Clip
from avseg.models.masks import foreground_logit, foreground_probability, label_maps
from avseg.predict import Predictor, check_threshold

if TYPE_CHECKING:
    from avseg.models.avsegformer import MaskGeneration

QUERIES_KEPT = 32  # with attention per head: those with the largest effect on the mask
MAX_WORK = 5e10  # multiply-adds for contributions; about two seconds on two CPU cores
MAX_WORK_CUDA = 3e12
MIN_SIDE = 14  # cells; contributions of large models are measured on maps pooled down to this
MAX_VALUES = 2**25  # in one pass; 128 MB


@dataclass(frozen=True, eq=False)
class MaskMap:
    """Foreground probability and labels of every pixel."""

    probability: np.ndarray  # float32 [s, s], of foreground
    labels: np.ndarray  # uint8 [s, s], class indices; 0 and 1 for the binary tasks


@dataclass(frozen=True, eq=False)
class Contributions:
    """How much the mask's logit drops without each query; see `contributions`."""

    drop: np.ndarray  # float32 [Q], logits; NaN if not measured
    order: np.ndarray  # int64 [K], measured queries, largest effect first
    side: int  # cells per side of the map used
    inside: bool  # averaged over the mask; if False, over the frame, as the mask is empty


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of Eq. (3): the mask of each one alone, through the same last layers."""

    feature: MaskMap  # Linear(F_hat)
    queries: MaskMap  # Linear(MLP(F_hat . Q_output))
    both: MaskMap  # Linear(F_hat + MLP(F_hat . Q_output)), the mask of the model


@dataclass(frozen=True, eq=False)
class InspectedFrame:
    """One frame of a clip and the model that ran on it; subclasses add the activations."""

    config: ModelConfig
    model: str
    weights: str  # demo, released, trained or random
    index: int  # of the frame in its clip
    moment: float  # seconds
    threshold: float  # on the probability, for the masks of the binary tasks
    frame: np.ndarray  # uint8 [H, W, 3], what the maps cover: the frame, with the padding of a letterbox
    log_mel: np.ndarray  # float32 [96, 64], the log-mel patch of the frame
    sites: int  # recorded activations
    seconds: float  # duration of recording and measuring

    @property
    def size(self) -> int:
        """Height and width of the resized frame, the input of the model."""
        return self.config.image_size


@dataclass(frozen=True, eq=False)
class Inspection(InspectedFrame):
    """The activations of one frame. D channels, Q queries, N tokens, s image size, h = s/4."""

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

    @property
    def final(self) -> MaskMap:
        """The mask of the model."""
        return self.terms.both

    @property
    def added(self) -> np.ndarray:
        """The vector that the cross mixer adds to every pixel, float32 [D]: the mean of F_hat - F_mask."""
        return (self.mixed - self.mask_feature).mean((1, 2))


@dataclass(frozen=True, eq=False)
class Activation:
    """What one layer of a site recorded for one frame."""

    site: str
    layer: int  # from 1
    layers: dict[str, int]  # number of layers, of every site that the model has
    values: np.ndarray  # float16, without the batch dimension


def inspect(predictor: Predictor, clip: Clip, frame: int, threshold: float = 0.5) -> Inspection:
    """Run the predictor's model on one frame of a clip, with the clip's sound, and return its activations.

    threshold: for the masks of the binary tasks, as in `Predictor.predict`; contributions are always measured
    on the mask at 0.5. Raises ConfigError for a frame that does not exist and for a model that is not
    AVSegFormer; `avseg.interpret.tpavi.inspect_model` takes both architectures.
    """
    from avseg.models.avsegformer import AVSegFormer

    check_threshold(threshold)
    model, started = predictor.model, time.perf_counter()
    if not isinstance(model, AVSegFormer):
        raise ConfigError(f"{type(model).__name__} is not AVSegFormer: it has no queries, mixer or decoder.")
    picture, patch, _ = window_inputs(predictor, clip, frame)
    with torch.inference_mode(), record(model, keep=_KEEP) as recording:
        output = model(picture, patch.to(predictor.device), intermediate=True)
    terms = _terms(model.mask_generation, recording, output.logits, threshold)
    effects = contributions(
        model.mask_generation, output.mixed_feature, _product(recording, predictor.device)
    )
    return Inspection(
        config=model.config,
        model=model.card.name,
        weights=model.card.weights,
        index=frame,
        moment=float(clip.times[frame]),
        threshold=threshold,
        frame=shown_frame(clip, frame),
        log_mel=patch[0, 0].numpy(),
        stages=_arrays(recording["backbone.stage"]),
        audio=recording["audio"][0].numpy(),
        queries=recording["queries"][0].numpy(),
        levels=_levels(recording["encoder.output"][0].numpy(), model.config.image_size),
        points=_stacked(recording, "encoder.points"),
        point_weights=_stacked(recording, "encoder.weights"),
        mask_feature=recording["mask_feature"][0].numpy(),
        mixed=recording["mask_feature.mixed"][0].numpy(),
        **_mixer(recording),
        **_decoder(recording, effects),
        layers=tuple(mask_map(logits[None], threshold) for logits in recording.get("intermediate", ())),
        terms=terms,
        contributions=effects,
        sites=sum(map(len, recording.values())),
        seconds=time.perf_counter() - started,
    )


def record_frame(
    predictor: Predictor, clip: Clip, frame: int, sites: Iterable[str] | None = None
) -> Recording:
    """Record the named sites (default: all) for one frame of a clip, with the clip's sound.

    Of a model whose frames attend to each other: for all frames of its window. Raises ConfigError for a frame
    or site that does not exist and for a site that the model lacks.
    """
    names = None if sites is None else list(sites)
    picture, patch, _ = window_inputs(predictor, clip, frame)
    with torch.inference_mode(), record(predictor.model, names) as recording:
        predictor.model(picture, patch.to(predictor.device), intermediate=True)
    if missing := sorted(set(names or ()) - set(recording)):
        raise ConfigError(f"{predictor.model.card.name} has no site {', '.join(missing)}.")
    return recording


def record_site(predictor: Predictor, clip: Clip, frame: int, site: str, layer: int) -> Activation:
    """Record one layer of a site for one frame of a clip; of a site that the model lacks, its first one.

    layer: from 1; the last one if the model has fewer. Raises ConfigError for a frame that does not
    exist.
    """
    layers = {name: len(modules) for name, modules in sites_of(predictor.model).items()}
    site = site if site in layers else next(iter(layers))
    layer = layer if 1 <= layer <= layers[site] else layers[site]
    picture, patch, row = window_inputs(predictor, clip, frame)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[row].half()

    with torch.inference_mode(), record(predictor.model, [site], {site: keep}) as recording:
        predictor.model(picture, patch.to(predictor.device), intermediate=True)
    return Activation(site, layer, layers, recording[site][layer - 1].numpy())


def write_recording(recording: Recording, path: Path) -> dict[str, np.ndarray]:
    """Write a recording as .npz and return its arrays: SITE, or SITE.0, SITE.1 ... for several layers."""
    arrays = {
        name if len(tensors) == 1 else f"{name}.{index}": tensor.numpy()
        for name, tensors in recording.items()
        for index, tensor in enumerate(tensors)
    }
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return arrays


def window_inputs(predictor: Predictor, clip: Clip, frame: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return the inputs for one frame with those it attends to, and its row in them.

    Inputs [n, 3, s, s] and log-mel patches [n, 1, 96, 64] on the CPU; n is 1 where frames are independent.
    """
    from avseg.models.avsegformer import AVSegFormer
    from avseg.models.tpavi import TPAVI

    model = predictor.model
    if not isinstance(model, AVSegFormer | TPAVI):
        raise ConfigError(f"{type(model).__name__} is not AVSegFormer: it has no sites to record.")
    if not is_whole(frame, 0, len(clip.frames) - 1):
        number = printed(frame + 1 if isinstance(frame, int) else frame)
        raise ConfigError(f"Frame {number} does not exist: the clip has {len(clip.frames)}.")
    row = frame % model.config.window
    window = slice(frame - row, frame - row + model.config.window)
    pictures = torch.from_numpy(clip.frames[window]).to(predictor.device)
    patches = patches_for(clip.waveform, clip.times, clip.fps)[window]
    return model_input(pictures, model.config.image_size, clip.letterbox), patches, row


def shown_frame(clip: Clip, frame: int) -> np.ndarray:
    """Return the picture uint8 [H, W, 3] that the maps of a frame cover: with its padding, if it has one."""
    picture = clip.frames[frame]
    return pad_to_square(torch.from_numpy(picture)[None])[0].numpy() if clip.letterbox else picture


def contributions(
    head: MaskGeneration, mixed: torch.Tensor, product: torch.Tensor, work: float | None = None
) -> Contributions:
    """Measure the contribution of each query to the mask: Eq. (3) without its channel of the product.

    mixed [1, D, h, w], product [1, Q, h, w]. The contribution is the drop of the foreground logit, averaged
    over the mask (over the frame if the mask is empty); for AVSS, of the log-odds of any class against the
    background. Negative: the query works against the mask. If Q passes cost more than `work` multiply-adds,
    both maps are downsampled 2x, to at least 14 cells; if that is not enough, only the queries with the
    largest product, weighted by the MLP's first layer, are measured.
    """
    work = work or (MAX_WORK_CUDA if mixed.is_cuda else MAX_WORK)
    count = product.shape[1]
    while _work_of(head, mixed) * count > work and min(mixed.shape[-2:]) >= 2 * MIN_SIDE:
        mixed, product = F.avg_pool2d(mixed, 2), F.avg_pool2d(product, 2)
    with torch.inference_mode():
        strength = product.abs().mean((0, 2, 3)) * head.mlp[0].weight.flatten(1).norm(dim=0)
        most = min(count, max(8, int(work / _work_of(head, mixed))))
        measured = strength.argsort(descending=True)[:most].sort().values
        full = foreground_logit(head.linear(mixed + head.mlp(product)))  # [1, 4h, 4w]
        weight = (full > 0) if (full > 0).any() else torch.ones_like(full, dtype=torch.bool)
        drop = torch.full((count,), float("nan"), device=mixed.device)
        for group in _groups(measured, head, mixed):
            without = product.repeat(len(group), 1, 1, 1)
            without[torch.arange(len(group)), group] = 0
            lost = full - foreground_logit(head.linear(mixed + head.mlp(without)))  # [n, 4h, 4w]
            drop[group] = (lost * weight).sum((1, 2)) / weight.sum()
    drops = drop.cpu().numpy()
    order = measured.cpu().numpy()
    order = order[np.argsort(-np.abs(drops[order]), kind="stable")]
    return Contributions(drops, order, mixed.shape[-1], bool((full > 0).any()))


def _groups(queries: torch.Tensor, head: MaskGeneration, mixed: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the queries in groups that fit into memory."""
    cells = mixed.shape[-2] * mixed.shape[-1]
    wide, _, narrow, _, last = head.linear
    widest = max(
        head.mlp[0].out_channels, 16 * wide.out_channels, 16 * max(narrow.out_channels, last.out_channels)
    )
    return iter(queries.split(max(1, MAX_VALUES // (cells * widest))))


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


def _terms(head: MaskGeneration, recording: Recording, logits: torch.Tensor, threshold: float) -> Terms:
    with torch.inference_mode():
        feature, queries = (
            head.linear(recording[site][0][None].to(logits)) for site in ("mask_feature.mixed", "mask.mlp")
        )
    return Terms(*(mask_map(term, threshold) for term in (feature, queries, logits)))


def mask_map(logits: torch.Tensor, threshold: float) -> MaskMap:
    """Return probability and labels of the logits [1, classes, s, s] of a frame."""
    logits = logits.float()
    probability, labels = foreground_probability(logits)[0], label_maps(logits, threshold)[0]
    return MaskMap(probability.cpu().numpy(), labels.cpu().numpy())


def _product(recording: Recording, device: torch.device) -> torch.Tensor:
    return recording["mask.product"][0][None].to(device)


def _levels(tokens: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Return the maps [D, side, side] of tokens [N, D] of strides 8, 16 and 32."""
    sides = [size // stride for stride in (8, 16, 32)]
    parts = np.split(tokens, np.cumsum([side * side for side in sides])[:-1])
    return tuple(part.T.reshape(-1, side, side) for part, side in zip(parts, sides))


def _mixer(recording: Recording) -> dict[str, np.ndarray | None]:
    attention, weights = recording.get("mixer.attention"), recording.get("mixer.weights")
    side = recording["mask_feature"][0].shape[-1]
    return {
        "mixer_attention": attention and attention[0].numpy().reshape(-1, side, side),
        "mixer_weights": weights and weights[0].numpy(),
    }


def _decoder(recording: Recording, effects: Contributions) -> dict[str, np.ndarray]:
    """Return the decoder's fields: every head for the most important queries, and the mean over all."""
    kept = effects.order[:QUERIES_KEPT]
    layers = recording["decoder.attention"]  # [heads, Q, N] each
    return {
        "kept": kept,
        "attention": np.stack([layer[:, kept].numpy() for layer in layers]),
        "attention_mean": np.stack([layer.float().mean(1).numpy() for layer in layers]),
        "product": recording["mask.product"][0].numpy()[kept],
    }


def _stacked(recording: Recording, site: str) -> np.ndarray:
    return np.stack(_arrays(recording[site])) if site in recording else np.zeros(0, np.float16)


def _arrays(tensors: tuple[torch.Tensor, ...]) -> tuple[np.ndarray, ...]:
    return tuple(tensor.numpy() for tensor in tensors)
