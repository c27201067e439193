"""Patching between two clips (causal tracing): where in the model is it decided which mask comes out?

The model runs on a target clip B, with the activation of one place replaced by what that place computed on a
source clip A. Where this moves the mask all the way to that of A, the place carries all of the difference.
Meng et al. 2022 trace facts in language models in this way.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from avseg.errors import ConfigError
from avseg.interpret.inspection import shown_frame, window_inputs
from avseg.interpret.mask_statistics import percent
from avseg.interpret.sites import SITE, check_sites, record, sites_of
from avseg.late import nn, torch
from avseg.media.clip import Clip
from avseg.models.masks import foreground_probability
from avseg.predict import Predictor, Progress

Pair = Literal["sound", "clip"]
"""sound: A is the sound of the source clip with the target's picture; clip: its own picture and sound."""
PAIRS: dict[Pair, str] = {"sound": "same picture, other sound", "clip": "other picture and sound"}
WITHOUT_EFFECT = ("intermediate",)  # sites that lead to no mask
ENCODED = ("backbone.stage", "encoder.points", "encoder.weights", "encoder.output", "mask_feature")
VISUAL = (*ENCODED, "tpavi.context")  # sites before the sound
LEAST = 1e-5  # mean change of the probability below which two masks are the same


@dataclass(frozen=True, order=True)
class Place:
    """One layer of a site."""

    site: str
    layer: int  # from 1
    layers: int

    @property
    def name(self) -> str:
        """The place as a table shows it: "queries", "decoder.queries 3"."""
        return self.site if self.layers == 1 else f"{self.site} {self.layer}"


@dataclass(frozen=True, eq=False)
class Patching:
    """How much of the difference between two masks every place carries.

    recovered = 1 - |patched - A| / |B - A|, where |.| sums the differences of the foreground probability over
    all pixels: 1 if the patched mask is that of A, 0 if it is as far away as that of B, negative if farther.
    """

    model: str
    weights: str
    source: str  # names of the clips
    target: str
    index: int  # of the frame, the same in both clips
    moment: float  # seconds, in the target
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    recovered: np.ndarray  # float64 [pairs, places]; NaN where the masks of A and B are the same
    change: np.ndarray  # float64 [pairs], mean |B - A| per pixel, 0..1
    frame: np.ndarray  # uint8 [H, W, 3], of the target
    source_frame: np.ndarray  # uint8 [H, W, 3]
    target_mask: np.ndarray  # float32 [s, s], probability
    source_masks: np.ndarray  # float32 [pairs, s, s], probability


def places_of(model: nn.Module, sites: Iterable[str] | None = None) -> tuple[Place, ...]:
    """Return every layer of the named sites (default: all that lead to the mask), in the order of the table.

    Raises ConfigError for a name that is not a site, and for a site that the model lacks.
    """
    named = list(SITE) if sites is None else list(sites)
    check_sites(named)
    found = sites_of(model)
    if sites is not None and (missing := [name for name in named if name not in found]):
        raise ConfigError(f"The model has no site {', '.join(missing)}.")
    return tuple(
        Place(name, layer, len(found[name]))
        for name in SITE
        if name in named and name in found and name not in WITHOUT_EFFECT
        for layer in range(1, len(found[name]) + 1)
    )


@contextmanager
def patched(model: nn.Module, site: str, layer: int, value: torch.Tensor) -> Iterator[None]:
    """Replace the output of one layer of a site, counted from 1, during the block, in this thread alone."""
    thread = threading.get_ident()

    def hook(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor | None:
        return value.to(output) if threading.get_ident() == thread else None

    handle = sites_of(model)[site][layer - 1].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def patch(
    predictor: Predictor,
    source: Clip,
    target: Clip,
    frame: int,
    sites: Iterable[str] | None = None,
    pairs: Iterable[Pair] = ("sound", "clip"),
    on_frame: Progress | None = None,
) -> Patching:
    """Patch every layer of the sites, one at a time, from the source clip into the target clip.

    frame: index, the same in both clips. on_frame: called with (done, total) over all passes; an exception
    raised there cancels. Raises ConfigError for a frame or site that does not exist.
    """
    model: Any = predictor.model
    places, pairs = places_of(model, sites), tuple(pairs)
    (pictures, sounds, row), (other_pictures, other_sounds, _) = (
        window_inputs(predictor, clip, frame) for clip in (target, source)
    )
    if len(pictures) != len(other_pictures):
        raise ConfigError(
            f"The model hears {len(pictures)} frames of {target.name} together and {len(other_pictures)} of "
            f"{source.name}: choose clips, or a frame, with equally many."
        )
    sounds, other_sounds = sounds.to(predictor.device), other_sounds.to(predictor.device)
    done, total = 0, len(pairs) * len(places)

    def probability(features: Any, sound: torch.Tensor) -> torch.Tensor:
        logits = model.decode(features, sound).logits[row : row + 1]
        return foreground_probability(logits.float())[0]

    with torch.inference_mode():
        names = {place.site for place in places}
        with record(model, names) as before:
            features = model.encode_frames(pictures)
            mask = probability(features, sounds)
        masks, recovered, change = [], np.full((len(pairs), len(places)), np.nan), np.zeros(len(pairs))
        for index, pair in enumerate(pairs):
            with record(model, names) as after:
                seen = model.encode_frames(other_pictures if pair == "clip" else pictures)
                wanted = probability(seen, other_sounds)
            masks.append(wanted.cpu().numpy())
            change[index] = distance = float((mask - wanted).abs().mean())
            for column, place in enumerate(places):
                if distance >= LEAST:
                    new, old = (recording[place.site][place.layer - 1] for recording in (after, before))
                    result = mask
                    if not torch.equal(new, old):
                        with patched(model, place.site, place.layer, new):
                            again = model.encode_frames(pictures) if place.site in VISUAL else features
                            result = probability(again, sounds)
                    recovered[index, column] = 1 - float((result - wanted).abs().mean()) / distance
                done += 1
                if on_frame is not None:
                    on_frame(done, total)
    return Patching(
        model=model.card.name,
        weights=model.card.weights,
        source=source.name,
        target=target.name,
        index=frame,
        moment=float(target.times[frame]),
        places=places,
        pairs=pairs,
        recovered=recovered,
        change=change,
        frame=shown_frame(target, frame),
        source_frame=shown_frame(source, frame),
        target_mask=mask.cpu().numpy(),
        source_masks=np.stack(masks),
    )


def findings(patching: Patching) -> Iterator[str]:
    """Yield a sentence for each pair: how far apart the masks are, and which places carry most of it."""
    for pair, change, shares in zip(patching.pairs, patching.change, patching.recovered, strict=True):
        begin = f"{PAIRS[pair][0].upper()}{PAIRS[pair][1:]}: "
        if np.isnan(shares).all():
            yield f"{begin}both masks are the same, so there is nothing to recover."
            continue
        order = np.argsort(-shares, kind="stable")[:3]
        named = ", ".join(f"{patching.places[k].name} {percent(shares[k], 0)}" for k in order)
        yield f"{begin}the probability changes by {percent(change)} per pixel; recovered at {named}."
