"""The masks of a clip: complete (`Prediction`), or while a model still computes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import TracebackType
from typing import overload

import numpy as np

from avseg.arguments import is_number, printed
from avseg.errors import ConfigError
from avseg.media.clip import Clip
from avseg.media.draw import resize

Progress = Callable[[int, int], object]
"""Called with (done, total); may raise to cancel."""


@dataclass(frozen=True)
class Timing:
    """Duration of each stage, seconds."""

    decode: float = 0.0
    model: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """The masks that a model predicted for a clip; `clip.waveform` is the sound that it was given."""

    clip: Clip
    task: str  # s4, ms3 or avss
    probability: np.ndarray  # float32 [T, s, s], of foreground, at model size
    labels: np.ndarray  # uint8 [T, s, s], predicted class; 0 and 1 at the threshold for s4 and ms3
    threshold: float  # on the probability; avss takes the largest class instead
    model: str
    weights: str  # demo, released, trained or random
    device: str
    seconds: Timing
    audio: str = "original"  # the sound used: original, mute, noise, or a file's name
    precision: str = "exact"  # exact, or fast where a part of the model computed in bfloat16
    mute_change: float | None = None  # 1 - IoU with the muted clip's masks; None: no mask, or not measured

    def mask(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return a frame's label map uint8 [H, W], class indices, at source size or at `size`.

        Binary tasks resize the probability before thresholding, which gives smooth borders; AVSS resizes the
        labels, since class indices cannot be interpolated.
        """
        size = size or self.clip.size
        if self.task == "avss":
            return resize(self.labels[index], size, smooth=False)
        return (resize(self.probability[index], size) > self.threshold).astype(np.uint8)

    @property
    def masks(self) -> Masks:
        """The masks as saved: uint8 [H, W] at source size, 0 and 255, or class indices for AVSS."""
        return Masks(self)

    @cached_property
    def foreground(self) -> np.ndarray:
        """Share of each frame that is foreground, float64 [T], 0..1, measured on `masks`."""
        return np.array([np.count_nonzero(mask) / mask.size for mask in self.masks])

    def finished(self) -> Prediction:
        """Return the prediction with all of its masks, for which it waits where they are still computed."""
        return self

    @property
    def waited(self) -> float:
        """Seconds that whoever asked for masks has waited for them."""
        return 0.0

    def at_threshold(self, threshold: float) -> Prediction:
        """Return the same prediction at another threshold (AVSS masks do not change)."""
        check_threshold(threshold)
        labels = self.labels if self.task == "avss" else (self.probability > threshold).astype(np.uint8)
        return replace(self, labels=labels, threshold=threshold)


class Masks(Sequence[np.ndarray]):
    """The masks of a prediction, computed on access: those of a long clip would fill the memory."""

    def __init__(self, prediction: Prediction):
        self._prediction = prediction

    def __len__(self) -> int:
        return len(self._prediction.labels)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        frames = range(len(self))[index]
        if isinstance(frames, range):
            return [self[frame] for frame in frames]
        mask = self._prediction.mask(frames)
        return mask if self._prediction.task == "avss" else mask * np.uint8(255)


class Arrivals:
    """How many frames of a prediction have masks; used as a context, it tells waiters of an error."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._whole: Prediction | None = None
        self._error: BaseException | None = None
        self.waited = 0.0  # seconds

    def add(self, count: int) -> None:
        """Note that the masks of further frames are there."""
        with self._changed:
            self._count += count
            self._changed.notify_all()

    def finish(self, whole: Prediction) -> Prediction:
        """Note, and return, the complete prediction."""
        with self._changed:
            self._whole = whole
            self._changed.notify_all()
        return whole

    def wait_for(self, index: int) -> None:
        """Wait for the mask of a frame; raises the error that ended the computation."""
        self._wait(lambda: self._count > index)

    def wait_for_all(self) -> Prediction:
        """Wait for the complete prediction and return it."""
        self._wait(lambda: self._whole is not None)
        assert self._whole is not None
        return self._whole

    def _wait(self, there: Callable[[], bool]) -> None:
        started = time.perf_counter()
        with self._changed:
            self._changed.wait_for(lambda: there() or self._error is not None)
            self.waited += time.perf_counter() - started
            if not there() and self._error is not None:
                raise self._error

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


@dataclass(frozen=True, eq=False)
class GrowingPrediction(Prediction):
    """A prediction whose masks are still computed: `mask` waits for its frame."""

    arrivals: Arrivals = field(default_factory=Arrivals)

    def mask(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        self.arrivals.wait_for(index)
        return super().mask(index, size)

    def finished(self) -> Prediction:
        return self.arrivals.wait_for_all()

    @property
    def waited(self) -> float:
        return self.arrivals.waited

    def whole(self, seconds: Timing, mute_change: float | None) -> Prediction:
        """Return the complete prediction, once all masks are there."""
        values = {f.name: getattr(self, f.name) for f in fields(Prediction)}
        return Prediction(**values | {"seconds": seconds, "mute_change": mute_change})


def check_threshold(threshold: object) -> None:
    """Raise ConfigError unless the threshold is a probability."""
    if not is_number(threshold, 0, 1):
        raise ConfigError(f"The threshold is {printed(threshold)}; it must be a number between 0 and 1.")
