"""What metrics and losses say of one clip, for lessons and notebooks. Numpy in, numpy out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from avseg.evaluation.metrics import F_THRESHOLDS, f_curves, f_score, frame_iou
from avseg.media.draw import resize
from avseg.predict import Prediction
from avseg.training.losses import dice_loss

SURE = 1e-7  # a probability closer to 0 or 1 is taken for this far from it


@dataclass(frozen=True, eq=False)
class ByThreshold:
    """AVSBench's metrics of one binary clip of T frames, at each of its 255 thresholds."""

    thresholds: np.ndarray  # float64 [255], 0 to 1
    iou: np.ndarray  # float32 [255, T], of a frame without truth that of the background
    f: np.ndarray  # float32 [255, T], 0 in a frame without truth
    f_score: float  # as the benchmark takes it: the best threshold of the mean over frames with truth
    f_alone: float  # the same with every frame as a batch of its own: each has its best threshold
    nothing: float  # mIoU of a model that never marks anything
    empty: np.ndarray  # bool [T], nothing sounds in view

    @property
    def middle(self) -> int:
        """The threshold at which mIoU is taken: the one next to 0.5."""
        return int(np.abs(self.thresholds - 0.5).argmin())

    @property
    def mean_f(self) -> np.ndarray:
        """F [255], mean over the frames with truth; zeros where there is none."""
        return self.f[:, ~self.empty].mean(1) if not self.empty.all() else np.zeros(len(self.f))


@dataclass(frozen=True)
class Pull:
    """What a loss asks of the logits of one frame."""

    loss: float
    strength: float  # sum over the pixels of the size of its gradient
    direction: float  # sum of the gradient: above 0 asks for a smaller mask, below 0 for a larger one


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "Dice": dice_loss,
    "cross-entropy": lambda logits, truth: F.binary_cross_entropy_with_logits(logits, truth),
}


def truth_at(prediction: Prediction, truth: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return classes of any size as a mask bool [T, s, s] of the size at which the model answers."""
    size = prediction.probability.shape[1:]
    return np.stack([resize(classes, size, smooth=False) > 0 for classes in truth])


def by_threshold(prediction: Prediction, truth: np.ndarray) -> ByThreshold:
    """Return IoU and F of every frame at every threshold; truth: bool [T, s, s], see `truth_at`."""
    probability, wanted = torch.from_numpy(prediction.probability), torch.from_numpy(truth)
    logits = _logits(prediction.probability)
    thresholds = np.linspace(0, 1 - 1e-10, F_THRESHOLDS)
    f = f_curves(logits, wanted)
    empty = ~truth.any((1, 2))
    f[torch.from_numpy(empty)] = 0
    return ByThreshold(
        thresholds=thresholds,
        iou=np.stack([frame_iou(probability > cut, wanted).numpy() for cut in thresholds]),
        f=f.T.numpy(),
        f_score=f_score(logits, wanted),
        f_alone=_mean([f_score(logits[i : i + 1], wanted[i : i + 1]) for i in np.flatnonzero(~empty)]),
        nothing=frame_iou(torch.zeros_like(wanted), wanted).mean().item(),
        empty=empty,
    )


def pulls(probability: np.ndarray, truth: np.ndarray) -> dict[str, Pull]:
    """Return what each of LOSSES asks of one frame; probability float32 [s, s], truth bool [s, s]."""
    wanted = torch.from_numpy(truth)[None, None].float()
    found = {}
    for name, loss_of in LOSSES.items():
        logits = _logits(probability)[None, None].requires_grad_()
        loss = loss_of(logits, wanted)
        (gradient,) = torch.autograd.grad(loss, logits)
        found[name] = Pull(loss.item(), gradient.abs().sum().item(), gradient.sum().item())
    return found


def _logits(probability: np.ndarray) -> torch.Tensor:
    return torch.logit(torch.from_numpy(probability).double(), eps=SURE).float()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
