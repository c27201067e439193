"""Runs a model on the frames of clips for a predictor, and remembers what the next sound can use again."""

import weakref
from collections.abc import Callable
from itertools import chain
from typing import TypeVar, cast

import numpy as np
import torch
from torch import nn

from avseg.models.avsegformer import AVSegFormer, AVSegOutput
from avseg.runtime.accelerate import accelerated
from avseg.runtime.blocks import EncodedFrames, FastAVSegFormer
from avseg.runtime.choice import plan_for

M = TypeVar("M", bound=nn.Module)

KEPT_BYTES = 2**27  # of features; those of a longer clip are not kept
VISUAL = ("visual_backbone", "visual_projection", "encoder", "mask_feature")


def running(model: M, precision: str = "exact") -> M:
    """Return the twin of AVSegFormer in eval mode, and any other module as it is."""
    if type(model) is not AVSegFormer:
        return model
    return cast(M, accelerated(model, plan_for(model, precision)))


class Runner:
    """A model's twin, made at the first call and again after its weights have changed.

    Visual features of the clip seen last are kept, so that another sound for the same frames costs only the
    part that hears it. `precision` is auto, exact or fast; see `avseg.runtime.choice`. compile: use
    torch.compile, except while someone watches or changes the model, which compiled code would not notice.
    """

    def __init__(self, model: AVSegFormer, precision: str, compile: bool = False):
        self.model, self._precision, self._compile = model, precision, compile
        self._made: tuple[object, FastAVSegFormer] | None = None
        self._frames: weakref.ref[np.ndarray] | None = None
        self._kept: dict[tuple[int, bool], EncodedFrames] = {}
        self._bytes = 0

    @property
    def twin(self) -> FastAVSegFormer:
        """The twin of the model as it is now."""
        state = tuple(map(_version, chain(self.model.parameters(), self.model.buffers())))
        if self._made is None or self._made[0] != state:
            self._forget()
            twin = accelerated(self.model, plan_for(self.model, self._precision))
            self._made = state, twin
            if self._compile:
                self._encode, self._decode = torch.compile(twin.encode_frames), torch.compile(twin.decode)
        return self._made[1]

    @property
    def precision(self) -> str:
        """What `auto` came to: exact, or fast if a part computes in bfloat16."""
        return "fast" if self.twin.reduced else "exact"

    def features(
        self, frames: np.ndarray, first: int, tensor: Callable[[], torch.Tensor], letterbox: bool = False
    ) -> EncodedFrames:
        """Return the features of the batch of a clip's `frames` that begins at `first`.

        tensor: returns the batch as input of the model. letterbox: whether its frames are padded to a square.
        While someone watches or changes the visual part, nothing is kept and nothing kept is used.
        """
        twin = self.twin
        if any(map(_hooked, chain(*(getattr(twin, name).modules() for name in VISUAL)))):
            return twin.encode_frames(tensor())
        if self._frames is None or self._frames() is not frames:
            self._forget()
            self._frames = weakref.ref(frames)
        if (kept := self._kept.get((first, letterbox))) is not None:
            return kept
        features = (self._encode if self._compile else twin.encode_frames)(tensor())
        self._bytes += features.memory
        if self._bytes <= KEPT_BYTES:
            self._kept[first, letterbox] = features
        return features

    def decode(self, features: EncodedFrames, log_mel: torch.Tensor) -> AVSegOutput:
        """Return the output for encoded frames and their sound [n, 1, 96, 64]."""
        twin = self.twin
        watched = self._compile and any(map(_hooked, twin.modules()))
        return (self._decode if self._compile and not watched else twin.decode)(features, log_mel)

    def _forget(self) -> None:
        self._frames, self._kept, self._bytes = None, {}, 0


def _version(tensor: torch.Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), -1 if tensor.is_inference() else tensor._version


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
