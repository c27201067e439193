"""Clips and models whose numbers can be computed by hand."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from avseg.checkpoints import Card
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.samples import FOLDER, DataReference, Sample
from avseg.evaluation.evaluate import EvaluationOptions
from avseg.media.audio import LOG_OFFSET

HERE = EvaluationOptions(workers=0)
DOG, CAR = CLASS_INDEX["dog"], CLASS_INDEX["car"]
SIZE = 32
# Rows that are marked (white, and class) in the frames of four clips of three seconds; 0: nothing sounds.
ROWS = ((8, 8, 0), (16, 16, 16), (4, 0, 0), (0, 0, 0))
SHARES = np.array(ROWS).flatten() / SIZE
KINDS = (DOG, CAR, DOG, CAR)
FILLED = SHARES > 0


class Blocks:
    """Clips whose frames are white where something sounds; every clip is loud but the last."""

    task, split, seconds, rate = "ms3", "test", 3, 1.0

    def __init__(self, task: str = "ms3", kinds: Sequence[int] = KINDS, named: bool = True):
        self.task, self.kinds, self.named = task, kinds, named
        self.labelled = np.ones((len(ROWS), 3), bool)
        self.real = np.ones((len(ROWS), 3), bool)

    def __len__(self) -> int:
        return len(ROWS)

    def name(self, index: int) -> str:
        return f"clip{index}"

    @property
    def reference(self) -> DataReference:
        return DataReference(FOLDER, self.task, self.split, "blocks")

    def sounding_classes(self, index: int) -> frozenset[str] | None:
        if not self.named:
            return None
        return frozenset((CLASSES[self.kinds[index]],) if any(ROWS[index]) else ())

    def waveform(self, index: int) -> np.ndarray:
        return self.read(index).waveform

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        chosen = list(range(3) if moments is None else moments)
        marked = np.arange(SIZE)[:, None] < np.array(ROWS[index])[:, None, None]  # [3, SIZE, 1]
        marked = np.broadcast_to(marked, (3, SIZE, SIZE))[chosen]
        loud = np.random.default_rng(index).normal(0, 0.1, 3 * 16000).astype(np.float32)
        return Sample(
            name=self.name(index),
            moments=tuple(chosen),
            frames=np.where(marked[..., None], 255, 0).astype(np.uint8).repeat(3, -1),
            waveform=loud if index < 3 else 0 * loud,
            classes=np.where(marked & self.real[index, chosen, None, None], self.kinds[index], 0).astype(
                np.uint8
            ),
            labelled=self.labelled[index, chosen],
            real=self.real[index, chosen],
        )


class Oracle(nn.Module):
    """A model that answers with a function of frames [F, 3, H, W] and log_mel [F, 1, 96, 64]."""

    def __init__(self, answer: Callable, classes: int = 1, size: int = SIZE):
        super().__init__()
        self.config = SimpleNamespace(task="avss" if classes > 1 else "ms3", image_size=size, classes=classes)
        self.card = Card("oracle", "random")
        self.answer = answer

    def encode_frames(self, frames: torch.Tensor) -> "EncodedFrames":
        return EncodedFrames(frames)

    def decode(self, features: "EncodedFrames", log_mel: torch.Tensor) -> SimpleNamespace:
        assert len(features) == len(log_mel) and log_mel.shape[1:] == (1, 96, 64)
        return SimpleNamespace(logits=self.answer(features.frames, log_mel))


class EncodedFrames:
    """Frames as an oracle keeps them."""

    def __init__(self, frames: torch.Tensor):
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def pick(self, rows: torch.Tensor) -> "EncodedFrames":
        return EncodedFrames(self.frames[rows])


def white(frames: torch.Tensor) -> torch.Tensor:
    return frames.mean(1, keepdim=True) > 0


def seer(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
    """Reads the truth and is deaf."""
    return torch.where(white(frames), 8.0, -8.0)


def listener(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
    """Reads the truth while it hears anything."""
    loud = log_mel.amax((1, 2, 3), keepdim=True) > np.log(LOG_OFFSET) + 1
    return torch.where(white(frames) & loud, 8.0, -8.0)


def constant(value: float) -> Callable:
    return lambda frames, log_mel: torch.full_like(frames[:, :1], value)
