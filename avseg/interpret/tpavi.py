"""One frame through a model of any architecture: `inspect_model`, and what it records of TPAVI."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from avseg.interpret.inspection import (
    InspectedFrame,
    Inspection,
    MaskMap,
    inspect,
    mask_map,
    shown_frame,
    window_inputs,
)
from avseg.interpret.sites import record
from avseg.late import torch
from avseg.media.clip import Clip
from avseg.predict import Predictor, check_threshold


@dataclass(frozen=True, eq=False)
class TPAVIInspection(InspectedFrame):
    """The activations of one frame, which attends to the n frames of its window. D channels, s image size.

    Of the four stages, h = s/4, s/8, s/16 and s/32.
    """

    moments: tuple[float, ...]  # n, seconds of the frames of the window
    stages: tuple[np.ndarray, ...]  # of the backbone, float32 [C_i, h, h]
    context: tuple[np.ndarray, ...]  # before TPAVI, float32 [D, h, h]
    attention: tuple[np.ndarray, ...]  # of every pixel to the sound of every frame, float32 [n, h, h]
    mixed: tuple[np.ndarray, ...]  # after TPAVI, float32 [D, h, h]
    final: MaskMap


def inspect_model(
    predictor: Predictor, clip: Clip, frame: int, threshold: float = 0.5
) -> Inspection | TPAVIInspection:
    """Return the activations of one frame of a clip in a model of any architecture; see `inspect`."""
    from avseg.models.tpavi import TPAVI

    model, started = predictor.model, time.perf_counter()
    if not isinstance(model, TPAVI):
        return inspect(predictor, clip, frame, threshold)
    check_threshold(threshold)
    pictures, patches, row = window_inputs(predictor, clip, frame)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[row].float()

    names = ("backbone.stage", "tpavi.context", "tpavi.attention", "tpavi.stage")
    with torch.inference_mode(), record(model, names, dict.fromkeys(names, keep)) as recording:
        logits = model(pictures, patches.to(predictor.device)).logits
    stages, context, attention, mixed = (tuple(t.numpy() for t in recording[name]) for name in names)
    first = frame - row
    return TPAVIInspection(
        config=model.config,
        model=model.card.name,
        weights=model.card.weights,
        index=frame,
        moment=float(clip.times[frame]),
        threshold=threshold,
        frame=shown_frame(clip, frame),
        log_mel=patches[row, 0].numpy(),
        moments=tuple(float(moment) for moment in clip.times[first : first + len(patches)]),
        stages=stages,
        context=context,
        attention=attention,
        mixed=mixed,
        final=mask_map(logits[row : row + 1], threshold),
        sites=sum(map(len, recording.values())),
        seconds=time.perf_counter() - started,
    )
